//! At start: lake and analytics brought to where the log ends.

use analytics::{Analytics, Total};
use ingest::Ingest;
use lake::Lake;
use query::{Query, Search, Size, TimeRange};
use schema::{Kind, OrgName, ROLLUP_STREAM, Row, Table};
use serde::Deserialize;
use wal::Replay;

/// Calls by replica and status since the first start.
const TOTALS: &str = "select endpoint, replica_id, status, sum(requests) as requests, max(_timestamp) as last_us \
     from \"metrics\".\"_rollups\" where measure = 'calls' and endpoint is not null group by 1, 2, 3";

/// A gateway's call that the log holds, with its position.
type LoggedCall = (u64, OrgName, Row);

/// Who holds what was stored.
pub(crate) struct Stored<'a> {
    pub(crate) ingest: &'a Ingest,
    pub(crate) lake: &'a Lake,
    pub(crate) query: &'a Query,
    pub(crate) analytics: &'a Analytics,
}

impl Stored<'_> {
    /// Gives the lake the rows that no table holds, analytics the stored rollups, and then the calls that are in no
    /// rollup yet.
    pub(crate) async fn restore(&self, log: Replay, orgs: &[OrgName]) {
        let calls = self.replay(log);
        for org in orgs {
            // A damaged table of rollups costs their history, not the start.
            let (rows, totals) = match self.rollups(org).await {
                Ok(stored) => stored,
                Err(error) => {
                    tracing::error!(%org, %error, "the stored rollups cannot be read; analytics begins anew");
                    (Vec::new(), Vec::new())
                }
            };
            self.analytics.restore(org, &rows, totals);
        }
        for (position, org, row) in &calls {
            self.analytics.observe(*position, org, [row]);
        }
    }

    /// The rollups that are kept in memory, and the totals of all.
    async fn rollups(&self, org: &OrgName) -> anyhow::Result<(Vec<Row>, Vec<Total>)> {
        let from_us = self.analytics.restore_from_us();
        let rows = self.lake.rows(&Table::rollups(org.clone()), from_us, i64::MAX, &[]).await?;
        Ok((self.of_this_log(rows), self.totals(org).await?))
    }

    /// Answers the calls that may be in no rollup yet.
    fn replay(&self, log: Replay) -> Vec<LoggedCall> {
        let mut calls: Vec<LoggedCall> = Vec::new();
        let replayed = self.ingest.replay(log, |position, table, rows| match table.kind {
            Kind::Metrics if table.stream == ROLLUP_STREAM => {
                // These rollups hold the calls up to their position: no need to keep them at hand.
                let rolled_up = rows.iter().filter_map(|row| row.int("log_position")).max();
                let rolled_up = rolled_up.unwrap_or(0).unsigned_abs();
                calls.retain(|(position, org, _)| *org != table.org || *position > rolled_up);
            }
            Kind::Traces => {
                let of_gateway =
                    |row: &&Row| row.text("inferscope_vantage_point") == Some("gateway");
                let found = rows.iter().filter(of_gateway);
                calls.extend(found.map(|row| (position, table.org.clone(), row.clone())));
            }
            Kind::Metrics | Kind::Logs => {}
        });
        if replayed.rows > 0 || replayed.unreadable.is_some() {
            tracing::info!(?replayed, "the log was replayed");
        }
        calls
    }

    /// Rollups whose log position belongs to a log that is gone say nothing about this one.
    fn of_this_log(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let next = self.ingest.log_stats().next.0;
        let foreign = |row: &Row| {
            row.int("log_position").is_some_and(|position| position.unsigned_abs() >= next)
        };
        if rows.iter().any(foreign) {
            tracing::warn!(
                "rollups name positions that the log has not reached: it is not the log that they were made of"
            );
            for row in &mut rows {
                row.remove("log_position");
            }
        }
        rows
    }

    async fn totals(&self, org: &OrgName) -> anyhow::Result<Vec<Total>> {
        #[derive(Deserialize)]
        struct Line {
            endpoint: String,
            replica_id: Option<String>,
            status: Option<u16>,
            requests: u64,
            last_us: i64,
        }
        let search = Search {
            org: org.clone(),
            kind: Kind::Metrics,
            sql: TOTALS.to_owned(),
            range: TimeRange::ALWAYS,
            offset: 0,
            size: Size::AsWritten { otherwise: usize::MAX },
            interval_s: None,
            adds_time: false,
        };
        let found = match self.query.search(&search).await {
            // Nobody has called anything yet.
            Err(query::Error::StreamNotFound(_)) => return Ok(Vec::new()),
            found => found?,
        };
        let lines: Vec<Line> = serde_json::from_str(&found.json()?)?;
        let total = |line: Line| Total {
            endpoint: line.endpoint,
            replica_id: line.replica_id,
            status: line.status,
            requests: line.requests,
            last_us: line.last_us,
        };
        Ok(lines.into_iter().map(total).collect())
    }
}
