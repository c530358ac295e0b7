//! SQL text to one read-only statement and the streams that it reads.

use std::collections::HashSet;
use std::str::FromStr;

use datafusion::common::TableReference;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, SelectItem, SetExpr, Statement as SqlStatement, TableFactor,
    TableWithJoins, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use schema::{Kind, OrgName, Table};
use std::ops::ControlFlow;

use crate::error::Error;
use crate::names::Names;
use crate::session::{MATCHING, SPANS};
use crate::wording::located;

/// The longest SQL text that is read, bytes.
const LONGEST: usize = 256 * 1024;
/// How deep expressions may nest.
const DEEPEST: usize = 64;
/// Most words, numbers and signs of one text. A chain such as `a + b + c` nests as deep as it is long, whatever the
/// parser's bound on brackets, and what walks it calls itself.
const MOST_TOKENS: usize = 4_096;

/// Refuses a text that is longer than is read.
pub(crate) fn check_length(sql: &str) -> Result<(), Error> {
    if sql.len() > LONGEST {
        return Err(Error::Sql(format!("the text is longer than {LONGEST} bytes")));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|error| Error::Sql(located(&error.to_string())))?;
    let words = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if words > MOST_TOKENS {
        return Err(Error::Sql(format!(
            "the text has {words} words and signs, at most {MOST_TOKENS} are read"
        )));
    }
    Ok(())
}

/// One SELECT, and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) statement: Statement,
    /// What it reads, by the name by which the SQL calls it.
    pub(crate) streams: Vec<(TableReference, Source)>,
}

/// What a table of a statement is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// One stream as it is.
    Stream(Table),
    /// Several streams as one table, whose rows say which stream they are of.
    Streams(Vec<Table>),
}

impl Source {
    pub(crate) fn tables(&self) -> &[Table] {
        match self {
            Self::Stream(table) => std::slice::from_ref(table),
            Self::Streams(tables) => tables,
        }
    }
}

/// Reads the text; a stream without a kind is of `kind`, and all streams are of `org`.
pub(crate) fn parse(sql: &str, org: &OrgName, kind: Kind) -> Result<Select, Error> {
    check_length(sql)?;
    let select = parse_with(sql, |relation| Ok(Source::Stream(stream_of(relation, org, kind)?)))?;
    if let Statement::Statement(statement) = &select.statement
        && let ControlFlow::Break(error) = statement.visit(&mut NoRecursion)
    {
        return Err(error);
    }
    Ok(select)
}

/// Reads this crate's own text, in which a bare table is a part of some streams of one organisation, and `kind.stream`
/// another of the same. It may be long: it names as many columns as a stream has.
pub(crate) fn parse_own(sql: &str, streams: &[Table]) -> Result<Select, Error> {
    let first = streams.first().ok_or_else(|| Error::Execution("no stream is named".to_owned()))?;
    parse_with(sql, |name| match name {
        TableReference::Bare { table } if matches!(table.as_ref(), SPANS | MATCHING) => {
            Ok(Source::Streams(streams.to_vec()))
        }
        TableReference::Bare { table } => {
            Err(Error::Execution(format!("{table:?} is neither {SPANS} nor {MATCHING}")))
        }
        TableReference::Partial { .. } | TableReference::Full { .. } => {
            Ok(Source::Stream(stream_of(name, &first.org, first.kind)?))
        }
    })
}

fn parse_with(
    sql: &str,
    source_of: impl Fn(&TableReference) -> Result<Source, Error>,
) -> Result<Select, Error> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .with_recursion_limit(DEEPEST)
        .build()?
        .parse_statements()?;
    let (Some(mut statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(Error::Sql("expected exactly one statement".to_owned()));
    };
    let word = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
    let no_select = || Error::NotAllowed(format!("{word} is not a SELECT"));
    let Statement::Statement(inner) = &mut statement else { return Err(no_select()) };
    let SqlStatement::Query(query) = inner.as_mut() else { return Err(no_select()) };
    name_as_written(query);
    if let ControlFlow::Break(error) = query.visit(&mut OnlyReads) {
        return Err(error);
    }
    let (relations, _) = resolve_table_references(&statement, true)?;
    let mut seen = HashSet::new();
    let mut streams = Vec::new();
    for relation in relations.into_iter().filter(|relation| seen.insert(relation.clone())) {
        streams.push((relation.clone(), source_of(&relation)?));
    }
    Ok(Select { statement, streams })
}

/// `stream` or `kind.stream`; nothing else names a stream, so no other organisation can be named.
fn stream_of(name: &TableReference, org: &OrgName, kind: Kind) -> Result<Table, Error> {
    match name {
        TableReference::Bare { table } => Ok(Table::new(org.clone(), kind, table)),
        TableReference::Partial { schema, table } => match Kind::from_str(schema) {
            Ok(kind) => Ok(Table::new(org.clone(), kind, table)),
            Err(()) => Err(Error::NotAllowed(format!(
                "{schema:?} is not traces, logs or metrics, and streams of other organizations cannot be read"
            ))),
        },
        TableReference::Full { catalog, .. } => Err(Error::NotAllowed(format!(
            "{catalog:?} is outside of this organization; name a stream as \"stream\" or \"traces\".\"stream\""
        ))),
    }
}

/// Has each column of the answer that has no name carry the text that stands for it, and not the engine's spelling.
fn name_as_written(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {}
            SelectItem::UnnamedExpr(expr) => {
                let alias = Ident::with_quote('"', expr.to_string());
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
            SelectItem::ExprWithAlias { .. }
            | SelectItem::ExprWithAliases { .. }
            | SelectItem::QualifiedWildcard(_, _)
            | SelectItem::Wildcard(_) => {}
        }
    }
}

/// Refuses what may go on for ever. This crate's own questions may recur: their steps are counted.
struct NoRecursion;

impl Visitor for NoRecursion {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        match &query.with {
            Some(with) if with.recursive => ControlFlow::Break(Error::NotAllowed(
                "WITH RECURSIVE is not run: a recursion may go on for ever".to_owned(),
            )),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Refuses the parts of a query that write, lock or read from elsewhere, and those that would be passed over.
struct OnlyReads;

impl Visitor for OnlyReads {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        let refuse = |what: &str| ControlFlow::Break(Error::Sql(what.to_owned()));
        match factor {
            TableFactor::Table { sample: Some(_), .. } => refuse(
                "TABLESAMPLE is not built: a condition such as trace_id LIKE 'a%' takes a sixteenth of the traces",
            ),
            TableFactor::Table { args: Some(_), name, .. } => refuse(&format!(
                "{name}(…) cannot be read from: FROM takes streams, subqueries and UNNEST"
            )),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let refuse =
            |what: &str| ControlFlow::Break(Error::NotAllowed(format!("{what} is not a SELECT")));
        if !query.locks.is_empty() {
            return refuse("FOR UPDATE");
        }
        match query.body.as_ref() {
            SetExpr::Select(select) if select.into.is_some() => refuse("SELECT INTO"),
            SetExpr::Insert(_) => refuse("INSERT"),
            SetExpr::Update(_) => refuse("UPDATE"),
            SetExpr::Delete(_) => refuse("DELETE"),
            SetExpr::Merge(_) => refuse("MERGE"),
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_)
            | SetExpr::Table(_) => ControlFlow::Continue(()),
        }
    }
}

impl Select {
    /// Whether this is a plain list of rows with no order of its own: no ORDER BY, GROUP BY, DISTINCT, set
    /// operation, join or subquery to select from. (Aggregates without GROUP BY are told apart once the plan is known.)
    pub(crate) fn is_plain_list(&self) -> bool {
        let Statement::Statement(inner) = &self.statement else { return false };
        let SqlStatement::Query(query) = inner.as_ref() else { return false };
        let SetExpr::Select(select) = query.body.as_ref() else { return false };
        let grouped = match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(by, _) => !by.is_empty(),
        };
        let one_table = matches!(
            &select.from[..],
            [TableWithJoins { relation: TableFactor::Table { .. }, joins }] if joins.is_empty()
        );
        query.order_by.is_none()
            && query.with.is_none()
            && select.distinct.is_none()
            && !grouped
            && one_table
    }

    /// The columns that the statement names and that are neither known nor defined by itself.
    pub(crate) fn beyond(&self, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        match &self.statement {
            Statement::Statement(statement) => Names::of(statement.as_ref()).beyond(is_known),
            Statement::CreateExternalTable(_)
            | Statement::CopyTo(_)
            | Statement::Explain(_)
            | Statement::Reset(_) => Vec::new(),
        }
    }

    /// The same statement without the `columns` that stand beside a `*`: it brings them along already.
    pub(crate) fn without_beside_star(&self, columns: &[String]) -> Self {
        let mut narrower = self.clone();
        let is_one = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(Expr::Identifier(name)) if columns.contains(&name.value));
        if let Statement::Statement(inner) = &mut narrower.statement
            && let SqlStatement::Query(query) = inner.as_mut()
            && let SetExpr::Select(select) = query.body.as_mut()
            && select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)))
        {
            select.projection.retain(|item| !is_one(item));
        }
        narrower
    }

    /// The same statement with one more column in its answer.
    pub(crate) fn also_selecting(&self, column: &str) -> Self {
        let mut wider = self.clone();
        if let Statement::Statement(inner) = &mut wider.statement
            && let SqlStatement::Query(query) = inner.as_mut()
            && let SetExpr::Select(select) = query.body.as_mut()
        {
            select.projection.push(SelectItem::UnnamedExpr(Expr::Identifier(Ident::new(column))));
        }
        wider
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(sql: &str) -> String {
        parse(sql, &OrgName::first(), Kind::Traces).expect_err("is refused").to_string()
    }

    #[test]
    fn a_chain_that_is_too_long_is_refused_before_anything_walks_it() {
        let chain = |parts: usize| format!("select {} from default", vec!["1"; parts].join(" + "));
        assert!(check_length(&chain(2_000)).is_ok());
        let error = check_length(&chain(50_000)).expect_err("is too long");
        assert!(error.to_string().contains("at most 4096"), "{error}");
        assert!(check_length(&"x".repeat(LONGEST + 1)).is_err());
    }

    #[test]
    fn what_writes_is_refused_by_name() {
        for (sql, word) in [
            ("INSERT INTO \"default\" VALUES (1)", "INSERT"),
            ("DELETE FROM \"default\"", "DELETE"),
            ("UPDATE \"default\" SET a = 1", "UPDATE"),
            ("DROP TABLE \"default\"", "DROP"),
            ("select * into x from \"default\"", "SELECT INTO"),
            ("with d as (delete from \"default\" returning *) select * from d", "DELETE"),
        ] {
            let text = error(sql);
            assert!(text.contains(word) && text.contains("only SELECT"), "{sql}: {text}");
        }
        assert!(error("COPY \"default\" TO '/tmp/x'").contains("only SELECT"));
        let endless = "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r";
        assert!(error(endless).contains("WITH RECURSIVE is not run"));
        assert!(error("select 1; select 2").contains("exactly one"));
        assert!(error("selec 1").contains("SQL not valid"));
    }

    #[test]
    fn only_streams_of_the_own_organization_can_be_named() {
        let org = OrgName::first();
        let tables = |sql: &str| parse(sql, &org, Kind::Traces).map(|select| select.streams);
        let streams =
            tables("select * from \"default\" a join logs.app b on a.x = b.x").expect("is fine");
        let names: Vec<_> =
            streams.iter().map(|(_, source)| source.tables()[0].to_string()).collect();
        assert!(
            names.contains(&"default/traces/default".to_owned())
                && names.contains(&"default/logs/app".to_owned())
        );
        assert!(
            error("select * from other.traces.\"default\"")
                .contains("outside of this organization")
        );
        assert!(error("select * from other.\"default\"").contains("other organizations"));
    }

    #[test]
    fn a_plain_list_is_told_from_what_has_its_own_shape() {
        let plain = |sql: &str| {
            parse(sql, &OrgName::first(), Kind::Traces).expect("parses").is_plain_list()
        };
        assert!(plain("select * from \"default\" where a = 1 limit 5"));
        for sql in [
            "select * from \"default\" order by a",
            "select a, count(*) from \"default\" group by a",
            "select distinct a from \"default\"",
            "select a from x union all select a from y",
        ] {
            assert!(!plain(sql), "{sql}");
        }
    }
}
