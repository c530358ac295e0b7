use schema::Row;

use crate::window::window_of;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Complete,
    UpstreamFailed,
    ClientLeft,
    Refused,
}

impl End {
    const ALL: [Self; 4] = [Self::Complete, Self::UpstreamFailed, Self::ClientLeft, Self::Refused];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::UpstreamFailed => "upstream_failed",
            Self::ClientLeft => "client_left",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == text)
    }

    const fn is_failure(self) -> bool {
        match self {
            Self::UpstreamFailed | Self::Refused => true,
            Self::Complete | Self::ClientLeft => false,
        }
    }
}

/// A finished call, as the gateway's row tells it.
#[derive(Debug, PartialEq)]
pub(crate) struct Call<'a> {
    pub(crate) ended_us: i64,
    pub(crate) endpoint: &'a str,
    pub(crate) replica: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) status: Option<u16>,
    pub(crate) end: Option<End>,
    /// An error span, a status of 400 or more, or an end that is a failure.
    pub(crate) failed: bool,
    pub(crate) tokens_output: Option<u64>,
    pub(crate) latency_s: Option<f64>,
    pub(crate) ttft_s: Option<f64>,
}

impl<'a> Call<'a> {
    /// The call of a row; `None` for every other row, and for a call of no endpoint or no time.
    pub(crate) fn read(row: &'a Row) -> Option<Self> {
        if row.text("inferscope_vantage_point") != Some("gateway") {
            return None;
        }
        let status =
            row.int("http_response_status_code").and_then(|status| u16::try_from(status).ok());
        let end = row.text("inferscope_end").and_then(End::parse);
        let error = row.text("span_status") == Some("ERROR");
        Some(Self {
            ended_us: row.int("end_time")?.div_euclid(1_000),
            endpoint: row.text("inferscope_endpoint")?,
            replica: row.text("inferscope_replica_id"),
            model: row.text("llm_request_parameters_model"),
            status: status.filter(|status| (100..1_000).contains(status)),
            end,
            failed: error
                || status.is_some_and(|status| status >= 400)
                || end.is_some_and(End::is_failure),
            tokens_output: row
                .int("llm_token_count_completion")
                .and_then(|tokens| u64::try_from(tokens).ok()),
            latency_s: row.float("duration").map(|micros| micros / 1e6),
            ttft_s: row.float("gen_ai_response_time_to_first_chunk"),
        })
    }

    /// The window in which the call ended.
    pub(crate) const fn window(&self) -> i64 {
        window_of(self.ended_us)
    }
}
