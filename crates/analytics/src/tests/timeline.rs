use super::{House, T, range, ready};
use crate::ReplicaStatus::{self, Downloading, Failed, Initializing, Pending, Running, Terminated};
use crate::{AnalyticsConfig, Phase, Sample, Segment, StatusChange, Timeline};

fn change(house: &House, replica: &str, at_s: i64, status: ReplicaStatus, message: &str) {
    house.at(T + at_s);
    let at_us = (T + at_s) * 1_000_000;
    let change =
        StatusChange { replica_id: replica.to_owned(), status, message: message.to_owned(), at_us };
    house.analytics.status(&house.org, "llama", change);
}

fn timeline(house: &House, from_s: i64, to_s: i64) -> Timeline {
    ready(house.analytics.timeline(&house.org, "llama", range(from_s, to_s))).expect("good")
}

/// A segment in seconds after the start.
type Short<'a> = (ReplicaStatus, i64, Option<i64>, Option<&'a str>);

#[track_caller]
fn check(segments: &[Segment], expected: &[Short<'_>]) {
    let second = |us: i64| us / 1_000_000 - T;
    let short =
        |segment: &'_ Segment| (segment.status, second(segment.from_us), segment.to_us.map(second));
    let found: Vec<_> =
        segments.iter().map(|segment| (short(segment), segment.message.as_deref())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(status, from, to, why)| ((*status, *from, *to), *why)).collect();
    assert_eq!(found, expected);
}

/// Two starts, one of them with a failure.
fn lives() -> House {
    let house = House::new(AnalyticsConfig::default());
    change(&house, "a", 0, Pending, "");
    change(&house, "a", 1, Downloading, "3 GB");
    change(&house, "a", 5, Initializing, "");
    change(&house, "a", 11, Running, "");
    change(&house, "b", 20, Pending, "");
    change(&house, "b", 20, Initializing, "");
    change(&house, "b", 22, Failed, "exit 1");
    change(&house, "b", 30, Initializing, "");
    change(&house, "b", 40, Running, "");
    change(&house, "b", 40, Running, "told again");
    change(&house, "b", 50, Terminated, "scaled down");
    house
}

#[test]
fn lives_are_segments_and_starts_are_phases() {
    let house = lives();
    let told = timeline(&house, 0, 60);
    assert_eq!(
        told.replicas.iter().map(|replica| replica.replica_id.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let first = [
        (Pending, 0, Some(1), None),
        (Downloading, 1, Some(5), Some("3 GB")),
        (Initializing, 5, Some(11), None),
        (Running, 11, None, None),
    ];
    check(&told.replicas[0].segments, &first);
    let second = [
        (Pending, 20, Some(20), None),
        (Initializing, 20, Some(22), None),
        (Failed, 22, Some(30), Some("exit 1")),
        (Initializing, 30, Some(40), None),
        (Running, 40, Some(50), None),
        (Terminated, 50, Some(50), Some("scaled down")),
    ];
    check(&told.replicas[1].segments, &second);
    assert_eq!(told.startup.n, 2);
    let phase = |status, p50_s, p95_s| Phase { status, p50_s, p95_s, max_s: p95_s };
    let phases =
        [phase(Pending, 1.0, 1.0), phase(Downloading, 4.0, 4.0), phase(Initializing, 6.0, 10.0)];
    assert_eq!(told.startup.phases, phases);

    let later = timeline(&house, 55, 60);
    check(&later.replicas[0].segments, &[(Running, 11, None, None)]);
    assert_eq!((later.replicas.len(), later.startup.n), (1, 0));
}

#[test]
fn a_transition_is_one_row() {
    let house = lives();
    house.store();
    house.store();
    let rows = house.table.of(&house.org, |_, row| row.text("measure") == Some("status"));
    assert_eq!(rows.len(), 10);
    let failed = rows.iter().find(|row| row.text("detail") == Some("failed")).expect("b failed");
    assert_eq!((failed.text("replica_id"), failed.text("message")), (Some("b"), Some("exit 1")));
    assert_eq!(
        (failed.int("at"), failed.int("_timestamp")),
        (Some((T + 22) * 1_000_000), Some((T + 20) * 1_000_000))
    );
}

#[test]
fn nobody_watched_while_the_server_was_away() {
    let mut house = lives();
    house.at(T + 100);
    let sample = Sample::Pending { waiting: 0, by_replica: vec![("a".to_owned(), 0)] };
    house.analytics.sample(&house.org, "llama", &sample);
    house.store();
    house.at(T + 300);
    house.restart();
    check(&timeline(&house, 60, 400).replicas[0].segments, &[(Running, 11, Some(110), None)]);
    change(&house, "a", 310, Running, "found again");
    house.store();
    let told = [(Running, 11, Some(110), None), (Running, 310, None, Some("found again"))];
    check(&timeline(&house, 60, 400).replicas[0].segments, &told);
    house.at(T + 320);
    house.restart();
    let told = [(Running, 11, Some(110), None), (Running, 310, Some(310), Some("found again"))];
    check(&timeline(&house, 60, 400).replicas[0].segments[..1], &told[..1]);
    assert_eq!(
        timeline(&house, 60, 400).replicas[0].segments.len(),
        2,
        "the time away is still left out"
    );
}

#[test]
fn a_status_of_days_ago_is_found_from_any_time() {
    let mut house = lives();
    house.store();
    for hour in 1..30 {
        house.at(T + hour * 3_600);
        house.store();
        house.at(T + hour * 3_600 + 610);
        house.store();
    }
    house.at(T + 29 * 3_600 + 700);
    let old = timeline(&house, 5 * 3_600 + 700, 5 * 3_600 + 800);
    check(&old.replicas[0].segments, &[(Running, 11, None, None)]);
    assert_eq!(old.replicas.len(), 1);
    house.restart();
    change(&house, "a", 29 * 3_600 + 800, Running, "");
    let recent = timeline(&house, 29 * 3_600, 30 * 3_600);
    assert_eq!(recent.replicas[0].segments[0].from_us, (T + 11) * 1_000_000);
    assert_eq!(recent.replicas[0].segments[1].to_us, None);
}
