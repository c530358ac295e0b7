//! What the dialect leaves to the server to fill in: the interval of a histogram, and the columns that `match_all`
//! searches.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Select as SqlSelect, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
    visit_expressions_mut,
};

use crate::error::Error;
use crate::functions::{FULL_TEXT, LONGEST_DAYS, automatic_s, interval_s, over, rounded_s};
use crate::names::parts;
use crate::session::TimeRange;
use crate::statement::Select;

/// The statement with everything filled in, and the interval of its histogram in seconds.
pub(crate) fn fill_in(
    select: &Select,
    full_text: &HashMap<TableReference, Vec<String>>,
    range: TimeRange,
    interval: Option<i64>,
) -> Result<(Select, Option<i64>), Error> {
    let mut filled = select.clone();
    let Statement::Statement(statement) = &mut filled.statement else { return Ok((filled, None)) };
    let automatic = interval.unwrap_or_else(|| automatic_s(seconds_of(range)));
    let mut filling = FillIn { full_text, automatic, interval: None };
    if let ControlFlow::Break(error) = VisitMut::visit(statement.as_mut(), &mut filling) {
        return Err(error);
    }
    let interval = filling.interval;
    match Visit::visit(statement.as_ref(), &mut LeftOver) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok((filled, interval)),
    }
}

const fn seconds_of(range: TimeRange) -> i64 {
    range.to_us.saturating_sub(range.from_us) / 1_000_000
}

struct FillIn<'a> {
    full_text: &'a HashMap<TableReference, Vec<String>>,
    automatic: i64,
    interval: Option<i64>,
}

impl VisitorMut for FillIn<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = name_of(function);
        if name != "histogram" {
            return ControlFlow::Continue(());
        }
        match self.interval_of(function) {
            Ok(interval_s) => {
                self.interval.get_or_insert(interval_s);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }

    // Inner selects come first: what is left in an outer one is its own.
    fn post_visit_select(&mut self, select: &mut SqlSelect) -> ControlFlow<Error> {
        let Some(columns) = stream_of(select).and_then(|name| self.full_text.get(&name)) else {
            return ControlFlow::Continue(());
        };
        let mut fill_in = |expr: &mut Expr| match expr {
            Expr::Function(function) => search_columns(function, columns),
            _ => ControlFlow::Continue(()),
        };
        visit_expressions_mut(&mut select.projection, &mut fill_in)?;
        visit_expressions_mut(&mut select.selection, &mut fill_in)?;
        visit_expressions_mut(&mut select.group_by, &mut fill_in)?;
        visit_expressions_mut(&mut select.having, &mut fill_in)
    }
}

impl FillIn<'_> {
    /// Reads the interval of a histogram, or writes the automatic one in.
    fn interval_of(&self, function: &mut Function) -> Result<i64, Error> {
        let bad = |text: &str| {
            Error::Histogram(format!(
                "{text} is no interval: write '30 second', '1 minute', '1 hour' or '1 day', at most {LONGEST_DAYS} days"
            ))
        };
        let arguments = || {
            Error::Histogram(
                "it takes a time and perhaps an interval: histogram(_timestamp, '1 minute')"
                    .to_owned(),
            )
        };
        let FunctionArguments::List(list) = &mut function.args else {
            return Err(arguments());
        };
        match &list.args[..] {
            [_] => {
                list.args.push(text_argument(&format!("{} second", self.automatic)));
                Ok(rounded_s(self.automatic))
            }
            [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => {
                match &value.value {
                    Value::SingleQuotedString(text) => {
                        interval_s(text).map(rounded_s).ok_or_else(|| bad(&format!("'{text}'")))
                    }
                    other => Err(bad(&other.to_string())),
                }
            }
            [_, other] => Err(bad(&other.to_string())),
            [] | [_, _, _, ..] => Err(arguments()),
        }
    }
}

/// Writes the columns into a call of the `match_all` family.
fn search_columns(function: &mut Function, columns: &[String]) -> ControlFlow<Error> {
    let name = name_of(function);
    if !FULL_TEXT.contains(&name.as_str()) {
        return ControlFlow::Continue(());
    }
    if columns.is_empty() {
        let text = format!("{name}: this stream has none of query.full_text_columns");
        return ControlFlow::Break(Error::NoFullText(text));
    }
    let wanted = if name.starts_with("fuzzy") { 2 } else { 1 };
    match &mut function.args {
        FunctionArguments::List(list) if list.args.len() == wanted => {
            list.args.extend(columns.iter().map(|column| {
                let column = Expr::Identifier(Ident::with_quote('"', column));
                FunctionArg::Unnamed(FunctionArgExpr::Expr(column))
            }));
        }
        FunctionArguments::List(_) | FunctionArguments::None | FunctionArguments::Subquery(_) => {
            let form = if wanted == 1 { "('word')" } else { "('word', 1)" };
            return ControlFlow::Break(Error::Sql(format!("{name} is written {name}{form}")));
        }
    }
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(over(&name)))]);
    ControlFlow::Continue(())
}

fn text_argument(text: &str) -> FunctionArg {
    let value = Value::SingleQuotedString(text.to_owned());
    FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value.into())))
}

fn name_of(function: &Function) -> String {
    parts(&function.name).and_then(|parts| parts.last().cloned()).unwrap_or_default()
}

/// The one stream that a select reads; `None` for a join, a subquery or a CTE.
fn stream_of(select: &SqlSelect) -> Option<TableReference> {
    let [from] = &select.from[..] else { return None };
    let TableFactor::Table { name, .. } = &from.relation else { return None };
    if !from.joins.is_empty() {
        return None;
    }
    match &parts(name)?[..] {
        [table] => Some(TableReference::bare(table.as_str())),
        [schema, table] => Some(TableReference::partial(schema.as_str(), table.as_str())),
        _ => None,
    }
}

/// Finds a `match_all` that got no columns.
struct LeftOver;

impl Visitor for LeftOver {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) if FULL_TEXT.contains(&name_of(function).as_str()) => {
                ControlFlow::Break(Error::NoFullText(format!(
                    "{} searches one stream: put it into the SELECT that reads FROM the stream, not over a join or a subquery",
                    name_of(function)
                )))
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
