//! Letting go of old records.

use wal::Position;

use crate::forgetful::ForgetfulDisk;
use crate::{collect, found, open, put};

#[test]
fn trimming_removes_whole_segments_below_and_nothing_at_or_above() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let positions: Vec<_> = (0..20).map(|_| put(&log, vec![7; 60])).collect();
    for keep_from in &positions {
        log.trim(*keep_from);
        log.barrier().wait().unwrap();
        let kept = found(&disk.copy());
        let first = kept.first().unwrap().0;
        assert!(first <= *keep_from);
        assert!(first.0 + 3 > keep_from.0, "more than a segment of old records: {first}");
        assert_eq!(kept.last().unwrap().0, *positions.last().unwrap());
    }
    assert!(log.stats().trimmed_segments > 5);
}

#[test]
fn the_next_position_is_remembered_after_trimming_everything() {
    let mut disk = ForgetfulDisk::default();
    let mut last = Position(0);
    for life in 0..4 {
        let (log, replay) = open(&disk);
        assert_eq!(collect(replay).0, [], "everything was trimmed");
        for _ in 0..5 {
            let position = put(&log, vec![7; 60]);
            assert_eq!(position, last.next());
            last = position;
        }
        log.trim(last.next());
        log.close();
        assert_eq!(log.stats().segments, 1);
        disk = disk.crash(life);
        // Removals that were not synced may come back; the next life removes them again.
        let (log, _) = open(&disk);
        log.trim(last.next());
        log.close();
    }
}

#[test]
fn trimming_far_beyond_the_end_or_backwards_is_harmless() {
    let (log, _) = open(&ForgetfulDisk::default());
    log.trim(Position(u64::MAX));
    let first = put(&log, "one");
    log.trim(Position(0));
    assert_eq!(put(&log, "two"), first.next());
}

#[test]
fn trimming_frees_room_on_a_full_disk() {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let positions: Vec<_> = (0..20).map(|_| put(&log, vec![7; 60])).collect();
    let used: usize = disk.files().iter().map(|(_, length)| length).sum();
    disk.set_room(Some(used));
    assert!(log.append(vec![7; 60].into()).wait().is_err());
    log.trim(positions.last().unwrap().next());
    let _ = log.barrier().wait();
    put(&log, vec![7; 60]);
}
