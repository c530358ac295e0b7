//! The simulator over a real socket, asked by a plain HTTP client.

#![allow(clippy::unwrap_used, reason = "a test may panic, and its helpers too")]

mod answers;
mod load;
mod server;
mod streams;
mod trouble;
