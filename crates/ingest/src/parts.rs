//! The binary parts of a batch: on disk before the log has the rows that name them.

use std::collections::HashMap;

use blobs::{Address, Blobs, Hold, Put};
use conventions::{BinaryPart, Kept};
use redaction::Capture;
use schema::OrgName;

/// Takes in the parts of one batch.
pub(crate) struct Parts<'a> {
    /// `None` where none are kept.
    blobs: Option<&'a Blobs>,
    org: &'a OrgName,
    /// What became of those that came before: one picture is in several columns, and in each turn of a conversation.
    met: HashMap<Address, Kept>,
    holds: Holds,
    error: Option<blobs::Error>,
}

/// Parts of rows that nobody can see yet. Dropped without a release, as in a panic, they stay until the next start.
#[derive(Debug, Default)]
pub(crate) struct Holds(Vec<Hold>);

impl Holds {
    /// Holds more.
    pub(crate) fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The rows can be seen, or there are none.
    pub(crate) fn release(self) {
        self.0.into_iter().for_each(Hold::release);
    }
}

impl<'a> Parts<'a> {
    /// Parts are kept where everything is: rules cannot look into them.
    pub(crate) fn new(blobs: Option<&'a Blobs>, org: &'a OrgName, capture: Capture) -> Self {
        let blobs = blobs.filter(|_| capture == Capture::Full);
        Self { blobs, org, met: HashMap::new(), holds: Holds::default(), error: None }
    }

    /// Stores a part, if it is to be kept.
    pub(crate) fn keep(&mut self, part: BinaryPart<'_>) -> Kept {
        let Some(blobs) = self.blobs else { return Kept::Dropped("not_captured") };
        // After an error all of the batch is refused.
        let (None, Ok(address)) = (&self.error, part.sha256.parse::<Address>()) else {
            return Kept::Dropped("error");
        };
        if let Some(kept) = self.met.get(&address) {
            return *kept;
        }
        let kept = match blobs.put(self.org, address, part.bytes) {
            Ok(Put::Stored(hold)) => {
                self.holds.0.push(hold);
                Kept::Stored
            }
            Ok(Put::TooLarge) => Kept::Dropped("too_large"),
            Ok(Put::NoRoom) => Kept::Dropped("no_room"),
            Err(error) => {
                self.error = Some(error);
                Kept::Dropped("error")
            }
        };
        self.met.insert(address, kept);
        kept
    }

    /// The parts that are stored.
    ///
    /// # Errors
    /// When one could not be: the rows must not be stored without what they name.
    pub(crate) fn stored(self) -> Result<Holds, blobs::Error> {
        match self.error {
            None => Ok(self.holds),
            Some(error) => {
                self.holds.release();
                Err(error)
            }
        }
    }
}
