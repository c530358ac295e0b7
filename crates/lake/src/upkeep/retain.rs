//! Days that are older than they are to be kept leave the tables.

use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use clock::UnixNanos;
use tokio::time::Instant;

use crate::columns::DAY;
use crate::day::Day;
use crate::delta::Why;
use crate::error::Error;
use crate::file::File;
use crate::lake::Lake;
use crate::slot::Slot;
use crate::upkeep::Removed;
use crate::upkeep::commit;

/// How far the clock may run ahead of the time that has passed before it is not trusted.
const JUMP: Duration = Duration::from_secs(3_600);
/// How long nothing expires after a jump: time for somebody to set the clock right.
const HOLD: Duration = Duration::from_secs(86_400);

/// Whether the clock has jumped ahead: a wrong date must not cost a year of rows.
#[derive(Debug)]
pub(crate) struct Jumps {
    seen: (Instant, UnixNanos),
    held_until: Option<Instant>,
}

impl Jumps {
    pub(crate) fn from_now(now: UnixNanos) -> Self {
        Self { seen: (Instant::now(), now), held_until: None }
    }

    /// Whether the clock can be trusted at this moment, at which it shows `now`.
    fn trusts(&mut self, now: UnixNanos) -> bool {
        let (at, shown) = self.seen;
        let passed = i64::try_from(at.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let ahead = now.0.saturating_sub(shown.0).saturating_sub(passed);
        self.seen = (Instant::now(), now);
        if ahead > i64::try_from(JUMP.as_nanos()).unwrap_or(i64::MAX) {
            tracing::warn!(
                seconds = ahead / 1_000_000_000,
                "the clock has jumped ahead; nothing expires for a day"
            );
            self.held_until = Some(Instant::now() + HOLD);
        }
        self.held_until.is_none_or(|until| until <= Instant::now())
    }
}

/// Removes a table's days that ended longer ago than they are to be kept.
pub(crate) async fn expire(lake: &Lake, slot: &Slot) -> Result<(), Error> {
    let now = lake.clock.now();
    let trusted = lake.keeper.jumps.lock().unwrap_or_else(PoisonError::into_inner).trusts(now);
    let Some(days) = lake.config.upkeep.retention_of(slot.memory.table()) else { return Ok(()) };
    let first_kept = Day::of_micros(now.micros()).before(i64::from(days));
    if trusted { remove_before(lake, slot, first_kept, Removed::Expired).await } else { Ok(()) }
}

/// Removes a table's days before one.
pub(crate) async fn remove_before(
    lake: &Lake,
    slot: &Slot,
    first_kept: Day,
    why: Removed,
) -> Result<(), Error> {
    let (_, files) = slot.memory.stored();
    let old: Vec<Arc<File>> =
        files.iter().filter(|file| file.day.is_some_and(|day| day < first_kept)).cloned().collect();
    if old.is_empty() {
        return Ok(());
    }
    let predicate = format!("{DAY} < '{first_kept}'");
    let delete = Why::Delete { predicate: &predicate };
    commit::replace(lake, slot, &old, Vec::new(), delete).await?;
    let rows = old.iter().map(|file| file.rows).sum();
    lake.keeper.counts.removed(why, old.len() as u64, rows);
    let (table, files) = (slot.memory.table(), old.len());
    tracing::info!(%table, %predicate, files, rows, why = why.name(), "days were removed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_ahead_is_not_trusted_for_a_day() {
        let mut jumps = Jumps::from_now(UnixNanos(0));
        tokio::time::advance(Duration::from_secs(7_200)).await;
        assert!(jumps.trusts(UnixNanos(2 * HOUR)));
        assert!(jumps.trusts(UnixNanos(0)), "a jump back only keeps rows for longer");
        assert!(!jumps.trusts(UnixNanos(2 * HOUR)));
        tokio::time::advance(HOLD - Duration::from_secs(1)).await;
        assert!(!jumps.trusts(UnixNanos(25 * HOUR)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(jumps.trusts(UnixNanos(26 * HOUR)));
    }
}
