//! Which crate lives on which floor, and the arrows that are allowed beside the downward ones.

/// Where a crate lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// 0 facts, 1 mechanisms, 2 services, 3 doors. May depend on every lower floor.
    Floor(u8),
    /// Beside the house: may depend on the floors up to and with `reach`; no room depends on it.
    Beside {
        /// The highest floor that it may use; `None` for none.
        reach: Option<u8>,
    },
}

use Place::{Beside, Floor};

/// The plan that `tidy` holds the manifests against.
pub(crate) struct House<'a> {
    /// Every crate of the workspace.
    pub(crate) rooms: &'a [(&'a str, Place)],
    /// Crates that any other may depend on, from the same floor too.
    pub(crate) foundation: &'a [&'a str],
    /// Arrows that are allowed although they do not go down: from, to.
    pub(crate) sideways: &'a [(&'a str, &'a str)],
    /// Arrows that are not allowed although they go down: from, to, why.
    pub(crate) walls: &'a [(&'a str, &'a str, &'a str)],
}

/// The highest floor: nothing below may test itself through it.
pub(crate) const DOORS: u8 = 3;

/// Our house.
pub(crate) const HOUSE: House<'_> = House {
    rooms: &[
        // Facts: no I/O, no clock, no tasks.
        ("conventions", Floor(0)),
        ("fault", Floor(0)),
        ("histogram", Floor(0)),
        ("jsonlogs", Floor(0)),
        ("openai", Floor(0)),
        ("openmetrics", Floor(0)),
        ("otlp", Floor(0)),
        ("prices", Floor(0)),
        ("redaction", Floor(0)),
        ("schema", Floor(0)),
        ("text", Floor(0)),
        // Mechanisms.
        ("blobs", Floor(1)),
        ("clock", Floor(1)),
        ("crash", Floor(1)),
        ("hardware", Floor(1)),
        ("lake", Floor(1)),
        ("metadata", Floor(1)),
        ("tasks", Floor(1)),
        ("wal", Floor(1)),
        // Services.
        ("accounts", Floor(2)),
        ("alerts", Floor(2)),
        ("analytics", Floor(2)),
        ("fleet", Floor(2)),
        ("gateway", Floor(2)),
        ("ingest", Floor(2)),
        ("privacy", Floor(2)),
        ("query", Floor(2)),
        ("tariffs", Floor(2)),
        // Doors.
        ("api", Floor(3)),
        ("inferscope", Floor(3)),
        // Beside the house.
        ("bench", Beside { reach: Some(3) }),
        ("scenarios", Beside { reach: Some(3) }),
        ("simulator", Beside { reach: Some(1) }),
        ("testkit", Beside { reach: Some(1) }),
        ("xtask", Beside { reach: None }),
    ],
    foundation: &["fault", "text"],
    sideways: &[
        ("conventions", "openai"),
        ("conventions", "otlp"),
        ("conventions", "schema"),
        // A JSON log is a log record.
        ("jsonlogs", "otlp"),
        // What is kept is said by organisation and stream.
        ("redaction", "schema"),
        // A stored row is what is priced, now and again later.
        ("prices", "schema"),
        ("inferscope", "api"),
        // Time comes in as a `Clock` wherever it is needed.
        ("lake", "clock"),
        // Where a test has the process die.
        ("lake", "crash"),
        ("wal", "crash"),
        // `inferscope simulate` is the simulator behind the same command line.
        ("inferscope", "simulator"),
    ],
    walls: &[
        ("wal", "otlp", "the log does not know what its bytes mean"),
        ("wal", "schema", "the log does not know what its bytes mean"),
        ("lake", "conventions", "tables know nothing of language models"),
        ("lake", "openai", "tables know nothing of language models"),
        ("lake", "otlp", "tables know nothing of the wire"),
        ("gateway", "lake", "a proxied call never waits for storage"),
        ("gateway", "metadata", "a proxied call never waits for storage"),
        ("gateway", "wal", "a proxied call never waits for storage"),
    ],
};
