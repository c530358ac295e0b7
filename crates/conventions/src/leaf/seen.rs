//! What the judge sees of a span: read from its row, so that stored rows tell the same.

use schema::{Row, Value};

use super::models::{Models, hash};
use super::{KINDS, Verdict};

/// Id of a span.
pub type SpanId = [u8; 8];

/// A span as the judge sees it: its place in the trace, and its call if it is a candidate for one.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub id: SpanId,
    /// The span that it stands below.
    pub parent: Option<SpanId>,
    /// Start, nanoseconds since 1970-01-01 UTC.
    pub start_ns: u64,
    /// End, nanoseconds since 1970-01-01 UTC.
    pub end_ns: u64,
    /// Our own gateway made it.
    pub by_gateway: bool,
    pub(super) candidate: Option<Candidate>,
}

/// A span that may stand for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its place among the kinds of calls.
    pub(super) kind: usize,
    pub(super) counts: Counts,
    pub(super) models: Models,
    pub(super) response: Option<u64>,
    pub(super) call: Option<u64>,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    prompt: Option<i64>,
    completion: Option<i64>,
    total: Option<i64>,
}

impl Counts {
    pub(super) const fn any(&self) -> bool {
        self.prompt.is_some() || self.completion.is_some() || self.total.is_some()
    }

    pub(super) fn are_both_equal(&self, other: &Self) -> bool {
        self.prompt.is_some()
            && self.completion.is_some()
            && (self.prompt, self.completion) == (other.prompt, other.completion)
    }
}

/// The cells of a row that matter here.
#[derive(Default)]
struct Cells<'a> {
    trace_id: Option<&'a str>,
    span_id: Option<&'a str>,
    parent: Option<&'a str>,
    start: Option<i64>,
    end: Option<i64>,
    vantage: Option<&'a str>,
    kind: Option<&'a str>,
    leaf: Option<bool>,
    duplicate_of: Option<&'a str>,
    requested: Option<&'a str>,
    answered: Option<&'a str>,
    response: Option<&'a str>,
    call: Option<&'a str>,
    prompt: Option<i64>,
    completion: Option<i64>,
    total: Option<i64>,
}

impl<'a> Cells<'a> {
    /// One pass over the row.
    fn of(row: &'a Row) -> Self {
        let mut cells = Self::default();
        for (name, value) in row.cells() {
            let (text, int) = (value.as_text(), value.as_int());
            match name.as_str() {
                "trace_id" => cells.trace_id = text,
                "span_id" => cells.span_id = text,
                "reference_parent_span_id" => cells.parent = text,
                "start_time" => cells.start = int,
                "end_time" => cells.end = int,
                "inferscope_vantage_point" => cells.vantage = text,
                "openinference_span_kind" => cells.kind = text,
                "llm_is_leaf" => cells.leaf = truth(value),
                "llm_duplicate_of" => cells.duplicate_of = text,
                "llm_request_parameters_model" => cells.requested = text,
                "llm_model_name" => cells.answered = text,
                "gen_ai_response_id" => cells.response = text,
                "litellm_call_id" => cells.call = text,
                "llm_token_count_prompt" | "llm_rollup_tokens_prompt" => cells.prompt = int,
                "llm_token_count_completion" | "llm_rollup_tokens_completion" => {
                    cells.completion = int;
                }
                "llm_token_count_total" | "llm_rollup_tokens_total" => cells.total = int,
                _ => {}
            }
        }
        cells
    }

    fn candidate(&self) -> Option<Candidate> {
        let kind = match self.kind? {
            "LLM" => 0,
            "EMBEDDING" => 1,
            "RERANKER" => 2,
            _ => return None,
        };
        const { assert!(KINDS == 3) };
        Some(Candidate {
            kind,
            counts: Counts { prompt: self.prompt, completion: self.completion, total: self.total },
            models: Models::of(self.requested, self.answered),
            response: self.response.map(hash),
            call: self.call.map(hash),
        })
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bytes(_) => None,
    }
}

impl Seen {
    /// What a fresh row shows; `None` if it has no ids.
    #[must_use]
    pub fn of(row: &Row) -> Option<Self> {
        Self::of_cells(&Cells::of(row)).map(|(seen, _)| seen)
    }

    /// What a stored row shows, and how it was judged.
    #[must_use]
    pub fn of_stored(row: &Row) -> Option<(Self, Verdict)> {
        let cells = Cells::of(row);
        let (mut seen, duplicate_of) = Self::of_cells(&cells)?;
        let verdict = match (cells.leaf, duplicate_of) {
            (Some(true), _) => Verdict::Leaf,
            (_, Some(leaf)) => Verdict::Duplicate(leaf),
            (_, None) => Verdict::Wrapper,
        };
        if !seen.by_gateway && verdict != Verdict::Leaf {
            // One that names neither was none when it came: it must not turn the span around it into a wrapper.
            let candidate = cells.candidate();
            seen.candidate = candidate.filter(|it| it.counts.any() || it.models.any());
        }
        Some((seen, verdict))
    }

    /// Whether it may stand for a call.
    #[must_use]
    pub const fn is_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    fn of_cells(cells: &Cells<'_>) -> Option<(Self, Option<SpanId>)> {
        let nanos = |nanos: Option<i64>| nanos.and_then(|nanos| u64::try_from(nanos).ok());
        let by_gateway = cells.vantage == Some("gateway");
        let counts = cells.leaf == Some(true) && !by_gateway;
        let seen = Self {
            trace_id: from_hex(cells.trace_id?)?,
            id: from_hex(cells.span_id?)?,
            parent: cells.parent.and_then(from_hex),
            start_ns: nanos(cells.start).unwrap_or(0),
            end_ns: nanos(cells.end).unwrap_or(0),
            by_gateway,
            candidate: if counts { cells.candidate() } else { None },
        };
        Some((seen, cells.duplicate_of.and_then(from_hex)))
    }
}

/// The bytes that lower- or upper-case hex digits stand for.
fn from_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != 2 * N {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = (digit(digits[0])? << 4) | digit(digits[1])?;
    }
    Some(bytes)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
