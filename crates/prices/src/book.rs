//! Layers of prices as one book.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

use crate::call::Call;
use crate::document::Document;
use crate::explain::Steps;
use crate::layer::{Layer, LayerKind};
use crate::matching::{Match, find};
use crate::provider::Providers;
use crate::row::Row;

/// Most matches that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 4096;

pub(crate) static SHIPPED: LazyLock<(Arc<Layer>, Providers)> = LazyLock::new(|| {
    let document = Document::shipped();
    let providers = Providers::new(&document.provider_aliases);
    let layer = Layer::new(LayerKind::Shipped, document.rows, &providers);
    (Arc::new(layer.expect("the shipped keys differ")), providers)
});

/// Prices in layers, the first that knows a call winning. Matches are remembered, so that a call costs one look-up.
#[derive(Debug)]
pub struct Book {
    layers: Vec<Arc<Layer>>,
    providers: Arc<Providers>,
    /// The moments at which a row begins or ends to hold, in order: between two of them a match stays.
    turns: Vec<i64>,
    hasher: RandomState,
    remembered: RwLock<HashMap<u64, Arc<Remembered>>>,
}

#[derive(Debug)]
struct Remembered {
    names: [Option<String>; 5],
    through_gateway: bool,
    era: usize,
    found: Arc<Match>,
}

impl Book {
    pub(crate) fn new(layers: Vec<Arc<Layer>>, providers: Arc<Providers>) -> Self {
        let moments = |row: &Row| [row.validity().from, row.validity().to];
        let mut turns: Vec<i64> =
            layers.iter().flat_map(|layer| &layer.rows).flat_map(moments).flatten().collect();
        turns.sort_unstable();
        turns.dedup();
        Self { layers, providers, turns, hasher: RandomState::new(), remembered: RwLock::default() }
    }

    /// The book that this program ships.
    #[must_use]
    pub fn shipped() -> Self {
        let (layer, providers) = &*SHIPPED;
        Self::new(vec![Arc::clone(layer)], Arc::new(providers.clone()))
    }

    pub(crate) fn layers(&self) -> &[Arc<Layer>] {
        &self.layers
    }

    pub(crate) fn providers(&self) -> &Providers {
        &self.providers
    }

    /// All rows, those that win first.
    pub fn rows(&self) -> impl Iterator<Item = (LayerKind, &Row)> {
        self.layers.iter().flat_map(|layer| layer.rows.iter().map(move |row| (layer.kind, row)))
    }

    /// The book's version: the same for books of the same rows, in this process and in any other.
    #[must_use]
    pub fn version(&self) -> String {
        let mut digest = Sha256::new();
        for layer in &self.layers {
            digest.update(layer.digest());
        }
        digest.update(self.providers.listed());
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a row names that model of the Hub, whose id is in lower case.
    pub(crate) fn knows_hub(&self, hub_id: &str) -> bool {
        self.layers.iter().any(|layer| !layer.of_hub(hub_id).is_empty())
    }

    /// Rows of all layers that are in force at a moment.
    pub(crate) fn rows_of<'a>(
        &'a self,
        at_us: i64,
        places: impl Fn(&'a Layer) -> &'a [usize],
    ) -> impl Iterator<Item = (&'a Layer, usize)> {
        self.layers.iter().flat_map(move |layer| {
            let layer: &Layer = layer;
            let in_force = move |at: &usize| layer.rows[*at].validity().holds(at_us);
            places(layer).iter().copied().filter(in_force).map(move |at| (layer, at))
        })
    }

    /// What prices a call, looked up once for calls of the same names.
    pub(crate) fn find(&self, call: &Call<'_>) -> Arc<Match> {
        let names =
            [call.request_model, call.response_model, call.provider, call.host, call.endpoint];
        let era = self.turns.partition_point(|turn| *turn <= call.started_us);
        let key = self.hasher.hash_one(Key { names, through_gateway: call.through_gateway, era });
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = remembered.get(&key).filter(|entry| entry.is(&names, call, era)) {
            return Arc::clone(&entry.found);
        }
        drop(remembered);
        let found = Arc::new(find(self, call, &mut Steps::off()));
        let entry = Remembered {
            names: names.map(|name| name.map(str::to_owned)),
            through_gateway: call.through_gateway,
            era,
            found: Arc::clone(&found),
        };
        // Names come from outside: long ones are looked up each time.
        if names.into_iter().flatten().map(str::len).sum::<usize>() <= 1024 {
            let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(key, Arc::new(entry));
        }
        found
    }
}

#[derive(Hash)]
struct Key<'a> {
    names: [Option<&'a str>; 5],
    through_gateway: bool,
    era: usize,
}

impl Remembered {
    fn is(&self, names: &[Option<&str>; 5], call: &Call<'_>, era: usize) -> bool {
        self.era == era
            && self.through_gateway == call.through_gateway
            && self.names.iter().zip(names).all(|(own, name)| own.as_deref() == *name)
    }
}

#[cfg(test)]
mod tests;
