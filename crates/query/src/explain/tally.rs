//! How the values of one column are spread over two sets, counted piece by piece.

use std::collections::HashMap;

/// Different values that are counted of one column; beyond, numbers go into ranges and rare texts together.
const MOST_KEPT: usize = 1_000;
/// A value that one call in so many has makes a column worth comparing, however different all others are.
const FREQUENT: u64 = 20;
/// Fine ranges that many numbers are put into.
const FINE_RANGES: usize = 200;

/// The name of the rare values together.
pub(super) const OTHER: &str = "other";

/// How many calls of the selected, and of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) selected: u64,
    pub(super) rest: u64,
}

impl Counts {
    pub(super) const fn all(self) -> u64 {
        self.selected + self.rest
    }

    pub(super) const fn add(&mut self, more: Self) {
        self.selected += more.selected;
        self.rest += more.rest;
    }
}

/// What was seen of a column so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Null.
    pub(super) absent: Counts,
    pub(super) values: Values,
}

#[derive(Clone, Debug)]
pub(super) enum Values {
    /// Each value with its counts.
    Each(HashMap<Box<str>, Counts>),
    /// The same, with rare ones put together.
    Common(HashMap<Box<str>, Counts>, Counts),
    /// Numbers by the range that ends with, and holds, the number; the last has no end.
    Ranges(Vec<(f64, Counts)>),
    /// Different on almost every call, and no value frequent: nothing to compare.
    Ids,
}

impl Default for Values {
    fn default() -> Self {
        Self::Each(HashMap::new())
    }
}

impl Tally {
    pub(super) fn add(&mut self, value: Option<&str>, counts: Counts) {
        let Some(value) = value else {
            self.absent.add(counts);
            return;
        };
        match &mut self.values {
            Values::Each(values) => {
                let full = values.len() >= MOST_KEPT;
                match values.get_mut(value) {
                    Some(known) => known.add(counts),
                    None if !full => {
                        values.insert(value.into(), counts);
                    }
                    None => {
                        self.values = beyond(std::mem::take(values));
                        self.add(Some(value), counts);
                    }
                }
            }
            Values::Common(values, other) => match values.get_mut(value) {
                Some(known) => known.add(counts),
                None => other.add(counts),
            },
            Values::Ranges(ranges) => {
                let Ok(number) = value.parse::<f64>() else { return };
                let at = ranges.partition_point(|(end, _)| *end < number);
                if let Some((_, known)) = ranges.get_mut(at) {
                    known.add(counts);
                }
            }
            Values::Ids => {}
        }
    }
}

/// What becomes of the values when there are too many.
fn beyond(values: HashMap<Box<str>, Counts>) -> Values {
    let present: u64 = values.values().map(|counts| counts.all()).sum();
    let numbers: Option<Vec<(f64, Counts)>> = values
        .iter()
        .map(|(value, counts)| {
            Some((value.parse::<f64>().ok().filter(|n| n.is_finite())?, *counts))
        })
        .collect();
    if let Some(numbers) = numbers {
        let mut ranges = ranges(numbers, FINE_RANGES);
        // What comes later may be larger than all so far.
        if let Some((end, _)) = ranges.last_mut() {
            *end = f64::INFINITY;
        }
        return Values::Ranges(ranges);
    }
    let most = values.values().map(|counts| counts.all()).max().unwrap_or(0);
    if values.len() as u64 * 2 > present && most * FREQUENT < present {
        return Values::Ids;
    }
    let mut sorted: Vec<(Box<str>, Counts)> = values.into_iter().collect();
    sorted.sort_by(|a, b| b.1.all().cmp(&a.1.all()).then_with(|| a.0.cmp(&b.0)));
    let mut other = Counts::default();
    for (_, counts) in sorted.split_off(MOST_KEPT / 2) {
        other.add(counts);
    }
    Values::Common(sorted.into_iter().collect(), other)
}

/// At most `most` ranges that each hold about as many calls, each with its end.
pub(super) fn ranges(mut numbers: Vec<(f64, Counts)>, most: usize) -> Vec<(f64, Counts)> {
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: u64 = numbers.iter().map(|(_, counts)| counts.all()).sum();
    let each = all.div_ceil(most.max(1) as u64).max(1);
    let mut ranges: Vec<(f64, Counts)> = Vec::new();
    let mut full = true;
    for (number, counts) in numbers {
        match ranges.last_mut() {
            Some((end, held)) if !full => {
                *end = number;
                held.add(counts);
            }
            _ => ranges.push((number, counts)),
        }
        full = ranges.last().is_some_and(|(_, held)| held.all() >= each);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Counts = Counts { selected: 1, rest: 0 };

    fn tally(values: impl Iterator<Item = String>) -> Tally {
        let mut tally = Tally::default();
        values.for_each(|value| tally.add(Some(&value), ONE));
        tally
    }

    #[test]
    fn many_numbers_become_ranges_that_hold_all_of_them() {
        let Values::Ranges(ranges) = tally((0..5_000).map(|n| n.to_string())).values else {
            panic!("are ranges")
        };
        assert!(ranges.len() <= FINE_RANGES);
        assert_eq!(ranges.iter().map(|(_, counts)| counts.selected).sum::<u64>(), 5_000);
    }

    #[test]
    fn ids_are_given_up_and_rare_texts_put_together() {
        assert!(matches!(tally((0..5_000).map(|n| format!("id-{n}"))).values, Values::Ids));
        let one_in_two = (0..5_000).map(|n| format!("id-{}", if n % 2 == 0 { 0 } else { n }));
        let Values::Common(values, _) = tally(one_in_two).values else { panic!("one is frequent") };
        assert_eq!(values["id-0"].selected, 2_500);
        let many = (0..900).flat_map(|n| vec![format!("v{n}"); 5]);
        let Values::Common(values, other) =
            tally(many.chain((0..2_000).map(|n| format!("rare-{n}")))).values
        else {
            panic!("has common ones")
        };
        let kept: u64 = values.values().map(|counts| counts.all()).sum();
        assert_eq!(kept + other.all(), 900 * 5 + 2_000);
        assert_eq!(values.len(), MOST_KEPT / 2);
    }

    #[test]
    fn ranges_hold_about_as_many_each_and_equal_numbers_stay_together() {
        let numbers: Vec<(f64, Counts)> = (1..=100).map(|n| (f64::from(n), ONE)).collect();
        let found: Vec<(f64, u64)> =
            ranges(numbers, 4).iter().map(|(end, counts)| (*end, counts.selected)).collect();
        assert_eq!(found, [(25.0, 25), (50.0, 25), (75.0, 25), (100.0, 25)]);
        let heavy = vec![(1.0, Counts { selected: 90, rest: 0 }), (2.0, ONE), (3.0, ONE)];
        assert_eq!(ranges(heavy, 4).len(), 2);
    }
}
