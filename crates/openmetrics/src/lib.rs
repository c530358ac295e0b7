//! Metrics as text that Prometheus, Datadog and strict OpenMetrics parsers read without a complaint.
//!
//! A [`Page`] writes [`Family`] after family into the caller's buffer, in one of two [`Dialect`]s that
//! [`negotiate`] chooses from an `Accept` header. A family is named once, at compile time; a series'
//! [`Labels`] are escaped once, when the series is born, and then copied at every scrape.
//!
//! ```
//! use openmetrics::{Dialect, Family, LabelName, Labels, Page};
//!
//! const REQUESTS: Family = Family::new("http_requests", "HTTP requests by code");
//! const CODE: LabelName = LabelName::new("status_code");
//!
//! let mut page = Page::new(Vec::new(), Dialect::OpenMetrics1);
//! page.counter(&REQUESTS)?.add(&Labels::of(&[(CODE, "200")]), 7_u64);
//! let text = String::from_utf8(page.finish()).expect("UTF-8");
//! assert!(text.contains("http_requests_total{status_code=\"200\"} 7\n"));
//! assert!(text.ends_with("# EOF\n"));
//! # Ok::<(), openmetrics::PageError>(())
//! ```
//!
//! This crate does no I/O, knows no clock and keeps no counter itself.

mod dialect;
mod family;
mod labels;
mod names;
mod number;
mod page;

#[cfg(test)]
mod tests;

pub use dialect::{Dialect, negotiate};
pub use family::{Counter, Gauge, Histogram, Info, Summary};
pub use labels::{LabelName, Labels};
pub use names::Family;
pub use number::{Count, Number};
pub use page::{Page, PageError};
