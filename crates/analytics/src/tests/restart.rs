use std::str::FromStr;

use proptest::collection::vec;
use proptest::prelude::*;
use schema::{OrgName, Row};

use super::{House, T, call, range, ready};
use crate::{AnalyticsConfig, Sample};

#[test]
fn calls_are_counted_once_over_a_crash() {
    let mut house = House::new(AnalyticsConfig::default());
    let log: Vec<Row> = (0..8).map(|at| call(at, Some("r1"), Some(200), 0.1)).collect();
    let replay = |house: &House| {
        for (position, row) in (1..).zip(&log) {
            house.observe(position, std::slice::from_ref(row));
        }
    };
    (1..=5)
        .zip(&log)
        .for_each(|(position, row)| house.observe(position, std::slice::from_ref(row)));
    house.store();
    (6..=8)
        .zip(&log[5..])
        .for_each(|(position, row)| house.observe(position, std::slice::from_ref(row)));
    house.restart();
    assert_eq!(house.analytics.checkpoint(&house.org), Some(5));
    replay(&house);
    let series = ready(house.analytics.series(&house.query(range(0, 10), 10))).expect("good");
    assert_eq!((series.request_totals[&Some(200)], series.latency_s.count[0]), (8, 8));
    assert_eq!(house.analytics.request_totals(&house.org, "llama")[0].requests, 8);
    house.store();
    house.restart();
    replay(&house);
    assert_eq!(house.analytics.request_totals(&house.org, "llama")[0].requests, 8);
    assert_eq!(house.analytics.stats().out_of_order, 0);
}

#[test]
fn samples_come_back_as_they_were() {
    let mut house = House::new(AnalyticsConfig::default());
    for pending in [1, 4, 4] {
        let sample = Sample::Pending { waiting: 0, by_replica: vec![("r1".to_owned(), pending)] };
        house.analytics.sample(&house.org, "llama", &sample);
    }
    let before = ready(house.analytics.series(&house.query(range(0, 10), 10))).expect("good");
    assert_eq!((before.pending_mean[0], before.pending_max[0]), (Some(3.0), Some(4.0)));
    house.store();
    house.restart();
    assert_eq!(
        ready(house.analytics.series(&house.query(range(0, 10), 10))).expect("good"),
        before
    );
    assert_eq!(
        house.analytics.latest(&house.org, "llama").pending,
        None,
        "nobody has looked since"
    );
}

#[test]
fn an_entry_out_of_order_is_counted_and_told() {
    let house = House::new(AnalyticsConfig::default());
    house.observe(2, &[call(1, None, Some(200), 0.1)]);
    house.observe(1, &[call(1, None, Some(200), 0.1)]);
    assert_eq!(house.analytics.request_totals(&house.org, "llama")[0].requests, 2);
    assert_eq!(house.analytics.stats().out_of_order, 1);
}

/// What can happen to a running server.
#[derive(Clone, Debug)]
enum Event {
    /// So many entries are appended to the log and counted.
    Log(usize),
    /// Rollups are taken and stored.
    Store,
    /// Rollups are taken; the machine dies before they are all stored.
    StoreSomeAndCrash(usize),
    /// The machine dies.
    Crash,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..6_usize).prop_map(Event::Log),
        2 => Just(Event::Store),
        1 => (0..2_usize).prop_map(Event::StoreSomeAndCrash),
        1 => Just(Event::Crash),
    ]
}

/// The entry at a position: of one of two orgs, two calls in one of three windows.
fn entry(position: u64) -> (OrgName, [Row; 2]) {
    let org = OrgName::from_str(if position.is_multiple_of(3) { "second" } else { "first" })
        .expect("good");
    let seconds = i64::try_from(position * 7 % 30).expect("small");
    (org, [call(seconds, Some("r1"), Some(200), 0.1), call(seconds, None, Some(503), 0.2)])
}

proptest! {
    #[test]
    fn every_call_is_counted_once_whatever_happens(events in vec(event(), 1..40)) {
        let mut house = House::new(AnalyticsConfig::default());
        let mut logged = 0;
        for event in events {
            match event {
                Event::Log(entries) => {
                    for _ in 0..entries {
                        logged += 1;
                        let (org, rows) = entry(logged);
                        house.analytics.observe(logged, &org, &rows);
                    }
                }
                Event::Store => house.store(),
                Event::StoreSomeAndCrash(orgs) => {
                    let taken = house.analytics.take_rollups();
                    house.table.store(taken.into_iter().take(orgs).collect());
                    replay(&mut house, logged);
                }
                Event::Crash => replay(&mut house, logged),
            }
        }
        for name in ["first", "second"] {
            house.org = OrgName::from_str(name).expect("good");
            let entries = (1..=logged).filter(|position| entry(*position).0 == house.org).count() as u64;
            let totals: u64 = house.analytics.request_totals(&house.org, "llama").iter().map(|total| total.requests).sum();
            prop_assert_eq!(totals, 2 * entries);
            let series = ready(house.analytics.series(&house.query(range(0, 30), 10))).expect("good");
            prop_assert_eq!(series.latency_s.window.count, 2 * entries);
        }
    }
}

fn replay(house: &mut House, logged: u64) {
    house.at(T + 31);
    for name in ["second", "first"] {
        house.org = OrgName::from_str(name).expect("good");
        if name == "second" {
            house.restart();
        } else {
            let all = house.table.of(&house.org, |_, _| true);
            house.analytics.restore(&house.org, &all, crate::totals_of(&all));
        }
    }
    for position in 1..=logged {
        let (org, rows) = entry(position);
        house.analytics.observe(position, &org, &rows);
    }
}
