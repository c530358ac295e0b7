//! The log's promises, over a disk that forgets what was not synced and over a real one.
#![allow(
    clippy::unwrap_used,
    reason = "a test's way to fail; clippy knows only `#[test]` functions"
)]

mod crashes;
mod damage;
mod faults;
mod forgetful;
mod trimming;

use std::sync::Arc;

use bytes::Bytes;
use forgetful::ForgetfulDisk;
use wal::{Position, Replay, ReplayReport, Wal, WalConfig};

/// Segments of a few records, so that tests see many of them.
fn small() -> WalConfig {
    WalConfig {
        segment_bytes: 200,
        max_group_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        log_bytes: 1 << 30,
    }
}

fn open(disk: &ForgetfulDisk) -> (Wal, Replay) {
    Wal::open_on(Arc::new(disk.clone()), small()).unwrap()
}

/// Appends one record and waits until it is on disk.
fn put(log: &Wal, payload: impl Into<Bytes>) -> Position {
    log.append(payload.into()).wait().unwrap()
}

fn collect(mut replay: Replay) -> (Vec<(Position, Bytes)>, ReplayReport) {
    let records = replay.by_ref().map(Result::unwrap).collect();
    (records, replay.report())
}

/// What a new opener finds.
fn found(disk: &ForgetfulDisk) -> Vec<(Position, Bytes)> {
    collect(open(disk).1).0
}

#[test]
fn a_real_folder_keeps_records_over_restarts_and_serves_one_opener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new").join("log");
    let mut expected = Vec::new();
    for life in 0..3 {
        let (log, replay) = Wal::open(&path, small()).unwrap();
        let (records, report) = collect(replay);
        assert_eq!(records, expected);
        assert_eq!((report.torn_bytes, report.skipped_segments), (0, 0));
        assert!(matches!(Wal::open(&path, small()), Err(wal::Error::InUse { .. })));
        for record in 0..10 {
            let payload = Bytes::from(format!("life {life} record {record}"));
            expected.push((put(&log, payload.clone()), payload));
        }
    }
    assert!(expected.is_sorted_by_key(|(position, _)| *position));
}

#[test]
fn payloads_of_every_size_come_back_whole() {
    let disk = ForgetfulDisk::default();
    let config = WalConfig { queue_bytes: 8 << 20, ..small() };
    let (log, _) = Wal::open_on(Arc::new(disk.clone()), config).unwrap();
    let sizes = [1, 2, 1 << 10, (1 << 20) - 9, (1 << 20) - 8, (1 << 20) - 1, 1 << 20, 3 << 20];
    let mut expected = Vec::new();
    for (fill, size) in (1..).zip(sizes) {
        let payload = Bytes::from(vec![fill; size]);
        expected.push((put(&log, payload.clone()), payload));
    }
    drop(log);
    assert_eq!(found(&disk.crash(1)), expected);
}

#[tokio::test]
async fn appends_resolve_in_order_without_blocking_the_caller() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let appends: Vec<_> = (0..100u8).map(|n| log.append(vec![n].into())).collect();
    let barrier = log.barrier();
    let mut last = Position(0);
    for append in appends {
        let position = append.await.unwrap();
        assert!(position > last);
        last = position;
    }
    assert_eq!(barrier.await.unwrap(), last.next());
    assert_eq!(log.barrier().await.unwrap(), last.next(), "an idle log passes a barrier");
}

#[test]
fn records_that_wait_share_one_sync() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let held = disk.hold();
    let first = log.append("first".into());
    held.wait_until_a_sync_is_held();
    let rest: Vec<_> = (0..100).map(|_| log.append("more".into())).collect();
    assert_eq!(log.stats().records, 0, "nothing is acknowledged before its sync");
    drop(held);
    first.wait().unwrap();
    assert!(rest.into_iter().all(|append| append.wait().is_ok()));
    let stats = log.stats();
    assert_eq!((stats.records, stats.groups, stats.queued_bytes), (101, 2, 0));
}
