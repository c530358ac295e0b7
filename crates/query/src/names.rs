//! Which columns a statement names, so that those that nobody has sent are known before it is planned.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, TableAlias, TableFactor,
    Visit, Visitor,
};

/// The names in a statement, as DataFusion reads them: lower case unless quoted.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Columns that are named without a table, in their order.
    bare: Vec<String>,
    /// Columns behind a name that may be a table: `(table, column)`.
    qualified: Vec<(String, String)>,
    /// Names that the statement itself gives to columns.
    defined: HashSet<String>,
    /// Names of tables, streams and their aliases.
    tables: HashSet<String>,
}

impl Names {
    /// Reads them off a statement or an expression.
    pub(crate) fn of(node: &impl Visit) -> Self {
        let mut names = Self::default();
        // Nothing in this visitor breaks off.
        let _ = node.visit(&mut names);
        names
    }

    /// The columns that are neither known nor defined by the statement, each once.
    pub(crate) fn beyond(&self, is_known: impl Fn(&str) -> bool) -> Vec<String> {
        let qualified = self.qualified.iter().filter(|(table, _)| self.tables.contains(table));
        let columns = self.bare.iter().chain(qualified.map(|(_, column)| column));
        let mut seen = HashSet::new();
        columns
            .filter(|name| !is_known(name) && !self.defined.contains(*name) && seen.insert(*name))
            .cloned()
            .collect()
    }

    fn alias(&mut self, alias: &TableAlias) {
        self.tables.insert(normal(&alias.name));
        self.defined.extend(alias.columns.iter().map(|column| normal(&column.name)));
    }
}

/// A name as it is looked up.
pub(crate) fn normal(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The parts of a table's or function's name; `None` if one is computed.
pub(crate) fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(normal(ident)),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.bare.push(normal(name)),
            Expr::CompoundIdentifier(path) => {
                if let [.., table, column] = &path[..] {
                    self.qualified.push((normal(table), normal(column)));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.alias(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => {
                    self.defined.insert(normal(alias));
                }
                SelectItem::ExprWithAliases { aliases, .. } => {
                    self.defined.extend(aliases.iter().map(normal));
                }
                SelectItem::UnnamedExpr(_)
                | SelectItem::QualifiedWildcard(_, _)
                | SelectItem::Wildcard(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        match table {
            TableFactor::Table { name, alias, .. } => {
                self.tables.extend(parts(name).and_then(|parts| parts.last().cloned()));
                alias.iter().for_each(|alias| self.alias(alias));
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::NestedJoin { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::Function { alias, .. } => {
                alias.iter().for_each(|alias| self.alias(alias));
            }
            // The others cannot be planned.
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The known name that is most like one that nobody knows; `None` if none is near.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    use datafusion::common::utils::datafusion_strsim::levenshtein;
    let furthest = (name.len() / 4).clamp(1, 4);
    known
        .filter(|other| other.len().abs_diff(name.len()) <= furthest)
        .map(|other| (levenshtein(name, other), other))
        .filter(|(distance, _)| *distance <= furthest)
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;
    use datafusion::sql::parser::Statement;

    use super::*;

    fn beyond(sql: &str) -> Vec<String> {
        let statement = DFParser::parse_sql(sql).expect(sql).pop_front().expect("one");
        let Statement::Statement(statement) = statement else { panic!("no SQL statement") };
        Names::of(statement.as_ref()).beyond(|name| matches!(name, "_timestamp" | "duration"))
    }

    #[test]
    fn what_a_statement_defines_itself_is_not_missing() {
        for (sql, expected) in [
            (
                "select duration, Nobody, \"NoBody\" from default where none > 1",
                vec!["nobody", "NoBody", "none"],
            ),
            ("select count(*) as n from default group by duration order by n", vec![]),
            ("with c as (select duration as d from default) select c.d, c.e from c", vec!["e"]),
            ("select x.value from (select unnest(a) as x from default)", vec!["a"]),
            ("select t.nobody, elsewhere.y from default t", vec!["nobody"]),
            ("select d.nobody from (select * from default) as d(nobody)", vec![]),
        ] {
            let mut found = beyond(sql);
            found.sort_unstable();
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(found, expected, "{sql}");
        }
    }

    #[test]
    fn a_mistyped_name_has_a_nearest_one() {
        let known = ["duration", "trace_id", "llm_token_count_prompt"];
        let near = |name| nearest(name, known.into_iter());
        assert_eq!(near("durations"), Some("duration"));
        assert_eq!(near("llm_token_count_promt"), Some("llm_token_count_prompt"));
        assert_eq!(near("x"), None);
    }
}
