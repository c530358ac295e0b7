//! A re-pricing: what was asked for, how far it is, and what came of it.

use schema::{Kind, OrgName, Row, Table};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::tally::Changes;

/// Which calls of a time range are meant; what is absent leaves all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The model that was requested or that answered, word for word.
    pub model: Option<String>,
    /// The provider as the call names it (`gen_ai_provider_name`).
    pub provider: Option<String>,
    /// The own endpoint that served.
    pub endpoint: Option<String>,
}

impl Filter {
    pub(crate) fn fits(&self, row: &Row) -> bool {
        let is = |wanted: &Option<String>, columns: &[&str]| {
            wanted
                .as_deref()
                .is_none_or(|wanted| columns.iter().any(|name| row.text(name) == Some(wanted)))
        };
        is(&self.model, &["llm_request_parameters_model", "llm_model_name"])
            && is(&self.provider, &["gen_ai_provider_name"])
            && is(&self.endpoint, &["inferscope_endpoint"])
    }

    /// Whether a call may fit both. One call may have two names of a model.
    fn meets(&self, other: &Self) -> bool {
        let apart = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        !apart(&self.provider, &other.provider) && !apart(&self.endpoint, &other.endpoint)
    }
}

/// The calls that are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The stream of traces.
    pub stream: String,
    /// First moment inside, µs since 1970-01-01 UTC.
    pub from_us: i64,
    /// First moment after.
    pub to_us: i64,
    /// Which of them.
    pub filter: Filter,
}

impl Ask {
    pub(crate) fn table(&self, org: &OrgName) -> Table {
        Table::new(org.clone(), Kind::Traces, &self.stream)
    }

    /// Whether both may be about the same call.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.stream == other.stream
            && self.from_us < other.to_us
            && other.from_us < self.to_us
            && self.filter.meets(&other.filter)
    }
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Calls are priced by the book.
    Reprice,
    /// Calls cost again what they did before another job.
    Undo {
        /// The name of that job.
        of: String,
    },
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It has not begun, or could not go on and will be tried again.
    Waiting,
    /// It is being done.
    Running,
    /// All calls are done.
    Done,
    /// Somebody ended it; what it had changed by then stays.
    Cancelled,
    /// It cannot go on; what it had changed by then stays.
    Failed,
}

impl JobState {
    /// Whether nothing more will be done.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Waiting | Self::Running => false,
            Self::Done | Self::Cancelled | Self::Failed => true,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// Files that a job has come past, since it began or the server has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Those that are done.
    pub done: u64,
    /// All of the range, as far as is known.
    pub all: u64,
    /// Those of the done ones that could not be read or written.
    pub left_alone: u64,
    /// Calls in the done ones.
    pub calls: u64,
}

/// A step whose commit may or may not have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) step: u64,
    pub(crate) changes: Changes,
}

/// A job, under way or long ended: it stays as its own audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name; names sort by the time they were given.
    pub id: String,
    /// Whose calls it is about.
    pub org: OrgName,
    /// All else.
    pub entry: Entry,
}

/// What is kept of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it does.
    pub kind: JobKind,
    /// The calls that it is about.
    pub ask: Ask,
    /// The version of the book that it prices by; of the book of the job that it undoes.
    pub book: String,
    /// When it was asked for, µs since 1970-01-01 UTC.
    pub asked_us: i64,
    /// By whom.
    pub asked_by: String,
    /// How far it is.
    pub state: JobState,
    /// When it ended.
    pub ended_us: Option<i64>,
    /// Who ended it before it was done.
    pub cancelled_by: Option<String>,
    /// Why it could not go on.
    pub error: Option<String>,
    /// The files that it has come past.
    pub files: Files,
    /// The calls that it has changed.
    pub changes: Changes,
    /// The job that has undone it.
    pub undone_by: Option<String>,
    /// Whether what calls cost before is no longer kept.
    pub forgotten: bool,
    pub(crate) step: u64,
    pub(crate) pending: Option<Pending>,
}

impl Entry {
    pub(crate) fn new(
        kind: JobKind,
        ask: Ask,
        book: String,
        asked_us: i64,
        asked_by: &str,
    ) -> Self {
        Self {
            kind,
            ask,
            book,
            asked_us,
            asked_by: asked_by.to_owned(),
            state: JobState::Waiting,
            ended_us: None,
            cancelled_by: None,
            error: None,
            files: Files::default(),
            changes: Changes::default(),
            undone_by: None,
            forgotten: false,
            step: 0,
            pending: None,
        }
    }

    /// Takes in what a step has changed that was on its way, if it was committed.
    pub(crate) fn settle(&mut self, committed: u64) {
        if let Some(Pending { step, changes }) = self.pending.take()
            && step <= committed
        {
            self.step = step;
            self.changes.add(&changes);
        }
    }

    /// Whether nothing about the job itself speaks against undoing it; a later one may.
    #[must_use]
    pub fn can_be_undone(&self) -> bool {
        self.state.has_ended() && self.undoable().is_ok()
    }

    /// Why it cannot be undone, by itself.
    pub(crate) fn undoable(&self) -> Result<(), Error> {
        if let JobKind::Undo { .. } = self.kind {
            return Err(Error::UndoOfUndo);
        }
        if let Some(by) = &self.undone_by {
            return Err(Error::UndoneBefore { by: by.clone() });
        }
        if self.changes.calls == 0 {
            return Err(Error::NothingToUndo);
        }
        if self.forgotten { Err(Error::Forgotten) } else { Ok(()) }
    }
}
