//! What went wrong, whose doing it was, and whether to try again: the answer of every error in this house.
//!
//! Each crate keeps its own closed error enum and answers `fault()`; whoever speaks a protocol makes its answer of
//! that. [`Class::http_status`] is the one map to HTTP's statuses. This crate does no I/O.

use std::time::Duration;

/// The kind of trouble, coarse enough to map to a status of any protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request cannot be understood or breaks a stated rule.
    Invalid,
    /// The request is larger than a stated limit.
    TooLarge,
    /// Nobody proved who is asking.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// What was named does not exist, or not for this caller.
    NotFound,
    /// What was named exists, and does not do what the request's method asks for.
    WrongMethod,
    /// The request clashes with the present state.
    Conflict,
    /// We have no room now; the caller can send it again.
    Overloaded,
    /// A stated time limit passed.
    Timeout,
    /// Something that we need is away.
    Unavailable,
    /// Our own mistake.
    Bug,
}

impl Class {
    /// The status that HTTP has for it, for a server that answers by itself; one that answers for another server
    /// says 504 where this says 408. Source: RFC 9110, section 15.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::WrongMethod => 405,
            Self::Timeout => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Bug => 500,
            Self::Overloaded | Self::Unavailable => 503,
        }
    }
}

/// Whose doing the fault was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The one who called us.
    Caller,
    /// The server that we called.
    Upstream,
    /// This process or its machine.
    Us,
}

/// Whether and where another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// Another replica may answer it.
    OtherReplica,
    /// The same request may succeed after this long.
    After(Duration),
}

/// The answer of an error: class, blame and retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The kind of trouble.
    pub class: Class,
    /// Whose doing it was.
    pub blame: Blame,
    /// Whether to try again.
    pub retry: Retry,
}

impl Fault {
    /// A fault of the caller, not worth a second try.
    #[must_use]
    pub const fn caller(class: Class) -> Self {
        Self { class, blame: Blame::Caller, retry: Retry::Never }
    }

    /// A fault of a server that we called, not worth a second try.
    #[must_use]
    pub const fn upstream(class: Class) -> Self {
        Self { class, blame: Blame::Upstream, retry: Retry::Never }
    }

    /// A fault of ours, not worth a second try.
    #[must_use]
    pub const fn us(class: Class) -> Self {
        Self { class, blame: Blame::Us, retry: Retry::Never }
    }

    /// The same fault, worth a second try after `wait`.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }

    /// The same fault, worth a try at another replica.
    #[must_use]
    pub const fn elsewhere(mut self) -> Self {
        self.retry = Retry::OtherReplica;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_hint_keeps_class_and_blame() {
        let fault = Fault::us(Class::Overloaded).after(Duration::from_secs(1));
        assert_eq!((fault.class, fault.blame), (Class::Overloaded, Blame::Us));
        assert_eq!(fault.retry, Retry::After(Duration::from_secs(1)));
        assert_eq!(Fault::upstream(Class::Unavailable).elsewhere().retry, Retry::OtherReplica);
    }
}
