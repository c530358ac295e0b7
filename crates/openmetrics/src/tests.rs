use std::time::Duration;

use proptest::prelude::*;

use crate::{Dialect, Family, LabelName, Labels, Page, PageError, negotiate};

const LATENCY: Family = Family::new("latency_distribution", "Latency distribution");
const REQUESTS: Family = Family::new("http_requests", "HTTP requests by code and replicas");
const CPU: Family = Family::new("cpu_usage_percent", "CPU percent").with_unit("percent");
const BUILD: Family = Family::new("inferscope_build", "What \"runs\" here");
const BUSY: Family = Family::new("busy_seconds_total", "Time spent").with_unit("seconds");
const WAIT: Family = Family::new("wait_seconds", "Waited").with_unit("seconds");
const REPLICA: LabelName = LabelName::new("replica_id");
const STATUS: LabelName = LabelName::new("status_code");

/// The documented sample of Hugging Face's metrics route.
const SAMPLE: &str = r#"# HELP latency_distribution Latency distribution
# TYPE latency_distribution summary
latency_distribution{quantile="0.5"} 0.006339203
latency_distribution{quantile="0.9"} 0.007574241
latency_distribution{quantile="0.95"} 0.007994495
latency_distribution{quantile="0.99"} 0.020140918
latency_distribution_count 4
latency_distribution_sum 0.042048857
# HELP http_requests HTTP requests by code and replicas
# TYPE http_requests counter
http_requests{replica_id="fqwg7eri-hskoj",status_code="200"} 1152
http_requests{replica_id="q9cv26ut-3vo4s",status_code="200"} 1
# HELP cpu_usage_percent CPU percent
# TYPE cpu_usage_percent gauge
# UNIT cpu_usage_percent percent
"#;

fn sample_page(dialect: Dialect) -> String {
    let mut page = Page::new(Vec::new(), dialect);
    let quantiles = [
        (0.5, Some(0.006_339_203)),
        (0.9, Some(0.007_574_241)),
        (0.95, Some(0.007_994_495)),
        (0.99, Some(0.020_140_918)),
    ];
    page.summary(&LATENCY).expect("new").add(&Labels::NONE, &quantiles, 4, 0.042_048_857);
    let mut requests = page.counter(&REQUESTS).expect("new");
    requests.add(&Labels::of(&[(STATUS, "200"), (REPLICA, "fqwg7eri-hskoj")]), 1_152_u64);
    requests.add(&Labels::of(&[(STATUS, "200"), (REPLICA, "q9cv26ut-3vo4s")]), 1_u64);
    page.gauge(&CPU).expect("new");
    String::from_utf8(page.finish()).expect("UTF-8")
}

#[test]
fn plain_text_is_the_documented_sample_byte_for_byte() {
    assert_eq!(sample_page(Dialect::Text004), SAMPLE);
}

#[test]
fn openmetrics_has_totals_and_an_end() {
    let expected = SAMPLE.replace("http_requests{", "http_requests_total{") + "# EOF\n";
    assert_eq!(sample_page(Dialect::OpenMetrics1), expected);
}

fn page_of_all(dialect: Dialect) -> String {
    let mut page = Page::new(Vec::new(), dialect);
    page.info(&BUILD).expect("new").add(&Labels::of(&[(REPLICA, "a\"b\\c\nd")]));
    page.counter(&BUSY).expect("new").add(&Labels::NONE, Duration::from_millis(1_500));
    let mut cpu = page.gauge(&CPU).expect("new");
    for (replica, value) in [
        ("a", f64::NAN),
        ("b", f64::NEG_INFINITY),
        ("c", -0.25),
        ("d", 3.0),
        ("e", 1e300),
        ("f", 1e-7),
    ] {
        cpu.add(&Labels::of(&[(REPLICA, replica)]), value);
    }
    page.summary(&LATENCY).expect("new").add(
        &Labels::of(&[(REPLICA, "a")]),
        &[(1.0, None)],
        0,
        0.0,
    );
    page.histogram(&WAIT).expect("new").add(
        &Labels::of(&[(REPLICA, "a")]),
        &[(0.5, 1), (1.0, 3)],
        4,
        7.5,
    );
    String::from_utf8(page.finish()).expect("UTF-8")
}

#[test]
fn every_type_and_every_odd_number_has_its_spelling() {
    let rest = r#"# UNIT cpu_usage_percent percent
cpu_usage_percent{replica_id="a"} NaN
cpu_usage_percent{replica_id="b"} -Inf
cpu_usage_percent{replica_id="c"} -0.25
cpu_usage_percent{replica_id="d"} 3
cpu_usage_percent{replica_id="e"} 1e+300
cpu_usage_percent{replica_id="f"} 1e-7
# HELP latency_distribution Latency distribution
# TYPE latency_distribution summary
latency_distribution{replica_id="a",quantile="1.0"} NaN
latency_distribution_count{replica_id="a"} 0
latency_distribution_sum{replica_id="a"} 0
# HELP wait_seconds Waited
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{replica_id="a",le="0.5"} 1
wait_seconds_bucket{replica_id="a",le="1.0"} 3
wait_seconds_bucket{replica_id="a",le="+Inf"} 4
wait_seconds_count{replica_id="a"} 4
wait_seconds_sum{replica_id="a"} 7.5
"#;
    let strict = r#"# HELP inferscope_build What \"runs\" here
# TYPE inferscope_build info
inferscope_build_info{replica_id="a\"b\\c\nd"} 1
# HELP busy_seconds Time spent
# TYPE busy_seconds counter
# UNIT busy_seconds seconds
busy_seconds_total 1.5
# HELP cpu_usage_percent CPU percent
# TYPE cpu_usage_percent gauge
"#;
    let plain = strict
        .replace("\\\"runs\\\"", "\"runs\"")
        .replace("inferscope_build info", "inferscope_build_info gauge")
        .replace("HELP inferscope_build ", "HELP inferscope_build_info ")
        .replace(" busy_seconds ", " busy_seconds_total ");
    assert_eq!(page_of_all(Dialect::OpenMetrics1), format!("{strict}{rest}# EOF\n"));
    assert_eq!(page_of_all(Dialect::Text004), format!("{plain}{rest}"));
}

#[test]
fn names_that_clash_are_refused_and_write_nothing() {
    const TOTAL: Family = Family::new("http_requests_total", "The same samples");
    const COUNT: Family = Family::new("latency_distribution_count", "The same sample");
    let mut page = Page::new(Vec::new(), Dialect::Text004);
    page.counter(&REQUESTS).expect("new");
    page.summary(&LATENCY).expect("new");
    assert_eq!(page.counter(&REQUESTS).err(), Some(PageError::Clash { name: "http_requests" }));
    assert_eq!(page.counter(&TOTAL).err(), Some(PageError::Clash { name: "http_requests_total" }));
    assert_eq!(
        page.gauge(&COUNT).err(),
        Some(PageError::Clash { name: "latency_distribution_count" })
    );
    let ending = page.gauge(&TOTAL).err();
    assert_eq!(
        ending,
        Some(PageError::ReservedEnding { name: "http_requests_total", ending: "total" })
    );
    assert_eq!(
        page.info(&CPU).err(),
        Some(PageError::ReservedEnding { name: "cpu_usage_percent", ending: "percent" })
    );
    assert_eq!(String::from_utf8(page.finish()).expect("UTF-8").lines().count(), 4);
}

#[test]
fn bad_names_do_not_get_in() {
    for bad in ["", "1a", "a-b", "a b", "ä"] {
        assert!(std::panic::catch_unwind(|| Family::new(bad, "")).is_err(), "{bad:?}");
        assert!(std::panic::catch_unwind(|| LabelName::new(bad)).is_err(), "{bad:?}");
    }
    for reserved in ["__name__", "quantile", "le", "a:b"] {
        assert!(std::panic::catch_unwind(|| LabelName::new(reserved)).is_err(), "{reserved:?}");
    }
    assert!(std::panic::catch_unwind(|| Family::new("a_ratio", "").with_unit("percent")).is_err());
    assert!(std::panic::catch_unwind(|| Family::new("percent", "").with_unit("percent")).is_err());
}

#[test]
fn a_label_named_twice_keeps_its_last_value() {
    assert_eq!(
        Labels::of(&[(REPLICA, "1"), (STATUS, "x"), (REPLICA, "2")]).inner(),
        r#"replica_id="2",status_code="x""#
    );
}

#[test]
fn the_accept_header_chooses_the_dialect() {
    use Dialect::{OpenMetrics1, Text004};
    let cases = [
        (None, Text004),
        (Some(""), Text004),
        (Some("*/*"), Text004),
        (Some("text/plain"), Text004),
        (Some("text/plain; version=0.0.4"), Text004),
        (Some("image/png"), Text004),
        (Some("application/openmetrics-text"), OpenMetrics1),
        (Some("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8"), OpenMetrics1),
        (Some("application/openmetrics-text; version=0.0.1; charset=utf-8"), OpenMetrics1),
        (Some("application/openmetrics-text; version=2.0.0"), Text004),
        // Prometheus 2.49 and 3, as they ask by default.
        (
            Some(
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            OpenMetrics1,
        ),
        (
            Some(
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            ),
            OpenMetrics1,
        ),
        // Text first.
        (
            Some("text/plain;version=1.0.0;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5"),
            Text004,
        ),
        (Some("text/plain, application/openmetrics-text"), Text004),
        (Some("application/openmetrics-text, text/plain"), OpenMetrics1),
        (Some("application/openmetrics-text;q=0.2, */*;q=0.9"), Text004),
        (Some("application/openmetrics-text;q=0, */*"), Text004),
        (Some("text/plain;q=0, */*;q=0.1"), OpenMetrics1),
        (Some("application/openmetrics-text;q=nan, text/plain;q=0.1"), Text004),
        (Some("text/*;q=0.1, application/*;q=0.2"), OpenMetrics1),
    ];
    for (accept, dialect) in cases {
        assert_eq!(negotiate(accept), dialect, "{accept:?}");
    }
    assert_eq!(Text004.content_type(), "text/plain; version=0.0.4");
}

type Parsed = (String, Vec<(String, String)>, f64);

/// Reads `name{label="value",…} number` as strictly as the format says.
fn parse_line(line: &str) -> Option<Parsed> {
    let (name, mut rest) = line.split_once('{')?;
    let mut labels = Vec::new();
    loop {
        let (label, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at + 1,
                (_, '\n') => return None,
                (_, '\\') => value.push(match chars.next()?.1 {
                    '\\' => '\\',
                    '"' => '"',
                    'n' => '\n',
                    _ => return None,
                }),
                (_, plain) => value.push(plain),
            }
        };
        labels.push((label.to_owned(), value));
        rest = &after[end..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((name.to_owned(), labels, rest.strip_prefix("} ")?.parse().ok()?)),
        }
    }
}

proptest! {
    #[test]
    fn any_label_value_and_number_round_trips(replica: String, status in "[\\\\\"\n,}{= a]*", value: f64) {
        let mut page = Page::new(Vec::new(), Dialect::Text004);
        page.gauge(&CPU).expect("new").add(&Labels::of(&[(REPLICA, &replica), (STATUS, &status)]), value);
        let text = String::from_utf8(page.finish()).expect("UTF-8");
        let line = text.split('\n').nth(3).expect("a sample after three lines of head");
        let (name, labels, number) = parse_line(line).expect("a strict parser reads it");
        prop_assert_eq!(name, "cpu_usage_percent");
        prop_assert_eq!(labels, vec![("replica_id".to_owned(), replica), ("status_code".to_owned(), status)]);
        prop_assert!(number.to_bits() == value.to_bits() || (number.is_nan() && value.is_nan()) || (number == 0.0 && value == 0.0));
    }

    #[test]
    fn any_accept_header_gets_a_dialect(accept: String) {
        let _ = negotiate(Some(&accept));
    }
}
