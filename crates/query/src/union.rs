//! Several streams as one table.
//!
//! It has every column that any of the streams has, null in the rows of those that have it not, and says of each row
//! which stream it is of.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, cast};
use datafusion::prelude::{ident, lit};

use crate::error::Error;

/// The column that names a row's stream.
pub(crate) const STREAM: &str = "_stream";

/// Names and types of a table's columns, in their order.
pub(crate) type Columns = Vec<(String, DataType)>;

/// The columns of several tables put together.
pub(crate) fn columns(tables: &[Columns]) -> Columns {
    let mut all: Columns = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (name, ty) in tables.iter().flatten().filter(|(name, _)| name != STREAM) {
        match places.get(name) {
            Some(&place) => {
                let known: &mut (String, DataType) = &mut all[place];
                known.1 = both(&known.1, ty);
            }
            None => {
                places.insert(name.clone(), all.len());
                all.push((name.clone(), ty.clone()));
            }
        }
    }
    all.push((STREAM.to_owned(), DataType::Utf8));
    all
}

/// The type that has the values of both.
fn both(one: &DataType, other: &DataType) -> DataType {
    match (one, other) {
        (one, other) if one == other => one.clone(),
        (DataType::Null, ty) | (ty, DataType::Null) => ty.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            DataType::Float64
        }
        (_, _) => DataType::Utf8,
    }
}

/// The rows of all parts; each comes with the name of its stream.
pub(crate) fn together(parts: Vec<(&str, DataFrame)>) -> Result<DataFrame, Error> {
    let of = |frame: &DataFrame| -> Columns {
        let fields = frame.schema().fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let each: Vec<Columns> = parts.iter().map(|(_, frame)| of(frame)).collect();
    let all = columns(&each);
    let mut whole: Option<DataFrame> = None;
    for ((stream, frame), own) in parts.into_iter().zip(&each) {
        let own: std::collections::HashMap<&str, &DataType> =
            own.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
        let column = |(name, ty): &(String, DataType)| -> Result<Expr, Error> {
            let value = match own.get(name.as_str()) {
                _ if name == STREAM => lit(stream),
                Some(own) if *own == ty => ident(name),
                Some(_) => cast(ident(name), ty.clone()),
                None => Expr::Literal(ScalarValue::try_from(ty)?, None),
            };
            Ok(value.alias(name))
        };
        let part = frame.select(all.iter().map(column).collect::<Result<Vec<_>, _>>()?)?;
        whole = Some(match whole {
            Some(whole) => whole.union(part)?,
            None => part,
        });
    }
    whole.ok_or_else(|| Error::Execution("no stream was named".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_two_types_become_one_that_holds_both() {
        let table = |columns: &[(&str, DataType)]| -> Columns {
            columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect()
        };
        let one = table(&[("a", DataType::Int64), ("b", DataType::Utf8), ("c", DataType::Null)]);
        let other = table(&[
            ("c", DataType::Boolean),
            ("a", DataType::Float64),
            ("b", DataType::Int64),
            ("d", DataType::Int64),
        ]);
        let expected = table(&[
            ("a", DataType::Float64),
            ("b", DataType::Utf8),
            ("c", DataType::Boolean),
            ("d", DataType::Int64),
            (STREAM, DataType::Utf8),
        ]);
        assert_eq!(columns(&[one, other]), expected);
    }
}
