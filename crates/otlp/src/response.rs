use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use crate::{Format, Rejected};

/// How many reasons a partial answer spells out.
const REASONS: usize = 3;

/// Which of OTLP's signals a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Data points.
    Metrics,
}

impl Signal {
    /// The name in OTLP/JSON of the number of things that were refused.
    const fn rejected(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Logs => "rejectedLogRecords",
            Self::Metrics => "rejectedDataPoints",
        }
    }
}

/// What was not taken of a request whose rest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many spans, log records or data points were rejected.
    pub rejected: u64,
    /// Why, for the people who run the sender.
    pub message: String,
}

impl Outcome {
    /// Sums up what was rejected, the first few different reasons spelled out; `None` if there are none.
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
            message: format!("{} were rejected: {}", rejected.len(), reasons.join("; ")),
        })
    }
}

/// Writes the answer to an export; `None` says that all was taken.
#[must_use]
pub fn encode_response(signal: Signal, format: Format, outcome: Option<&Outcome>) -> Vec<u8> {
    match format {
        // The answers of all signals are the same on the wire: a number and a text.
        Format::Protobuf => response(outcome).encode_to_vec(),
        Format::Json => match outcome {
            None => b"{}".to_vec(),
            Some(Outcome { rejected, message }) => {
                // OTLP/JSON writes 64-bit integers as decimal strings.
                let partial =
                    json!({ signal.rejected(): rejected.to_string(), "errorMessage": message });
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
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;

    use super::*;

    const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

    #[test]
    fn a_request_that_was_taken_whole_has_an_empty_answer() {
        for signal in SIGNALS {
            assert_eq!(encode_response(signal, Format::Protobuf, None), b"");
            assert_eq!(encode_response(signal, Format::Json, None), b"{}");
        }
        assert_eq!(Outcome::of(&[]), None);
    }

    #[test]
    fn a_partial_answer_says_how_many_and_why() {
        let reasons =
            ["a", "b", "a", "c", "d"].map(|reason| Rejected { reason: reason.to_owned() });
        let outcome = Outcome::of(&reasons).unwrap();
        assert_eq!(outcome.message, "5 were rejected: a; b; c");
        let json = SIGNALS.map(|signal| {
            String::from_utf8(encode_response(signal, Format::Json, Some(&outcome))).unwrap()
        });
        let expected = ["Spans", "LogRecords", "DataPoints"].map(|what| {
            format!(r#"{{"partialSuccess":{{"errorMessage":"5 were rejected: a; b; c","rejected{what}":"5"}}}}"#)
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn each_signal_s_reader_understands_the_protobuf() {
        let outcome = Outcome { rejected: 5, message: "why".to_owned() };
        let bytes = SIGNALS.map(|signal| encode_response(signal, Format::Protobuf, Some(&outcome)));
        let traces = ExportTraceServiceResponse::decode(&*bytes[0]).unwrap().partial_success;
        assert_eq!(
            traces.map(|part| (part.rejected_spans, part.error_message)),
            Some((5, "why".to_owned()))
        );
        let logs = ExportLogsServiceResponse::decode(&*bytes[1]).unwrap().partial_success;
        assert_eq!(
            logs.map(|part| (part.rejected_log_records, part.error_message)),
            Some((5, "why".to_owned()))
        );
        let metrics = ExportMetricsServiceResponse::decode(&*bytes[2]).unwrap().partial_success;
        assert_eq!(
            metrics.map(|part| (part.rejected_data_points, part.error_message)),
            Some((5, "why".to_owned()))
        );
    }
}
