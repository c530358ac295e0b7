//! Calls through a gateway on real sockets, to replicas that misbehave.

mod caller;
mod fake_replica;
mod house;

mod answers;
mod failures;
mod records;
mod requests;
mod streams;
