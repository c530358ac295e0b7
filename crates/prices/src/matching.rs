//! Which row prices a call: the four rules in their order, layer by layer.
//!
//! With the provider known, each layer is asked for the exact Hub id, the provider's own id, the normalised name, then
//! its patterns; the first layer that answers wins. With the provider unknown only rows for any provider can answer so.
//! What is left is looked at over all layers at once: where every provider asks the same price it does not matter who
//! served, and for a Hub model of which providers ask differently, the prices are an estimate.

use std::sync::Arc;

use crate::book::Book;
use crate::call::Call;
use crate::explain::Steps;
use crate::layer::{Layer, LayerKind};
use crate::norm::{norm, undated};
use crate::provider::OWN;
use crate::quote::Unpriced;
use crate::row::Row;
use crate::serving::{Evidence, Names, Serving};

/// The rule by which a row was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The id on the Hugging Face Hub.
    ExactHub,
    /// The provider's own id.
    Provider,
    /// The normalised name.
    Normalised,
    /// A pattern, or all models of an endpoint.
    Pattern,
}

impl Rule {
    /// The rule in the column `llm_cost_source`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExactHub => "table:exact_hub",
            Self::Provider => "table:provider",
            Self::Normalised => "table:normalised",
            Self::Pattern => "table:pattern",
        }
    }
}

/// A row that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    layer: Arc<Layer>,
    at: usize,
    /// How.
    pub rule: Rule,
    id: Arc<str>,
}

impl Hit {
    fn new(layer: &Arc<Layer>, at: usize, rule: Rule) -> Self {
        let id = format!("{}:{}", layer.kind.as_str(), layer.rows[at].key());
        Self { layer: Arc::clone(layer), at, rule, id: id.into() }
    }

    /// The row.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.layer.rows[self.at]
    }

    /// Who wrote it.
    #[must_use]
    pub fn layer(&self) -> LayerKind {
        self.layer.kind
    }

    /// The canonical name of its provider; `None` if it is for any.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.layer.provider(self.at).map(AsRef::as_ref)
    }

    /// Layer and key, as the column `llm_price_row` has it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What was found for a call's names.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) found: Found,
    pub(crate) serving: Option<Serving>,
    /// Whether the call asked for a model of the Hub that the book knows.
    pub(crate) of_hub: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Found {
    One(Hit),
    /// Rows of several providers for one Hub model, cheapest first, and the place of the middle one.
    Several {
        hits: Vec<Hit>,
        median: usize,
    },
    Nothing(Unpriced),
}

/// Finds the row that prices a call.
pub(crate) fn find(book: &Book, call: &Call<'_>, steps: &mut Steps) -> Match {
    let mut names = Names::of(book, call, steps);
    let of_hub = names.hub_id.as_deref().is_some_and(|hub_id| book.knows_hub(hub_id));
    let search = Search { book, call };
    if names.requested.is_none() && names.answered.is_none() && call.endpoint.is_none() {
        steps.note(|| "the call names no model".to_owned());
        return Match { found: Found::Nothing(Unpriced::NoModel), serving: names.serving, of_hub };
    }
    if names.may_be_openai {
        let serving = Serving { provider: "openai".into(), evidence: Evidence::Dialect };
        if let Some(hit) = search.layers(&names, Some("openai"), &mut Steps::off()) {
            steps.note(|| format!("served by openai: {}", Evidence::Dialect.as_str()));
            steps.note(|| format!("{} by {}", hit.id(), hit.rule.as_str()));
            return Match { found: Found::One(hit), serving: Some(serving), of_hub };
        }
        steps.note(|| "the client speaks OpenAI's API, but OpenAI has no such model".to_owned());
    }
    if names.serving.is_none() {
        names.serving = names.infer(book, call.started_us, steps);
    }
    let provider = names.serving.as_ref().map(|serving| Arc::clone(&serving.provider));
    let found = match search.layers(&names, provider.as_deref(), steps) {
        Some(hit) => Found::One(hit),
        None => match provider.as_deref() {
            Some(OWN) => Found::Nothing(Unpriced::OwnEndpoint),
            Some(_) => Found::Nothing(Unpriced::NotInBook),
            None => search.whoever_served(&names, steps),
        },
    };
    Match { found, serving: names.serving, of_hub }
}

struct Search<'a> {
    book: &'a Book,
    call: &'a Call<'a>,
}

impl Search<'_> {
    /// The first layer's answer.
    fn layers(&self, names: &Names<'_>, provider: Option<&str>, steps: &mut Steps) -> Option<Hit> {
        for layer in self.book.layers() {
            let hit =
                self.exact(layer, names, provider).or_else(|| self.wide(layer, names, provider));
            let kind = layer.kind.as_str();
            let whose = provider.unwrap_or("any provider");
            match hit {
                Some(hit) => {
                    steps.note(|| format!("{} by {}", hit.id(), hit.rule.as_str()));
                    return Some(hit);
                }
                None => steps.note(|| {
                    format!(
                        "{kind}: no row of {whose} by Hub id, id, normalised name {} or pattern",
                        shown(names)
                    )
                }),
            }
        }
        None
    }

    /// Rules 1 to 3 in one layer.
    fn exact(&self, layer: &Arc<Layer>, names: &Names<'_>, provider: Option<&str>) -> Option<Hit> {
        let pick = |places: &[usize], rule| {
            self.pick(layer, places, provider).map(|at| Hit::new(layer, at, rule))
        };
        if let Some(hub_id) = &names.hub_id
            && let Some(hit) = pick(layer.of_hub(hub_id), Rule::ExactHub)
        {
            return Some(hit);
        }
        let ids = [names.answered, names.requested, names.model];
        let by_id = ids.into_iter().flatten().find_map(|id| {
            pick(layer.of_id(id), Rule::Provider)
                .or_else(|| pick(layer.of_short_id(id), Rule::Provider))
        });
        by_id.or_else(|| {
            let norms = norms(names);
            let undated = norms.iter().filter_map(|name| undated(name));
            let mut all = norms.iter().map(String::as_str).chain(undated);
            all.find_map(|name| pick(layer.of_norm(name), Rule::Normalised))
        })
    }

    /// Patterns, then rows for all models of the call's endpoint.
    fn wide(&self, layer: &Arc<Layer>, names: &Names<'_>, provider: Option<&str>) -> Option<Hit> {
        if layer.wide.is_empty() {
            return None;
        }
        let lower = |name: Option<&str>| name.map(str::to_lowercase);
        let texts = [lower(names.answered), lower(names.requested), names.hub_id.clone()];
        let fits = |at: &&usize| {
            let row = &layer.rows[**at];
            let any = |text: &String| row.pattern().is_none_or(|pattern| pattern.fits(text));
            // A row without a pattern is for all models of its endpoint.
            (row.pattern().is_none() || texts.iter().flatten().any(any))
                && self.applies(layer, **at, provider)
        };
        let best = layer.wide.iter().find(fits)?;
        let says = |at: usize| layer.rows[at].pattern().map(crate::pattern::Pattern::literal);
        let like: Vec<usize> =
            layer.wide.iter().filter(fits).copied().filter(|at| says(*at) == says(*best)).collect();
        self.pick(layer, &like, provider).map(|at| Hit::new(layer, at, Rule::Pattern))
    }

    /// Whether a row is in force and for this provider and endpoint.
    fn applies(&self, layer: &Layer, at: usize, provider: Option<&str>) -> bool {
        let row = &layer.rows[at];
        let whose = layer.provider(at).is_none_or(|whose| Some(whose.as_ref()) == provider);
        whose && self.in_place(row)
    }

    /// Whether a row is in force and for this endpoint, whoever's it is.
    fn in_place(&self, row: &Row) -> bool {
        row.validity().holds(self.call.started_us)
            && row.endpoint().is_none_or(|endpoint| Some(endpoint) == self.call.endpoint)
    }

    /// Of rows of one name the one that is most to the point: for the endpoint, for the provider, from the latest day.
    /// Rows that are equally to the point and ask different prices tell nothing.
    fn pick(&self, layer: &Layer, places: &[usize], provider: Option<&str>) -> Option<usize> {
        let point = |at: usize| {
            let row = &layer.rows[at];
            (row.endpoint().is_some(), layer.provider(at).is_some(), row.validity().from)
        };
        let mut applying = places.iter().copied().filter(|at| self.applies(layer, *at, provider));
        let first = applying.next()?;
        let (mut best, mut agree) = (first, true);
        for at in applying {
            if point(at) > point(best) {
                (best, agree) = (at, true);
            } else if point(at) == point(best) {
                agree &= layer.rows[at].prices() == layer.rows[best].prices();
            }
        }
        agree.then_some(best)
    }

    /// The provider is not known: does it matter?
    fn whoever_served(&self, names: &Names<'_>, steps: &mut Steps) -> Found {
        let hub = names.hub_id.as_deref();
        let mut hits = hub.map_or_else(Vec::new, |hub_id| {
            self.each_provider(Rule::ExactHub, |layer| layer.of_hub(hub_id))
        });
        if !hits.is_empty() {
            if agree(&hits) && !names.own_host {
                steps.note(|| {
                    format!("all {} providers of the Hub model ask the same price", hits.len())
                });
                return Found::One(hits.swap_remove(0));
            }
            hits.sort_by_key(|hit| hit.row().prices().blended());
            let median = (hits.len() - 1) / 2;
            steps.note(|| {
                format!("{} providers of the Hub model: their prices are an estimate", hits.len())
            });
            return Found::Several { hits, median };
        }
        if names.own_host {
            return Found::Nothing(Unpriced::OwnHost);
        }
        for name in norms(names) {
            let mut hits = self.each_row(Rule::Normalised, |layer| layer.of_norm(&name));
            if hits.is_empty() {
                continue;
            }
            if agree(&hits) {
                steps.note(|| format!("all rows of {name:?} ask the same price"));
                return Found::One(hits.swap_remove(0));
            }
            steps.note(|| format!("{} rows of {name:?} ask different prices", hits.len()));
            return Found::Nothing(Unpriced::ProviderUnknown);
        }
        steps.note(|| format!("no row of any provider for {}", shown(names)));
        Found::Nothing(Unpriced::NotInBook)
    }

    /// The first row of each provider; a higher layer's stands for all below.
    fn each_provider<'b>(
        &'b self,
        rule: Rule,
        places: impl Fn(&'b Layer) -> &'b [usize],
    ) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for hit in self.each_row(rule, places) {
            if hits.iter().all(|other| other.provider() != hit.provider()) {
                hits.push(hit);
            }
        }
        hits
    }

    fn each_row<'b>(&'b self, rule: Rule, places: impl Fn(&'b Layer) -> &'b [usize]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        for layer in self.book.layers() {
            let above = hits.len();
            for at in places(layer) {
                let hit = Hit::new(layer, *at, rule);
                let shadowed = hits[..above].iter().any(|other| other.provider() == hit.provider());
                // What an own machine costs is no provider's price.
                let offered = hit.provider().is_some_and(|provider| provider != OWN);
                if offered && !shadowed && self.in_place(hit.row()) {
                    hits.push(hit);
                }
            }
        }
        hits
    }
}

fn agree(hits: &[Hit]) -> bool {
    hits.windows(2).all(|pair| pair[0].row().prices() == pair[1].row().prices())
}

/// The normalised names of a call: of the model that answered, then of the one that was asked for.
fn norms(names: &Names<'_>) -> Vec<String> {
    let mut norms: Vec<String> = Vec::with_capacity(2);
    for name in [names.answered, names.model].into_iter().flatten().map(norm) {
        if !name.is_empty() && !norms.contains(&name) {
            norms.push(name);
        }
    }
    norms
}

fn shown(names: &Names<'_>) -> String {
    norms(names).iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ")
}
