//! Recorded bodies as rows.

use bytes::Bytes;
use conventions::{Options, normalise};
use otlp::{Encoding, Format, Limits, Span, decode_traces, inflate};
use schema::Row;

/// The spans of a recorded body.
pub(crate) fn spans(file: &str) -> Vec<Span> {
    let path = format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"));
    let body = Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
    let encoding = if file.ends_with(".gz") { Encoding::Gzip } else { Encoding::Identity };
    let format = if file.contains(".json") { Format::Json } else { Format::Protobuf };
    let limits = Limits::default();
    let body = inflate(body, encoding, limits.decompressed_bytes).expect("the body inflates");
    decode_traces(&body, format, &limits).expect("the body decodes").spans
}

/// The rows of a recorded body.
pub(crate) fn rows(file: &str) -> Vec<Row> {
    spans(file).into_iter().map(|span| normalise(span, &Options::default())).collect()
}

/// Every recorded body.
pub(crate) fn files() -> Vec<String> {
    let root = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in std::fs::read_dir(&root)
        .expect("the folder is there")
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(folder.path()).expect("the folder is there").flatten() {
            files.push(format!(
                "{}/{}",
                folder.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            ));
        }
    }
    files.sort();
    files
}
