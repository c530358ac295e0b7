//! `summary_percentile(value, count, p)`: a percentile of rows that were counted together, each value standing for
//! `count` rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, Schema};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SummaryPercentile {
    signature: Signature,
}

impl Default for SummaryPercentile {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for SummaryPercentile {
    fn name(&self) -> &str {
        "summary_percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() == 3 && given.iter().all(|ty| ty.is_numeric() || ty.is_null()) {
            return Ok(vec![DataType::Float64, DataType::Int64, DataType::Float64]);
        }
        plan_err!(
            "summary_percentile takes three numbers: a value, how many rows it stands for, and a share such as 0.95"
        )
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let share = args.exprs.get(2).and_then(|share| share.evaluate(&empty).ok());
        match share {
            Some(ColumnarValue::Scalar(ScalarValue::Float64(Some(share))))
                if (0.0..=1.0).contains(&share) =>
            {
                Ok(Box::new(Weighted { share, counts: HashMap::new() }))
            }
            _ => exec_err!("summary_percentile: the share has to be a constant from 0 to 1"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |what: &str, ty: DataType| {
            let name = format!("{}[{what}]", args.name);
            Arc::new(Field::new(name, DataType::new_list(ty, true), true))
        };
        Ok(vec![list("values", DataType::Float64), list("counts", DataType::Int64)])
    }
}

#[derive(Debug)]
struct Weighted {
    share: f64,
    /// Rows by the bits of their value.
    counts: HashMap<u64, i64>,
}

impl Weighted {
    fn add(&mut self, values: &Float64Array, counts: &Int64Array) -> Result<()> {
        for (value, count) in values.iter().zip(counts) {
            match (value, count) {
                (Some(value), Some(count @ 1..)) => {
                    let sum = self.counts.entry(value.to_bits()).or_default();
                    *sum = sum.saturating_add(count);
                }
                (Some(_), Some(..=-1)) => {
                    return exec_err!(
                        "summary_percentile: a value cannot stand for fewer than 0 rows"
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// As `percentile_cont` over all rows: what lies between two rows is drawn in proportion.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a place among the rows; beyond 2^53 of them the next one is as good"
    )]
    fn percentile(&self) -> Option<f64> {
        let mut sorted: Vec<(f64, i64)> =
            self.counts.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let rows = sorted.iter().fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
        let place = self.share * (rows - 1) as f64;
        let at = |row: i64| {
            let mut before = 0_i64;
            sorted.iter().find_map(|(value, count)| {
                before = before.saturating_add(*count);
                (row < before).then_some(*value)
            })
        };
        let (low, high) = (at(place.floor() as i64)?, at(place.ceil() as i64)?);
        Some(low + (high - low) * place.fract())
    }
}

impl Accumulator for Weighted {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.add(columns[0].as_primitive::<Float64Type>(), columns[1].as_primitive::<Int64Type>())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            self.add(values.as_primitive::<Float64Type>(), counts.as_primitive::<Int64Type>())?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<f64>, Vec<i64>) =
            self.counts.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).unzip();
        let list = |array: ArrayRef| {
            SingleRowListArrayBuilder::new(array).with_nullable(true).build_list_scalar()
        };
        Ok(vec![
            list(Arc::new(Float64Array::from(values))),
            list(Arc::new(Int64Array::from(counts))),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.percentile()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * (size_of::<(u64, i64)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::proptest;

    use super::*;

    fn weighted(share: f64, rows: &[(f64, i64)]) -> Weighted {
        let mut weighted = Weighted { share, counts: HashMap::new() };
        let (values, counts): (Vec<f64>, Vec<i64>) = rows.iter().copied().unzip();
        weighted.add(&values.into(), &counts.into()).expect("adds");
        weighted
    }

    #[test]
    fn a_value_counts_as_often_as_it_stands_for() {
        // 1, 1, 1, 5: the rows at places 0 to 3.
        let rows = [(1.0, 3), (5.0, 1), (9.0, 0)];
        assert_eq!(weighted(0.5, &rows).percentile(), Some(1.0));
        assert_eq!(weighted(1.0, &rows).percentile(), Some(5.0));
        assert_eq!(weighted(5.0 / 6.0, &rows).percentile(), Some(3.0));
        assert_eq!(weighted(0.5, &[]).percentile(), None);
        let mut one = weighted(0.5, &[]);
        assert!(one.add(&vec![1.0].into(), &vec![-1].into()).is_err());
    }

    proptest! {
        #[test]
        fn it_is_the_percentile_of_the_rows_written_out(rows in vec((0_i32..50, 1_i64..20), 1..30), share in 0.0_f64..=1.0) {
            let rows: Vec<(f64, i64)> = rows.into_iter().map(|(value, count)| (f64::from(value), count)).collect();
            let mut all: Vec<f64> = rows.iter().flat_map(|(value, count)| (0..*count).map(move |_| *value)).collect();
            all.sort_unstable_by(f64::total_cmp);
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small place")]
            let expected = {
                let place = share * (all.len() - 1) as f64;
                let (low, high) = (all[place.floor() as usize], all[place.ceil() as usize]);
                low + (high - low) * place.fract()
            };
            let found = weighted(share, &rows).percentile().expect("has rows");
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }
}
