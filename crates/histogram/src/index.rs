//! Which bucket a value falls into, and where a bucket lies.
//!
//! Bucket `i` at scale `s` holds the values in `(base^i, base^(i+1)]` with `base = 2^(2^-s)`. One scale
//! lower, bucket `i` becomes bucket `i >> 1`: that is exact, so an index is always found at
//! [`START_SCALE`] and shifted down.

/// The scale of a new histogram: 64 buckets for a power of two.
pub(crate) const START_SCALE: i8 = 6;

/// The lowest scale: a bucket for a factor of four, so that every float fits in [`MAX_BUCKETS`].
pub(crate) const LOWEST_SCALE: i8 = -1;

/// How many buckets may be occupied before the scale goes down: 32 powers of two at scale 6.
pub const MAX_BUCKETS: usize = 2_048;

const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const MANTISSA_MASK: u64 = (1 << MANTISSA_BITS) - 1;
const EXPONENT_BIAS: i32 = 1_023;

/// The bucket of a normal positive `value` at [`START_SCALE`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "an exponent has 11 bits, a bucket of a mantissa 6"
)]
pub(crate) fn of(value: f64) -> i32 {
    let bits = value.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - EXPONENT_BIAS;
    let first = exponent << START_SCALE;
    if bits & MANTISSA_MASK == 0 {
        return first - 1; // a power of two closes the bucket below it
    }
    let per_octave = f64::from(1 << START_SCALE);
    let mantissa = f64::from_bits((bits & MANTISSA_MASK) | 1_f64.to_bits());
    let within =
        ((mantissa.log2() * per_octave).ceil() as i32 - 1).clamp(0, (1 << START_SCALE) - 1);
    first + within
}

/// Whether a float can fall into bucket `index` at `scale`.
pub(crate) fn exists(index: i64, scale: i8) -> bool {
    let down = START_SCALE - scale;
    let lowest = (i64::from(1 - EXPONENT_BIAS) << START_SCALE) - 1;
    let highest = (i64::from(EXPONENT_BIAS + 1) << START_SCALE) - 1;
    (lowest >> down..=highest >> down).contains(&index)
}

/// The middle of bucket `index`: the value whose relative distance to both ends is the same.
pub(crate) fn middle(index: i32, scale: i8) -> f64 {
    let log_base = f64::from(-scale).exp2();
    let lower = (f64::from(index) * log_base).exp2();
    lower * (2.0 / (1.0 + (-log_base).exp2()))
}

/// The largest relative distance of a value to the middle of its bucket.
pub(crate) fn relative_error(scale: i8) -> f64 {
    let base = f64::from(-scale).exp2().exp2();
    (base - 1.0) / (base + 1.0)
}
