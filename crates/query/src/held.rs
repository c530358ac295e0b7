//! The order of lists that somebody pages through.
//!
//! A trace that grows while it is paged may move from one side of a page's end to the other, and would be shown twice or
//! never. So the first page of a list notes which traces come behind it, and the other pages follow the note. Notes are
//! kept in bounded memory, the newest of them; what a note has not, or when it is gone, goes on behind the last row that
//! was shown.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cursor::Key;

/// One list has at most this part of the memory.
const PART: usize = 8;

/// A place in a list: the trace, and by what it stands there.
pub(crate) type Place = (u128, Key);

/// The order of one list as it was when its first page was asked for.
#[derive(Debug)]
pub(crate) struct Order {
    /// What was asked.
    question: u64,
    pub(crate) places: Vec<Place>,
    /// Whether there is more behind the last place.
    pub(crate) more: bool,
}

#[derive(Debug)]
pub(crate) struct Held {
    most_bytes: usize,
    lists: Mutex<VecDeque<(u64, Arc<Order>)>>,
}

fn weight(place: &Place) -> usize {
    size_of::<Place>() + place.1.text_bytes()
}

impl Order {
    fn weight(&self) -> usize {
        self.places.iter().map(weight).sum()
    }
}

impl Held {
    pub(crate) const fn new(most_bytes: usize) -> Self {
        Self { most_bytes, lists: Mutex::new(VecDeque::new()) }
    }

    /// Keeps an order; answers under which number, if its first `shown` places, and one more, have room.
    pub(crate) fn keep(
        &self,
        question: u64,
        mut places: Vec<Place>,
        more: bool,
        shown: usize,
    ) -> Option<u64> {
        let mut room = self.most_bytes / PART;
        let fits = places.iter().take_while(|place| {
            let left = room.checked_sub(weight(place));
            room = left.unwrap_or(0);
            left.is_some()
        });
        let kept = fits.count();
        if kept <= shown {
            return None;
        }
        let more = more || kept < places.len();
        places.truncate(kept);
        places.shrink_to_fit();
        // A number that nobody guesses, and that no earlier run of the program has given.
        let number = RandomState::new().hash_one(question);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.push_back((number, Arc::new(Order { question, places, more })));
        let mut all: usize = lists.iter().map(|(_, order)| order.weight()).sum();
        while all > self.most_bytes {
            let Some((_, oldest)) = lists.pop_front() else { break };
            all -= oldest.weight();
        }
        Some(number)
    }

    /// The order under a number, if it is of this question and still kept.
    pub(crate) fn get(&self, number: u64, question: u64) -> Option<Arc<Order>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, order) = lists.iter().find(|(other, _)| *other == number)?;
        (order.question == question).then(|| Arc::clone(order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(count: u128) -> Vec<Place> {
        (0..count).map(|n| (n, Key::Text("x".repeat(100)))).collect()
    }

    #[test]
    fn orders_are_kept_by_question_within_bounds_and_the_oldest_go_first() {
        let held = Held::new(PART * 10 * weight(&places(1)[0]));
        let first = held.keep(7, places(5), false, 2).expect("has room");
        assert_eq!(
            held.get(first, 7).map(|order| (order.places.len(), order.more)),
            Some((5, false))
        );
        assert!(held.get(first, 8).is_none(), "another question");
        let long = held.keep(7, places(50), false, 2).expect("has room for a part");
        assert_eq!(
            held.get(long, 7).map(|order| (order.places.len(), order.more)),
            Some((10, true))
        );
        for _ in 0..PART {
            held.keep(7, places(10), false, 2).expect("has room");
        }
        assert!(held.get(first, 7).is_none() && held.get(long, 7).is_none());
        assert_eq!(Held::new(0).keep(7, places(5), false, 2), None);
        assert_eq!(held.keep(7, places(50), false, 20), None, "no more than the page itself");
    }
}
