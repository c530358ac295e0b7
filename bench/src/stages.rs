//! Where a span's processor time goes on its way into the log: each stage alone, without a server around it.

use std::hint::black_box;

use bytes::Bytes;
use conventions::{Options, normalise};
use otlp::{Format, Limits, Traces, decode_traces};
use schema::Row;

use crate::processor;
use crate::spans::Bodies;

/// Spans of a body.
const SPANS: usize = 500;
/// Bodies that a stage is given at once, made ready before.
const BODIES: usize = 20;
/// How long a stage is measured at least, seconds of processor time: the kernel counts in steps of 10 ms.
const LONG_ENOUGH: f64 = 1.5;

/// What a stage takes.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    /// Microseconds of processor time for each span.
    pub(crate) us: f64,
}

/// What the stages take, and how large a body and its record in the log are, in bytes.
pub(crate) struct Measured {
    pub(crate) stages: Vec<Stage>,
    pub(crate) body: usize,
    pub(crate) record: usize,
}

pub(crate) fn measure() -> anyhow::Result<Measured> {
    let mut bodies = Bodies::of(SPANS)?;
    let decode = |body: Bytes| decode_traces(&body, Format::Protobuf, &Limits::default());
    let rows = |traces: Traces| -> Vec<Row> {
        let options = Options::default();
        traces.spans.into_iter().map(|span| normalise(span, &options)).collect()
    };
    let decoded = |bodies: &mut Bodies| decode(bodies.next()).expect("our own body");
    let record = schema::encode(&rows(decoded(&mut bodies)));
    let body = bodies.bytes();
    let stages = vec![
        stage("decode", || bodies.next(), |body| decode(body).expect("our own body"))?,
        stage("normalise", || decoded(&mut bodies), rows)?,
        stage("encode", || rows(decoded(&mut bodies)), |rows| (schema::encode(&rows), rows))?,
        stage("drop rows", || rows(decoded(&mut bodies)), drop)?,
        stage("decode the record", || (), |()| schema::decode(&record))?,
    ];
    Ok(Measured { stages, body, record: record.len() })
}

/// Measures `work` on what `prepare` makes; only the work counts, and what it answers is dropped outside.
fn stage<I, O>(
    name: &'static str,
    mut prepare: impl FnMut() -> I,
    work: impl Fn(I) -> O,
) -> anyhow::Result<Stage> {
    let (mut spent, mut spans) = (0.0, 0);
    while spent < LONG_ENOUGH {
        let inputs: Vec<I> = (0..BODIES).map(|_| prepare()).collect();
        let mut outputs = Vec::with_capacity(BODIES);
        let before = processor::seconds_of_tree(std::process::id())?;
        for input in inputs {
            outputs.push(black_box(work(black_box(input))));
        }
        spent += processor::seconds_of_tree(std::process::id())? - before;
        spans += BODIES * SPANS;
    }
    Ok(Stage { name, us: spent * 1e6 / spans as f64 })
}
