//! Endpoints and their replicas: who is up, who gets the next call, and what became of each of them.
//!
//! [`Fleet`] owns the [`Endpoint`]s of a list of [`EndpointSpec`]s. [`Fleet::supervise`] runs one
//! supervisor per replica: it probes servers that others run ([`Source::Urls`]) and starts, probes,
//! restarts and stops the processes that we run ([`Source::Process`]). [`Endpoint::pick`] hands out a
//! [`Lease`] on the running replica with the fewest pending calls. Every change of a replica's status is
//! a [`StatusChange`] with its wall time, kept in a bounded [`History`] and broadcast.
//!
//! ```text
//! url      pending ─▶ initializing ─▶ running ─▶ failed ─▶ (initializing ─▶) running …
//!          never      answers, not    healthy    taken out by a failed call, or by
//!          answered   healthy yet                probes that failed in a row
//!
//! process  pending ─▶ initializing ─▶ running ⇄ failed ─▶ terminated      exit: a new replica, new id
//!                     started                   └────── draining ─▶ terminated      we stopped it
//! ```
//!
//! A replica id belongs to one url of one deployment, or to one process: a restarted process is a new
//! replica. `min_replicas` processes are kept up; nothing scales up or down yet, and `max_replicas` is
//! only carried for the graphs. A process that lives but stops answering is taken out, not killed.
//!
//! This crate spawns no task, serves no route and knows no call's content. When
//! [`Fleet::supervise`] returns, or is dropped, no process that it started is left.

mod backoff;
mod endpoint;
mod engine;
mod error;
mod fleet;
mod group;
mod health;
mod id;
mod journal;
mod lease;
mod orphan;
mod output;
mod probe;
mod process;
mod replica;
mod settings;
mod slot;
mod snapshot;
mod spec;
mod status;
mod watch;

#[cfg(test)]
mod tests;

pub use {
    backoff::BackoffSettings,
    endpoint::Endpoint,
    engine::Engine,
    error::{Error, NoReplica},
    fleet::{Fleet, Model},
    journal::{History, StatusChange},
    lease::{Arrival, Lease},
    output::ProcessOutput,
    settings::FleetSettings,
    snapshot::{EndpointSnapshot, ReplicaSnapshot},
    spec::{EndpointSpec, ProcessSpec, Source},
    status::{EndpointState, ReplicaStatus},
};
