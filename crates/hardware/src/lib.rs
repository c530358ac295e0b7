//! What this host and its processes use: processor time, memory, and how much memory there is.
//!
//! [`ProcessMeter`] measures one process with all its descendants, [`HostMeter`] the whole host,
//! [`memory_limit`] is what a process may use at most. Percent are of one whole processor: a process
//! that keeps two cores busy is at 200.
//!
//! Linux only: everything is read from `/proc` and `/sys/fs/cgroup`. The reads are small and block
//! for about 20 µs a process of the host, so a sampler reads one [`Processes`] for all its meters, and
//! does so outside of latency-sensitive tasks. This crate does not know what an endpoint is.

mod error;
mod host;
mod limit;
mod process;

pub use error::Error;
pub use host::{HostMeter, HostSample};
pub use limit::memory_limit;
pub use process::{ProcessMeter, ProcessSample, Processes};
