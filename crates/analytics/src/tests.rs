mod labels;
mod restart;
mod series;
mod timeline;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use clock::{ManualClock, UnixNanos};
use futures::future::BoxFuture;
use schema::{Name, OrgName, Row};

use crate::{Analytics, AnalyticsConfig, History, HistoryError, SeriesQuery, TimeRange, totals_of};

/// A whole hour: the start of every test.
const T: i64 = 1_799_992_800;

/// A table of stored rollup rows.
#[derive(Default)]
struct Table(Mutex<Vec<(OrgName, Row)>>);

impl Table {
    fn store(&self, taken: Vec<(OrgName, Vec<Row>)>) {
        let mut rows = self.0.lock().expect("not poisoned");
        rows.extend(
            taken
                .into_iter()
                .flat_map(|(org, part)| part.into_iter().map(move |row| (org.clone(), row))),
        );
    }

    fn of(&self, org: &OrgName, inside: impl Fn(i64, &Row) -> bool) -> Vec<Row> {
        let rows = self.0.lock().expect("not poisoned");
        let of_org = rows.iter().filter(|(owner, _)| owner == org).map(|(_, row)| row);
        of_org
            .filter(|row| inside(row.int("_timestamp").expect("a window"), row))
            .cloned()
            .collect()
    }
}

impl History for Table {
    fn rollups<'a>(
        &'a self,
        org: &'a OrgName,
        endpoint: Option<&'a str>,
        from_us: i64,
        to_us: i64,
    ) -> BoxFuture<'a, Result<Vec<Row>, HistoryError>> {
        Box::pin(async move {
            let named = |row: &Row| endpoint.is_none_or(|name| row.text("endpoint") == Some(name));
            Ok(self.of(org, |window, row| (from_us..to_us).contains(&window) && named(row)))
        })
    }
}

/// Analytics with a clock and a table in the test's hands.
struct House {
    clock: Arc<ManualClock>,
    table: Arc<Table>,
    analytics: Analytics,
    org: OrgName,
    config: AnalyticsConfig,
}

impl House {
    fn new(config: AnalyticsConfig) -> Self {
        let (clock, table) = (Arc::new(ManualClock::default()), Arc::new(Table::default()));
        let analytics = Analytics::new(clock.clone(), config, table.clone());
        let house = Self { clock, table, analytics, org: OrgName::first(), config };
        house.at(T);
        house
    }

    fn at(&self, seconds: i64) {
        self.clock.set(UnixNanos(seconds * 1_000_000_000));
    }

    fn observe(&self, position: u64, rows: &[Row]) {
        self.analytics.observe(position, &self.org, rows);
    }

    fn store(&self) {
        self.table.store(self.analytics.take_rollups());
    }

    /// Forgets what was not stored and begins again from the table, with an empty replay.
    fn restart(&mut self) {
        self.analytics = Analytics::new(self.clock.clone(), self.config, self.table.clone());
        let from_us = self.analytics.restore_from_us();
        let recent = self.table.of(&self.org, |window, _| window >= from_us);
        let all = self.table.of(&self.org, |_, _| true);
        self.analytics.restore(&self.org, &recent, totals_of(&all));
    }

    fn query(&self, range: TimeRange, step_s: u32) -> SeriesQuery {
        SeriesQuery {
            org: self.org.clone(),
            endpoint: "llama".to_owned(),
            range,
            step_s,
            replicas: Vec::new(),
        }
    }
}

/// A range from and to seconds after the start.
fn range(from_s: i64, to_s: i64) -> TimeRange {
    TimeRange::new((T + from_s) * 1_000_000, (T + to_s) * 1_000_000).expect("not empty")
}

/// A gateway row of a call of the endpoint `llama` that ended `end_s` after the start.
fn call(end_s: i64, replica: Option<&str>, status: Option<i64>, seconds: f64) -> Row {
    let mut row = Row::default();
    row.push(Name::fixed("inferscope_vantage_point"), "gateway");
    row.push(Name::fixed("inferscope_endpoint"), "llama");
    row.push(Name::fixed("llm_request_parameters_model"), "meta-llama/Llama-3.1-8B-Instruct");
    row.push(Name::fixed("end_time"), (T + end_s) * 1_000_000_000);
    #[expect(clippy::cast_possible_truncation, reason = "whole microseconds")]
    row.push(Name::fixed("duration"), (seconds * 1e6).round() as i64);
    row.push_some(Name::fixed("inferscope_replica_id"), replica);
    row.push_some(Name::fixed("http_response_status_code"), status);
    row
}

fn with(mut row: Row, name: &'static str, value: impl Into<schema::Value>) -> Row {
    row.set(Name::fixed(name), value);
    row
}

/// The value of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

/// Within the histogram's error.
#[track_caller]
fn near(found: Option<f64>, exact: f64) {
    let found = found.expect("measured");
    assert!((found - exact).abs() <= exact.abs() * 0.0055 + 1e-12, "{found} is not {exact}");
}
