//! Answers as bytes: JSON, JSON lines, CSV, and Arrow's stream format, batch by batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::json::{ArrayWriter, LineDelimitedWriter};

use crate::error::Error;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Objects with commas between them: the inside of a JSON array. Null cells are left out.
    Json,
    /// One JSON object a line. Null cells are left out.
    Lines,
    /// RFC 4180 with a head line. A null and an empty text are both empty, lists and structs are JSON.
    Csv,
    /// Arrow's IPC stream.
    Arrow,
}

impl Format {
    /// The MIME type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// Writes one answer.
pub struct Encoder(Inner);

enum Inner {
    Json { is_first: bool },
    Lines,
    Csv { schema: SchemaRef, is_first: bool },
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoder")
    }
}

fn failed(error: ArrowError) -> Error {
    Error::Execution(error.to_string())
}

impl Encoder {
    pub(crate) fn new(format: Format, schema: &SchemaRef) -> Result<Self, Error> {
        Ok(Self(match format {
            Format::Json => Inner::Json { is_first: true },
            Format::Lines => Inner::Lines,
            Format::Csv => Inner::Csv { schema: Arc::clone(schema), is_first: true },
            Format::Arrow => {
                Inner::Arrow(Box::new(StreamWriter::try_new(Vec::new(), schema).map_err(failed)?))
            }
        }))
    }

    /// The bytes of some rows.
    ///
    /// # Errors
    /// When a column has a type that the format has no form for.
    pub fn rows(&mut self, piece: &crate::rows::Piece) -> Result<Vec<u8>, Error> {
        let batch = &piece.0;
        match &mut self.0 {
            Inner::Json { is_first } => {
                let mut text = String::new();
                if !std::mem::take(is_first) {
                    text.push(',');
                }
                append_rows(&mut text, batch)?;
                Ok(text.into_bytes())
            }
            Inner::Lines => {
                let mut writer = LineDelimitedWriter::new(Vec::new());
                writer.write(batch).and_then(|()| writer.finish()).map_err(failed)?;
                Ok(writer.into_inner())
            }
            Inner::Csv { is_first, .. } => csv(batch, std::mem::take(is_first)),
            Inner::Arrow(writer) => {
                writer.write(batch).map_err(failed)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// The bytes behind the last rows; what has a head has it also without rows.
    ///
    /// # Errors
    /// As [`Encoder::rows`].
    pub fn end(self) -> Result<Vec<u8>, Error> {
        match self.0 {
            Inner::Json { .. } | Inner::Lines | Inner::Csv { is_first: false, .. } => {
                Ok(Vec::new())
            }
            Inner::Csv { schema, is_first: true } => csv(&RecordBatch::new_empty(schema), true),
            Inner::Arrow(mut writer) => {
                writer.finish().map_err(failed)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}

/// Writes rows as JSON objects with commas between them, and one before them if the text does not end in `[`.
pub(crate) fn append_rows(text: &mut String, batch: &RecordBatch) -> Result<(), Error> {
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write(batch).and_then(|()| writer.finish()).map_err(failed)?;
    let json = String::from_utf8(writer.into_inner())
        .map_err(|error| Error::Execution(error.to_string()))?;
    // The writer leaves an empty answer empty.
    let rows = json.strip_prefix('[').and_then(|json| json.strip_suffix(']')).unwrap_or_default();
    if !rows.is_empty() && text.ends_with('}') {
        text.push(',');
    }
    text.push_str(rows);
    Ok(())
}

fn csv(batch: &RecordBatch, with_head: bool) -> Result<Vec<u8>, Error> {
    let flat = flat(batch)?;
    let mut out = Vec::new();
    arrow::csv::WriterBuilder::new()
        .with_header(with_head)
        .build(&mut out)
        .write(&flat)
        .map_err(failed)?;
    Ok(out)
}

/// Lists and structs as JSON text: CSV has no form for them.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(json_texts(field, column)?);
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
}

fn json_texts(field: &Arc<Field>, column: &ArrayRef) -> Result<ArrayRef, Error> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let alone = RecordBatch::try_new(schema, vec![Arc::clone(column)]).map_err(failed)?;
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&alone).and_then(|()| writer.finish()).map_err(failed)?;
    let lines = String::from_utf8(writer.into_inner())
        .map_err(|error| Error::Execution(error.to_string()))?;
    let cell = |line: &str| {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        object.get(field.name()).map(ToString::to_string)
    };
    let texts: StringArray = lines.lines().map(cell).collect();
    Ok(Arc::new(texts))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _, Int64Array, ListBuilder, StringBuilder};
    use arrow::ipc::reader::StreamReader;

    use super::*;
    use crate::rows::Piece;

    fn batch() -> RecordBatch {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value([Some("x"), Some("y,\"z\"")]);
        lists.append_null();
        RecordBatch::try_from_iter_with_nullable([
            ("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef, true),
            ("text", Arc::new(StringArray::from(vec![Some("a,b"), Some("")])), true),
            ("list", Arc::new(lists.finish()), true),
        ])
        .expect("is good")
    }

    fn written(format: Format, times: usize) -> Vec<u8> {
        let batch = batch();
        let mut encoder = Encoder::new(format, &batch.schema()).expect("begins");
        let mut out = Vec::new();
        for _ in 0..times {
            out.extend(encoder.rows(&Piece(batch.clone())).expect("writes"));
        }
        out.extend(encoder.end().expect("ends"));
        out
    }

    fn text(format: Format, times: usize) -> String {
        String::from_utf8(written(format, times)).expect("UTF-8")
    }

    #[test]
    fn each_format_has_its_head_once() {
        let row = r#"{"n":1,"text":"a,b","list":["x","y,\"z\""]}"#;
        assert_eq!(text(Format::Json, 2), format!(r#"{row},{{"text":""}},{row},{{"text":""}}"#));
        assert_eq!(text(Format::Lines, 1), format!("{row}\n{{\"text\":\"\"}}\n"));
        let csv = text(Format::Csv, 2);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "n,text,list");
        assert_eq!(lines[1], r#"1,"a,b","[""x"",""y,\""z\""""]""#);
        assert_eq!((lines[2], lines.len()), (",,", 5));
        assert_eq!(text(Format::Csv, 0), "n,text,list\n");
        assert_eq!(text(Format::Json, 0), "");
    }

    #[test]
    fn an_arrow_stream_reads_back() {
        for times in [0, 2] {
            let bytes = written(Format::Arrow, times);
            let reader = StreamReader::try_new(bytes.as_slice(), None).expect("has a schema");
            let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("reads")).collect();
            assert_eq!(batches, vec![batch(); times]);
            assert!(batches.iter().all(|batch| batch.column(1).as_string::<i32>().len() == 2));
        }
    }
}
