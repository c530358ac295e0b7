use fault::{Class, Fault};
use procfs::ProcError;

/// Why the hardware could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `/proc` could not be read or understood.
    #[error("cannot read {what} from /proc")]
    Proc {
        /// What was asked for.
        what: &'static str,
        /// What happened.
        #[source]
        source: ProcError,
    },
}

impl Error {
    /// Class, blame and retry.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Proc { .. } => Fault::us(Class::Unavailable),
        }
    }

    pub(crate) fn proc(what: &'static str) -> impl FnOnce(ProcError) -> Self {
        move |source| Self::Proc { what, source }
    }
}
