//! The bare log: what the disk allows, without a server around it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use futures::future::try_join_all;
use wal::{Position, Wal, WalConfig};

/// What is kept of the log while it is written, in records.
const KEPT: u64 = 64;

/// Records that a log in the new folder `folder` makes durable in a second, with `waiting` appends under way at once.
pub(crate) async fn records_per_second(
    folder: &Path,
    record: &Bytes,
    waiting: usize,
    lasting: Duration,
) -> anyhow::Result<f64> {
    let (log, replay) = Wal::open(folder, WalConfig::default()).context("cannot open a log")?;
    drop(replay);
    let began = Instant::now();
    let writers = (0..waiting).map(async |_| {
        let mut records = 0_u64;
        while began.elapsed() < lasting {
            let position = log.append(record.clone()).await?;
            log.trim(Position(position.0.saturating_sub(KEPT)));
            records += 1;
        }
        anyhow::Ok(records)
    });
    let records: u64 = try_join_all(writers).await?.iter().sum();
    let took = began.elapsed();
    log.close();
    std::fs::remove_dir_all(folder)?;
    Ok(records as f64 / took.as_secs_f64())
}
