//! `distribution(x)`: a histogram of numbers as bytes, for this crate's own questions. Quantiles of it are off by at
//! most 1 %, however many rows it holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use histogram::{Histogram, MAX_BUCKETS};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Distribution {
    signature: Signature,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Distribution {
    fn name(&self) -> &str {
        "distribution"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [one] if one.is_numeric() || one.is_null() => Ok(vec![DataType::Float64]),
            _ => plan_err!("distribution takes one number"),
        }
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Observed(Histogram::new())))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[histogram]", args.name), DataType::Binary, true))])
    }
}

#[derive(Debug)]
struct Observed(Histogram);

impl Accumulator for Observed {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        for value in columns[0].as_primitive::<Float64Type>().iter().flatten() {
            self.0.observe(value);
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in states[0].as_binary::<i32>().iter().flatten() {
            match Histogram::decode(bytes) {
                Ok(other) => self.0.merge(&other),
                Err(error) => return exec_err!("a part of a histogram cannot be read: {error}"),
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.0.encode()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary((!self.0.is_empty()).then(|| self.0.encode())))
    }

    fn size(&self) -> usize {
        size_of_val(self) + MAX_BUCKETS * size_of::<u64>()
    }
}
