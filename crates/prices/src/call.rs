//! What a stored row says about a call, and the row with its cost.

use schema::Row as Stored;

use crate::book::Book;
use crate::columns;
use crate::quote::Quote;

/// The token counts of a call; `None` is unknown. Input includes what was cached, output what was reasoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// All input tokens.
    pub input: Option<i64>,
    /// All output tokens.
    pub output: Option<i64>,
    /// Input tokens read from a cache.
    pub cache_read: Option<i64>,
    /// Input tokens written to a cache.
    pub cache_write: Option<i64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<i64>,
    /// Input tokens of audio.
    pub audio_input: Option<i64>,
    /// Output tokens of audio.
    pub audio_output: Option<i64>,
}

/// A model call as far as its price is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Call<'a> {
    /// The model that was asked for.
    pub request_model: Option<&'a str>,
    /// The model that answered.
    pub response_model: Option<&'a str>,
    /// The provider as the instrumentation names it.
    pub provider: Option<&'a str>,
    /// The host that was called.
    pub host: Option<&'a str>,
    /// The own endpoint that served it.
    pub endpoint: Option<&'a str>,
    /// Whether this is our gateway's view of the call.
    pub through_gateway: bool,
    /// When it began, µs since 1970-01-01 UTC.
    pub started_us: i64,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it made embeddings or a ranking: there is no output to pay for.
    pub input_only: bool,
    /// Its tokens.
    pub tokens: Tokens,
    /// What the client said that it cost, US dollars.
    pub reported: Option<f64>,
}

/// The columns that [`price`] looks at, beside those that it writes.
pub const READS: &[&str] = &[
    "llm_is_leaf",
    "_timestamp",
    "llm_request_parameters_model",
    "llm_model_name",
    "gen_ai_provider_name",
    "server_address",
    "inferscope_endpoint",
    "inferscope_vantage_point",
    "span_status",
    "openinference_span_kind",
    "llm_token_count_prompt",
    "llm_token_count_completion",
    "llm_token_count_prompt_details_cache_read",
    "llm_token_count_prompt_details_cache_write",
    "llm_token_count_completion_details_reasoning",
    "llm_token_count_prompt_details_audio",
    "llm_token_count_completion_details_audio",
];

/// The columns that [`price`] writes.
pub const WRITES: &[&str] = &columns::WRITES;

impl<'a> Call<'a> {
    /// The call that a stored row stands for; `None` if the row is none that counts (`llm_is_leaf`).
    #[must_use]
    pub fn of_row(row: &'a Stored) -> Option<Self> {
        let mut call = Self::default();
        let (mut leaf, mut total, mut source) = (false, None, None);
        for (name, value) in row.cells() {
            let tokens = &mut call.tokens;
            match name.as_str() {
                "llm_is_leaf" => leaf = value.as_bool() == Some(true),
                "_timestamp" => call.started_us = value.as_int().unwrap_or_default(),
                "llm_request_parameters_model" => call.request_model = value.as_text(),
                "llm_model_name" => call.response_model = value.as_text(),
                "gen_ai_provider_name" => call.provider = value.as_text(),
                "server_address" => call.host = value.as_text(),
                "inferscope_endpoint" => call.endpoint = value.as_text(),
                "inferscope_vantage_point" => {
                    call.through_gateway = value.as_text() == Some("gateway")
                }
                "span_status" => call.failed = value.as_text() == Some("ERROR"),
                "openinference_span_kind" => {
                    call.input_only = matches!(value.as_text(), Some("EMBEDDING" | "RERANKER"));
                }
                "llm_token_count_prompt" => tokens.input = value.as_int(),
                "llm_token_count_completion" => tokens.output = value.as_int(),
                "llm_token_count_prompt_details_cache_read" => tokens.cache_read = value.as_int(),
                "llm_token_count_prompt_details_cache_write" => tokens.cache_write = value.as_int(),
                "llm_token_count_completion_details_reasoning" => tokens.reasoning = value.as_int(),
                "llm_token_count_prompt_details_audio" => tokens.audio_input = value.as_int(),
                "llm_token_count_completion_details_audio" => tokens.audio_output = value.as_int(),
                columns::TOTAL => total = value.as_float(),
                columns::SOURCE => source = value.as_text(),
                _ => {}
            }
        }
        // A cost that a table gave is ours to give again; one of rows from before there was a source was reported.
        call.reported = total.filter(|_| source.is_none_or(|source| source == columns::REPORTED));
        leaf.then_some(call)
    }
}

/// Fills the cost columns of a stored row from its other columns, by this book. A row that was priced before is priced
/// anew, and a cost that the client reported stays. A row that is no call that counts loses what an earlier pricing
/// wrote, and is else left alone.
pub fn price(row: &mut Stored, book: &Book) {
    let call = Call::of_row(row);
    let quote = call.map(|call| Quote::of(&call, book));
    let told = match &call {
        Some(call) => call.reported.is_some(),
        None => row.text(columns::SOURCE).is_none_or(|source| source == columns::REPORTED),
    };
    if row.cells().any(|(name, _)| columns::is_ours(name.as_str(), told)) {
        columns::clear(row, told);
    }
    for (name, value) in quote.iter().flat_map(Quote::cells) {
        row.push(name, value);
    }
}

#[cfg(test)]
mod tests;
