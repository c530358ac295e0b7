//! `approx_topk_distinct(a, b, k)`: the values of `a` that come with the most different values of `b`.
//!
//! For each value of `a` the [`SMALLEST`] smallest hashes of `b` are kept: the count is exact up to that many, and beyond
//! it estimated from how dense they lie, with a standard error of 3 %. Of `a`, the [`KEPT`] values with the highest
//! counts so far are kept.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, ListArray, ListBuilder, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::top_values::{answer, answer_type, arguments, k_of};

/// Hashes that are kept for a value.
const SMALLEST: usize = 1_024;
/// Values that a group keeps.
const KEPT: usize = 2_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TopDistinct {
    signature: Signature,
}

impl Default for TopDistinct {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for TopDistinct {
    fn name(&self) -> &str {
        "approx_topk_distinct"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(answer_type())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments(given, 2, "approx_topk_distinct")
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let k = k_of(&args, 2, "approx_topk_distinct")?;
        Ok(Box::new(Distinct { k, kept: KEPT, values: HashMap::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |what: &str, ty: DataType| {
            Arc::new(Field::new(
                format!("{}[{what}]", args.name),
                DataType::new_list(ty, true),
                true,
            ))
        };
        Ok(vec![
            list("values", DataType::Utf8),
            list("hashes", DataType::new_list(DataType::Int64, true)),
        ])
    }
}

/// The smallest hashes of what was seen.
#[derive(Debug, Default)]
struct Sketch(BTreeSet<u64>);

impl Sketch {
    fn add(&mut self, hash: u64) {
        self.0.insert(hash);
        if self.0.len() > SMALLEST {
            self.0.pop_last();
        }
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an estimate")]
    fn count(&self) -> i64 {
        match self.0.last() {
            Some(largest) if self.0.len() == SMALLEST => {
                let share = *largest as f64 / u64::MAX as f64;
                ((SMALLEST - 1) as f64 / share).round() as i64
            }
            _ => self.0.len() as i64,
        }
    }
}

#[derive(Debug)]
struct Distinct {
    k: usize,
    kept: usize,
    values: HashMap<String, Sketch>,
}

impl Distinct {
    fn add(&mut self, value: &str, hashes: impl Iterator<Item = u64>) {
        if !self.values.contains_key(value) {
            if self.values.len() >= 2 * self.kept {
                let best = self.best(self.kept);
                self.values.retain(|value, _| best.iter().any(|(kept, _)| kept == value));
            }
            self.values.insert(value.to_owned(), Sketch::default());
        }
        if let Some(sketch) = self.values.get_mut(value) {
            hashes.for_each(|hash| sketch.add(hash));
        }
    }

    fn best(&self, most: usize) -> Vec<(String, i64)> {
        let mut best: Vec<(&String, i64)> =
            self.values.iter().map(|(value, sketch)| (value, sketch.count())).collect();
        best.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        best.truncate(most);
        best.into_iter().map(|(value, count)| (value.clone(), count)).collect()
    }
}

fn hash_of(text: &str) -> u64 {
    // The same in every thread and partition: it has no random seed.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let (values, counted) = (columns[0].as_string::<i32>(), columns[1].as_string::<i32>());
        for (value, counted) in values.iter().zip(counted) {
            if let (Some(value), Some(counted)) = (value, counted) {
                self.add(value, std::iter::once(hash_of(counted)));
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, hashes) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (values, hashes) in values.iter().zip(hashes.iter()) {
            let (Some(values), Some(hashes)) = (values, hashes) else { continue };
            let hashes: &ListArray = hashes.as_list::<i32>();
            for (value, hashes) in values.as_string::<i32>().iter().zip(hashes.iter()) {
                let Some(hashes) = hashes else { continue };
                let hashes: &Int64Array = hashes.as_primitive::<Int64Type>();
                self.add(
                    value.unwrap_or_default(),
                    hashes.iter().flatten().map(i64::cast_unsigned),
                );
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut names = Vec::with_capacity(self.values.len());
        let mut hashes = ListBuilder::new(Int64Array::builder(0));
        for (value, sketch) in &self.values {
            names.push(value.as_str());
            for hash in &sketch.0 {
                hashes.values().append_value(hash.cast_signed());
            }
            hashes.append(true);
        }
        let list = |array: ArrayRef| {
            SingleRowListArrayBuilder::new(array).with_nullable(true).build_list_scalar()
        };
        Ok(vec![list(Arc::new(StringArray::from(names))), list(Arc::new(hashes.finish()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        answer(self.best(self.k))
    }

    fn size(&self) -> usize {
        let sketches = self.values.iter().map(|(value, sketch)| value.len() + sketch.0.len() * 16);
        size_of_val(self)
            + sketches.sum::<usize>()
            + self.values.capacity() * size_of::<(String, Sketch)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_counted_exactly_and_many_within_a_tenth() {
        let mut distinct = Distinct { k: 2, kept: 10, values: HashMap::new() };
        for n in 0..20_000_u32 {
            distinct.add("many", std::iter::once(hash_of(&n.to_string())));
            distinct.add("few", std::iter::once(hash_of(&(n % 7).to_string())));
        }
        let best = distinct.best(2);
        assert_eq!(best[1], ("few".to_owned(), 7));
        assert!((18_000..=22_000).contains(&best[0].1), "{best:?}");
    }

    #[test]
    fn parts_put_together_count_what_both_saw_once() {
        let mut parts = [0, 5].map(|from| {
            let mut part = Distinct { k: 1, kept: 10, values: HashMap::new() };
            part.add("a", (from..from + 10).map(|n: i32| hash_of(&n.to_string())));
            part
        });
        let state: Vec<ArrayRef> = parts[1]
            .state()
            .expect("has a state")
            .iter()
            .map(|part| part.to_array().expect("is an array"))
            .collect();
        parts[0].merge_batch(&state).expect("merges");
        assert_eq!(parts[0].best(1), [("a".to_owned(), 15)]);
    }

    #[test]
    fn values_beyond_the_bound_make_room_for_those_with_more() {
        let mut distinct = Distinct { k: 1, kept: 4, values: HashMap::new() };
        distinct.add("best", (0..50).map(|n: i32| hash_of(&n.to_string())));
        (0..100).for_each(|n| distinct.add(&format!("rare {n}"), std::iter::once(1)));
        assert!(distinct.values.len() <= 8);
        assert_eq!(distinct.best(1)[0].0, "best");
    }
}
