//! What is kept of contents, as the operator wrote it.

use ingest::{Capture, Exception, Privacy};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPrivacy {
    capture: RawCapture,
    rule: Vec<RawRule>,
    stream: Vec<RawException>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawCapture {
    #[default]
    Full,
    Redacted,
    None,
}

impl From<RawCapture> for Capture {
    fn from(raw: RawCapture) -> Self {
        match raw {
            RawCapture::Full => Self::Full,
            RawCapture::Redacted => Self::Redacted,
            RawCapture::None => Self::None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    pattern: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawException {
    #[serde(default = "super::default_namespace")]
    org: String,
    stream: Option<String>,
    capture: RawCapture,
}

impl RawPrivacy {
    /// The setting, or what is wrong with it.
    pub(super) fn checked(&self, problems: &mut Vec<String>) -> Privacy {
        let mut exceptions = Vec::new();
        for RawException { org, stream, capture } in &self.stream {
            match org.parse() {
                Ok(org) => exceptions.push(Exception {
                    org,
                    stream: stream.clone(),
                    capture: (*capture).into(),
                }),
                Err(error) => problems.push(format!("privacy.stream: org {org:?}: {error}")),
            }
        }
        let rules: Vec<(String, String)> =
            self.rule.iter().map(|rule| (rule.name.clone(), rule.pattern.clone())).collect();
        Privacy::new(self.capture.into(), &exceptions, &rules).unwrap_or_else(|error| {
            problems.push(format!("privacy.rule: {error}"));
            Privacy::default()
        })
    }
}
