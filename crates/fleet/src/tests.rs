//! Whole lives of replicas, over real sockets and real processes.

mod fake;
mod orphans;
mod pick;
mod processes;
mod stage;
mod urls;
