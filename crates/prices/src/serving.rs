//! Who served a call: the provider whose price counts, as far as the call tells.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::book::Book;
use crate::call::Call;
use crate::explain::Steps;
use crate::norm::norm;
use crate::provider::{OWN, Suffix, is_own_host};

/// The API that nearly every client speaks, whoever serves: its name alone says little.
const DIALECT: &str = "openai";

/// Who served a call, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The provider's canonical name.
    pub provider: Arc<str>,
    /// What says so.
    pub evidence: Evidence,
}

/// What tells who served a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Our gateway passed it to a replica of an own endpoint.
    OwnReplica,
    /// The requested model ends in `:provider`.
    Suffix,
    /// The instrumentation names the provider.
    Name,
    /// The host that was called is the provider's.
    Host,
    /// The client speaks OpenAI's API, and OpenAI has that model.
    Dialect,
    /// Only one provider answers with that model name.
    ResponseModel,
}

impl Evidence {
    /// The evidence in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OwnReplica => "an own replica answered the gateway",
            Self::Suffix => "the requested model names it",
            Self::Name => "the instrumentation names it",
            Self::Host => "the host that was called is its",
            Self::Dialect => "the client speaks OpenAI's API and OpenAI has the model",
            Self::ResponseModel => "only it answers with that model name",
        }
    }
}

/// What the names of a call say before any price is looked at.
pub(crate) struct Names<'a> {
    /// The requested model as it was sent.
    pub(crate) requested: Option<&'a str>,
    /// The same without a provider or policy behind a `:`.
    pub(crate) model: Option<&'a str>,
    /// The same in lower case, as Hub ids are compared.
    pub(crate) hub_id: Option<String>,
    /// The model that answered.
    pub(crate) answered: Option<&'a str>,
    /// Who served, if something says so.
    pub(crate) serving: Option<Serving>,
    /// Whether OpenAI is to be tried: the client speaks its API, and nothing else says who served.
    pub(crate) may_be_openai: bool,
    /// Whether the call went to a host of our own, which may be a server or a proxy.
    pub(crate) own_host: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn of(book: &Book, call: &Call<'a>, steps: &mut Steps) -> Self {
        let requested = call.request_model.filter(|name| !name.is_empty());
        let (model, suffix) = split(book, requested);
        let host = call.host.filter(|host| !host.is_empty());
        let of_host = host.and_then(|host| book.providers().of_host(host));
        let own_host = of_host.is_none() && host.is_some_and(is_own_host);
        let named = call.provider.filter(|name| !name.is_empty());
        let is_dialect = named.is_some_and(|name| name.trim().eq_ignore_ascii_case(DIALECT));
        let by = |provider: Option<Arc<str>>, evidence| {
            provider.map(|provider| Serving { provider, evidence })
        };
        let serving = if call.through_gateway {
            by(of_host, Evidence::Host).or_else(|| by(Some(OWN.into()), Evidence::OwnReplica))
        } else {
            let named =
                named.filter(|_| !is_dialect).and_then(|name| book.providers().serving(name));
            by(suffix, Evidence::Suffix)
                .or_else(|| by(named, Evidence::Name))
                .or_else(|| by(of_host, Evidence::Host))
        };
        match &serving {
            Some(Serving { provider, evidence }) => {
                steps.note(|| format!("served by {provider}: {}", evidence.as_str()));
            }
            None if own_host => steps.note(|| {
                format!(
                    "the host {} is none of a provider's: a server or proxy of your own",
                    host.unwrap_or_default()
                )
            }),
            None => steps.note(|| {
                "neither the model, nor a provider's name, nor the host says who served".to_owned()
            }),
        }
        Self {
            requested,
            model,
            hub_id: model.map(str::to_lowercase),
            answered: call.response_model.filter(|name| !name.is_empty()),
            may_be_openai: serving.is_none() && is_dialect,
            serving,
            own_host,
        }
    }

    /// Who served, by the name that answered: exactly one provider's row of the requested Hub model has that id, or
    /// exactly one provider has rows of that normalised name. A name that only repeats the request tells nothing.
    pub(crate) fn infer(&self, book: &Book, at_us: i64, steps: &mut Steps) -> Option<Serving> {
        let answered = self.answered?;
        let repeats = |name: &str| name.eq_ignore_ascii_case(answered);
        if self.model.is_some_and(repeats) || self.requested.is_some_and(repeats) {
            steps.note(|| format!("the answer's model {answered:?} only repeats the request"));
            return None;
        }
        let of_hub = self.hub_id.as_deref().and_then(|hub_id| {
            only(book.rows_of(at_us, |layer| layer.of_hub(hub_id)).filter_map(|(layer, at)| {
                let row = &layer.rows[at];
                let same = row.short_id() == Some(answered) || row.id() == Some(answered);
                layer.provider(at).filter(|_| same)
            }))
        });
        let provider = of_hub.or_else(|| {
            let norm = norm(answered);
            only(
                book.rows_of(at_us, |layer| layer.of_norm(&norm))
                    .filter_map(|(layer, at)| layer.provider(at)),
            )
        });
        match &provider {
            Some(provider) => steps
                .note(|| format!("only {provider} answers with the name {answered:?}: it served")),
            None => steps
                .note(|| format!("several providers or none answer with the name {answered:?}")),
        }
        provider.map(|provider| Serving { provider, evidence: Evidence::ResponseModel })
    }
}

/// The model without what stands behind its `:`, and the provider that this names.
fn split<'a>(book: &Book, requested: Option<&'a str>) -> (Option<&'a str>, Option<Arc<str>>) {
    let Some(requested) = requested else { return (None, None) };
    match book.providers().suffix(requested) {
        (model, Some(Suffix::Provider(provider))) => (Some(model), Some(provider)),
        (model, Some(Suffix::Policy)) => (Some(model), None),
        // Behind a model of the Hub stands a provider, also one that has no price here.
        (model, Some(Suffix::Other)) if book.knows_hub(&model.to_lowercase()) => {
            let suffix = &requested[model.len() + 1..];
            (Some(model), Some(suffix.to_lowercase().as_str().into()))
        }
        (_, Some(Suffix::Other) | None) => (Some(requested), None),
    }
}

/// The one provider that all are; `None` if there is none or more than one.
fn only<'a>(providers: impl Iterator<Item = &'a Arc<str>>) -> Option<Arc<str>> {
    let all: BTreeSet<&Arc<str>> = providers.filter(|provider| provider.as_ref() != OWN).collect();
    match all.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Some(Arc::clone(one)),
        _ => None,
    }
}
