use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use crate::{Format, Rejected};

/// How many reasons a partial answer spells out.
const REASONS: usize = 3;

/// What was not taken of a request whose rest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many spans were rejected.
    pub rejected: u64,
    /// Why, for the people who run the sender.
    pub message: String,
}

impl Outcome {
    /// Sums up rejected spans, the first few different reasons spelled out; `None` if there are none.
    #[must_use]
    pub fn of(rejected: &[Rejected]) -> Option<Self> {
        let mut reasons: Vec<&str> = Vec::new();
        for Rejected { reason } in rejected {
            if reasons.len() < REASONS && !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        (!rejected.is_empty()).then(|| Self {
            rejected: rejected.len() as u64,
            message: format!("{} spans were rejected: {}", rejected.len(), reasons.join("; ")),
        })
    }
}

/// Writes the answer to a trace export; `None` says that all was taken.
#[must_use]
pub fn encode_traces_response(format: Format, outcome: Option<&Outcome>) -> Vec<u8> {
    match format {
        Format::Protobuf => response(outcome).encode_to_vec(),
        Format::Json => match outcome {
            None => b"{}".to_vec(),
            Some(Outcome { rejected, message }) => {
                // OTLP/JSON writes 64-bit integers as decimal strings.
                let partial =
                    json!({ "rejectedSpans": rejected.to_string(), "errorMessage": message });
                json!({ "partialSuccess": partial }).to_string().into_bytes()
            }
        },
    }
}

fn response(outcome: Option<&Outcome>) -> ExportTraceServiceResponse {
    let partial = |Outcome { rejected, message }: &Outcome| ExportTracePartialSuccess {
        rejected_spans: i64::try_from(*rejected).unwrap_or(i64::MAX),
        error_message: message.clone(),
    };
    ExportTraceServiceResponse { partial_success: outcome.map(partial) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_was_taken_whole_has_an_empty_answer() {
        assert_eq!(encode_traces_response(Format::Protobuf, None), b"");
        assert_eq!(encode_traces_response(Format::Json, None), b"{}");
        assert_eq!(Outcome::of(&[]), None);
    }

    #[test]
    fn a_partial_answer_says_how_many_and_why() {
        let reasons =
            ["a", "b", "a", "c", "d"].map(|reason| Rejected { reason: reason.to_owned() });
        let outcome = Outcome::of(&reasons).unwrap();
        assert_eq!(outcome.message, "5 spans were rejected: a; b; c");
        let protobuf = encode_traces_response(Format::Protobuf, Some(&outcome));
        let read = ExportTraceServiceResponse::decode(&*protobuf).unwrap().partial_success.unwrap();
        assert_eq!((read.rejected_spans, read.error_message), (5, outcome.message.clone()));
        let json = encode_traces_response(Format::Json, Some(&outcome));
        let expected = r#"{"partialSuccess":{"errorMessage":"5 spans were rejected: a; b; c","rejectedSpans":"5"}}"#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
