//! The OpenAI dialect, read without changing a byte of it: requests, answers, streams, usage and errors.
//!
//! On the way of a call there are three cheap tools: [`peek`] (which model, streamed or not),
//! [`with_include_usage`] (the same body, asking the engine to report usage) and [`UsageStripper`] (takes
//! the chunk that we asked for out again). [`SseDecoder`] with [`is_content`] finds the first token. After
//! the end, [`read_request`], [`parse_answer`] and [`StreamReader`] read the facts of the call, and
//! [`parse_error`] reads the error of any engine. [`input_messages`] and [`output_messages`] turn chat
//! messages into OpenTelemetry's part form.
//!
//! All readers are lenient and bounded: what an engine leaves out is `None`, never 0 and never an error;
//! what is not understood is skipped and counted. This crate does no I/O, has no async and knows no clock.

mod answer;
mod api_error;
mod content;
mod error;
mod field;
mod message;
mod operation;
mod part;
mod request;
mod settings;
mod sse;
mod stream;
mod stripper;
mod usage;

pub use answer::{Answer, Ending, parse_answer};
pub use api_error::{ApiError, parse_error};
pub use content::is_content;
pub use error::{PeekError, TooLong, Truncated};
pub use message::{Output, ToolCall, input_messages, output_messages};
pub use operation::Operation;
pub use request::{Request, peek, with_include_usage};
pub use settings::{RequestFacts, read_request};
pub use sse::{SseDecoder, SseEvent};
pub use stream::StreamReader;
pub use stripper::UsageStripper;
pub use usage::Usage;
