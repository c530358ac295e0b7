//! Whatever happens and whenever the power goes: what was acknowledged is there, and nothing else.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, option, proptest};
use wal::{Position, Wal};

use crate::forgetful::ForgetfulDisk;
use crate::{collect, open};

#[derive(Clone, Debug)]
enum Step {
    /// Records of these sizes, all waiting at once.
    Append(Vec<usize>),
    /// Lets go of this share of what is known, in percent.
    Trim(u64),
    FailSync,
    /// Leaves this much room for one step.
    Full(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => collection::vec(1..90usize, 1..6).prop_map(Step::Append),
        1 => (0..=110u64).prop_map(Step::Trim),
        1 => Just(Step::FailSync),
        1 => (0..150usize).prop_map(Step::Full),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, Debug)]
struct Life {
    steps: Vec<Step>,
    power: Option<u64>,
    seed: u64,
}

fn life() -> impl Strategy<Value = Life> {
    (collection::vec(step(), 0..12), option::of(0..60u64), any::<u64>())
        .prop_map(|(steps, power, seed)| Life { steps, power, seed })
}

/// What the callers of the log know.
#[derive(Default)]
struct Callers {
    sent: u64,
    acknowledged: BTreeMap<Position, Bytes>,
    kept_from: Option<Position>,
    highest: Option<Position>,
}

impl Callers {
    fn payload(&mut self, size: usize) -> Bytes {
        self.sent += 1;
        let mut payload = self.sent.to_le_bytes().to_vec();
        payload.resize(size + 8, 0xAB);
        payload.into()
    }

    fn append(&mut self, log: &Wal, sizes: &[usize]) {
        let waiting: Vec<_> = sizes
            .iter()
            .map(|size| {
                let payload = self.payload(*size);
                (payload.clone(), log.append(payload))
            })
            .collect();
        for (payload, append) in waiting {
            let Ok(position) = append.wait() else { continue };
            assert!(Some(position) > self.highest, "{position} was given before");
            self.highest = Some(position);
            self.acknowledged.insert(position, payload);
        }
    }

    fn trim(&mut self, log: &Wal, percent: u64) {
        let highest = self.highest.map_or(0, |position| position.0);
        let keep_from = Position(highest * percent / 100);
        self.kept_from = self.kept_from.max(Some(keep_from));
        log.trim(keep_from);
    }

    fn check(&mut self, found: &[(Position, Bytes)]) {
        assert!(found.is_sorted_by(|(a, _), (b, _)| a < b), "positions do not increase");
        let mut seen = BTreeMap::new();
        for (position, payload) in found {
            let number = u64::from_le_bytes(payload[..8].try_into().unwrap());
            assert!(
                number <= self.sent && payload[8..].iter().all(|byte| *byte == 0xAB),
                "invented"
            );
            assert_eq!(seen.insert(number, position), None, "record {number} came twice");
            if let Some(acknowledged) = self.acknowledged.get(position) {
                assert_eq!(acknowledged, payload, "another record took position {position}");
            }
            self.highest = self.highest.max(Some(*position));
        }
        let found: BTreeMap<_, _> = found.iter().cloned().collect();
        for position in self.acknowledged.keys() {
            let kept = self.kept_from.is_none_or(|from| *position >= from);
            assert!(
                !kept || found.contains_key(position),
                "acknowledged record {position} is lost"
            );
        }
    }
}

fn live(mut disk: ForgetfulDisk, life: &Life, callers: &mut Callers) -> ForgetfulDisk {
    let (mut log, replay) = open(&disk);
    callers.check(&collect(replay).0);
    if let Some(changes) = life.power {
        disk.lose_power_after(changes);
    }
    for step in &life.steps {
        match step {
            Step::Append(sizes) => callers.append(&log, sizes),
            Step::Trim(percent) => callers.trim(&log, *percent),
            Step::FailSync => disk.fail_next_sync(),
            Step::Full(room) => {
                let used: usize = disk.files().iter().map(|(_, length)| length).sum();
                disk.set_room(Some(used + room));
                callers.append(&log, &[40, 40]);
                disk.set_room(None);
            }
            Step::Restart => {
                log.close();
                // A process that dies leaves the page cache to the next one.
                disk = disk.copy();
                let (next, replay) = open(&disk);
                callers.check(&collect(replay).0);
                log = next;
            }
        }
    }
    log.close();
    disk.crash(life.seed)
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    #[test]
    fn acknowledged_records_survive_a_crash_at_any_point(lives in collection::vec(life(), 1..6)) {
        let mut callers = Callers::default();
        let mut disk = ForgetfulDisk::default();
        for life in &lives {
            disk = live(disk, life, &mut callers);
        }
        callers.check(&collect(open(&disk).1).0);
    }
}
