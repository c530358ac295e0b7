use super::{House, T, call, range, ready, with};
use crate::{AnalyticsConfig, OTHER, Sample, Stats};

fn tight() -> House {
    House::new(AnalyticsConfig { label_budget: 2, ..AnalyticsConfig::default() })
}

#[test]
fn models_beyond_the_budget_are_folded_and_counted() {
    let house = tight();
    let long = "x".repeat(10_000);
    let models = ["a", "b", "c", "d", "a", long.as_str()];
    house.observe(
        1,
        &models.map(|model| {
            with(call(1, Some("r1"), Some(200), 0.1), "llm_request_parameters_model", model)
        }),
    );
    house.store();
    let rows = house.table.of(&house.org, |_, _| true);
    let counts: Vec<_> = rows.iter().map(|row| (row.text("model"), row.int("requests"))).collect();
    assert_eq!(counts, [(Some(OTHER), Some(3)), (Some("a"), Some(2)), (Some("b"), Some(1))]);
    assert_eq!(house.analytics.stats(), Stats { folded: 3, ..Stats::default() });
}

#[test]
fn replicas_beyond_the_budget_are_added_up() {
    let house = tight();
    let by_replica = ["a", "b", "c", "d"].map(|replica| (replica.to_owned(), 3)).to_vec();
    house.analytics.sample(&house.org, "llama", &Sample::Pending { waiting: 1, by_replica });
    let hardware = |replica: &str| {
        let replica_id = replica.to_owned();
        let sample = Sample::Hardware {
            replica_id,
            cpu_percent: Some(7.0),
            memory_bytes: None,
            memory_limit_bytes: None,
        };
        house.analytics.sample(&house.org, "llama", &sample);
    };
    hardware("a");
    hardware("d");
    let series = ready(house.analytics.series(&house.query(range(0, 10), 10))).expect("good");
    assert_eq!(series.pending_mean, [Some(13.0)]);
    assert_eq!(series.by_replica[OTHER].pending, [Some(6.0)]);
    assert_eq!(
        series.by_replica[OTHER].cpu_percent,
        [None],
        "means of several replicas are not one replica's"
    );
    assert_eq!(series.by_replica["a"].cpu_percent, [Some(7.0)]);
}

#[test]
fn labels_that_are_no_longer_used_make_room() {
    let house = tight();
    house.observe(1, &[call(1, Some("a"), Some(200), 0.1), call(1, Some("b"), Some(200), 0.1)]);
    house.at(T + 4 * 3_600);
    house.store();
    house.observe(2, &[call(4 * 3_600, Some("c"), Some(200), 0.1)]);
    assert_eq!(house.analytics.stats().folded, 0);
    let latest: Vec<_> = house.analytics.request_totals(&house.org, "llama");
    assert_eq!(latest.len(), 3, "totals keep the replicas that are gone");
}
