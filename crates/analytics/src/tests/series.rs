use super::{House, T, call, near, range, ready, with};
use crate::{AnalyticsConfig, Error, Sample};

/// Five calls in two minutes, one still late; samples in the first 20 seconds only.
fn busy() -> House {
    let house = House::new(AnalyticsConfig::default());
    let tokens = |row, tokens: i64| with(row, "llm_token_count_completion", tokens);
    house.observe(
        1,
        &[
            tokens(call(1, Some("r1"), Some(200), 0.1), 10),
            with(
                tokens(call(2, Some("r1"), Some(200), 0.2), 20),
                "gen_ai_response_time_to_first_chunk",
                0.05,
            ),
        ],
    );
    house.observe(2, &[with(call(11, Some("r2"), Some(500), 1.0), "span_status", "ERROR")]);
    house.observe(3, &[with(call(25, None, None, 0.001), "inferscope_end", "refused")]);
    for (at, waiting, first, second) in [(1, 1, 2, 0), (2, 0, 4, 1), (12, 0, 0, 0)] {
        house.at(T + at);
        let by_replica = vec![("r1".to_owned(), first), ("r2".to_owned(), second)];
        house.analytics.sample(&house.org, "llama", &Sample::Pending { waiting, by_replica });
        house.analytics.sample(
            &house.org,
            "llama",
            &Sample::Replicas { running: 1 + second, min: 1, max: 4 },
        );
    }
    hardware(&house, "r1", 50.0);
    hardware(&house, "r2", 150.0);
    house.at(T + 90);
    house.observe(4, &[call(65, Some("r1"), Some(429), 0.3)]);
    house
}

fn hardware(house: &House, replica: &str, cpu: f64) {
    let (cpu_percent, memory_bytes) = (Some(cpu), Some(1_000));
    let sample = Sample::Hardware {
        replica_id: replica.to_owned(),
        cpu_percent,
        memory_bytes,
        memory_limit_bytes: Some(8_000),
    };
    house.analytics.sample(&house.org, "llama", &sample);
}

#[test]
fn two_minutes_by_hand() {
    let house = busy();
    let series = ready(house.analytics.series(&house.query(range(0, 120), 60))).expect("good");
    assert_eq!(series.starts_us, [T * 1_000_000, (T + 60) * 1_000_000]);
    assert!(series.partial_last, "it is 30 s into the second minute");
    let counts: Vec<_> =
        series.requests.iter().map(|(status, counts)| (*status, counts.clone())).collect();
    let expected = [(None, [1, 0]), (Some(200), [2, 0]), (Some(429), [0, 1]), (Some(500), [1, 0])];
    assert_eq!(counts, expected.map(|(status, counts)| (status, counts.to_vec())));
    assert_eq!(series.request_totals[&Some(200)], 2);
    assert_eq!(series.failed, [2, 1], "an error span, a refusal; a 429");

    assert_eq!(series.latency_s.count, [4, 1]);
    near(series.latency_s.p50[0], 0.1);
    assert_eq!((series.latency_s.p99[0], series.latency_s.p50[1]), (Some(1.0), Some(0.3)));
    near(series.latency_s.window.p50, 0.2);
    assert_eq!((series.latency_s.window.p99, series.latency_s.window.count), (Some(1.0), 5));
    assert_eq!(
        (series.ttft_s.count.clone(), series.ttft_s.p95.clone()),
        (vec![1, 0], vec![Some(0.05), None])
    );

    assert_eq!(
        series.output_tokens_per_s,
        [Some(0.5), None],
        "30 tokens in 60 s; one call that told none"
    );
    assert_eq!(series.pending_mean, [Some(8.0 / 3.0), None], "3, 5 and 0");
    assert_eq!(series.pending_max, [Some(5.0), None]);
    assert_eq!(series.replicas_running, [Some(4.0 / 3.0), None]);
    assert_eq!((series.replicas_min[0], series.replicas_max[0]), (Some(1.0), Some(4.0)));
    assert_eq!(series.cpu_percent_mean, [Some(100.0), None]);
    assert_eq!(
        (series.memory_bytes_mean[0], series.memory_limit_bytes),
        (Some(1_000.0), Some(8_000.0))
    );

    let first = &series.by_replica["r1"];
    assert_eq!(
        (first.requests.clone(), first.cpu_percent.clone()),
        (vec![2, 1], vec![Some(50.0), None])
    );
    assert_eq!(
        (first.latency_p95_s.clone(), first.pending[0]),
        (vec![Some(0.2), Some(0.3)], Some(2.0))
    );
    assert_eq!(series.by_replica["r2"].requests, [1, 0]);
    assert_eq!(series.by_replica.len(), 2, "a call that no replica took is at none");
}

#[test]
fn what_was_not_measured_is_a_gap_and_what_was_idle_is_zero() {
    let house = busy();
    let series = ready(house.analytics.series(&house.query(range(0, 40), 10))).expect("good");
    assert_eq!(series.latency_s.count, [2, 1, 1, 0]);
    assert_eq!(series.latency_s.p50[3], None);
    assert_eq!(series.requests[&Some(200)], [2, 0, 0, 0]);
    assert_eq!(series.pending_mean, [Some(4.0), Some(0.0), None, None]);
    assert_eq!(series.output_tokens_per_s, [Some(3.0), None, None, None]);

    house.at(T + 200);
    house.analytics.sample(&house.org, "llama", &Sample::Replicas { running: 0, min: 0, max: 1 });
    let idle = ready(house.analytics.series(&house.query(range(190, 210), 10))).expect("good");
    assert_eq!(idle.output_tokens_per_s, [None, None], "the second bucket has only begun");
    house.at(T + 205);
    let idle = ready(house.analytics.series(&house.query(range(190, 210), 10))).expect("good");
    assert_eq!(
        (idle.output_tokens_per_s, idle.replicas_running),
        (vec![None, Some(0.0)], vec![None, Some(0.0)])
    );

    let mut nowhere = house.query(range(0, 20), 10);
    nowhere.endpoint = "unheard of".to_owned();
    let nowhere = ready(house.analytics.series(&nowhere)).expect("good");
    assert!(nowhere.requests.is_empty() && nowhere.by_replica.is_empty());
    assert_eq!(nowhere.latency_s.count, [0, 0]);
}

#[test]
fn chosen_replicas_are_told_alone() {
    let house = busy();
    let mut query = house.query(range(0, 60), 60);
    query.replicas = vec!["r1".to_owned()];
    let one = ready(house.analytics.series(&query)).expect("good");
    assert_eq!(one.request_totals.clone().into_iter().collect::<Vec<_>>(), [(Some(200), 2)]);
    assert_eq!((one.pending_mean[0], one.pending_max[0]), (Some(2.0), Some(4.0)));
    assert_eq!((one.cpu_percent_mean[0], one.by_replica.len()), (Some(50.0), 1));
    query.replicas.push("r2".to_owned());
    let both = ready(house.analytics.series(&query)).expect("good");
    assert_eq!(both.pending_mean, [Some(7.0 / 3.0)], "2, 5 and 0: without the one that waits");
    assert_eq!(both.pending_max, [None], "not known of a sum");
}

#[test]
fn parts_of_a_window_are_added_up_over_takes_and_steps() {
    let house = busy();
    let whole = ready(house.analytics.series(&house.query(range(0, 120), 60))).expect("good");
    house.store();
    house.observe(5, &[call(3, Some("r1"), Some(200), 0.4)]);
    house.store();
    let rows = house.table.of(&house.org, |_, row| {
        row.text("measure") == Some("calls") && row.int("status") == Some(200)
    });
    assert_eq!(rows.iter().map(|row| row.int("requests")).collect::<Vec<_>>(), [Some(2), Some(1)]);
    assert_eq!(rows[1].int("log_position"), Some(5));
    let again = ready(house.analytics.series(&house.query(range(0, 120), 120))).expect("good");
    assert_eq!(again.request_totals[&Some(200)], whole.request_totals[&Some(200)] + 1);
    assert_eq!(again.latency_s.count, [6]);
    near(again.latency_s.p90[0], 1.0);
    assert_eq!(again.pending_mean, [Some(8.0 / 3.0)]);
}

#[test]
fn old_and_late_calls_are_told_once_from_table_and_memory() {
    let house = busy();
    house.store();
    house.at(T + 3 * 3_600 + 30);
    house.observe(
        6,
        &[call(3 * 3_600 + 25, Some("r1"), Some(200), 0.1), call(11, Some("r2"), Some(500), 2.0)],
    );
    let query = house.query(range(0, 3 * 3_600 + 60), 60);
    let before = ready(house.analytics.series(&query)).expect("good");
    assert_eq!(before.latency_s.window.count, 6, "the late one is told once it is stored");
    house.store();
    let after = ready(house.analytics.series(&query)).expect("good");
    assert_eq!(after.latency_s.window.count, 7);
    assert_eq!(after.requests[&Some(500)][0], 2, "in the window in which it ended");
    assert_eq!(after.pending_max[0], Some(5.0));
    house.store();
    assert_eq!(ready(house.analytics.series(&query)).expect("good"), after);

    let overview =
        ready(house.analytics.endpoint_windows(&house.org, range(0, 3 * 3_600 + 60), 30))
            .expect("good");
    let llama = &overview["llama"];
    assert_eq!((llama.requests, llama.failed, llama.sparkline.len()), (7, 4, 30));
    assert_eq!((llama.sparkline[0], llama.sparkline[29]), (6, 1));
    assert_eq!(llama.latency_p95_s, Some(2.0));
    let one =
        ready(house.analytics.endpoint_window(&house.org, "llama", range(0, 3 * 3_600 + 60), 30))
            .expect("good");
    assert_eq!(&one, llama);
}

#[test]
fn an_overview_has_shares_only_of_calls() {
    let house = busy();
    let busy = ready(house.analytics.endpoint_window(&house.org, "llama", range(0, 120), 2))
        .expect("good");
    assert_eq!((busy.requests, busy.failed, busy.sparkline), (5, 3, vec![4, 1]));
    assert_eq!((busy.error_share, busy.ttft_p95_s), (Some(0.6), Some(0.05)));
    assert!((busy.requests_per_minute - 5.0 / 1.5).abs() < 1e-9, "5 in the 90 s that are over");
    let quiet = ready(house.analytics.endpoint_window(&house.org, "llama", range(30, 60), 3))
        .expect("good");
    assert_eq!((quiet.requests, quiet.error_share, quiet.latency_p95_s), (0, None, None));
    assert_eq!(quiet.requests_per_minute, 0.0);
}

#[test]
fn the_recent_summary_forgets_and_the_totals_do_not() {
    let house = busy();
    assert_eq!(house.analytics.recent(&house.org, "llama").latency.count(), 5);
    house.at(T + 330);
    assert_eq!(house.analytics.recent(&house.org, "llama").latency.count(), 1);
    house.at(T + 86_400);
    house.store();
    assert_eq!(house.analytics.recent(&house.org, "llama").latency.quantile(0.5), None);
    let totals = house.analytics.request_totals(&house.org, "llama");
    let totals: Vec<_> = totals
        .iter()
        .map(|total| (total.replica_id.as_deref(), total.status, total.requests))
        .collect();
    let expected = [
        (None, None, 1),
        (Some("r1"), Some(200), 2),
        (Some("r1"), Some(429), 1),
        (Some("r2"), Some(500), 1),
    ];
    assert_eq!(totals, expected);
}

#[test]
fn the_latest_reading_is_the_present_for_half_a_minute() {
    let house = busy();
    house.at(T + 40);
    let latest = house.analytics.latest(&house.org, "llama");
    assert_eq!(latest.pending.as_ref().map(crate::PendingNow::total), Some(0));
    assert_eq!(latest.replicas.map(|replicas| (replicas.running, replicas.max)), Some((1, 4)));
    assert_eq!(latest.hardware["r2"].cpu_percent, Some(150.0));
    house.at(T + 43);
    assert_eq!(house.analytics.latest(&house.org, "llama"), crate::Latest::default());
}

#[test]
fn rows_of_others_are_no_calls() {
    let house = House::new(AnalyticsConfig::default());
    let mut no_endpoint = call(1, None, Some(400), 0.1);
    no_endpoint.remove("inferscope_endpoint");
    house.observe(
        1,
        &[with(call(1, None, Some(200), 0.1), "inferscope_vantage_point", "app"), no_endpoint],
    );
    assert!(house.analytics.take_rollups().is_empty());
}

#[test]
fn a_bad_question_is_the_callers_fault() {
    let house = busy();
    let error = ready(house.analytics.series(&house.query(range(0, 60), 7))).expect_err("7 s");
    assert!(matches!(error, Error::Step { step_s: 7 }));
    assert_eq!(error.fault().class, fault::Class::Invalid);
}
