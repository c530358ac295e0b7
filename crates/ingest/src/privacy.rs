//! What is taken out of spans before they reach the log.

use std::ops::Deref;
use std::sync::Arc;

use otlp::{AnyValue, LogRecord, Metric, Resource, Scope, Span, Text};
use redaction::{Capture, Named, Policy, Rules, named, without_authorizations};

/// Cleans spans, and counts what it took out.
#[derive(Default)]
pub(crate) struct Cleaner {
    rules: Option<Rules>,
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

impl Cleaner {
    /// A cleaner for one batch.
    pub(crate) fn by(policy: &Policy) -> Self {
        let rules = match policy.capture {
            Capture::Full => None,
            Capture::Redacted | Capture::None => Some(policy.rules.clone()),
        };
        Self { rules, ..Self::default() }
    }

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
            || attributes
                .iter()
                .any(|(key, value)| named(key) == Some(Named::Authorization) || is_deep(value))
    }

    fn attributes(&mut self, attributes: &mut [(Text, AnyValue)]) {
        for (key, value) in attributes {
            match named(key) {
                Some(Named::Authorization) => {
                    let replaced = AnyValue::Text(Text::fixed(Named::Authorization.marker()));
                    self.authorizations += u64::from(*value != replaced);
                    *value = replaced;
                }
                Some(Named::Secret) if self.rules.is_some() => self.secret(value),
                Some(Named::Secret) | None => self.value(value),
            }
        }
    }

    /// What only its name tells.
    fn secret(&mut self, value: &mut AnyValue) {
        match value {
            AnyValue::Array(values) => values.iter_mut().for_each(|value| self.secret(value)),
            AnyValue::Map(entries) => self.attributes(entries),
            AnyValue::Null | AnyValue::Bool(_) => {}
            AnyValue::Text(_) | AnyValue::Bytes(_) | AnyValue::Int(_) | AnyValue::Double(_) => {
                let replaced = AnyValue::Text(Text::fixed(Named::Secret.marker()));
                self.redacted += u64::from(*value != replaced);
                *value = replaced;
            }
        }
    }

    fn value(&mut self, value: &mut AnyValue) {
        match value {
            AnyValue::Text(text) => self.text(text),
            AnyValue::Bytes(bytes) => {
                if let Ok(text) = std::str::from_utf8(bytes)
                    && let Some(left) = self.left_of(text)
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
        if let Some(left) = self.left_of(text) {
            *text = T::from(left);
        }
    }

    /// What is left of a text; `None` if that is all of it.
    fn left_of(&mut self, text: &str) -> Option<String> {
        let left = match &self.rules {
            Some(rules) => rules.redact(text),
            None => without_authorizations(text),
        };
        self.redacted += left.replaced;
        self.authorizations += left.authorizations;
        (left.replaced + left.authorizations > 0).then(|| left.text.into_owned())
    }
}

/// Whether there may be an authorization further in.
fn is_deep(value: &AnyValue) -> bool {
    match value {
        AnyValue::Array(_) | AnyValue::Map(_) | AnyValue::Bytes(_) => true,
        AnyValue::Text(text) => text.trim_start().starts_with(['{', '[']),
        AnyValue::Null | AnyValue::Bool(_) | AnyValue::Int(_) | AnyValue::Double(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use otlp::{Event, Link, Status};

    use super::*;

    const AUTHORIZATION: &str = Named::Authorization.marker();
    const SECRET: &str = "hf_abcdefghijklmnop1234";

    fn text(text: &str) -> AnyValue {
        AnyValue::Text(text.into())
    }

    fn of(key: &str, value: AnyValue) -> Vec<(Text, AnyValue)> {
        vec![(key.into(), value)]
    }

    /// A span that has the secret wherever there is text.
    fn span() -> Span {
        let attributes = vec![
            ("a".into(), text(SECRET)),
            ("b".into(), AnyValue::Array(vec![AnyValue::Map(of("c", text(SECRET)))])),
            ("d".into(), AnyValue::Bytes(SECRET.as_bytes().to_vec())),
            ("http.request.header.authorization".into(), AnyValue::Array(vec![text("x y")])),
            ("headers".into(), AnyValue::Map(of("X-Api-Key", text("plain")))),
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
                attributes: of("e", text(SECRET)),
                ..Event::default()
            }],
            links: vec![Link { attributes: of("l", text(SECRET)), ..Link::default() }],
            status: Some(Status { code: 2, message: format!("refused {SECRET}") }),
            resource: Arc::new(Resource { attributes: of("r", text(SECRET)) }),
            scope: Arc::new(Scope { attributes: of("s", text(SECRET)), ..Scope::default() }),
        }
    }

    fn cleaner(capture: Capture) -> Cleaner {
        Cleaner::by(&Policy { capture, rules: Rules::built_in() })
    }

    fn cleaned(capture: Capture) -> (Span, Cleaner) {
        let mut cleaner = cleaner(capture);
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
        assert_eq!(span.attributes[4].1, AnyValue::Map(of("X-Api-Key", text(AUTHORIZATION))));
        assert_eq!(span.attributes[0].1, text(SECRET), "what was said stays");
        assert_eq!((cleaner.redacted, cleaner.authorizations), (0, 2));
    }

    #[test]
    fn log_records_are_cleaned_too() {
        let mut cleaner = cleaner(Capture::Redacted);
        let mut record = LogRecord {
            time_ns: 1,
            observed_ns: 1,
            severity_number: 0,
            severity_text: String::new(),
            event_name: "gen_ai.user.message".to_owned(),
            body: AnyValue::Map(of("content", text(SECRET))),
            attributes: of("authorization", text("Basic x")),
            dropped_attributes: 0,
            flags: 0,
            trace_id: None,
            span_id: None,
            resource: Arc::new(Resource::default()),
            scope: Arc::new(Scope::default()),
        };
        assert!(cleaner.clean_record(&mut record));
        assert_eq!(record.body, AnyValue::Map(of("content", text("[redacted:api-key]"))));
        assert_eq!(record.attributes, of("authorization", text(AUTHORIZATION)));
        assert!(!cleaner.clean_record(&mut record), "once is enough");
    }

    #[test]
    fn spans_of_one_resource_still_share_it() {
        let mut cleaner = cleaner(Capture::Redacted);
        let mut one = span();
        let mut other = Span { resource: Arc::clone(&one.resource), ..span() };
        cleaner.clean(&mut one);
        cleaner.clean(&mut other);
        assert!(Arc::ptr_eq(&one.resource, &other.resource));
        assert_eq!(one.resource.attributes[0].1, text("[redacted:api-key]"));
    }

    #[test]
    fn what_only_a_name_tells_goes_where_rules_apply() {
        let attributes = || {
            vec![
                ("db.password".into(), text("plain")),
                ("pwd".into(), AnyValue::Array(vec![AnyValue::Int(7), AnyValue::Null])),
                ("properties".into(), AnyValue::Map(of("clientSecret", text("plain")))),
                ("body".into(), text(r#"{"headers":{"Authorization":"Basic x"},"password":"p"}"#)),
            ]
        };
        let clean = |capture| {
            let mut cleaner = cleaner(capture);
            let mut span = Span { attributes: attributes(), ..span() };
            cleaner.clean(&mut span);
            span.attributes
        };
        let secret = || text(Named::Secret.marker());
        let left = clean(Capture::Redacted);
        assert_eq!(left[0].1, secret());
        assert_eq!(left[1].1, AnyValue::Array(vec![secret(), AnyValue::Null]));
        assert_eq!(left[2].1, AnyValue::Map(of("clientSecret", secret())));
        let body = r#"{"headers":{"Authorization":"[redacted:authorization]"},"password":"[redacted:secret]"}"#;
        assert_eq!(left[3].1, text(body));
        let left = clean(Capture::Full);
        assert_eq!(left[..3], attributes()[..3], "what was said stays");
        let body = r#"{"headers":{"Authorization":"[redacted:authorization]"},"password":"p"}"#;
        assert_eq!(left[3].1, text(body), "but no header, also in JSON");
    }
}
