//! Calls through a gateway on real sockets, to replicas that misbehave.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod caller;
mod fake_replica;
mod house;

mod answers;
mod failures;
mod records;
mod requests;
mod streams;
