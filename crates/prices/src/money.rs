//! Money in whole femto-dollars (10⁻¹⁵ USD): products and sums of prices are exact.

use std::iter::Sum;
use std::ops::Add;

/// Femto-dollars of a US dollar.
const PER_USD: f64 = 1e15;
/// Femto-dollars a token of one US dollar a million tokens.
const PER_TOKEN: f64 = 1e9;

/// The highest price that is believed: a dollar a token.
pub(crate) const MOST_PER_MILLION: f64 = 1e6;
/// The highest price of a call or an hour that is believed, US dollars.
pub(crate) const MOST_PER_PIECE: f64 = 1e6;

/// What a token costs; nine decimals of a dollar a million tokens are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(u64);

impl Rate {
    pub(crate) const FREE: Self = Self(0);

    /// From US dollars a million tokens; `None` if that is no price.
    pub(crate) fn of_million(usd: f64) -> Option<Self> {
        (0.0..=MOST_PER_MILLION).contains(&usd).then(|| Self(rounded(usd * PER_TOKEN)))
    }

    pub(crate) const fn is_free(self) -> bool {
        self.0 == 0
    }

    /// US dollars a million tokens.
    #[expect(clippy::cast_precision_loss, reason = "at most 10¹⁵, which a float holds exactly")]
    pub(crate) fn per_million(self) -> f64 {
        self.0 as f64 / PER_TOKEN
    }

    /// What so many tokens cost; a negative count costs nothing.
    pub(crate) fn times(self, tokens: i64) -> Usd {
        Usd(u128::from(self.0) * u128::from(tokens.max(0).unsigned_abs()))
    }

    /// `(3·input + output) / 4`, times four: how a typical call compares.
    pub(crate) fn blended(input: Self, output: Self) -> u64 {
        input.0.saturating_mul(3).saturating_add(output.0)
    }
}

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u128);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From US dollars; `None` if that is no price of a call or an hour.
    pub(crate) fn of_dollars(usd: f64) -> Option<Self> {
        (0.0..=MOST_PER_PIECE).contains(&usd).then(|| Self((usd * 1e9).round() as u128 * 1_000_000))
    }

    /// US dollars, rounded to the nearest float.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the nearest float is what is stored")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / PER_USD
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// The nearest whole number of a float that is known to be in the range of one.
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_where_floats_are_not() {
        let rate = Rate::of_million(0.10).expect("a price");
        assert_eq!((rate.times(42) + rate.times(31)).dollars(), 0.000_007_3);
        assert_eq!(rate.times(42).dollars(), 0.000_004_2);
        assert_eq!(rate.times(3).dollars(), 0.000_000_3);
        assert_ne!(3.0 * (0.1 / 1e6), 0.000_000_3, "what it would be in floats");
        assert_eq!(rate.per_million(), 0.10);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        for usd in [-0.1, f64::NAN, f64::INFINITY, 1e6 + 1.0] {
            assert_eq!(Rate::of_million(usd), None, "{usd}");
            assert_eq!(Usd::of_dollars(usd), None, "{usd}");
        }
        assert!(Rate::of_million(0.0).is_some_and(Rate::is_free));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let most = Rate::of_million(MOST_PER_MILLION).expect("a price");
        let all = most.times(i64::MAX);
        let sum: Usd = [all; 8].into_iter().sum();
        assert!(sum.dollars() >= all.dollars() && sum.dollars().is_finite());
        assert_eq!(most.times(-5), Usd::ZERO);
    }
}
