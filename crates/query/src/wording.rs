//! What the query engine says when something is wrong, in the words of who wrote the SQL: what, where, and what to do.
//!
//! The engine speaks of its plans and of types in memory. [`RULES`] turn what people run into into sentences about
//! their SQL; what no rule knows is at least rid of the engine's own names.

use std::sync::LazyLock;

use datafusion::common::SchemaError;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use regex::Regex;

use crate::error::Error;

/// Longest text that is passed on, characters.
const LONGEST: usize = 400;

/// The error in our own words.
pub(crate) fn of(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::SQL(error, _) => Error::Sql(syntax(error)),
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Error::FieldNotFound(field.flat_name()),
            other => said(&other.to_string(), Error::Sql),
        },
        DataFusionError::Plan(text) => match text.strip_prefix("Invalid function ") {
            Some(rest) => Error::Function(function(rest)),
            None => said(text, Error::Sql),
        },
        DataFusionError::ResourcesExhausted(_) => Error::Memory,
        DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_) => of_file(&error.to_string()),
        DataFusionError::ArrowError(error, _) => said(&error.to_string(), Error::Execution),
        DataFusionError::External(error) => said(&error.to_string(), Error::Execution),
        DataFusionError::Execution(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Internal(text)
        | DataFusionError::Configuration(text) => said(text, Error::Execution),
        other => said(&other.to_string(), Error::Execution),
    }
}

/// Conditions are worked out while a file is decoded: what is wrong with them comes as a trouble of the file.
fn of_file(text: &str) -> Error {
    match text.split_once("Error evaluating filter predicate: ") {
        Some((_, why)) => said(why, Error::Execution),
        None => Error::File(text.to_owned()),
    }
}

fn syntax(error: &ParserError) -> String {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => return "expressions nest too deep".to_owned(),
    };
    located(text)
}

/// A text of the SQL parser, its place in words.
pub(crate) fn located(text: &str) -> String {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.? at Line: (\d+), Column: (\d+)"));
    static EXPECTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)^Expected: (.*?), found: "));
    let text = PLACE.replace_all(text, " at line $1, column $2");
    let text = EXPECTED.replace(&text, "expected $1, found ");
    text.replace("found EOF", "found the end of the text")
}

/// A function that is not there: what may have been meant, if anything is near.
fn function(rest: &str) -> String {
    let mut quoted = rest.split('\'').skip(1).step_by(2);
    let name = quoted.next().unwrap_or(rest);
    if WINDOW.contains(&name) {
        return format!("{name} is a window function: write {name}(…) OVER (ORDER BY …)");
    }
    // Two letters that changed places are two steps.
    let is_near = |other: &&str| levenshtein(name, other) <= (name.len() / 3).max(1);
    match quoted.find(is_near) {
        Some(near) => format!("{name}: did you mean {near}?"),
        None => format!("{name}: docs/api.md lists those of the dialect"),
    }
}

/// Functions that are there, and only with OVER.
const WINDOW: [&str; 9] = [
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "nth_value",
];

fn said(text: &str, kind: fn(String) -> Error) -> Error {
    let text = bare(text);
    for rule in RULES.iter() {
        if let Some(found) = rule.pattern.captures(&text) {
            let mut sentence = String::new();
            found.expand(rule.sentence, &mut sentence);
            let kind = if rule.is_type { Error::Type } else { kind };
            return kind(shortened(&plain(&sentence)));
        }
    }
    kind(shortened(&plain(&text)))
}

/// Without what the engine puts before and behind its texts.
fn bare(text: &str) -> String {
    static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?:(?:Error during planning|Execution error|Arrow error|External error|Internal error|Schema error|Cast error|Parser error|Compute error|Invalid argument error|Arithmetic overflow|This feature is not implemented|DataFusion error|SQL error|Optimizer rule '[^']*' failed): *)+",
        )
    });
    let text = text.split("\nThis issue was likely caused").collect::<Vec<_>>();
    let rest = text.get(1).and_then(|rest| rest.split_once(". No function matches"));
    // The part behind the plea to report a bug names the function.
    let joined = match rest {
        Some((_, rest)) => format!("{}. No function matches{rest}", text[0]),
        None => text[0].to_owned(),
    };
    let text = joined.split("\n\nbacktrace:").next().unwrap_or_default();
    BEFORE.replace(text.trim(), "").into_owned()
}

/// Literals and types as the SQL spells them.
fn plain(text: &str) -> String {
    static WORDS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r#"\b(?:Large)?Utf8(?:View)?\("([^"]*)"\)"#, "'$1'"),
            (r"\b(?:U?Int|Float|Decimal)\d+\((-?[\d.e+-]+)\)", "$1"),
            (r"\bBoolean\((true|false)\)", "$1"),
            (r"\b(?:Large)?Utf8(?:View)?\b", "text"),
            (r"\bU?Int(?:8|16|32|64)\b", "whole number"),
            (r"\b(?:Float(?:16|32|64)|Decimal\d*(?:\([^)]*\))?)\b", "number"),
            (r"\bBoolean\b", "truth value"),
            (r"\bTimestamp\([^)]*\)", "time"),
            (r"\b(?:Large)?List\([^)]*\)", "array"),
            (r"\b(?:Large)?Binary(?:View)?\b", "bytes"),
            (r"\bInterval\([^)]*\)", "interval"),
            (r"\bNull\b", "null"),
            (r"\?table\?\.", ""),
            (r"\s*\n\s*", " "),
            (r"(?i)\b(?:in )?datafusion(?:'s)?\b", "the query engine"),
        ]
        .map(|(from, to)| (pattern(from), to))
        .into()
    });
    WORDS.iter().fold(text.to_owned(), |text, (from, to)| from.replace_all(&text, *to).into_owned())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// One thing that the engine says, and what it means.
struct Rule {
    pattern: Regex,
    sentence: &'static str,
    /// Whether a value is of the wrong type.
    is_type: bool,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rule = |is_type| {
        move |(from, sentence): (&str, &'static str)| Rule {
            pattern: pattern(from),
            sentence,
            is_type,
        }
    };
    TYPES.into_iter().map(rule(true)).chain(OTHERS.into_iter().map(rule(false))).collect()
});

/// What is wrong with types.
const TYPES: [(&str, &str); 10] = [
    (r"(?s)^('.*' is no number, and is compared with .*)$", "$1"),
    (
        r"(?s)^Function '\w+' user-defined coercion failed with: (?:Error during planning: |Execution error: )?(.*?)\.? No function matches",
        "$1",
    ),
    (
        r"(?s)No function matches the given name and argument types '(\w+)\((.*?)\)'\. You",
        "$1($2) cannot be calculated: look how many arguments $1 takes and of which types; try_cast(x as double) makes a number of a text",
    ),
    (
        r"^Cannot coerce arithmetic expression (.+) to valid types",
        "$1 cannot be calculated: try_cast(x as double) makes a number of a text, || joins texts",
    ),
    (
        r"^Cannot create filter with non-boolean predicate '(.*)' returning (.*)$",
        "$1 is no condition but a $2: compare it with something",
    ),
    (
        r"^Cannot infer common argument type for \w+(?: \w+)? operation (.*)$",
        "$1: the two sides are of types that do not go together; cast one of them, or compare it with something",
    ),
    (
        r"^There isn't a common type to coerce .* in LIKE expression",
        "LIKE compares texts: write the pattern in single quotes, and cast(x as text) before a number",
    ),
    (
        r"(?s)^Cannot cast string '(.*)' to value of (\w+) type",
        "'$1' is no $2, and is compared with one or cast to one: compare with a text in single quotes, or use try_cast, which makes null of it",
    ),
    (
        r"^Cannot access field at argument \d+: type (\S+) is not",
        "a field is taken out of a $1, which has none: spath(json, 'a.b') takes one out of JSON text",
    ),
    (r"^\[return_type\] (\w+) not supported for (\S+)", "$1 cannot be given a $2"),
];

/// What else people run into.
const OTHERS: [(&str, &str); 18] = [
    (
        r#"(?s)^Column in (SELECT|HAVING|ORDER BY|QUALIFY) must be in GROUP BY.*?column "(.*?)" must appear"#,
        "column $2 in $1 has to stand in GROUP BY too, or inside of an aggregate such as max($2)",
    ),
    (
        r"^Aggregate function calls cannot be nested",
        "an aggregate cannot stand inside of another: take the inner one in a subquery",
    ),
    (
        r#"(?s)^Projections require unique expression names but the expression "(.*)" at position \d+ and "(.*)" at position"#,
        "two columns of the answer have the same name, $1 and $2: give one another name with AS",
    ),
    (
        r"^Divide by zero",
        "something is divided by zero: nullif(x, 0) below the line makes null of it",
    ),
    (
        r"^Placeholder '(.*)' was not provided",
        "$1 stands for a parameter, and there are none: write the value itself",
    ),
    (
        r"(?s)^Dot access not supported",
        "a dot stands behind something that is no alias: a column is alias.column, spath(json, 'a.b') takes a field out of JSON text",
    ),
    (
        r"(?s)^Substring without for/from",
        "substr takes a text, the place to begin and perhaps a length: substr(x, 1, 10)",
    ),
    (
        r"(?s)^(?:the regular expression is not valid: )?regex parse error:\s*(.*?)\n.*error: (.*)$",
        "the regular expression is not valid: $1: $2",
    ),
    (
        r"^Unsupported SQL type (.*)$",
        "there is no type $1: there are text, bigint, double, boolean, date and timestamp",
    ),
    (
        r"^Ambiguous reference to unqualified field (.*)$",
        "column $1 is in more than one of the joined streams: write alias.$1",
    ),
    (r"^Invalid qualifier (.*)$", "no stream and no alias is called $1"),
    (
        r"^Error parsing timestamp from '(.*)': .*$",
        "'$1' is no time: write it as '2026-11-24T08:00:00Z'",
    ),
    (
        r"^Scalar subquery returned more than one row",
        "a subquery that stands for one value gave more than one row: add LIMIT 1, or take max(…) of it",
    ),
    (r"^Too many columns! The subquery", "a subquery behind IN or = has to give one column"),
    (
        r#"^Invalid input syntax for type interval: (.*)$"#,
        "$1 is no interval: write it as '15 minutes' or '1 day'",
    ),
    (
        r"^Expected LIMIT to be an integer or null, but got (.*)$",
        "LIMIT and OFFSET are whole numbers, not a $1",
    ),
    (
        r"^Expected an integer value",
        "a function was given something else where it needs a whole number, such as the second argument of lag",
    ),
    (
        r"^UNION queries have different number of columns",
        "the SELECTs of a UNION have to give as many columns",
    ),
];

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn text(error: DataFusionError) -> String {
        of(&error).to_string()
    }

    #[test]
    fn what_is_known_is_said_in_words_about_the_sql() {
        let internal = "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' requires Decimal, but received String (DataType: Utf8).\nThis issue was likely caused by a bug in DataFusion's code. Please help us to resolve this by filing a bug report in our issue tracker: https://github.com/apache/datafusion/issues. No function matches the given name and argument types 'sum(Utf8)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tsum(…)";
        assert!(
            text(DataFusionError::Plan(internal.to_owned()))
                .starts_with("incompatible type: sum(text) cannot be calculated")
        );
        let own = "Execution error: Function 're_match' user-defined coercion failed with: Error during planning: re_match takes 2 arguments, got 1. No function matches the given name and argument types 're_match(Utf8)'. You might need to add explicit type casts.";
        assert_eq!(
            text(DataFusionError::Plan(own.to_owned())),
            "incompatible type: re_match takes 2 arguments, got 1"
        );
        let unknown = "Invalid function 'nofunc'.\nDid you mean 'trunc'?";
        assert!(!text(DataFusionError::Plan(unknown.to_owned())).contains("trunc"));
        let condition = "Parquet error: Arrow: Error evaluating filter predicate: Execution error: match_all needs a word";
        assert_eq!(of_file(condition).to_string(), "SQL execution error: match_all needs a word");
        assert!(matches!(of_file("/a/path: no such file"), Error::File(_)));
        let near = "Invalid function 'lenght'.\nDid you mean 'length'?";
        assert!(text(DataFusionError::Plan(near.to_owned())).contains("did you mean length?"));
        assert_eq!(
            plain(r#"Int64(5) + Utf8("x") = Float64(0.5), List(Utf8) and Timestamp(µs)"#),
            "5 + 'x' = 0.5, array and time"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_engine_says_stays_short_and_loses_its_names(words in any::<String>()) {
            let from_engine = format!("Internal error: {words} Utf8 in DataFusion\nThis issue was likely caused by");
            let said = text(DataFusionError::Internal(from_engine));
            assert!(said.chars().count() <= LONGEST + 30);
            assert!(!said.contains("DataFusion") && !said.contains("This issue"), "{said}");
        }
    }
}
