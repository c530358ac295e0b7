//! A histogram of non-negative measurements whose quantiles are within 0.55 % of an exact sort.
//!
//! [`Histogram`] is OpenTelemetry's base-2 exponential histogram (Prometheus' native form): at scale
//! 6 a power of two is cut into 64 buckets, so a bucket is 1.09 % wide and its middle is at most
//! 0.55 % from any value in it. Histograms merge without loss beyond that, in any order, over time,
//! replicas and machines. Memory is bounded: at most [`MAX_BUCKETS`] buckets are occupied, past that
//! the scale goes down by one, which halves them and doubles the width. Values from 1 µs to 1 h fit
//! at scale 6, so durations never get there.
//!
//! Bytes, every number a LEB128 varint unless said: `version scale(i8) zero-count bucket-count
//! (index-delta count)*`, then `sum min max` as 8-byte little-endian floats if anything was counted.
//! The first index is zigzag-coded, each later one is the distance to the one before.
//!
//! This crate does no I/O and knows no unit.

mod codec;
mod index;
mod observed;

#[cfg(test)]
mod tests;

pub use codec::DecodeError;
pub use index::MAX_BUCKETS;
pub use observed::Histogram;
