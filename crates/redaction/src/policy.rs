//! How much of what was said is kept, and by whose word.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};

use schema::{OrgName, Table, stream_name};
use serde::{Deserialize, Serialize};

use crate::rules::{OwnRule, RuleError, Rules};

/// How much of what was said to a model and by it is kept. A later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// All of it.
    #[default]
    Full,
    /// What the rules leave of it.
    Redacted,
    /// Nothing of it; the rules apply to everything else.
    None,
}

impl Capture {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Redacted => "redacted",
            Self::None => "none",
        }
    }
}

impl FromStr for Capture {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let all = [Self::Full, Self::Redacted, Self::None];
        all.into_iter().find(|capture| capture.as_str() == word).ok_or(())
    }
}

/// What the operator has set. Organisations may be stricter, never laxer.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// What is kept where no exception says otherwise.
    pub capture: Capture,
    /// One for a stream wins over one for its organisation.
    pub exceptions: Vec<Exception>,
    /// Beside the built-in ones, for everybody.
    pub rules: Vec<OwnRule>,
}

/// What the operator keeps of the streams of one organisation, or of one of them.
#[derive(Clone, Debug)]
pub struct Exception {
    /// The organisation.
    pub org: OrgName,
    /// The stream, of whatever kind; none for all of them.
    pub stream: Option<String>,
    /// What is kept there.
    pub capture: Capture,
}

/// What an organisation has set for itself, or for one of its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setting {
    /// What is kept; what the organisation or the operator has set if `None`.
    pub capture: Option<Capture>,
    /// Rules of its own.
    pub rules: Vec<OwnRule>,
}

/// What holds for the rows of one stream.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How much is kept.
    pub capture: Capture,
    /// What is taken out, where not all is kept.
    pub rules: Rules,
}

/// What is kept, stream by stream: the operator's word, and above it what organisations have set for themselves.
#[derive(Debug)]
pub struct Policies {
    operator: Operator,
    rules: Rules,
    own: RwLock<HashMap<OrgName, Own>>,
}

/// An organisation's settings with their rules on top of each other's.
#[derive(Clone, Debug, Default)]
struct Own {
    org: Setting,
    /// By the streams' clean names.
    streams: BTreeMap<String, Setting>,
    org_rules: Option<Rules>,
    stream_rules: HashMap<String, Rules>,
}

impl Default for Policies {
    fn default() -> Self {
        let operator = Operator::default();
        Self { operator, rules: Rules::built_in(), own: RwLock::default() }
    }
}

impl Policies {
    /// What the operator has set, and nothing above it yet.
    ///
    /// # Errors
    /// When a rule cannot be used.
    pub fn new(mut operator: Operator) -> Result<Self, RuleError> {
        for exception in &mut operator.exceptions {
            exception.stream = exception.stream.as_deref().map(stream_name);
        }
        let rules = Rules::built_in().and(&operator.rules)?;
        Ok(Self { operator, rules, own: RwLock::default() })
    }

    /// What the operator has set for all.
    #[must_use]
    pub const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// What the operator keeps of a stream, of whatever kind; of the organisation's others if `None`.
    #[must_use]
    pub fn floor(&self, org: &OrgName, stream: Option<&str>) -> Capture {
        let of = |name: Option<&str>| {
            self.operator
                .exceptions
                .iter()
                .rev()
                .find(|exception| exception.org == *org && exception.stream.as_deref() == name)
                .map(|exception| exception.capture)
        };
        let own = stream.and_then(|stream| of(Some(stream)));
        own.or_else(|| of(None)).unwrap_or(self.operator.capture)
    }

    /// What holds for a table.
    #[must_use]
    pub fn of(&self, table: &Table) -> Policy {
        self.of_stream(&table.org, Some(&table.stream))
    }

    /// What holds for a stream, of whatever kind, by its clean name; for the organisation's others if `None`.
    #[must_use]
    pub fn of_stream(&self, org: &OrgName, stream: Option<&str>) -> Policy {
        let floor = self.floor(org, stream);
        let all = self.own.read().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get(org) else {
            return Policy { capture: floor, rules: self.rules.clone() };
        };
        let of_stream = stream.and_then(|stream| own.streams.get(stream));
        let chosen = of_stream.and_then(|setting| setting.capture).or(own.org.capture);
        let rules = stream
            .and_then(|stream| own.stream_rules.get(stream))
            .or(own.org_rules.as_ref())
            .unwrap_or(&self.rules);
        Policy { capture: chosen.unwrap_or_default().max(floor), rules: rules.clone() }
    }

    /// Puts an organisation's settings in the place of those before; what is admitted after this goes by them.
    ///
    /// # Errors
    /// When a rule cannot be used; what held before holds on.
    pub fn set(
        &self,
        org: &OrgName,
        setting: Setting,
        streams: BTreeMap<String, Setting>,
    ) -> Result<(), RuleError> {
        let rules = self.rules.and(&setting.rules)?;
        let mut stream_rules = HashMap::new();
        for (stream, setting) in &streams {
            if !setting.rules.is_empty() {
                stream_rules.insert(stream.clone(), rules.and(&setting.rules)?);
            }
        }
        let own = Own { org: setting, streams, org_rules: Some(rules), stream_rules };
        self.own.write().unwrap_or_else(PoisonError::into_inner).insert(org.clone(), own);
        Ok(())
    }

    /// What would hold for a stream with a setting that is not in force, in the place of the one that it has.
    ///
    /// # Errors
    /// When a rule cannot be used.
    pub fn tried(
        &self,
        org: &OrgName,
        stream: Option<&str>,
        setting: &Setting,
    ) -> Result<Policy, RuleError> {
        let (chosen, rules) = {
            let all = self.own.read().unwrap_or_else(PoisonError::into_inner);
            // A stream's setting stands above the organisation's, and that one above the operator's.
            let below = stream.and_then(|_| all.get(org));
            let rules = below.and_then(|own| own.org_rules.as_ref()).unwrap_or(&self.rules);
            (setting.capture.or(below.and_then(|own| own.org.capture)), rules.clone())
        };
        let capture = chosen.unwrap_or_default().max(self.floor(org, stream));
        Ok(Policy { capture, rules: rules.and(&setting.rules)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schema::Kind;

    use super::*;

    fn org() -> OrgName {
        OrgName::first()
    }

    fn set(capture: Option<Capture>) -> Setting {
        Setting { capture, rules: Vec::new() }
    }

    fn exception(stream: Option<&str>, capture: Capture) -> Exception {
        Exception { org: org(), stream: stream.map(str::to_owned), capture }
    }

    fn policies(capture: Capture, exceptions: Vec<Exception>) -> Policies {
        Policies::new(Operator { capture, exceptions, rules: Vec::new() }).expect("is good")
    }

    #[test]
    fn the_operator_s_word_for_a_stream_counts_more_than_for_its_organisation() {
        let all = vec![exception(None, Capture::Redacted), exception(Some("Open"), Capture::Full)];
        let policies = policies(Capture::None, all);
        let other: OrgName = "other".parse().expect("a name");
        let capture = |org: &OrgName, kind, stream| {
            policies.of(&Table::new(org.clone(), kind, stream)).capture
        };
        assert_eq!(capture(&org(), Kind::Traces, "default"), Capture::Redacted);
        assert_eq!(capture(&org(), Kind::Traces, "open"), Capture::Full, "names are cleaned");
        assert_eq!(capture(&org(), Kind::Logs, "open"), Capture::Full, "of whatever kind");
        assert_eq!(capture(&other, Kind::Traces, "open"), Capture::None);
        let tried = policies.tried(&org(), Some("open"), &Setting::default()).expect("is good");
        assert_eq!(tried.capture, Capture::Full, "as the operator has it for the stream");
    }

    #[test]
    fn rules_of_all_layers_apply_and_a_wrong_one_changes_nothing() {
        let rule = |name: &str, pattern: &str| OwnRule {
            name: name.to_owned(),
            pattern: pattern.to_owned(),
        };
        let operator = Operator { rules: vec![rule("one", "aa")], ..Operator::default() };
        let policies = Policies::new(operator).expect("is good");
        let of_org = Setting { capture: None, rules: vec![rule("two", "bb")] };
        let of_stream = Setting { capture: None, rules: vec![rule("three", "cc")] };
        let streams = BTreeMap::from([("s".to_owned(), of_stream)]);
        policies.set(&org(), of_org, streams).expect("is good");
        let left = |stream| {
            policies.of_stream(&org(), stream).rules.redact("aa bb cc a@b.de").text.into_owned()
        };
        assert_eq!(
            left(Some("s")),
            "[redacted:one] [redacted:two] [redacted:three] [redacted:email]"
        );
        assert_eq!(left(None), "[redacted:one] [redacted:two] cc [redacted:email]");
        assert_eq!(left(Some("t")), left(None));
        let wrong = Setting { capture: Some(Capture::None), rules: vec![rule("bad", "(")] };
        let error = policies.set(&org(), wrong, BTreeMap::new()).expect_err("is no pattern");
        assert!(error.to_string().contains("\"bad\""), "{error}");
        assert_eq!(policies.of_stream(&org(), None).capture, Capture::Full);
        let tried = Setting { capture: None, rules: vec![rule("four", "dd")] };
        let of_org = policies.tried(&org(), None, &tried).expect("is good");
        assert_eq!(of_org.rules.redact("aa bb dd").text, "[redacted:one] bb [redacted:four]");
        let tried = policies.tried(&org(), Some("s"), &tried).expect("is good");
        assert_eq!(tried.rules.redact("cc dd").text, "cc [redacted:four]");
        assert_eq!(
            policies.of_stream(&org(), None).rules.redact("dd").text,
            "dd",
            "it was only tried"
        );
    }

    fn capture() -> impl Strategy<Value = Capture> {
        prop::sample::select(vec![Capture::Full, Capture::Redacted, Capture::None])
    }

    proptest! {
        #[test]
        fn an_organisation_may_be_stricter_than_the_operator_and_never_laxer(
            general in capture(),
            of_org in prop::option::of(capture()),
            of_stream in prop::option::of(capture()),
            own in prop::option::of(capture()),
            own_of_stream in prop::option::of(capture()),
        ) {
            let exceptions = of_org.map(|capture| exception(None, capture));
            let exceptions = exceptions.into_iter().chain(of_stream.map(|capture| exception(Some("s"), capture)));
            let policies = policies(general, exceptions.collect());
            let floor = of_stream.or(of_org).unwrap_or(general);
            prop_assert_eq!(policies.of_stream(&org(), Some("s")).capture, floor);
            let streams = BTreeMap::from([("s".to_owned(), set(own_of_stream))]);
            policies.set(&org(), set(own), streams).expect("is good");
            let wanted = own_of_stream.or(own).unwrap_or(floor);
            let holds = policies.of_stream(&org(), Some("s")).capture;
            prop_assert_eq!(holds, wanted.max(floor));
            prop_assert!(holds >= floor);
        }

        #[test]
        fn a_setting_is_read_or_refused(text in ".{0,60}|\\{\"capture\":\"(none|full|x)\",\"rules\":\\[\\]\\}") {
            if let Ok(setting) = serde_json::from_str::<Setting>(&text) {
                let written = serde_json::to_string(&setting).expect("is JSON");
                prop_assert_eq!(serde_json::from_str::<Setting>(&written).expect("reads back"), setting);
            }
        }
    }
}
