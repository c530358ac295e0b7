//! An honest stand-in for an inference engine: it speaks the OpenAI dialect and says in every answer that
//! it is a simulator.
//!
//! [`serve`] answers `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/models`, `/health`,
//! `/version` and `/metrics` (vLLM's names) on a listener. Every answer has the header `x-inferscope-simulator: 1`;
//! generated ones also have `"system_fingerprint": "inferscope-simulator"` and start with `[simulator]`.
//!
//! # What can be computed by hand
//! - A *token* is a word: what stands between white space. Prompt tokens are the words of all message texts
//!   (or of the prompt, or of the inputs; a token id counts 1). Completion tokens are the words of the
//!   answer, reasoning included. Words of a message whose first word is `CACHED` count as cached.
//! - The answer depends on seed, model and prompt only. It has 16 to 80 words, or fewer where `max_tokens` (or
//!   `max_completion_tokens`) says so; then the finish reason is `length`, else `stop`.
//! - A model with `R1` in its name reasons first, in 8 words of `reasoning_content` that are part of the count.
//! - Usage stands in every whole answer, and in streams that ask for `include_usage`, as an extra chunk.
//! - One choice a call, whatever `n` says; `stop` and `tools` are ignored.
//! - `model` in the answer is the short name of the Hub id (see [`short_name`]).
//!
//! # Which models it answers
//! Those of its configuration, by Hub id (a `:provider` behind it does not matter) or short name; a missing
//! model and `dummy` (which the Hub's client sends) mean the first one. Any other gets what the Hub's router
//! says: 400 `model_not_supported`.
//!
//! # Trouble on demand
//! | model, key | what happens |
//! |---|---|
//! | `gated/…` | 403, the error a plain string about the licence |
//! | `ratelimited/…` | 429 with `Retry-After: 1` |
//! | `boom/…` | 500 |
//! | `loading/…` | 503 with `estimated_time` |
//! | `cut/…` | the connection breaks: in a stream after 3 tokens, else in the middle of the body |
//! | `inband/…` | a stream sends an error event after 3 tokens, under HTTP 200; else 500 |
//! | `slow/…` | ten times slower |
//! | `Authorization: Bearer hf_bad_key` | 401, the error a plain string |
//!
//! The request header `x-simulate` does the same for any model, as `key=value` pairs split by `;`:
//! `status=429` (400 to 599), `retry-after=3` (seconds), `cut=5`, `inband=5` (after so many tokens), `slow=2.5`
//! (times), `tokens=12` (words the answer has), `first-token-ms=250`, `token-ms=20`. An unknown key is a 400
//! that names it.
//!
//! # Load
//! At most `max_concurrency` calls are worked on, `max_waiting` wait in line, and more get 503 with
//! `Retry-After: 1`. The status comes when a call's turn comes. A client that leaves ends its generation at the
//! next token. While the engine starts, everything but `/metrics` answers 503. Randomness (jitter of the pace,
//! failure rates) is drawn from the seed and the number of the call, nothing else.

mod answer;
mod ask;
mod behaviour;
mod catalogue;
mod config;
mod dice;
mod embedding;
mod failure;
mod generation;
mod metrics;
mod pace;
mod queue;
mod routes;
mod server;
mod streaming;
mod words;

pub use catalogue::short_name;
pub use config::{FailureRates, Pace, SimulatorConfig, SlowSpells};
pub use server::serve;
