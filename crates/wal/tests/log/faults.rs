//! Disks that are full, syncs that fail, queues at their bound.

use std::sync::Arc;

use bytes::Bytes;
use wal::{Error, Wal, WalConfig};

use crate::forgetful::ForgetfulDisk;
use crate::{collect, found, open, put, small};

#[test]
fn a_full_disk_refuses_without_a_torn_middle_and_recovers_by_itself() {
    for room in 0..60 {
        let disk = ForgetfulDisk::default();
        let (log, _) = open(&disk);
        let before = put(&log, "before");
        let used: usize = disk.files().iter().map(|(_, length)| length).sum();
        disk.set_room(Some(used + room));
        let refused = log.append(Bytes::from(vec![b'x'; 60])).wait();
        assert!(matches!(refused, Err(Error::Full)), "{refused:?}");
        disk.set_room(None);
        let after = put(&log, "after");
        log.close();
        assert_eq!(log.stats().full, 1);

        let (records, report) = collect(open(&disk.crash(room as u64)).1);
        assert_eq!(records, [(before, "before".into()), (after, "after".into())]);
        assert_eq!((report.torn_bytes, report.skipped_segments), (0, 0));
    }
}

#[test]
fn a_full_disk_does_not_keep_the_log_from_opening() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let position = put(&log, "before");
    log.close();
    disk.set_room(Some(0));
    let (log, replay) = open(&disk);
    assert_eq!(collect(replay).0.len(), 1);
    assert!(matches!(log.append("refused".into()).wait(), Err(Error::Full)));
    disk.set_room(None);
    assert!(put(&log, "after") > position);
}

#[test]
fn a_failed_sync_fails_its_waiters_and_is_not_tried_again_on_the_same_file() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let before = put(&log, "before");
    let segments = log.stats().segments;
    disk.fail_next_sync();
    assert!(matches!(log.append("unknown".into()).wait(), Err(Error::Io { doing: "sync", .. })));
    let after = put(&log, "after");
    assert!(after > before.next(), "the position that may be on disk is not given again");
    let stats = log.stats();
    assert_eq!((stats.failed, stats.segments), (1, segments + 1));
    log.close();
    for seed in 0..50 {
        // The double keeps nothing more of a file whose sync failed.
        let records = found(&disk.crash(seed));
        assert!(records.contains(&(before, "before".into())));
        assert!(records.contains(&(after, "after".into())));
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_counts() {
    let disk = ForgetfulDisk::default();
    let config = WalConfig { queue_bytes: 1000, ..small() };
    let (log, _) = Wal::open_on(Arc::new(disk.clone()), config).unwrap();
    let held = disk.hold();
    let waiting: Vec<_> = (0..4).map(|_| log.append(vec![1; 100].into())).collect();
    let refused = log.append(vec![1; 100].into()).wait();
    assert!(matches!(refused, Err(Error::Busy { queued_bytes: 912 })), "{refused:?}");
    let barrier = log.barrier();
    drop(held);
    assert!(waiting.into_iter().all(|append| append.wait().is_ok()));
    barrier.wait().unwrap();
    assert_eq!((log.stats().refused, log.stats().records), (1, 4));
    put(&log, "taken again");
}

#[test]
fn records_have_at_least_one_byte_and_at_most_the_queue() {
    let config = WalConfig { queue_bytes: 1000, ..small() };
    let (log, _) = Wal::open_on(Arc::new(ForgetfulDisk::default()), config).unwrap();
    assert!(matches!(log.append(Bytes::new()).wait(), Err(Error::Empty)));
    let Err(Error::TooLarge { bytes: 1001, limit }) = log.append(vec![1; 1001].into()).wait()
    else {
        panic!("a record over the queue's bound was taken");
    };
    put(&log, vec![1; limit]);
    let over = log.append(vec![1; limit + 1].into()).wait();
    assert!(matches!(over, Err(Error::TooLarge { .. })));
}

#[test]
fn a_log_at_its_bound_refuses_until_it_is_trimmed() {
    let config = WalConfig { log_bytes: 500, ..small() };
    let (log, _) = Wal::open_on(Arc::new(ForgetfulDisk::default()), config).unwrap();
    let mut last = None;
    let refused = loop {
        match log.append(vec![1; 50].into()).wait() {
            Ok(position) => last = Some(position),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Backlog { log_bytes: 500.. }), "{refused:?}");
    log.trim(last.unwrap().next());
    log.barrier().wait().unwrap();
    assert_eq!(put(&log, "room again"), last.unwrap().next());
}

#[test]
fn closing_writes_what_waits_and_refuses_what_comes() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let other = log.clone();
    let held = disk.hold();
    let waiting: Vec<_> = (0..10u8).map(|n| log.append(vec![n].into())).collect();
    drop(held);
    log.close();
    assert!(waiting.into_iter().all(|append| append.wait().is_ok()));
    assert!(matches!(other.append("late".into()).wait(), Err(Error::Closed)));
    assert!(matches!(other.barrier().wait(), Err(Error::Closed)));
    assert_eq!(found(&disk.crash(3)).len(), 10);
}
