//! Log records of one export request.

use std::sync::Arc;
use text::Text;

use crate::DecodeError;
use crate::model::{AnyValue, Limits, Rejected, Resource, Scope};
use crate::spread::{self, Spread};

/// The log records of one export request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    /// The records that can be stored.
    pub records: Vec<LogRecord>,
    /// The records that cannot, each with its reason.
    pub rejected: Vec<Rejected>,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// When it happened, nanoseconds since 1970-01-01 UTC; 0 if the sender does not know.
    pub time_ns: u64,
    /// When it was seen, nanoseconds since 1970-01-01 UTC; 0 if nobody noted it.
    pub observed_ns: u64,
    /// OTLP severity, 1 to 24; 0 if there is none.
    pub severity_number: i32,
    /// The sender's word for the severity, empty if there is none.
    pub severity_text: String,
    /// Name of the event that the record is, empty if it is none.
    pub event_name: String,
    /// What is logged.
    pub body: AnyValue,
    /// Attributes in the order they were sent; a name can occur twice.
    pub attributes: Vec<(Text, AnyValue)>,
    /// How many attributes the sender dropped.
    pub dropped_attributes: u32,
    /// OTLP flags.
    pub flags: u32,
    /// Trace that it belongs to. Anything that is no id means none.
    pub trace_id: Option<[u8; 16]>,
    /// Span that it belongs to. Anything that is no id means none.
    pub span_id: Option<[u8; 8]>,
    /// What the record is about: process, host, service.
    pub resource: Arc<Resource>,
    /// What made the record.
    pub scope: Arc<Scope>,
}

impl LogRecord {
    fn checked(self, limits: &Limits) -> Result<Self, Rejected> {
        limits.check_attributes("a log record", &self.attributes)?;
        if !self.body.fits(limits.nesting) {
            let reason =
                format!("the body of a log record is nested deeper than {} levels", limits.nesting);
            return Err(Rejected { reason });
        }
        Ok(self)
    }
}

/// Takes records in one after the other.
pub(crate) struct Taker<'a> {
    limits: &'a Limits,
    spread: Spread,
    logs: Logs,
}

impl<'a> Taker<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, spread: Spread::new(limits), logs: Logs::default() }
    }

    /// Takes a record whose resource and scope weigh `beside` bytes.
    pub(crate) fn take(&mut self, record: LogRecord, beside: usize) -> Result<(), DecodeError> {
        match record.checked(self.limits) {
            Ok(record) => {
                self.spread.add(beside)?;
                self.logs.records.push(record);
            }
            Err(rejected) => self.logs.rejected.push(rejected),
        }
        Ok(())
    }

    pub(crate) fn done(self) -> Logs {
        self.logs
    }
}

/// What a resource and a scope weigh beside each record of theirs.
pub(crate) fn beside(resource: &Resource, scope: &Scope) -> usize {
    spread::weight(&resource.attributes) + spread::weight(&scope.attributes)
}
