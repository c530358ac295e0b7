use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::config::Pace;
use crate::dice::Dice;

/// Keeps a call's tokens in time: every wait is measured from when the last token was due, so that late
/// wake-ups do not add up.
#[derive(Debug)]
pub(crate) struct Metronome {
    due: Instant,
    pace: Pace,
    slow: f64,
    dice: Dice,
}

impl Metronome {
    pub(crate) fn new(pace: Pace, slow: f64, dice: Dice) -> Self {
        Self { due: Instant::now(), pace, slow, dice }
    }

    /// Waits for the first token's time.
    pub(crate) async fn first(&mut self) {
        self.wait(self.pace.first_token).await;
    }

    /// Waits for the next token's time.
    pub(crate) async fn next(&mut self) {
        self.wait(self.pace.per_token).await;
    }

    async fn wait(&mut self, usual: Duration) {
        let jitter = 1.0 + self.pace.jitter.clamp(0.0, 1.0) * (2.0 * self.dice.share() - 1.0);
        let wait = usual.mul_f64(self.slow.max(0.0) * jitter);
        if !wait.is_zero() {
            self.due += wait;
            sleep_until(self.due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn played(slow: f64, jitter: f64, seed: u64) -> Duration {
        let (first_token, per_token) = (Duration::from_millis(100), Duration::from_millis(10));
        let pace = Pace { first_token, per_token, jitter };
        let start = Instant::now();
        let mut metronome = Metronome::new(pace, slow, Dice::new(seed, 0));
        metronome.first().await;
        for _ in 0..10 {
            metronome.next().await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_in_time() {
        assert_eq!(played(1.0, 0.0, 1).await.as_millis(), 200);
        assert_eq!(played(3.0, 0.0, 1).await.as_millis(), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn jitter_stays_in_its_bounds_and_follows_the_seed() {
        let took = played(1.0, 0.5, 1).await.as_millis();
        assert!((100..=300).contains(&took), "{took}");
        assert_eq!(played(1.0, 0.5, 1).await.as_millis(), took);
    }
}
