//! What is taken out of spans before they reach the log.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use otlp::{AnyValue, LogRecord, Metric, Resource, Scope, Span, Text};
use redaction::{RuleError, Rules, is_authorization};
use schema::{Kind, OrgName, Table};

/// How much of what was said to a model and by it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// All of it.
    #[default]
    Full,
    /// What the rules leave of it.
    Redacted,
    /// Nothing of it; the rules apply to everything else.
    None,
}

/// What is kept, stream by stream.
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    capture: Capture,
    orgs: HashMap<OrgName, Capture>,
    streams: HashMap<Table, Capture>,
    /// Compiled where a stream is not kept in full.
    rules: Option<Arc<Rules>>,
}

/// What [`Privacy`] keeps of the streams of one organization, or of one of them.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The organization.
    pub org: OrgName,
    /// The stream, of whatever kind; none for all of them.
    pub stream: Option<String>,
    /// What is kept there.
    pub capture: Capture,
}

impl Privacy {
    /// Keeps `capture` everywhere but in the exceptions, of which one for a stream wins over one for its organization.
    /// The built-in rules apply, and the own ones, by name and pattern.
    ///
    /// # Errors
    /// When an own rule cannot be used.
    pub fn new(
        capture: Capture,
        exceptions: &[Exception],
        own_rules: &[(String, String)],
    ) -> Result<Self, RuleError> {
        let rules = Rules::with(own_rules)?;
        let mut privacy = Self { capture, ..Self::default() };
        for Exception { org, stream, capture } in exceptions {
            match stream {
                Some(stream) => {
                    let table = Table::new(org.clone(), Kind::Traces, stream);
                    privacy.streams.insert(table, *capture);
                }
                None => {
                    privacy.orgs.insert(org.clone(), *capture);
                }
            }
        }
        let used = std::iter::once(&privacy.capture)
            .chain(privacy.orgs.values())
            .chain(privacy.streams.values())
            .any(|capture| *capture != Capture::Full);
        privacy.rules = used.then(|| Arc::new(rules));
        Ok(privacy)
    }

    /// What is kept of a table.
    #[must_use]
    pub fn capture(&self, table: &Table) -> Capture {
        // A stream's word is for its logs and metrics too.
        let stream = || self.streams.get(&Table { kind: Kind::Traces, ..table.clone() });
        let org = || self.orgs.get(&table.org);
        stream().or_else(org).copied().unwrap_or(self.capture)
    }

    /// A cleaner for the spans of one batch.
    pub(crate) fn cleaner(&self, table: &Table) -> Cleaner {
        let rules = match self.capture(table) {
            Capture::Full => None,
            Capture::Redacted | Capture::None => self.rules.clone(),
        };
        Cleaner { rules, ..Cleaner::default() }
    }
}

/// Cleans spans, and counts what it took out.
#[derive(Default)]
pub(crate) struct Cleaner {
    rules: Option<Arc<Rules>>,
    /// Resources and scopes that were cleaned: many spans share one.
    resources: Vec<(Arc<Resource>, Arc<Resource>)>,
    scopes: Vec<(Arc<Scope>, Arc<Scope>)>,
    /// Places where a rule found something.
    pub(crate) redacted: u64,
    /// Values of authorization headers.
    pub(crate) authorizations: u64,
}

/// So many of the resources and scopes before are looked at for one that was cleaned: spans of one stand together.
const NEAR: usize = 4;

/// What stands for the value of an authorization header.
const AUTHORIZATION: &str = "[redacted:authorization]";

impl Cleaner {
    /// Takes out of a span what is not to be kept; answers whether there was anything.
    pub(crate) fn clean(&mut self, span: &mut Span) -> bool {
        let before = self.redacted + self.authorizations;
        self.attributes(&mut span.attributes);
        for event in &mut span.events {
            self.text(&mut event.name);
            self.attributes(&mut event.attributes);
        }
        for link in &mut span.links {
            self.text(&mut link.trace_state);
            self.attributes(&mut link.attributes);
        }
        if let Some(status) = &mut span.status {
            self.text(&mut status.message);
        }
        self.text(&mut span.name);
        self.text(&mut span.trace_state);
        self.resource(&mut span.resource);
        self.scope(&mut span.scope);
        self.redacted + self.authorizations > before
    }

    /// As [`Cleaner::clean`], of a log record.
    pub(crate) fn clean_record(&mut self, record: &mut LogRecord) -> bool {
        let before = self.redacted + self.authorizations;
        self.value(&mut record.body);
        self.text(&mut record.severity_text);
        self.text(&mut record.event_name);
        self.attributes(&mut record.attributes);
        self.resource(&mut record.resource);
        self.scope(&mut record.scope);
        self.redacted + self.authorizations > before
    }

    /// As [`Cleaner::clean`], of what a metric says beside its numbers.
    pub(crate) fn clean_metric(&mut self, metric: &mut Metric) {
        self.text(&mut metric.description);
        for point in &mut metric.points {
            self.attributes(&mut point.attributes);
            for exemplar in &mut point.exemplars {
                self.attributes(&mut exemplar.attributes);
            }
        }
        self.resource(&mut metric.resource);
        self.scope(&mut metric.scope);
    }

    fn resource(&mut self, resource: &mut Arc<Resource>) {
        let known =
            self.resources.iter().rev().take(NEAR).find(|(sent, _)| Arc::ptr_eq(sent, resource));
        if let Some((_, clean)) = known {
            *resource = Arc::clone(clean);
            return;
        }
        let sent = Arc::clone(resource);
        if self.has_work(&sent.attributes) {
            let mut clean = Resource::clone(&sent);
            self.attributes(&mut clean.attributes);
            *resource = Arc::new(clean);
        }
        self.resources.push((sent, Arc::clone(resource)));
    }

    fn scope(&mut self, scope: &mut Arc<Scope>) {
        let known = self.scopes.iter().rev().take(NEAR).find(|(sent, _)| Arc::ptr_eq(sent, scope));
        if let Some((_, clean)) = known {
            *scope = Arc::clone(clean);
            return;
        }
        let sent = Arc::clone(scope);
        if self.has_work(&sent.attributes) {
            let mut clean = Scope::clone(&sent);
            self.attributes(&mut clean.attributes);
            *scope = Arc::new(clean);
        }
        self.scopes.push((sent, Arc::clone(scope)));
    }

    fn has_work(&self, attributes: &[(Text, AnyValue)]) -> bool {
        self.rules.is_some()
            || attributes.iter().any(|(key, value)| is_authorization(key) || is_deep(value))
    }

    fn attributes(&mut self, attributes: &mut [(Text, AnyValue)]) {
        for (key, value) in attributes {
            if is_authorization(key) {
                let replaced = AnyValue::Text(Text::fixed(AUTHORIZATION));
                self.authorizations += u64::from(*value != replaced);
                *value = replaced;
            } else {
                self.value(value);
            }
        }
    }

    fn value(&mut self, value: &mut AnyValue) {
        match value {
            AnyValue::Text(text) => self.text(text),
            AnyValue::Bytes(bytes) => {
                if self.rules.is_some()
                    && let Ok(text) = std::str::from_utf8(bytes)
                    && let Some(left) = self.redacted(text)
                {
                    *bytes = left.into_bytes();
                }
            }
            AnyValue::Array(values) => values.iter_mut().for_each(|value| self.value(value)),
            AnyValue::Map(entries) => self.attributes(entries),
            AnyValue::Null | AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => {}
        }
    }

    fn text<T: Deref<Target = str> + From<String>>(&mut self, text: &mut T) {
        if let Some(left) = self.redacted(text) {
            *text = T::from(left);
        }
    }

    /// What the rules leave of a text; `None` if that is all of it.
    fn redacted(&mut self, text: &str) -> Option<String> {
        let left = self.rules.as_ref()?.redact(text);
        self.redacted += left.replaced;
        (left.replaced > 0).then(|| left.text.into_owned())
    }
}

/// Whether there may be an authorization further in.
fn is_deep(value: &AnyValue) -> bool {
    matches!(value, AnyValue::Array(_) | AnyValue::Map(_))
}

#[cfg(test)]
mod tests {
    use otlp::{Event, Link, Status};

    use super::*;

    const SECRET: &str = "hf_abcdefghijklmnop1234";

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    fn named(key: &str, value: AnyValue) -> Vec<(Text, AnyValue)> {
        vec![(key.into(), value)]
    }

    /// A span that has the secret wherever there is text.
    fn span() -> Span {
        let attributes = vec![
            ("a".into(), text(SECRET)),
            ("b".into(), AnyValue::Array(vec![AnyValue::Map(named("c", text(SECRET)))])),
            ("d".into(), AnyValue::Bytes(SECRET.as_bytes().to_vec())),
            ("http.request.header.authorization".into(), AnyValue::Array(vec![text("x y")])),
            ("headers".into(), AnyValue::Map(named("X-Api-Key", text("plain")))),
        ];
        Span {
            trace_id: [1; 16],
            span_id: [2; 8],
            parent_span_id: None,
            trace_state: format!("k={SECRET}"),
            flags: 0,
            name: format!("call {SECRET}").into(),
            kind: 1,
            start_ns: 0,
            end_ns: 0,
            attributes,
            events: vec![Event {
                name: SECRET.to_owned(),
                attributes: named("e", text(SECRET)),
                ..Event::default()
            }],
            links: vec![Link { attributes: named("l", text(SECRET)), ..Link::default() }],
            status: Some(Status { code: 2, message: format!("refused {SECRET}") }),
            resource: Arc::new(Resource { attributes: named("r", text(SECRET)) }),
            scope: Arc::new(Scope { attributes: named("s", text(SECRET)), ..Scope::default() }),
        }
    }

    fn cleaned(capture: Capture) -> (Span, Cleaner) {
        let privacy = Privacy::new(capture, &[], &[]).expect("is good");
        let mut cleaner = privacy.cleaner(&Table::traces(OrgName::first()));
        let mut span = span();
        assert!(cleaner.clean(&mut span));
        (span, cleaner)
    }

    #[test]
    fn no_text_of_a_span_keeps_a_secret() {
        let (span, cleaner) = cleaned(Capture::Redacted);
        assert!(!format!("{span:?}").contains("hf_abc"), "{span:?}");
        let AnyValue::Bytes(bytes) = &span.attributes[2].1 else { panic!("they stay bytes") };
        assert_eq!(bytes, b"[redacted:api-key]");
        assert_eq!((cleaner.redacted, cleaner.authorizations), (11, 2));
    }

    #[test]
    fn authorization_headers_are_never_kept() {
        let (span, cleaner) = cleaned(Capture::Full);
        assert_eq!(span.attributes[3].1, text(AUTHORIZATION));
        assert_eq!(span.attributes[4].1, AnyValue::Map(named("X-Api-Key", text(AUTHORIZATION))));
        assert_eq!(span.attributes[0].1, text(SECRET), "what was said stays");
        assert_eq!((cleaner.redacted, cleaner.authorizations), (0, 2));
    }

    #[test]
    fn log_records_are_cleaned_too() {
        let privacy = Privacy::new(Capture::Redacted, &[], &[]).expect("is good");
        let logs = Table::new(OrgName::first(), Kind::Logs, "default");
        let mut cleaner = privacy.cleaner(&logs);
        let mut record = LogRecord {
            time_ns: 1,
            observed_ns: 1,
            severity_number: 0,
            severity_text: String::new(),
            event_name: "gen_ai.user.message".to_owned(),
            body: AnyValue::Map(named("content", text(SECRET))),
            attributes: named("authorization", text("Basic x")),
            dropped_attributes: 0,
            flags: 0,
            trace_id: None,
            span_id: None,
            resource: Arc::new(Resource::default()),
            scope: Arc::new(Scope::default()),
        };
        assert!(cleaner.clean_record(&mut record));
        assert_eq!(record.body, AnyValue::Map(named("content", text("[redacted:api-key]"))));
        assert_eq!(record.attributes, named("authorization", text(AUTHORIZATION)));
        assert!(!cleaner.clean_record(&mut record), "once is enough");
    }

    #[test]
    fn spans_of_one_resource_still_share_it() {
        let privacy = Privacy::new(Capture::Redacted, &[], &[]).expect("is good");
        let mut cleaner = privacy.cleaner(&Table::traces(OrgName::first()));
        let mut one = span();
        let mut other = Span { resource: Arc::clone(&one.resource), ..span() };
        cleaner.clean(&mut one);
        cleaner.clean(&mut other);
        assert!(Arc::ptr_eq(&one.resource, &other.resource));
        assert_eq!(one.resource.attributes[0].1, text("[redacted:api-key]"));
    }

    #[test]
    fn a_stream_s_word_counts_more_than_its_organization_s() {
        let org = OrgName::first();
        let exception = |stream: Option<&str>, capture| Exception {
            org: org.clone(),
            stream: stream.map(str::to_owned),
            capture,
        };
        let exceptions =
            [exception(None, Capture::Redacted), exception(Some("open"), Capture::Full)];
        let privacy = Privacy::new(Capture::None, &exceptions, &[]).expect("is good");
        let other: OrgName = "other".parse().expect("a name");
        assert_eq!(privacy.capture(&Table::traces(org.clone())), Capture::Redacted);
        assert_eq!(privacy.capture(&Table::new(org, Kind::Traces, "open")), Capture::Full);
        assert_eq!(privacy.capture(&Table::traces(other)), Capture::None);
        assert!(Privacy::default().rules.is_none(), "nothing is compiled for nothing");
        let wrong = [("x".into(), "(".to_owned())];
        assert!(Privacy::new(Capture::Full, &[], &wrong).is_err(), "a wrong rule is told at once");
    }
}
