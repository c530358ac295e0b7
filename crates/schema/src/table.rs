use std::fmt;
use std::str::FromStr;

/// The stream that traces, logs and metrics go to when the sender names none.
pub const DEFAULT_STREAM: &str = "default";

/// The metrics stream that holds an organisation's 10-second rollups.
pub const ROLLUP_STREAM: &str = "_rollups";

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Measurements.
    Metrics,
}

impl Kind {
    /// The kind's name in routes, folders and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Traces, Self::Logs, Self::Metrics]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

/// An organisation's name: 1 to 64 of `a-z A-Z 0-9 _ -`, beginning with a letter or digit, not reserved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgName(String);

/// Why a text is no organisation's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no organization name: use 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit; 'public', 'v1' and 'whoami-v2' are reserved"
)]
pub struct OrgNameError {
    name: String,
}

impl OrgName {
    /// The organisation that exists from the first start.
    #[must_use]
    pub fn first() -> Self {
        Self("default".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrgName {
    type Err = OrgNameError;

    fn from_str(name: &str) -> Result<Self, OrgNameError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let good = (1..=64).contains(&name.len())
            && name.chars().all(plain)
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !matches!(name, "public" | "v1" | "whoami-v2");
        if good {
            Ok(Self(name.to_owned()))
        } else {
            Err(OrgNameError { name: name.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for OrgName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a stream's table: organisation, kind and stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Whose table it is.
    pub org: OrgName,
    /// What it holds.
    pub kind: Kind,
    /// Its stream, as [`stream_name`] cleans it.
    pub stream: String,
}

impl Table {
    /// The table of `stream`, whose name is cleaned first.
    #[must_use]
    pub fn new(org: OrgName, kind: Kind, stream: &str) -> Self {
        Self { org, kind, stream: stream_name(stream) }
    }

    /// The organisation's default trace stream.
    #[must_use]
    pub fn traces(org: OrgName) -> Self {
        Self::new(org, Kind::Traces, DEFAULT_STREAM)
    }

    /// The organisation's rollups.
    #[must_use]
    pub fn rollups(org: OrgName) -> Self {
        Self::new(org, Kind::Metrics, ROLLUP_STREAM)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.org, self.kind.as_str(), self.stream)
    }
}

/// A stream's name as it is stored: each run of characters outside `A-Z a-z 0-9 _ :` becomes one `_`,
/// then lower case, at most 100 characters; an empty name is [`DEFAULT_STREAM`].
/// Source: OpenObserve's cleaning of the `stream-name` header.
#[must_use]
pub fn stream_name(raw: &str) -> String {
    let cut: String = raw.trim().chars().take(100).collect();
    let clean = clean_name(&cut);
    if clean.is_empty() { DEFAULT_STREAM.to_owned() } else { clean }
}

/// A name as [`stream_name`] cleans it, however long or empty.
#[must_use]
pub fn clean_name(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    let mut in_run = false;
    for c in raw.chars() {
        let keep = c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if keep {
            clean.push(c.to_ascii_lowercase());
        } else if !in_run {
            clean.push('_');
        }
        in_run = !keep;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_names_are_cleaned_as_the_header_s_readers_expect() {
        assert_eq!(stream_name("My App/traces"), "my_app_traces");
        assert_eq!(stream_name("a--b"), "a_b");
        assert_eq!(stream_name("  "), "default");
        assert_eq!(stream_name("../../etc"), "_etc");
    }

    #[test]
    fn org_names_cannot_leave_their_folder() {
        for bad in ["", "..", "a/b", "public", "v1", "_meta", "x".repeat(65).as_str()] {
            assert!(OrgName::from_str(bad).is_err(), "{bad:?}");
        }
        assert_eq!(OrgName::from_str("team-1_A").expect("plain").as_str(), "team-1_A");
    }
}
