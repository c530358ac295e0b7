use std::time::Duration;

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number, written exactly.
    Whole(u64),
    /// Any other number, written with the digits that bring back the same float.
    Real(f64),
}

impl From<u64> for Number {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<u32> for Number {
    fn from(whole: u32) -> Self {
        Self::Whole(whole.into())
    }
}

impl From<f64> for Number {
    fn from(real: f64) -> Self {
        Self::Real(real)
    }
}

/// What a counter counts: it cannot be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Things.
    Whole(u64),
    /// Time, written in seconds.
    Time(Duration),
}

impl From<u64> for Count {
    fn from(whole: u64) -> Self {
        Self::Whole(whole)
    }
}

impl From<Duration> for Count {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<Count> for Number {
    fn from(count: Count) -> Self {
        match count {
            Count::Whole(whole) => Self::Whole(whole),
            Count::Time(time) => Self::Real(time.as_secs_f64()),
        }
    }
}

impl Number {
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Whole(whole) => write_whole(out, whole),
            Self::Real(real) => write_real(out, real),
        }
    }
}

/// The canonical form of a `quantile` or `le`: always with a point, infinity as `+Inf`.
pub(crate) fn write_canonical(out: &mut Vec<u8>, real: f64) {
    if real.is_finite() { write_shortest(out, real) } else { write_real(out, real) }
}

fn write_whole(out: &mut Vec<u8>, whole: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, and below 2^53"
)]
fn write_real(out: &mut Vec<u8>, real: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if real.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if real.is_infinite() {
        out.extend_from_slice(if real > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if real.is_sign_positive() && real < EXACT && real.fract() == 0.0 {
        write_whole(out, real as u64);
    } else {
        write_shortest(out, real);
    }
}

/// The fewest digits that bring back the same float, always with a point or an exponent.
fn write_shortest(out: &mut Vec<u8>, real: f64) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(real).as_bytes());
}
