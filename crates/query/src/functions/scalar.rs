//! What the dialect's row-wise functions have in common: names, kinds of arguments, and a batch at a time.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// What an argument is taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// Text; numbers and truth values are read as text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// A moment: µs since 1970-01-01 UTC, a timestamp, or a text with a date.
    Time,
    /// A moment that is a number of µs or a timestamp, and no text.
    Moment,
    /// A list.
    List,
}

/// One function: the same columns always give the same answer, row by row.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    aliases: Vec<String>,
    arguments: &'static [Argument],
    /// How many of the last arguments may be left out.
    optional: usize,
    /// What any number of further arguments is taken as.
    rest: Option<Argument>,
    returns: fn() -> DataType,
    run: fn(&Call<'_>) -> Result<ArrayRef>,
    signature: Signature,
}

impl Function {
    pub(super) fn new(
        name: &'static str,
        arguments: &'static [Argument],
        returns: fn() -> DataType,
        run: fn(&Call<'_>) -> Result<ArrayRef>,
    ) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self {
            name,
            aliases: Vec::new(),
            arguments,
            optional: 0,
            rest: None,
            returns,
            run,
            signature,
        }
    }

    pub(super) fn also(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    pub(super) const fn optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    pub(super) const fn rest(mut self, rest: Argument) -> Self {
        self.rest = Some(rest);
        self
    }
}

// A function is its name: there is one of each.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok((self.returns)())
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let most = self.arguments.len();
        let least = most - self.optional;
        if types.len() < least || (types.len() > most && self.rest.is_none()) {
            let wanted =
                if least == most { least.to_string() } else { format!("{least} to {most}") };
            return plan_err!("{} takes {wanted} arguments, got {}", self.name, types.len());
        }
        types
            .iter()
            .enumerate()
            .map(|(at, given)| {
                let argument = self.arguments.get(at).copied().or(self.rest);
                coerced(argument.unwrap_or(Argument::Text), given).map_or_else(
                    || plan_err!("argument {} of {} cannot be a {given}", at + 1, self.name),
                    Ok,
                )
            })
            .collect()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let call = Call { name: self.name, args: &args.args, rows: args.number_rows };
        Ok(ColumnarValue::Array((self.run)(&call)?))
    }
}

fn coerced(argument: Argument, given: &DataType) -> Option<DataType> {
    let plain = given.is_null()
        || given.is_numeric()
        || matches!(
            given,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean
        );
    match argument {
        Argument::Text => (plain || given.is_temporal()).then_some(DataType::Utf8),
        Argument::Int => plain.then_some(DataType::Int64),
        Argument::Number => plain.then_some(DataType::Float64),
        Argument::Time | Argument::Moment => match given {
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
                Some(DataType::Timestamp(TimeUnit::Microsecond, None))
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                (argument == Argument::Time).then_some(DataType::Utf8)
            }
            given if given.is_null() || given.is_numeric() => Some(DataType::Int64),
            _ => None,
        },
        Argument::List => {
            matches!(given, DataType::List(_) | DataType::Null).then(|| given.clone())
        }
    }
}

/// One batch's call of a function.
pub(super) struct Call<'a> {
    name: &'static str,
    args: &'a [ColumnarValue],
    pub(super) rows: usize,
}

impl Call<'_> {
    pub(super) const fn count(&self) -> usize {
        self.args.len()
    }

    fn array(&self, at: usize, ty: &DataType) -> Result<ArrayRef> {
        let array = self.args[at].to_array(self.rows)?;
        Ok(if array.data_type() == ty { array } else { cast(&array, ty)? })
    }

    pub(super) fn any(&self, at: usize) -> Result<ArrayRef> {
        self.args[at].to_array(self.rows)
    }

    pub(super) fn text(&self, at: usize) -> Result<StringArray> {
        Ok(self.array(at, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    pub(super) fn numbers(&self, at: usize) -> Result<arrow::array::Float64Array> {
        Ok(self.array(at, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
    }

    /// Moments, µs since 1970-01-01 UTC; a text that is no date is null.
    pub(super) fn micros(&self, at: usize) -> Result<Int64Array> {
        micros_of(&self.args[at].to_array(self.rows)?)
    }

    /// An argument that has to be the same for all rows.
    fn constant(&self, at: usize) -> Result<&ScalarValue> {
        match &self.args[at] {
            ColumnarValue::Scalar(value) => Ok(value),
            ColumnarValue::Array(_) => {
                exec_err!("argument {} of {} has to be a constant", at + 1, self.name)
            }
        }
    }

    pub(super) fn constant_text(&self, at: usize) -> Result<Option<&str>> {
        match self.constant(at)? {
            ScalarValue::Utf8(text) => Ok(text.as_deref()),
            _ => exec_err!("argument {} of {} has to be a text", at + 1, self.name),
        }
    }

    pub(super) fn constant_int(&self, at: usize) -> Result<Option<i64>> {
        match self.constant(at)? {
            ScalarValue::Int64(value) => Ok(*value),
            _ => exec_err!("argument {} of {} has to be a whole number", at + 1, self.name),
        }
    }

    pub(super) fn constant_micros(&self, at: usize) -> Result<Option<i64>> {
        let value = micros_of(&self.constant(at)?.to_array()?)?;
        if value.is_null(0) {
            return exec_err!("argument {} of {} is no time", at + 1, self.name);
        }
        Ok(Some(value.value(0)))
    }

    /// Answers each text that is not null.
    pub(super) fn test(&self, at: usize, test: impl Fn(&str) -> bool) -> Result<ArrayRef> {
        let answers: BooleanArray = self.text(at)?.iter().map(|text| text.map(&test)).collect();
        Ok(Arc::new(answers))
    }

    /// Turns each text that is not null into a text or null.
    pub(super) fn map(&self, at: usize, map: impl Fn(&str) -> Option<String>) -> Result<ArrayRef> {
        let texts: StringArray = self.text(at)?.iter().map(|text| text.and_then(&map)).collect();
        Ok(Arc::new(texts))
    }

    /// All null: what a function answers that was given null for a pattern.
    pub(super) fn nulls(&self, ty: &DataType) -> ArrayRef {
        arrow::array::new_null_array(ty, self.rows)
    }
}

fn micros_of(array: &ArrayRef) -> Result<Int64Array> {
    match array.data_type() {
        DataType::Utf8 => Ok(array
            .as_string::<i32>()
            .iter()
            .map(|text| string_to_timestamp_nanos(text?).ok().map(|nanos| nanos.div_euclid(1_000)))
            .collect()),
        DataType::Timestamp(_, _) => {
            let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Ok(micros.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
        }
        _ => Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
    }
}

/// The type of a moment in an answer: µs, UTC, without a zone.
pub(super) const fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub(super) const fn text_type() -> DataType {
    DataType::Utf8
}

pub(super) const fn truth_type() -> DataType {
    DataType::Boolean
}
