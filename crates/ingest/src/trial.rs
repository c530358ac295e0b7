//! What would be stored of a text, without storing it: by the same steps as a span's.

use std::sync::Arc;

use conventions::{Limits, Options, of_cell};
use otlp::{AnyValue, Resource, Scope, Span, Text};
use redaction::Policy;
use schema::{OrgName, Row};

use crate::admission::{Admission, Taken};
use crate::parts::Parts;
use crate::privacy::Cleaner;

/// What would be stored of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The columns that a model call has for it, and what they would hold.
    pub columns: Vec<(String, serde_json::Value)>,
    /// Places where a rule found something.
    pub redacted: u64,
    /// Values of authorization headers.
    pub authorizations: u64,
}

/// Takes in a model call that has the text as an attribute, and one without it: what differs is of the text.
pub(crate) fn tried(policy: &Policy, limits: &Limits, key: &str, text: &str) -> Trial {
    let attribute = (Text::from(key), AnyValue::Text(text.into()));
    let mut cleaner = Cleaner::by(policy);
    let with = row(policy, limits, &mut cleaner, vec![attribute]);
    let without = row(policy, limits, &mut Cleaner::by(policy), Vec::new());
    let own = with.cells().filter(|(name, value)| without.get(name) != Some(value));
    Trial {
        columns: own.map(|(name, value)| (name.to_string(), of_cell(value))).collect(),
        redacted: cleaner.redacted,
        authorizations: cleaner.authorizations,
    }
}

fn row(
    policy: &Policy,
    limits: &Limits,
    cleaner: &mut Cleaner,
    attributes: Vec<(Text, AnyValue)>,
) -> Row {
    let is_call = (Text::fixed("openinference.span.kind"), AnyValue::Text(Text::fixed("LLM")));
    let span = Span {
        trace_id: [1; 16],
        span_id: [1; 8],
        parent_span_id: None,
        trace_state: String::new(),
        flags: 0,
        name: "trial".into(),
        kind: 1,
        start_ns: 1,
        end_ns: 1,
        attributes: std::iter::once(is_call).chain(attributes).collect(),
        events: Vec::new(),
        links: Vec::new(),
        status: None,
        resource: Arc::new(Resource::default()),
        scope: Arc::new(Scope::default()),
    };
    let org = OrgName::first();
    let mut parts = Parts::new(None, &org, policy.capture);
    let options = Options::default();
    let Taken { row, .. } =
        Admission::take(policy.capture, limits, cleaner, &mut parts, span, &options);
    row
}

#[cfg(test)]
mod tests {
    use redaction::{Capture, Rules};

    use super::*;

    fn columns(capture: Capture, key: &str, text: &str) -> (Vec<(String, String)>, u64) {
        let policy = Policy { capture, rules: Rules::built_in() };
        let trial = tried(&policy, &Limits::default(), key, text);
        let plain = |(name, value): (String, serde_json::Value)| {
            (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        (trial.columns.into_iter().map(plain).collect(), trial.redacted)
    }

    #[test]
    fn a_trial_shows_what_would_be_stored() {
        let text = "mail to ann@example.org";
        let has = |all: &[(String, String)], name: &str, value: &str| {
            all.iter().any(|(column, held)| column == name && held == value)
        };
        let (full, _) = columns(Capture::Full, "input.value", text);
        assert!(has(&full, "input_value", text) && has(&full, "llm_input", text), "{full:?}");
        let (redacted, found) = columns(Capture::Redacted, "input.value", text);
        assert!(has(&redacted, "llm_input", "mail to [redacted:email]"), "{redacted:?}");
        assert_eq!(found, 1);
        let (none, _) = columns(Capture::None, "input.value", text);
        assert!(!none.iter().any(|(_, held)| held.contains("mail")), "{none:?}");
        let (own, _) = columns(Capture::Full, "my.header", r#"{"Authorization":"x"}"#);
        assert!(
            has(&own, "my_header", r#"{"Authorization":"[redacted:authorization]"}"#),
            "{own:?}"
        );
    }
}
