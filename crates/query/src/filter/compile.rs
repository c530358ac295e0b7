//! A filter to an expression over columns whose types are known.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, cast, try_cast};
use datafusion::prelude::{ident, lit};
use schema::Unit;

use super::{Filter, Term, Test, What, Written, bad};
use crate::condition::{contains_text, escaped};
use crate::error::Error;
use crate::session::OVERFLOW;

impl Filter {
    /// The expression that is true for the rows that are meant; `None` if the filter is empty. Every column that the
    /// filter names is in the schema.
    pub(crate) fn compile(&self, schema: &DFSchema) -> Result<Option<Expr>, Error> {
        let mut all: Option<Expr> = None;
        for any in &self.all {
            let terms: Result<Vec<Expr>, Error> =
                any.iter().map(|term| term.compile(schema)).collect();
            let any = terms?.into_iter().reduce(Expr::or);
            all = all.into_iter().chain(any).reduce(Expr::and);
        }
        Ok(all)
    }
}

impl Term {
    fn compile(&self, schema: &DFSchema) -> Result<Expr, Error> {
        let expr = match &self.what {
            What::Text(text) => contains_text(text),
            What::Field { columns, test, value } => {
                let tests: Result<Vec<Expr>, Error> =
                    columns.iter().map(|column| compare(column, *test, value, schema)).collect();
                tests?.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false))
            }
        };
        // A row without a value is not one with this value.
        Ok(if self.without { Expr::IsNotTrue(Box::new(expr)) } else { expr })
    }
}

fn compare(name: &str, test: Test, value: &Written, schema: &DFSchema) -> Result<Expr, Error> {
    let found = in_column(name, test, value, schema);
    let is_pattern = !value.quoted && value.text.contains('*') && value.text != "*";
    if test != Test::Is || is_pattern || schema::column(name).is_some() {
        return found;
    }
    // The same attribute of another type is in the overflow; what cannot be compared with the column's values can be it.
    let overflow = in_overflow(name, value);
    Ok(match found {
        Ok(found) => found.or(overflow),
        Err(_) => overflow,
    })
}

/// Rows whose overflow, which is compact JSON, has this attribute with this value. That most rows have none rules most
/// groups of rows out.
fn in_overflow(name: &str, value: &Written) -> Expr {
    let column = ident(OVERFLOW);
    let json = |value: serde_json::Value| escaped(&value.to_string());
    let key = json(name.into());
    let like = |rest: &str| column.clone().like(lit(format!("%{key}:{rest}%")));
    let is_there = column.clone().is_not_null();
    if !value.quoted && value.text == "*" {
        return is_there.and(like("").and(!like("null")));
    }
    let text = like(&json(value.text.as_str().into()));
    let plain = serde_json::from_str(&value.text)
        .ok()
        .filter(|plain: &serde_json::Value| plain.is_number() || plain.is_boolean())
        .filter(|_| !value.quoted)
        .map(json);
    let found = plain.map_or(text.clone(), |plain| {
        [',', '}'].iter().fold(text, |any, end| any.or(like(&format!("{plain}{end}"))))
    });
    is_there.and(found)
}

fn in_column(name: &str, test: Test, value: &Written, schema: &DFSchema) -> Result<Expr, Error> {
    let column = ident(name);
    if !value.quoted && value.text == "*" && test == Test::Is {
        return Ok(column.is_not_null());
    }
    let field = schema.field_with_unqualified_name(name);
    match field.map(|field| field.data_type().clone()) {
        Ok(DataType::Int64 | DataType::Float64) => number(name, test, value),
        Ok(DataType::Boolean) => truth(name, test, value),
        Ok(DataType::Utf8) => Ok(text(name, test, value)),
        // Nobody has sent the column.
        Ok(DataType::Null) | Err(_) => Ok(lit(false)),
        Ok(other) => Err(bad(value.at, format!("{name} is {other} and cannot be compared"))),
    }
}

fn with(column: Expr, test: Test, value: Expr) -> Expr {
    match test {
        Test::Is => column.eq(value),
        Test::More => column.gt(value),
        Test::MoreOrSame => column.gt_eq(value),
        Test::Less => column.lt(value),
        Test::LessOrSame => column.lt_eq(value),
    }
}

fn truth(name: &str, test: Test, value: &Written) -> Result<Expr, Error> {
    match (test, value.text.parse::<bool>()) {
        (Test::Is, Ok(truth)) => Ok(ident(name).eq(lit(truth))),
        _ => Err(bad(value.at, format!("{name} is true or false"))),
    }
}

fn text(name: &str, test: Test, value: &Written) -> Expr {
    let column = ident(name);
    let written = match name {
        "span_status" | "span_status_raw" => value.text.to_uppercase(),
        "trace_id" | "span_id" => value.text.to_lowercase(),
        "llm_observation_type" | "openinference_span_kind" => kind(name, &value.text),
        _ => value.text.clone(),
    };
    if name == "tag_tags" && test == Test::Is {
        return column.like(lit(listed(&value.text, value.quoted)));
    }
    match (test, quantity(&written)) {
        (Test::Is, _) if !value.quoted && written.contains('*') => {
            let parts: Vec<String> = written.split('*').map(escaped).collect();
            column.like(lit(parts.join("%")))
        }
        (Test::Is, _) => column.eq(lit(written)),
        // Numbers that came as texts compare as numbers.
        (_, Some((number, ""))) if !value.quoted => {
            with(try_cast(column, DataType::Float64), test, lit(number))
        }
        (_, _) => with(column, test, lit(written)),
    }
}

/// A list in JSON that has an element like this one.
fn listed(tag: &str, quoted: bool) -> String {
    let element = |text: &str| {
        let json = serde_json::Value::from(text).to_string();
        escaped(&json[1..json.len() - 1])
    };
    let parts: Vec<String> =
        if quoted { vec![element(tag)] } else { tag.split('*').map(element).collect() };
    format!("%\"{}\"%", parts.join("%"))
}

/// A kind of span under the name that the column has for it. Source: the conventions' names for kinds of spans.
fn kind(column: &str, asked: &str) -> String {
    let asked = asked.to_uppercase();
    let one = match asked.as_str() {
        "LLM" | "GENERATION" | "CHAT" | "CHAT_MODEL" | "COMPLETION" | "TEXT_COMPLETION"
        | "GENERATE_CONTENT" => ["GENERATION", "LLM"],
        "EMBEDDING" | "EMBEDDINGS" => ["EMBEDDING", "EMBEDDING"],
        "RETRIEVER" | "RETRIEVAL" => ["RETRIEVER", "RETRIEVER"],
        "TOOL" | "EXECUTE_TOOL" => ["TOOL", "TOOL"],
        "AGENT" | "INVOKE_AGENT" | "CREATE_AGENT" => ["AGENT", "AGENT"],
        "CHAIN" | "WORKFLOW" | "INVOKE_WORKFLOW" | "TASK" => ["CHAIN", "CHAIN"],
        "RERANKER" | "RERANK" => ["RERANKER", "RERANKER"],
        _ => return asked,
    };
    one[usize::from(column == "openinference_span_kind")].to_owned()
}

fn number(name: &str, test: Test, value: &Written) -> Result<Expr, Error> {
    if name == "http_response_status_code"
        && test == Test::Is
        && let Some(class) = class_of(&value.text)
    {
        return Ok(http_class(class));
    }
    let unit = schema::column(name).map_or(Unit::None, |column| column.unit);
    let scaled = quantity(&value.text).ok_or_else(|| {
        let like = match name {
            "http_response_status_code" => "429, or a class from 1xx to 5xx",
            _ if is_time(name, unit) => "2s or 150ms",
            _ => "20 or 1.5k",
        };
        bad(value.at, format!("{name} is a number, written like {like}"))
    });
    let (number, suffix) = scaled?;
    let scale = scale_of(name, unit, suffix).map_err(|why| bad(value.at, why))?;
    Ok(with(ident(name), test, literal(number * scale)))
}

/// `4xx` is 4.
fn class_of(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(class - b'0'),
        _ => None,
    }
}

/// The calls whose HTTP status begins with this digit.
pub(crate) fn http_class(class: u8) -> Expr {
    let (column, from) = (ident("http_response_status_code"), i64::from(class) * 100);
    column.clone().gt_eq(lit(from)).and(column.lt(lit(from + 100)))
}

/// A number and the letters behind it.
fn quantity(text: &str) -> Option<(f64, &str)> {
    let end = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = text.split_at(end);
    let number = number.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some((number, suffix))
}

fn is_time(name: &str, unit: Unit) -> bool {
    let is_moment = matches!(name, "_timestamp" | "start_time" | "end_time");
    matches!(unit, Unit::Micros | Unit::Seconds) && !is_moment
}

/// What a suffix multiplies by, for a column in this unit.
fn scale_of(name: &str, unit: Unit, suffix: &str) -> Result<f64, String> {
    let seconds = match suffix {
        "ns" => Some(1e-9),
        "us" | "µs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" | "min" => Some(60.0),
        "h" => Some(3_600.0),
        _ => None,
    };
    let plain = match suffix {
        "" => Some(1.0),
        "k" | "K" => Some(1e3),
        "m" | "M" => Some(1e6),
        "g" | "G" => Some(1e9),
        _ => None,
    };
    let (scale, units) = match unit {
        Unit::Micros if is_time(name, unit) => (seconds.map(|s| s * 1e6), "us, ms, s, min or h"),
        Unit::Seconds => (seconds, "us, ms, s, min or h"),
        Unit::Micros | Unit::Nanos => (suffix.is_empty().then_some(1.0), "none: it is a moment"),
        Unit::None | Unit::Tokens | Unit::Dollars | Unit::Bytes | Unit::Percent => {
            (plain, "none, k, M or G")
        }
    };
    scale.ok_or_else(|| {
        if name == "http_response_status_code" {
            format!("{name} is a number such as 429, or a class from 1xx to 5xx")
        } else if suffix.is_empty() {
            format!("{name} needs a unit: {units}, such as {name}:>2s")
        } else {
            format!("{name} cannot have the unit {suffix:?}; units: {units}")
        }
    })
}

/// A whole number stays one, so that statistics of whole columns can rule rows out.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small enough")]
fn literal(number: f64) -> Expr {
    // Scaling 0.3 s gives 300000.00000000006 µs or so.
    let rounded = number.round();
    let is_whole = (number - rounded).abs() <= number.abs() * 1e-12;
    if is_whole && rounded.abs() < 9e15 {
        Expr::Literal(ScalarValue::Int64(Some(rounded as i64)), None)
    } else {
        lit(number)
    }
}

/// A column as text, for answers in which columns of all types stand together.
pub(crate) fn as_text(name: &str) -> Expr {
    cast(ident(name), DataType::Utf8)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn compiled(text: &str) -> Result<String, Error> {
        let schema = Schema::new(vec![
            Field::new("duration", DataType::Int64, true),
            Field::new("gen_ai_response_time_to_first_chunk", DataType::Float64, true),
            Field::new("llm_token_count_total", DataType::Int64, true),
            Field::new("http_response_status_code", DataType::Int64, true),
            Field::new("span_status", DataType::Utf8, true),
            Field::new("llm_is_leaf", DataType::Boolean, true),
            Field::new("error_message", DataType::Utf8, true),
            Field::new("nobody", DataType::Null, true),
            Field::new("size", DataType::Int64, true),
        ]);
        let schema = DFSchema::try_from(schema).expect("is good");
        let expr = Filter::parse(text).expect(text).compile(&schema)?;
        Ok(expr.map_or_else(String::new, |expr| expr.to_string()))
    }

    #[test]
    fn values_are_read_in_the_unit_of_their_column() {
        for (text, expected) in [
            ("duration:>2s", "duration > Int64(2000000)"),
            ("duration:<=0.3ms", "duration <= Int64(300)"),
            ("ttft:>500ms", "gen_ai_response_time_to_first_chunk > Float64(0.5)"),
            ("tokens:>=1.5k", "llm_token_count_total >= Int64(1500)"),
            ("http:429", "http_response_status_code = Int64(429)"),
            (
                "http:4xx",
                "http_response_status_code >= Int64(400) AND http_response_status_code < Int64(500)",
            ),
            ("status:error", "span_status = Utf8(\"ERROR\")"),
            ("llm_is_leaf:true", "llm_is_leaf = Boolean(true)"),
            ("error_message:1.*", "error_message LIKE Utf8(\"1.%\")"),
            ("error_message:\"1.*\"", "error_message = Utf8(\"1.*\")"),
            ("error_message:>2", "TRY_CAST(error_message AS Float64) > Float64(2)"),
            ("error_message:*", "error_message IS NOT NULL"),
            ("-error_message:a_b", "error_message = Utf8(\"a_b\") IS NOT TRUE"),
            ("", ""),
        ] {
            assert_eq!(compiled(text).expect(text), expected, "{text}");
        }
        let overflow = |likes: &[&str]| {
            let likes: Vec<String> =
                likes.iter().map(|l| format!("attributes_overflow LIKE Utf8(\"%{l}%\")")).collect();
            let likes = likes.join(" OR ");
            let likes = if likes.contains(" OR ") { format!("({likes})") } else { likes };
            format!("attributes_overflow IS NOT NULL AND {likes}")
        };
        for (text, expected) in [
            ("nobody:x", format!("Boolean(false) OR {}", overflow(&[r#""nobody":"x""#]))),
            ("size:big", overflow(&[r#""size":"big""#])),
            ("size:a_b", overflow(&[r#""size":"a\_b""#])),
            ("size:\"7\"", format!("size = Int64(7) OR {}", overflow(&[r#""size":"7""#]))),
            (
                "size:7",
                format!(
                    "size = Int64(7) OR {}",
                    overflow(&[r#""size":"7""#, r#""size":7,"#, r#""size":7}"#])
                ),
            ),
            ("size:>7", "size > Int64(7)".to_owned()),
        ] {
            assert_eq!(compiled(text).expect(text), expected, "{text}");
        }
        assert!(compiled("size:b*g").is_err(), "a pattern is one for the column");
    }

    #[test]
    fn what_a_column_cannot_be_is_said_with_its_place() {
        for (text, place, word) in [
            ("duration:>2", 11, "us, ms, s"),
            ("a duration:abc", 12, "is a number"),
            ("tokens:>2parsec", 9, "parsec"),
            ("llm_is_leaf:maybe", 13, "true or false"),
        ] {
            let error = compiled(text).expect_err(text);
            let Error::Filter { at, why } = &error else { panic!("{error}") };
            assert_eq!(*at, place, "{text}: {why}");
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
