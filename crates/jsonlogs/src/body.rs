use std::fmt;

use otlp::LogRecord;
use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ReadError;
use crate::record::record;

/// How records stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON array of objects, or one object.
    Array,
    /// One object a line.
    Lines,
    /// Elasticsearch's bulk request: a line that says where to, and a line with the record.
    Bulk,
}

/// What a body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most records.
    pub records: usize,
    /// Most bytes of one.
    pub record_bytes: usize,
    /// Most values in all of them together.
    pub values: usize,
    /// Most fields of a record, those of objects in it included.
    pub attributes: usize,
    /// Levels of lists and objects in a record.
    pub nesting: usize,
}

/// A record that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The stream that it names itself, in a bulk request.
    pub stream: Option<String>,
    /// What its sender calls it there.
    pub id: Option<String>,
    /// What a bulk request was to do with it: `index`, `create`, `update` or `delete`.
    pub action: &'static str,
    /// The record, or why it is none.
    pub record: Result<LogRecord, String>,
}

impl Entry {
    fn unnamed(record: Result<LogRecord, String>) -> Self {
        Self { stream: None, id: None, action: "index", record }
    }
}

/// The records so far, within the limits.
struct Taken<'l> {
    limits: &'l Limits,
    entries: Vec<Entry>,
    values: usize,
}

impl<'l> Taken<'l> {
    const fn none(limits: &'l Limits) -> Self {
        Self { limits, entries: Vec::new(), values: 0 }
    }

    /// The record of a text, if there may be one more.
    fn record(&mut self, text: &str) -> Result<Result<LogRecord, String>, ReadError> {
        let Limits { records, record_bytes, values, .. } = *self.limits;
        if self.entries.len() >= records {
            return Err(ReadError::TooMany { most: records, what: "records" });
        }
        if text.len() > record_bytes {
            return Ok(Err(format!("the record is longer than {record_bytes} bytes")));
        }
        let record = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => record(fields, self.limits, &mut self.values),
            Ok(_) => Err("the record is no JSON object".to_owned()),
            Err(error) => Err(format!("the record is no JSON: {error}")),
        };
        if self.values > values {
            return Err(ReadError::TooMany { most: values, what: "values" });
        }
        Ok(record)
    }
}

/// The records of a body.
///
/// # Errors
/// When the body cannot be taken apart, or holds too many.
pub fn read(body: &[u8], form: Form, limits: &Limits) -> Result<Vec<Entry>, ReadError> {
    let text =
        std::str::from_utf8(body).map_err(|error| ReadError::Utf8 { at: error.valid_up_to() })?;
    match form {
        Form::Array => array(text, limits),
        Form::Lines => lines(text, limits),
        Form::Bulk => bulk(text, limits),
    }
}

fn array(text: &str, limits: &Limits) -> Result<Vec<Entry>, ReadError> {
    if text.trim_start().starts_with('{') {
        let one: &RawValue = serde_json::from_str(text)?;
        return Ok(vec![Entry::unnamed(Taken::none(limits).record(one.get())?)]);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let (mut taken, mut refused) = (Taken::none(limits), None);
    let read = json.deserialize_seq(Records { taken: &mut taken, refused: &mut refused });
    if let Some(error) = refused {
        return Err(error);
    }
    read?;
    json.end()?;
    Ok(taken.entries)
}

/// One record after the other, so that no more than may be are ever held.
struct Records<'t, 'l> {
    taken: &'t mut Taken<'l>,
    refused: &'t mut Option<ReadError>,
}

impl<'de> Visitor<'de> for Records<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while let Some(one) = records.next_element::<&RawValue>()? {
            match self.taken.record(one.get()) {
                Ok(record) => self.taken.entries.push(Entry::unnamed(record)),
                Err(error) => {
                    *self.refused = Some(error);
                    return Err(A::Error::custom("too many"));
                }
            }
        }
        Ok(())
    }
}

/// Lines that say something, by their number from 1.
fn told(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    all.filter(|(_, line)| !line.is_empty())
}

fn lines(text: &str, limits: &Limits) -> Result<Vec<Entry>, ReadError> {
    let mut taken = Taken::none(limits);
    for (number, line) in told(text) {
        let record = taken.record(line)?.map_err(|why| format!("line {number}: {why}"));
        taken.entries.push(Entry::unnamed(record));
    }
    Ok(taken.entries)
}

/// What is to be done with the next line.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Index(Target),
    Create(Target),
    Update(Target),
    Delete(Target),
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_id")]
    id: Option<String>,
}

fn bulk(text: &str, limits: &Limits) -> Result<Vec<Entry>, ReadError> {
    let mut taken = Taken::none(limits);
    let mut lines = told(text);
    while let Some((line, action)) = lines.next() {
        let action =
            serde_json::from_str::<Action>(action).map_err(|_| ReadError::Action { line })?;
        let mut next = || {
            let Some((number, text)) = lines.next() else {
                return Ok(Err("there is no record behind its action".to_owned()));
            };
            Ok::<_, ReadError>(taken.record(text)?.map_err(|why| format!("line {number}: {why}")))
        };
        let refused = |what: &str| Err(format!("log records are only added, not {what}"));
        let (target, action, record) = match action {
            Action::Index(target) => (target, "index", next()?),
            Action::Create(target) => (target, "create", next()?),
            Action::Update(target) => {
                let _what_with = next()?;
                (target, "update", refused("updated"))
            }
            // It has no record behind it, and counts as one.
            Action::Delete(target) if taken.entries.len() < limits.records => {
                (target, "delete", refused("deleted"))
            }
            Action::Delete(_) => {
                return Err(ReadError::TooMany { most: limits.records, what: "records" });
            }
        };
        let record = if target.index.as_deref().is_none_or(str::is_empty) {
            record.and_then(|_| Err("its action names no stream (_index)".to_owned()))
        } else {
            record
        };
        taken.entries.push(Entry { stream: target.index, id: target.id, action, record });
    }
    Ok(taken.entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { records: 5, record_bytes: 200, values: 40, attributes: 10, nesting: 4 };

    fn outcomes(body: &str, form: Form) -> Vec<Result<usize, String>> {
        let entries = read(body.as_bytes(), form, &LIMITS).expect("can be taken apart");
        entries
            .into_iter()
            .map(|entry| entry.record.map(|record| record.attributes.len()))
            .collect()
    }

    #[test]
    fn each_form_gives_its_records_and_says_which_are_bad() {
        let not = |line: &str| Err(format!("{line}the record is no JSON object"));
        assert_eq!(
            outcomes(r#" [{"a":1}, 7, {"a":1,"b":2}] "#, Form::Array),
            [Ok(1), not(""), Ok(2)]
        );
        assert_eq!(outcomes(r#"{"a":1}"#, Form::Array), [Ok(1)]);
        assert_eq!(outcomes("[]", Form::Array), []);
        let lines = outcomes("{\"a\":1}\r\n\n[]\n{\"a\":\n", Form::Lines);
        assert_eq!(lines[..2], [Ok(1), not("line 3: ")]);
        assert!(
            lines[2]
                .as_ref()
                .is_err_and(|why| why.starts_with("line 4: the record is no JSON: EOF"))
        );
        let body = "{\"index\":{\"_index\":\"s\",\"_id\":\"7\"}}\n{\"a\":1}\n{\"create\":{\"_index\":\"t\",\"dynamic_templates\":{}}}\n[]\n{\"delete\":{\"_index\":\"s\",\"_id\":\"1\"}}\n{\"index\":{}}\n{}\n{\"index\":{\"_index\":\"s\"}}\n";
        let entries = read(body.as_bytes(), Form::Bulk, &LIMITS).expect("can be taken apart");
        let names: Vec<_> = entries
            .iter()
            .map(|entry| (entry.stream.as_deref(), entry.id.as_deref(), entry.action))
            .collect();
        assert_eq!(
            names,
            [
                (Some("s"), Some("7"), "index"),
                (Some("t"), None, "create"),
                (Some("s"), Some("1"), "delete"),
                (None, None, "index"),
                (Some("s"), None, "index")
            ]
        );
        let bad: Vec<_> =
            entries.iter().map(|entry| entry.record.as_ref().err().map(String::as_str)).collect();
        assert_eq!(
            bad,
            [
                None,
                Some("line 4: the record is no JSON object"),
                Some("log records are only added, not deleted"),
                Some("its action names no stream (_index)"),
                Some("there is no record behind its action")
            ]
        );
    }

    #[test]
    fn what_cannot_be_taken_apart_is_an_error_that_says_where() {
        let error =
            |body: &[u8], form| read(body, form, &LIMITS).expect_err("is refused").to_string();
        assert!(error(b"[{\"a\":1},", Form::Array).contains("line 1 column 9"));
        assert!(error(b"[] x", Form::Array).contains("trailing"));
        assert!(error(b"7", Form::Array).contains("array of records"));
        assert!(error(b"", Form::Array).contains("EOF"));
        assert!(error(b"[\xff]", Form::Array).contains("byte 1"));
        assert!(error(b"\n{\"a\":1}\n", Form::Bulk).contains("line 2"));
        let six = "{\"index\":{\"_index\":\"s\"}}\n{}\n".repeat(6);
        for (body, form) in [
            (format!("[{}7]", "7,".repeat(5)), Form::Array),
            ("{}\n".repeat(6), Form::Lines),
            (six, Form::Bulk),
        ] {
            assert!(error(body.as_bytes(), form).contains("more than 5 records"));
        }
        let values = format!("[{{\"a\":[{}1]}},{{\"a\":[{}1]}}]", "1,".repeat(30), "1,".repeat(30));
        assert!(error(values.as_bytes(), Form::Array).contains("more than 40 values"));
        let long = format!("[{{\"a\":\"{}\"}},{{}}]", "x".repeat(200));
        assert_eq!(
            outcomes(&long, Form::Array),
            [Err("the record is longer than 200 bytes".to_owned()), Ok(0)]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_records_or_an_error(body in prop::collection::vec(any::<u8>(), 0..80), text in "[\\[\\]{}\":,a0\n_indexcreate]{0,80}") {
            for form in [Form::Array, Form::Lines, Form::Bulk] {
                for body in [&body[..], text.as_bytes()] {
                    if let Ok(entries) = read(body, form, &LIMITS) {
                        prop_assert!(entries.len() <= LIMITS.records);
                    }
                }
            }
        }

        #[test]
        fn all_forms_read_the_same_records(values in prop::collection::vec("[a-z \"\\\\é]{0,8}", 0..5)) {
            let records: Vec<String> = values.iter().map(|value| serde_json::json!({ "a": value, "n": 1 }).to_string()).collect();
            let bulk: String = records.iter().map(|record| format!("{{\"index\":{{\"_index\":\"s\"}}}}\n{record}\n")).collect();
            let of = |body: String, form| -> Vec<_> {
                read(body.as_bytes(), form, &LIMITS).expect("is good").into_iter().map(|entry| entry.record).collect()
            };
            let array = of(format!("[{}]", records.join(",")), Form::Array);
            prop_assert_eq!(&array, &of(records.join("\n"), Form::Lines));
            prop_assert_eq!(&array, &of(bulk, Form::Bulk));
            prop_assert!(array.iter().all(Result::is_ok) && array.len() == values.len());
        }
    }
}
