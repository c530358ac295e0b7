//! `approx_topk(column, k)`: the most frequent values, in bounded memory.
//!
//! Exact while there are at most [`KEPT`] distinct values in a group. Beyond that, counts shrink together as in Misra
//! and Gries' method: a value's count is too small by at most the number of rows divided by [`KEPT`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};

/// Values that a group keeps.
const KEPT: usize = 10_000;
/// The largest `k`.
const MOST: i64 = 1_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TopValues {
    signature: Signature,
}

impl Default for TopValues {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

/// An element of the answer.
fn fields() -> Fields {
    vec![Field::new("value", DataType::Utf8, true), Field::new("count", DataType::Int64, true)]
        .into()
}

/// The type of the answer: a list of values with their counts, most frequent first.
pub(super) fn answer_type() -> DataType {
    DataType::new_list(DataType::Struct(fields()), true)
}

/// The answer of one group.
pub(super) fn answer(best: Vec<(String, i64)>) -> Result<ScalarValue> {
    let (values, counts): (Vec<String>, Vec<i64>) = best.into_iter().unzip();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(values)), Arc::new(Int64Array::from(counts))];
    let rows = StructArray::try_new(fields(), columns, None)?;
    Ok(SingleRowListArrayBuilder::new(Arc::new(rows)).with_nullable(true).build_list_scalar())
}

/// The constant `k` that stands behind `columns` arguments.
pub(super) fn k_of(args: &AccumulatorArgs<'_>, columns: usize, name: &str) -> Result<usize> {
    let empty = arrow::array::RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
    let k = args.exprs.get(columns).and_then(|k| k.evaluate(&empty).ok());
    match k {
        Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(k @ 1..=MOST)))) => {
            Ok(usize::try_from(k).unwrap_or(1))
        }
        _ => exec_err!("{name}: k has to be a constant from 1 to {MOST}"),
    }
}

/// The types of `columns` texts and a `k`.
pub(super) fn arguments(given: &[DataType], columns: usize, name: &str) -> Result<Vec<DataType>> {
    if given.len() != columns + 1 || given[..columns].iter().any(DataType::is_nested) {
        let of = if columns == 1 { "a column" } else { "two columns" };
        return plan_err!("{name} takes {of} of texts or numbers and how many values to give");
    }
    let mut types = vec![DataType::Utf8; columns];
    types.push(DataType::Int64);
    Ok(types)
}

impl AggregateUDFImpl for TopValues {
    fn name(&self) -> &str {
        "approx_topk"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(answer_type())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        arguments(given, 1, "approx_topk")
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let k = k_of(&args, 1, "approx_topk")?;
        Ok(Box::new(Counts { k, kept: KEPT, counts: HashMap::new(), bytes: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |what: &str, ty: DataType| {
            Arc::new(Field::new(
                format!("{}[{what}]", args.name),
                DataType::new_list(ty, true),
                true,
            ))
        };
        Ok(vec![list("values", DataType::Utf8), list("counts", DataType::Int64)])
    }
}

#[derive(Debug)]
struct Counts {
    k: usize,
    kept: usize,
    counts: HashMap<String, i64>,
    /// Bytes of the values.
    bytes: usize,
}

impl Counts {
    fn add(&mut self, value: &str, count: i64) {
        match self.counts.get_mut(value) {
            Some(sum) => *sum += count,
            None => {
                self.bytes += value.len();
                self.counts.insert(value.to_owned(), count);
                if self.counts.len() > 2 * self.kept {
                    self.shrink();
                }
            }
        }
    }

    /// Takes the count of the first value that is not kept from all.
    fn shrink(&mut self) {
        let mut counts: Vec<i64> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let taken = counts.get(self.kept).copied().unwrap_or(0);
        self.counts.retain(|_, count| {
            *count -= taken;
            *count > 0
        });
        self.bytes = self.counts.keys().map(String::len).sum();
    }

    fn best(&self) -> Vec<(String, i64)> {
        let mut best: Vec<(&String, i64)> =
            self.counts.iter().map(|(value, count)| (value, *count)).collect();
        best.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        best.truncate(self.k);
        best.into_iter().map(|(value, count)| (value.clone(), count)).collect()
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for value in columns[0].as_string::<i32>().iter().flatten() {
            self.add(value, 1);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            let counts = counts.as_primitive::<Int64Type>();
            for (value, count) in values.as_string::<i32>().iter().zip(counts) {
                self.add(value.unwrap_or_default(), count.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<&str>, Vec<i64>) =
            self.counts.iter().map(|(value, count)| (value.as_str(), *count)).unzip();
        let list = |array: ArrayRef| {
            SingleRowListArrayBuilder::new(array).with_nullable(true).build_list_scalar()
        };
        Ok(vec![
            list(Arc::new(StringArray::from(values))),
            list(Arc::new(Int64Array::from(counts))),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        answer(self.best())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes + self.counts.capacity() * (size_of::<(String, i64)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(kept: usize) -> Counts {
        Counts { k: 2, kept, counts: HashMap::new(), bytes: 0 }
    }

    #[test]
    fn the_most_frequent_values_stay_when_most_are_seen_once() {
        let mut counts = counts(10);
        for n in 0..1_000 {
            counts.add(&format!("rare {n}"), 1);
            counts.add(if n % 3 == 0 { "b" } else { "a" }, 1);
        }
        assert!(counts.counts.len() <= 21 && counts.size() < 4_096);
        let best = counts.best();
        assert_eq!((best[0].0.as_str(), best[1].0.as_str()), ("a", "b"));
        // 2,000 rows over 10 kept values: a count is short by 200 at most.
        assert!((466..=666).contains(&best[0].1), "{best:?}");
    }

    #[test]
    fn parts_put_together_count_as_the_whole() {
        let (mut left, mut right) = (counts(10), counts(10));
        left.add("a", 2);
        right.add("a", 1);
        right.add("b", 5);
        let state: Vec<ArrayRef> = right
            .state()
            .expect("has a state")
            .iter()
            .map(|part| part.to_array().expect("is an array"))
            .collect();
        left.merge_batch(&state).expect("merges");
        assert_eq!(left.best(), [("b".to_owned(), 5), ("a".to_owned(), 3)]);
    }
}
