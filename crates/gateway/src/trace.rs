use http::{HeaderMap, HeaderValue};

/// Where the span of a call stands: in the caller's trace, or in one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, never all zero.
    pub trace_id: [u8; 16],
    /// Our span of the call, never all zero; the replica gets it as its parent.
    pub span_id: [u8; 8],
    /// The caller's span; none when the caller sent no valid `traceparent`.
    pub parent_span_id: Option<[u8; 8]>,
    /// W3C trace flags, the caller's where there are any.
    pub flags: u8,
    /// The caller's `tracestate`, empty without one.
    pub trace_state: String,
}

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const SAMPLED: u8 = 1;

impl TraceContext {
    /// Continues the trace that the headers name, or begins one.
    #[must_use]
    pub fn of_caller(headers: &HeaderMap) -> Self {
        let mut all = headers.get_all(TRACEPARENT).iter();
        let parent = all.next().and_then(|value| parse(value.as_bytes()));
        match parent.filter(|_| all.next().is_none()) {
            Some(parent) => Self {
                trace_id: parent.trace_id,
                span_id: non_zero(rand::random),
                parent_span_id: Some(parent.span_id),
                flags: parent.flags,
                trace_state: trace_state(headers),
            },
            None => Self {
                trace_id: non_zero(rand::random),
                span_id: non_zero(rand::random),
                parent_span_id: None,
                flags: SAMPLED,
                trace_state: String::new(),
            },
        }
    }

    /// Puts our span's context in the place of the caller's. A `tracestate` without a valid parent goes.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&self.trace_id, &mut text[3..35]);
        write_hex(&self.span_id, &mut text[36..52]);
        write_hex(&[self.flags], &mut text[53..55]);
        let value =
            HeaderValue::from_bytes(&text).expect("hex digits and dashes may stand in a header");
        headers.insert(TRACEPARENT, value);
        if self.parent_span_id.is_none() {
            headers.remove(TRACESTATE);
        }
    }
}

/// A valid `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

/// Reads a `traceparent` by the rules of W3C Trace Context: lower-case hex, ids not zero, version not `ff`;
/// version `00` ends after the flags, a later one may go on after a dash.
fn parse(text: &[u8]) -> Option<Parent> {
    let (head, rest) = text.split_at_checked(55)?;
    if [head[2], head[35], head[52]] != *b"---" {
        return None;
    }
    let [version] = hex(&head[..2])?;
    let goes_on_well = match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.is_empty() || rest[0] == b'-',
    };
    let parent = Parent {
        trace_id: hex(&head[3..35])?,
        span_id: hex(&head[36..52])?,
        flags: hex::<1>(&head[53..55])?[0],
    };
    (goes_on_well && parent.trace_id != [0; 16] && parent.span_id != [0; 8]).then_some(parent)
}

fn trace_state(headers: &HeaderMap) -> String {
    let values = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

pub(crate) fn write_hex(bytes: &[u8], out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

fn non_zero<const N: usize>(random: impl Fn() -> [u8; N]) -> [u8; N] {
    loop {
        let id = random();
        if id != [0; N] {
            return id;
        }
    }
}

#[cfg(test)]
mod tests;
