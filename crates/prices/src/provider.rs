//! Providers: one name for each, and the hosts that are theirs.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::pattern::Pattern;

/// The provider of calls that an own replica served.
pub const OWN: &str = "own";

/// Names that instrumentations write where a provider belongs, and that do not say who served: routers and
/// frameworks.
const NO_PROVIDERS: &[&str] = &[
    "huggingface",
    "hugging_face",
    "hf",
    "langchain",
    "llama_index",
    "llamaindex",
    "haystack",
    "crewai",
    "dspy",
    "litellm",
    "openai_compatible",
    "openai-compatible",
    "custom",
    "unknown",
    "_other",
];

/// Parts of a request's model behind its `:` that are wishes and not providers (Hugging Face's router).
const POLICIES: &[&str] = &["fastest", "cheapest", "preferred"];

/// What the word behind a model's `:` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Suffix {
    /// Serve by this provider.
    Provider(Arc<str>),
    /// Choose the provider by this rule.
    Policy,
    /// Another version of the model, or a provider that the book does not know.
    Other,
}

/// Spellings and hosts of providers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers {
    names: HashMap<String, Arc<str>>,
    hosts: Vec<(Pattern, Arc<str>)>,
}

impl Providers {
    pub(crate) fn new(aliases: &BTreeMap<String, Vec<String>>) -> Self {
        Self::default().with(aliases)
    }

    /// These providers and those of another book; where both know a spelling, the other book is right.
    pub(crate) fn with(mut self, aliases: &BTreeMap<String, Vec<String>>) -> Self {
        for (canonical, others) in aliases {
            let canonical: Arc<str> = canonical.as_str().into();
            self.names.insert(canonical.to_lowercase(), Arc::clone(&canonical));
            for other in others {
                if other.contains('*') {
                    self.hosts.insert(0, (Pattern::new(other), Arc::clone(&canonical)));
                } else {
                    self.names.insert(other.to_lowercase(), Arc::clone(&canonical));
                }
            }
        }
        self
    }

    /// All spellings and hosts as text, in one order.
    pub(crate) fn listed(&self) -> String {
        let names: BTreeMap<_, _> = self.names.iter().collect();
        let names = names.into_iter().map(|(name, canonical)| format!("{name}={canonical}\n"));
        let hosts = self.hosts.iter();
        let hosts = hosts.map(|(host, canonical)| format!("{}@{canonical}\n", host.as_str()));
        names.chain(hosts).collect()
    }

    /// The one name of a provider; a name that is not listed is its own.
    pub(crate) fn canonical(&self, name: &str) -> Arc<str> {
        let name = name.trim().to_lowercase();
        self.names.get(&name).map_or_else(|| name.as_str().into(), Arc::clone)
    }

    /// The serving provider that a name stands for; `None` for a router or a framework.
    pub(crate) fn serving(&self, name: &str) -> Option<Arc<str>> {
        let name = name.trim();
        let says_who = !NO_PROVIDERS.iter().any(|other| name.eq_ignore_ascii_case(other));
        (!name.is_empty() && says_who).then(|| self.canonical(name))
    }

    /// Whose host that is.
    pub(crate) fn of_host(&self, host: &str) -> Option<Arc<str>> {
        let host = host.trim().trim_end_matches('.').to_lowercase();
        // Aliases that are hosts stand among the names.
        if let Some(provider) = self.names.get(&host).filter(|_| host.contains('.')) {
            return Some(Arc::clone(provider));
        }
        self.hosts
            .iter()
            .find(|(pattern, _)| pattern.fits(&host))
            .map(|(_, provider)| Arc::clone(provider))
    }

    /// What stands behind the last `:` of a requested model, and the model without it.
    pub(crate) fn suffix<'a>(&self, model: &'a str) -> (&'a str, Option<Suffix>) {
        let Some((model, suffix)) = model.rsplit_once(':') else { return (model, None) };
        let suffix = suffix.to_lowercase();
        let said = if POLICIES.contains(&suffix.as_str()) {
            Suffix::Policy
        } else {
            self.names.get(&suffix).map_or(Suffix::Other, |name| Suffix::Provider(Arc::clone(name)))
        };
        (model, Some(said))
    }
}

/// Whether a host is nobody's public API: this machine, a private network, a cluster, a dedicated endpoint.
pub(crate) fn is_own_host(host: &str) -> bool {
    let host = host.trim().trim_end_matches('.').to_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.is_unspecified()
        }
        Err(_) => {
            let ends = [
                ".local",
                ".localhost",
                ".internal",
                ".lan",
                ".svc",
                ".endpoints.huggingface.cloud",
            ];
            !bare.is_empty() && (!bare.contains('.') || ends.iter().any(|end| bare.ends_with(end)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers() -> Providers {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Providers::new(&BTreeMap::from([
            ("together".to_owned(), list(&["together_ai", "api.together.xyz"])),
            ("azure.ai.openai".to_owned(), list(&["azure", "*.openai.azure.com"])),
            ("hf-inference".to_owned(), list(&["huggingface"])),
        ]))
    }

    #[test]
    fn a_provider_has_one_name_and_a_router_is_none() {
        let providers = providers();
        assert_eq!(providers.canonical(" Together_AI ").as_ref(), "together");
        assert_eq!(providers.canonical("openrouter").as_ref(), "openrouter");
        assert_eq!(providers.serving("azure").as_deref(), Some("azure.ai.openai"));
        assert_eq!(providers.serving("HuggingFace"), None);
        assert_eq!(providers.serving(""), None);
    }

    #[test]
    fn hosts_tell_the_provider() {
        let providers = providers();
        assert_eq!(providers.of_host("API.together.xyz.").as_deref(), Some("together"));
        assert_eq!(providers.of_host("x.openai.azure.com").as_deref(), Some("azure.ai.openai"));
        assert_eq!(providers.of_host("azure"), None, "a name is no host");
        assert_eq!(providers.of_host("example.com"), None);
    }

    #[test]
    fn the_suffix_of_a_model_is_a_provider_a_policy_or_something_else() {
        let providers = providers();
        assert_eq!(
            providers.suffix("a/b:together_ai"),
            ("a/b", Some(Suffix::Provider("together".into())))
        );
        assert_eq!(providers.suffix("a/b:Fastest"), ("a/b", Some(Suffix::Policy)));
        assert_eq!(providers.suffix("llama3:8b"), ("llama3", Some(Suffix::Other)));
        assert_eq!(providers.suffix("a/b"), ("a/b", None));
    }

    #[test]
    fn own_hosts_are_told_from_public_ones() {
        for host in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "[::1]",
            "vllm",
            "vllm.models.svc",
            "x.endpoints.huggingface.cloud",
        ] {
            assert!(is_own_host(host), "{host}");
        }
        for host in ["router.huggingface.co", "api.openai.com", "8.8.8.8", "2606:4700::1", ""] {
            assert!(!is_own_host(host), "{host}");
        }
    }
}
