//! `[storage]`: how rows are stored, and how tables are kept well.

use std::str::FromStr as _;

use blobs::Limits as PartLimits;
use lake::{StreamTerm, UpkeepConfig, WhenFull};
use serde::Deserialize;

use super::Checker;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStorage {
    pub(super) flush_after_s: f64,
    pub(super) flush_bytes: usize,
    pub(super) most_columns: usize,
    pub(super) most_streams: usize,
    pub(super) most_hot_bytes: usize,
    pub(super) upkeep_every_s: f64,
    upkeep_bytes_per_s: u64,
    merged_bytes: u64,
    merge_at: usize,
    history_minutes: f64,
    checkpoint_commits: u64,
    retention_days: u32,
    rollup_retention_days: u32,
    stream: Vec<RawTerm>,
    erase_at_once: usize,
    max_bytes: u64,
    when_full: RawWhenFull,
    part_bytes: u64,
    parts_bytes: u64,
}

impl Default for RawStorage {
    fn default() -> Self {
        let lake = lake::LakeConfig::in_folder("");
        let upkeep = lake.upkeep;
        let parts = PartLimits::default();
        Self {
            flush_after_s: lake.flush_after.as_secs_f64(),
            flush_bytes: lake.flush_bytes,
            most_columns: lake.most_columns,
            most_streams: lake.most_streams,
            most_hot_bytes: lake.most_hot_bytes,
            upkeep_every_s: 30.0,
            upkeep_bytes_per_s: upkeep.bytes_per_s,
            merged_bytes: upkeep.target_bytes,
            merge_at: upkeep.gathered,
            history_minutes: upkeep.history.as_secs_f64() / 60.0,
            checkpoint_commits: upkeep.checkpoint_every,
            retention_days: upkeep.retention_days,
            rollup_retention_days: upkeep.rollup_retention_days,
            stream: Vec::new(),
            erase_at_once: upkeep.erase_at_once,
            max_bytes: upkeep.most_bytes,
            when_full: RawWhenFull::Refuse,
            part_bytes: parts.part_bytes,
            parts_bytes: parts.total_bytes,
        }
    }
}

impl RawStorage {
    /// How many binary parts are kept.
    pub(super) const fn parts(&self) -> PartLimits {
        PartLimits { part_bytes: self.part_bytes, total_bytes: self.parts_bytes }
    }
}

/// A stream that is kept for another time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTerm {
    org: Option<String>,
    kind: Option<String>,
    name: String,
    retention_days: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum RawWhenFull {
    Refuse,
    DropOldest,
}

impl Checker<'_> {
    pub(super) fn upkeep(&mut self, raw: &RawStorage, query_timeout_s: f64) -> UpkeepConfig {
        let history = self.seconds("storage.history_minutes", raw.history_minutes * 60.0);
        if history.as_secs_f64() < query_timeout_s {
            self.problems.push(format!(
                "storage.history_minutes: {} is too short; a query must find its files for the {query_timeout_s} seconds of query.timeout_s and query.stream_timeout_s",
                raw.history_minutes
            ));
        }
        if raw.merge_at < 2 {
            let given = raw.merge_at;
            self.problems.push(format!("storage.merge_at: {given} is too small; give 2 or more"));
        }
        UpkeepConfig {
            target_bytes: self.at_least_one("storage.merged_bytes", raw.merged_bytes),
            gathered: raw.merge_at,
            bytes_per_s: raw.upkeep_bytes_per_s,
            history,
            checkpoint_every: self
                .at_least_one("storage.checkpoint_commits", raw.checkpoint_commits),
            retention_days: raw.retention_days,
            rollup_retention_days: raw.rollup_retention_days,
            streams: raw.stream.iter().filter_map(|term| self.term(term)).collect(),
            erase_at_once: self.at_least_one("storage.erase_at_once", raw.erase_at_once),
            most_bytes: raw.max_bytes,
            when_full: match raw.when_full {
                RawWhenFull::Refuse => WhenFull::Refuse,
                RawWhenFull::DropOldest => WhenFull::DropOldest,
            },
            ..UpkeepConfig::default()
        }
    }

    fn term(&mut self, raw: &RawTerm) -> Option<StreamTerm> {
        let org = raw.org.as_deref().map(schema::OrgName::from_str).transpose();
        let kind = raw.kind.as_deref().map(schema::Kind::from_str).transpose();
        let name = &raw.name;
        let org = org
            .map_err(|error| self.problems.push(format!("storage.stream {name:?}: org: {error}")));
        let kind = kind.map_err(|()| {
            self.problems.push(format!(
                "storage.stream {name:?}: kind: give \"traces\", \"logs\" or \"metrics\", or leave it out for all"
            ));
        });
        Some(StreamTerm {
            org: org.ok()?,
            kind: kind.ok()?,
            stream: schema::stream_name(name),
            retention_days: raw.retention_days,
        })
    }
}
