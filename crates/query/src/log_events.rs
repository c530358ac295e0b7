//! GenAI events that came as log records, joined to their spans when a trace is read.
//!
//! Spans and events are stored as they come, in any order and hours apart; nobody waits for the other, and no row
//! changes. Only who reads a trace brings them together.

use std::collections::HashMap;

use datafusion::catalog::TableProvider;
use lake::{NullAs, TableView};
use schema::{Kind, OrgName, Table};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use crate::answer::{Cells, Found};
use crate::condition::Condition;
use crate::error::Error;
use crate::search::{Own, Query};
use crate::session::TimeRange;
use crate::streams::Spans;
use crate::summary::quoted;
use crate::traces::AROUND_US;

/// The column that only log streams with GenAI events have.
const MARK: &str = "llm_observation_type";
/// The columns of an event beside its messages, which not every stream has.
const ASKED: [&str; 13] = [
    "observed_time",
    "gen_ai_choice_index",
    "gen_ai_input_messages",
    "gen_ai_output_messages",
    "gen_ai_system_instructions",
    "gen_ai_tool_definitions",
    "exception_type",
    "exception_message",
    "error_type",
    "gen_ai_evaluation_name",
    "gen_ai_evaluation_score_value",
    "gen_ai_evaluation_score_label",
    "gen_ai_evaluation_explanation",
];
/// Most streams that are asked at once.
const STREAMS: usize = 32;
/// Most events of one trace that are read.
const MOST_EVENTS: usize = 20_000;
/// Names the columns of a span that its log events have filled.
const FILLED: &str = "_filled_from_log_events";

impl Query {
    /// The spans of a trace as a JSON array, with the messages, errors and evaluations that log events have of them and
    /// they have not themselves; and whether there are more events than are read.
    pub(crate) async fn with_log_events(
        &self,
        streams: &[Table],
        trace_id: &str,
        spans: &Found,
    ) -> Result<(String, bool), Error> {
        let condition = Condition::default();
        let logs = streams.first().map(|table| self.streams_with_events(&table.org));
        let mut said: HashMap<String, Said> = HashMap::new();
        let mut events = 0;
        for logs in logs.unwrap_or_default().chunks(STREAMS) {
            let (sql, asked) = (sql(logs, trace_id), Spans { streams, range: around(spans) });
            let found = self.own(Own { spans: asked, sql, condition: &condition }).await?;
            events += found.rows;
            for cells in found.cells() {
                let span_id = cells.text("span_id").unwrap_or_default();
                said.entry(span_id).or_default().hear(&cells);
            }
        }
        let spans = spans.json()?;
        let spans = if said.is_empty() { spans } else { joined(&spans, said)? };
        Ok((spans, events > MOST_EVENTS))
    }

    /// The log streams that hold GenAI events. One that cannot be read is left out: the program's log names it.
    fn streams_with_events(&self, org: &OrgName) -> Vec<(Table, TableView)> {
        let tables = self.lake.tables(org).into_iter().filter(|table| table.kind == Kind::Logs);
        let views = tables.filter_map(|table| {
            let view = self.lake.view(&table, &[], NullAs::Anything).ok().flatten()?;
            Some((table, view))
        });
        views.filter(|(_, view)| view.schema().column_with_name(MARK).is_some()).collect()
    }
}

fn around(spans: &Found) -> TimeRange {
    let times = || spans.cells().filter_map(|cells| cells.int("_timestamp"));
    let ends = spans.cells().filter_map(|cells| {
        Some(cells.int("_timestamp")?.saturating_add(cells.int("duration").unwrap_or(0)))
    });
    TimeRange {
        from_us: times().min().unwrap_or(i64::MIN).saturating_sub(AROUND_US),
        to_us: ends.max().unwrap_or(i64::MAX).saturating_add(AROUND_US),
    }
}

/// The events of a trace in several streams, each once: an exporter that was not answered sends them again.
fn sql(streams: &[(Table, TableView)], trace_id: &str) -> String {
    let of_stream = |(table, view): &(Table, TableView)| {
        let schema = view.schema();
        let column = |name: &&str| {
            let known = schema.column_with_name(name).is_some();
            let value = if known { name } else { "null" };
            let ty = if *name == "gen_ai_evaluation_score_value" { "double" } else { "varchar" };
            let ty = if matches!(*name, "observed_time" | "gen_ai_choice_index") {
                "bigint"
            } else {
                ty
            };
            format!("try_cast({value} as {ty}) as {name}")
        };
        let columns: Vec<String> = ASKED.iter().map(column).collect();
        format!(
            "select _timestamp, span_id, event_name, {} from \"logs\".\"{}\" \
             where trace_id = {} and {MARK} = 'EVENT' and span_id is not null",
            columns.join(", "),
            table.stream,
            quoted(trace_id),
        )
    };
    let streams: Vec<String> = streams.iter().map(of_stream).collect();
    format!(
        "select distinct * from ({}) as events \
         order by coalesce(observed_time, _timestamp * 1000), gen_ai_choice_index limit {}",
        streams.join(" union all "),
        MOST_EVENTS + 1
    )
}

/// What log events say of one span.
#[derive(Debug, Default)]
struct Said {
    /// By the column of the span that it fills: what one event has whole.
    whole: HashMap<&'static str, String>,
    /// Input messages, one event each.
    input: Vec<String>,
    /// Choices of the answer, with their index.
    output: Vec<(i64, String)>,
    evaluations: Vec<Json>,
}

impl Said {
    fn hear(&mut self, cells: &Cells<'_>) {
        let (input, output) = ("gen_ai_input_messages", "gen_ai_output_messages");
        match cells.text("event_name").as_deref().unwrap_or_default() {
            "gen_ai.evaluation.result" => self.evaluations.push(evaluation(cells)),
            "gen_ai.client.operation.exception" => {
                self.keep("error_type", cells.text("exception_type").or(cells.text("error_type")));
                self.keep("error_message", cells.text("exception_message"));
            }
            "gen_ai.client.inference.operation.details" => {
                for column in
                    [input, output, "gen_ai_system_instructions", "gen_ai_tool_definitions"]
                {
                    self.keep(column, cells.text(column));
                }
            }
            _ => {
                self.input.extend(cells.text(input));
                let index = cells.int("gen_ai_choice_index").unwrap_or(0);
                self.output.extend(cells.text(output).map(|choice| (index, choice)));
            }
        }
    }

    /// The first event's word counts.
    fn keep(&mut self, column: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.whole.entry(column).or_insert(value);
        }
    }

    /// The columns that these events fill.
    fn columns(mut self) -> Vec<(&'static str, String)> {
        self.output.sort_by_key(|(index, _)| *index);
        let output: Vec<String> = self.output.into_iter().map(|(_, choice)| choice).collect();
        let (mut columns, lists): (Vec<_>, _) = (
            self.whole.into_iter().collect(),
            [("gen_ai_input_messages", self.input), ("gen_ai_output_messages", output)],
        );
        for (column, lists) in lists {
            let has_whole = columns.iter().any(|(other, _)| *other == column);
            columns.extend(concat(&lists).filter(|_| !has_whole).map(|list| (column, list)));
        }
        if !self.evaluations.is_empty() {
            columns.push(("gen_ai_evaluations", Json::from(self.evaluations).to_string()));
        }
        columns.sort_unstable_by_key(|(column, _)| *column);
        columns
    }
}

fn evaluation(cells: &Cells<'_>) -> Json {
    let text = |name: &str| cells.text(&format!("gen_ai_evaluation_{name}"));
    let all = [
        ("name", json!(text("name"))),
        ("score_value", json!(cells.float("gen_ai_evaluation_score_value"))),
        ("score_label", json!(text("score_label"))),
        ("explanation", json!(text("explanation"))),
    ];
    let known = all.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(known.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// JSON arrays, one behind the other; `None` if they hold nothing. One that is no array is left out.
fn concat(lists: &[String]) -> Option<String> {
    let elements =
        lists.iter().filter_map(|list| serde_json::from_str::<Vec<&RawValue>>(list).ok());
    let elements: Vec<&str> = elements.flatten().map(RawValue::get).collect();
    (!elements.is_empty()).then(|| format!("[{}]", elements.join(",")))
}

/// The spans with what is said of them in the columns that they leave empty.
fn joined(spans: &str, mut said: HashMap<String, Said>) -> Result<String, Error> {
    let broken = |error: serde_json::Error| Error::Execution(error.to_string());
    let mut spans: Vec<Map<String, Json>> = serde_json::from_str(spans).map_err(broken)?;
    for span in &mut spans {
        let said = span.get("span_id").and_then(Json::as_str).and_then(|id| said.remove(id));
        let mut filled = Vec::new();
        for (column, value) in said.map(Said::columns).unwrap_or_default() {
            if !span.contains_key(column) {
                span.insert(column.to_owned(), value.into());
                filled.push(column);
            }
        }
        if !filled.is_empty() {
            span.insert(FILLED.to_owned(), filled.into());
        }
    }
    serde_json::to_string(&spans).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(input: &[&str], output: &[(i64, &str)]) -> Said {
        Said {
            input: input.iter().map(|text| (*text).to_owned()).collect(),
            output: output.iter().map(|(index, text)| (*index, (*text).to_owned())).collect(),
            ..Said::default()
        }
    }

    #[test]
    fn messages_of_several_events_become_one_list_and_choices_go_by_index() {
        let said = said(&[r#"[{"a":1}]"#, "not json", r#"[{"b":2}]"#], &[(1, "[1]"), (0, "[0]")]);
        assert_eq!(
            said.columns(),
            [
                ("gen_ai_input_messages", r#"[{"a":1},{"b":2}]"#.to_owned()),
                ("gen_ai_output_messages", "[0,1]".to_owned()),
            ]
        );
        assert_eq!(concat(&["[]".to_owned()]), None);
    }

    #[test]
    fn one_event_for_all_comes_before_events_of_one_message_each() {
        let mut said = said(&["[1]"], &[]);
        said.keep("gen_ai_input_messages", Some("[2]".to_owned()));
        said.keep("gen_ai_input_messages", Some("[3]".to_owned()));
        assert_eq!(said.columns(), [("gen_ai_input_messages", "[2]".to_owned())]);
    }

    #[test]
    fn what_a_span_says_itself_stays() {
        let spans = r#"[{"span_id":"a","gen_ai_input_messages":"own"},{"span_id":"b"}]"#;
        let both = || said(&["[1]"], &[(0, "[2]")]);
        let said = HashMap::from([("a".to_owned(), both()), ("nobody".to_owned(), both())]);
        let found: Json =
            serde_json::from_str(&joined(spans, said).expect("joins")).expect("is JSON");
        assert_eq!(
            found,
            json!([
                {
                    "span_id": "a", "gen_ai_input_messages": "own", "gen_ai_output_messages": "[2]",
                    "_filled_from_log_events": ["gen_ai_output_messages"],
                },
                { "span_id": "b" },
            ])
        );
    }
}
