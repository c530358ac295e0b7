use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use clock::SharedClock;
use metadata::{Created, Metadata, PrivacySetting};
use redaction::{Capture, OwnRule, Policies, Policy, Setting};
use schema::{OrgName, stream_name};
use tasks::{Stage, Tasks};
use tokio::sync::Mutex;

use crate::error::Error;

/// How the store names what is for all of an organisation: no stream is called so.
const WHOLE: &str = "";

/// How much an organisation may set. Rules are compiled and stay in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Streams with a setting of their own.
    pub streams: usize,
    /// Rules in all settings together.
    pub rules: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { streams: 100, rules: 20 }
    }
}

/// Keeps the organisations' own settings and puts them in force. Cheap to clone.
#[derive(Clone)]
pub struct Privacy(Arc<Inner>);

struct Inner {
    store: Metadata,
    policies: Arc<Policies>,
    clock: SharedClock,
    tasks: Tasks,
    limits: Limits,
    /// What is stored and in force, by stream. Held while a change is made: one after the other.
    kept: Mutex<BTreeMap<OrgName, BTreeMap<String, Kept>>>,
}

/// A setting, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The setting.
    pub setting: Setting,
    /// When it was stored last, µs since 1970-01-01 UTC.
    pub changed_us: i64,
    /// Who stored it last.
    pub changed_by: String,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There is one setting more.
    New,
    /// It stands in place of another.
    Replaced,
}

impl Privacy {
    /// Puts what is stored in force.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn open(
        store: Metadata,
        policies: Arc<Policies>,
        clock: SharedClock,
        tasks: Tasks,
        limits: Limits,
    ) -> Result<Self, Error> {
        let mut kept: BTreeMap<OrgName, BTreeMap<String, Kept>> = BTreeMap::new();
        for PrivacySetting { org, stream, setting, changed_us, changed_by } in
            store.privacy().await?
        {
            let setting = read(&setting).unwrap_or_else(|error| {
                tracing::error!(%org, stream, %error, "a stored privacy setting cannot be read; no contents are kept there until it is set anew");
                strictest()
            });
            let own = Kept { setting, changed_us, changed_by };
            kept.entry(org).or_default().insert(stream, own);
        }
        for (org, settings) in &kept {
            if let Err(error) = put_in_force(&policies, org, settings).await {
                tracing::error!(%org, %error, "stored privacy rules cannot be used; no contents are kept in the organization until they are set anew");
                policies.set(org, strictest(), BTreeMap::new())?;
            }
        }
        Ok(Self(Arc::new(Inner { store, policies, clock, tasks, limits, kept: Mutex::new(kept) })))
    }

    /// What is in force.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// What an organisation has set for itself, and for single streams.
    pub async fn of(&self, org: &OrgName) -> (Option<Kept>, Vec<(String, Kept)>) {
        let mut settings = self.0.kept.lock().await.get(org).cloned().unwrap_or_default();
        let whole = settings.remove(WHOLE);
        (whole, settings.into_iter().collect())
    }

    /// Stores a setting from its JSON, for a stream or for all of the organisation; when this answers, what is admitted
    /// goes by it.
    ///
    /// # Errors
    /// When the text is no setting, a rule cannot be used, there are too many, or the store refuses.
    pub async fn put(
        &self,
        org: &OrgName,
        stream: Option<&str>,
        json: &[u8],
        who: &str,
    ) -> Result<(Kept, Written), Error> {
        let setting: Setting = serde_json::from_slice(json).map_err(Error::BadSetting)?;
        self.tried(org, stream, &setting).await?;
        let own =
            Kept { setting, changed_us: self.0.clock.now().micros(), changed_by: who.to_owned() };
        let (inner, org, stream) = (Arc::clone(&self.0), org.clone(), named(stream));
        self.to_the_end(async move { inner.put(&org, stream, own).await }).await
    }

    /// What would hold for a stream, or for the organisation's others, with a setting that is not stored.
    ///
    /// # Errors
    /// When a rule cannot be used, or there are too many.
    pub async fn tried(
        &self,
        org: &OrgName,
        stream: Option<&str>,
        setting: &Setting,
    ) -> Result<Policy, Error> {
        let limit = self.0.limits.rules;
        if setting.rules.len() > limit {
            return Err(Error::TooManyRules { limit });
        }
        let (policies, org, setting) = (Arc::clone(&self.0.policies), org.clone(), setting.clone());
        let stream = stream.map(stream_name);
        let tried = move || policies.tried(&org, stream.as_deref(), &setting);
        Ok(compiling(tried).await??)
    }

    /// Removes a setting; whether there was one.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn remove(
        &self,
        org: &OrgName,
        stream: Option<&str>,
        who: &str,
    ) -> Result<bool, Error> {
        let (inner, org, stream) = (Arc::clone(&self.0), org.clone(), named(stream));
        let who = who.to_owned();
        self.to_the_end(async move { inner.remove(&org, &stream, &who).await }).await
    }

    /// Makes a change also when the caller goes away: what is stored has to be what is in force.
    async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let changed = self.0.tasks.to_the_end(Stage::Ingest, "privacy-change", change);
        changed.await.unwrap_or(Err(Error::Stopping))
    }
}

impl Inner {
    async fn put(
        &self,
        org: &OrgName,
        stream: String,
        own: Kept,
    ) -> Result<(Kept, Written), Error> {
        let mut kept = self.kept.lock().await;
        let mut settings = kept.get(org).cloned().unwrap_or_default();
        settings.insert(stream.clone(), own.clone());
        let rules: usize = settings.values().map(|kept| kept.setting.rules.len()).sum();
        if !own.setting.rules.is_empty() && rules > self.limits.rules {
            return Err(Error::TooManyRules { limit: self.limits.rules });
        }
        let streams = settings.keys().filter(|stream| *stream != WHOLE).count();
        if stream != WHOLE && streams > self.limits.streams {
            return Err(Error::TooManyStreams { limit: self.limits.streams });
        }
        let stored = PrivacySetting {
            org: org.clone(),
            stream: stream.clone(),
            setting: serde_json::to_string(&own.setting).map_err(Error::BadSetting)?,
            changed_us: own.changed_us,
            changed_by: own.changed_by.clone(),
        };
        let created = self.store.put_privacy(&stored).await?;
        put_in_force(&self.policies, org, &settings).await?;
        kept.insert(org.clone(), settings);
        let capture = own.setting.capture.map(Capture::as_str);
        let rules: Vec<&str> = own.setting.rules.iter().map(|rule| rule.name.as_str()).collect();
        tracing::info!(target: "audit", %org, stream, who = own.changed_by, capture, ?rules, "audit: a privacy setting was put");
        let written = match created {
            Created::Now => Written::New,
            Created::Before => Written::Replaced,
        };
        Ok((own, written))
    }

    async fn remove(&self, org: &OrgName, stream: &str, who: &str) -> Result<bool, Error> {
        let mut kept = self.kept.lock().await;
        let removed = self.store.remove_privacy(org, stream).await?;
        if let Some(settings) = kept.get_mut(org) {
            settings.remove(stream);
            put_in_force(&self.policies, org, settings).await?;
        }
        if removed {
            tracing::info!(target: "audit", %org, stream, who, "audit: a privacy setting was removed");
        }
        Ok(removed)
    }
}

fn read(text: &str) -> Result<Setting, Error> {
    let setting: Setting = serde_json::from_str(text).map_err(Error::BadSetting)?;
    setting.rules.iter().try_for_each(OwnRule::check)?;
    Ok(setting)
}

fn strictest() -> Setting {
    Setting { capture: Some(Capture::None), rules: Vec::new() }
}

fn named(stream: Option<&str>) -> String {
    stream.map_or_else(|| WHOLE.to_owned(), stream_name)
}

/// Rules take a while to compile: not where calls are waiting.
async fn compiling<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Stopping)
}

async fn put_in_force(
    policies: &Arc<Policies>,
    org: &OrgName,
    settings: &BTreeMap<String, Kept>,
) -> Result<(), Error> {
    let mut streams: BTreeMap<String, Setting> =
        settings.iter().map(|(stream, kept)| (stream.clone(), kept.setting.clone())).collect();
    let whole = streams.remove(WHOLE).unwrap_or_default();
    let (policies, org) = (Arc::clone(policies), org.clone());
    Ok(compiling(move || policies.set(&org, whole, streams)).await??)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clock::SystemClock;
    use redaction::Operator;

    use super::*;

    const STRICT: &[u8] = br#"{"capture":"none","rules":[{"name":"x","pattern":"xx"}]}"#;

    async fn open(dir: &Path) -> (Privacy, Metadata) {
        let store = Metadata::open(&dir.join("metadata.db")).await.expect("opens");
        store.ensure_org(&OrgName::first(), 0).await.expect("stored");
        let policies = Policies::new(Operator::default()).expect("is good");
        let limits = Limits { streams: 1, rules: 2 };
        let privacy = Privacy::open(
            store.clone(),
            Arc::new(policies),
            Arc::new(SystemClock),
            Tasks::new(),
            limits,
        );
        (privacy.await.expect("opens"), store)
    }

    fn holds(privacy: &Privacy, stream: &str) -> Capture {
        privacy.policies().of_stream(&OrgName::first(), Some(stream)).capture
    }

    #[tokio::test]
    async fn a_setting_is_in_force_when_it_is_answered_and_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let org = OrgName::first();
        let (privacy, _store) = open(dir.path()).await;
        assert_eq!(holds(&privacy, "s"), Capture::Full);
        let (own, written) = privacy.put(&org, Some("S"), STRICT, "me").await.expect("is good");
        assert_eq!((written, own.changed_by.as_str()), (Written::New, "me"));
        assert_eq!((holds(&privacy, "s"), holds(&privacy, "t")), (Capture::None, Capture::Full));
        let (privacy, _store) = open(dir.path()).await;
        assert_eq!(holds(&privacy, "s"), Capture::None);
        assert_eq!(privacy.of(&org).await, (None, vec![("s".to_owned(), own)]));
        assert!(privacy.remove(&org, Some("s"), "me").await.expect("removed"));
        assert!(!privacy.remove(&org, Some("s"), "me").await.expect("nothing to remove"));
        assert_eq!(holds(&privacy, "s"), Capture::Full);
    }

    #[tokio::test]
    async fn what_is_refused_changes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let org = OrgName::first();
        let (privacy, _store) = open(dir.path()).await;
        privacy.put(&org, None, STRICT, "me").await.expect("is good");
        let put = |stream, json: &'static [u8]| privacy.put(&org, stream, json, "me");
        assert!(matches!(put(None, b"{").await, Err(Error::BadSetting(_))));
        assert!(matches!(put(None, br#"{"captur":"full"}"#).await, Err(Error::BadSetting(_))));
        let wrong = put(None, br#"{"rules":[{"name":"bad","pattern":"("}]}"#).await;
        let error = wrong.expect_err("is no pattern").to_string();
        assert!(error.contains("\"bad\"") && error.contains("unclosed"), "{error}");
        let two = br#"{"rules":[{"name":"y","pattern":"y"},{"name":"z","pattern":"z"}]}"#;
        assert!(matches!(put(Some("s"), two).await, Err(Error::TooManyRules { limit: 2 })));
        let three = br#"{"rules":[{"name":"bad","pattern":"("},{"name":"y","pattern":"y"},{"name":"z","pattern":"z"}]}"#;
        let refused = put(None, three).await;
        assert!(matches!(refused, Err(Error::TooManyRules { .. })), "they are not even compiled");
        put(Some("s"), b"{}").await.expect("is good");
        assert!(matches!(put(Some("t"), b"{}").await, Err(Error::TooManyStreams { limit: 1 })));
        put(None, two).await.expect("they stand in place of those before");
        assert_eq!(holds(&privacy, "s"), Capture::Full);
    }

    #[tokio::test]
    async fn a_stored_setting_that_cannot_be_read_is_the_strictest() {
        let dir = tempfile::tempdir().expect("a folder");
        let (_, store) = open(dir.path()).await;
        let bad = PrivacySetting {
            org: OrgName::first(),
            stream: String::new(),
            setting: r#"{"of":"later"}"#.to_owned(),
            changed_us: 0,
            changed_by: "root".to_owned(),
        };
        store.put_privacy(&bad).await.expect("stored");
        let (privacy, _store) = open(dir.path()).await;
        assert_eq!(holds(&privacy, "s"), Capture::None);
    }
}
