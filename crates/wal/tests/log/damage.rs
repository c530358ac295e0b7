//! Tails that are torn, bits that flip, files that do not belong.

use bytes::Bytes;
use proptest::prelude::any;
use proptest::{collection, proptest};
use wal::Position;

use crate::forgetful::ForgetfulDisk;
use crate::{collect, found, open, put};

/// Header and record sizes of the format (docs/wal-format.md).
const HEADER: usize = 20;
const PREFIX: usize = 8;

type Records = Vec<(Position, Bytes)>;

/// A log of several segments, closed.
fn written() -> (ForgetfulDisk, Records) {
    let disk = ForgetfulDisk::default();
    let (log, _) = open(&disk);
    let records = (0..15)
        .map(|n| Bytes::from(format!("record {n} {}", "x".repeat(n * 3))))
        .map(|payload| (put(&log, payload.clone()), payload))
        .collect();
    log.close();
    assert!(disk.files().len() > 3, "{:?}", disk.files());
    (disk, records)
}

fn first_of(name: &str) -> Position {
    Position(name.strip_suffix(".wal").unwrap().parse().unwrap())
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_record_it_cuts_and_is_cut_once() {
    let (disk, records) = written();
    let (last, length) = disk.files().last().unwrap().clone();
    for keep in HEADER..=length {
        let torn = disk.copy();
        torn.damage(&last, |bytes| bytes.truncate(keep));
        let (log, replay) = open(&torn);
        let (kept, report) = collect(replay);
        assert_eq!(kept, records[..kept.len()]);

        let whole: usize = kept
            .iter()
            .filter(|(position, _)| *position >= first_of(&last))
            .map(|(_, payload)| PREFIX + payload.len())
            .sum();
        assert_eq!(report.torn_bytes, (keep - HEADER - whole) as u64, "cut at {keep}");
        assert_eq!((report.damaged_bytes, report.skipped_segments), (0, 0));

        let next = put(&log, "after");
        assert!(kept.last().is_none_or(|(position, _)| *position < next));
        log.close();
        let (again, report) = collect(open(&torn.crash(keep as u64)).1);
        assert_eq!(again.last().unwrap(), &(next, Bytes::from("after")));
        assert_eq!((again.len(), report.torn_bytes), (kept.len() + 1, 0));
    }
}

#[test]
fn a_segment_whose_creation_was_cut_short_is_begun_again() {
    let (disk, records) = written();
    let next = records.last().unwrap().0.next();
    for length in 0..HEADER {
        let torn = disk.copy();
        let (log, _) = open(&torn);
        log.close();
        let (last, _) = torn.files().last().unwrap().clone();
        assert_eq!(first_of(&last), next);
        torn.damage(&last, |bytes| bytes.truncate(length));
        let (log, replay) = open(&torn);
        assert_eq!(collect(replay).0, records);
        assert_eq!(put(&log, "after"), next);
    }
}

#[test]
fn a_flipped_bit_costs_at_most_the_rest_of_its_segment_and_is_counted() {
    let (disk, records) = written();
    let files = disk.files();
    for (index, (name, length)) in files.iter().enumerate() {
        let end = files.get(index + 1).map(|(name, _)| first_of(name));
        for bit in 0..length * 8 {
            let hurt = disk.copy();
            hurt.damage(name, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let (log, replay) = open(&hurt);
            let (kept, report) = collect(replay);
            let lost: Records =
                records.iter().filter(|record| !kept.contains(record)).cloned().collect();
            assert_eq!(kept.len() + lost.len(), records.len(), "invented at {name} bit {bit}");
            assert!(report.torn_bytes + report.damaged_bytes > 0, "not counted: {name} bit {bit}");
            let in_segment = |position: Position| {
                position >= first_of(name) && end.is_none_or(|end| position < end)
            };
            assert!(lost.iter().all(|(position, _)| in_segment(*position)));
            assert!(put(&log, "after") > records.last().unwrap().0, "position given twice");
        }
    }
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let (disk, records) = written();
    let (first, _) = disk.files()[0].clone();
    let (log, _) = open(&disk);
    for name in ["notes.txt", "1.wal", "00000000000000000001.wal.bak"] {
        wal::Disk::create(&disk, name).unwrap().append(b"mine").unwrap();
    }
    log.trim(records[8].0);
    log.close();
    assert!(found(&disk).len() < records.len());
    let names: Vec<_> = disk.files().into_iter().map(|(name, _)| name).collect();
    assert!(["notes.txt", "1.wal"].iter().all(|name| names.iter().any(|other| other == name)));
    assert!(!names.contains(&first));
}

proptest! {
    #[test]
    fn any_bytes_in_any_segment_are_read_without_a_panic(
        bytes in collection::vec(any::<u8>(), 0..400),
        at in any::<proptest::sample::Index>(),
        keep in 0..60usize,
    ) {
        let (disk, records) = written();
        let files = disk.files();
        let (name, _) = at.get(&files);
        disk.damage(name, |content| {
            content.truncate(keep);
            content.extend(&bytes);
        });
        let (log, replay) = open(&disk);
        let (kept, _) = collect(replay);
        assert!(kept.iter().all(|record| records.contains(record)));
        put(&log, "after");
    }
}
