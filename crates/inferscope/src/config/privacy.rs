//! What is kept of contents, as the operator wrote it.

use std::sync::Arc;

use ::privacy::Limits;
use redaction::{Capture, Exception, Operator, OwnRule, Policies, RuleError};
use schema::{OrgName, OrgNameError};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPrivacy {
    capture: Capture,
    rule: Vec<RawRule>,
    stream: Vec<RawException>,
    most_stream_settings: usize,
    most_own_rules: usize,
}

impl Default for RawPrivacy {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            capture: Capture::default(),
            rule: Vec::new(),
            stream: Vec::new(),
            most_stream_settings: limits.streams,
            most_own_rules: limits.rules,
        }
    }
}

/// Checked where it is read, so that a bad one is told with its line.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "OwnRule")]
struct RawRule(OwnRule);

impl TryFrom<OwnRule> for RawRule {
    type Error = RuleError;

    fn try_from(rule: OwnRule) -> Result<Self, RuleError> {
        rule.check().map(|()| Self(rule))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawException {
    #[serde(default)]
    org: RawOrg,
    stream: Option<String>,
    capture: Capture,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct RawOrg(OrgName);

impl TryFrom<String> for RawOrg {
    type Error = OrgNameError;

    fn try_from(name: String) -> Result<Self, OrgNameError> {
        name.parse().map(Self)
    }
}

impl Default for RawOrg {
    fn default() -> Self {
        Self(OrgName::first())
    }
}

impl RawPrivacy {
    /// The operator's word, or what is wrong with it.
    pub(super) fn checked(&self, problems: &mut Vec<String>) -> Arc<Policies> {
        let exception = |raw: &RawException| Exception {
            org: raw.org.0.clone(),
            stream: raw.stream.clone(),
            capture: raw.capture,
        };
        let operator = Operator {
            capture: self.capture,
            exceptions: self.stream.iter().map(exception).collect(),
            rules: self.rule.iter().map(|rule| rule.0.clone()).collect(),
        };
        let policies = Policies::new(operator).unwrap_or_else(|error| {
            problems.push(format!("privacy.rule: {error}"));
            Policies::default()
        });
        Arc::new(policies)
    }

    /// What organisations may set for themselves.
    pub(super) const fn limits(&self) -> Limits {
        Limits { streams: self.most_stream_settings, rules: self.most_own_rules }
    }
}
