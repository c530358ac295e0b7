//! The proxied call: a request goes to the replica with the fewest pending calls, its answer comes back
//! untouched, and one record tells what happened.
//!
//! [`Gateway::handle`] takes a [`Call`] and answers it. Which endpoints and replicas there are it asks a
//! [`Picker`]; finished calls go into a [`Recording`], which never makes a call wait. Off the way of calls,
//! [`into_span`] reads a [`CallRecord`] and makes it a span.
//!
//! ```text
//! head ─▶ body (bounded) ─▶ peek: model, stream ─▶ route ─▶ lease ─▶ attempts ─▶ response head ─▶ relay ─▶ end
//!                                                             ▲          │ no answer yet: another replica
//!                                                             └──────────┘             └▶ one record
//! ```
//!
//! Nothing is tried again once a response head has come, save a 503 while another replica is free. The crate
//! does not know how records are stored, who may call what, or how replicas are run; it never waits for the
//! recorder, and keeps no header of any request. Upgrades (WebSocket) are not passed on.

mod admission;
mod answer;
mod attempt;
mod attributes;
mod call;
mod capture;
mod config;
mod connection;
mod error;
mod gateway;
mod headers;
mod hold;
mod open_call;
mod picker;
mod pool;
mod reading;
mod record;
mod recording;
mod relay;
mod replica_body;
mod request;
mod route;
mod span;
mod stream_options;
mod trace;
mod upstream;

pub use call::{Call, Target};
pub use capture::Captured;
pub use config::GatewayConfig;
pub use error::Error;
pub use gateway::Gateway;
pub use picker::{
    Authorization, Available, Failure, Held, Lease, Model, NoReplica, Picker, Provider,
    ProviderStatus, Purpose, Replica, Route, StreamUsage,
};
pub use record::{AnswerForm, CallRecord, End, Trouble};
pub use recording::{Recording, RecordingConfig, Recordings, recording};
pub use relay::{BodyError, GatewayBody};
pub use span::into_span;
pub use trace::TraceContext;
