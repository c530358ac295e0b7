//! G2: processor time of a call.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures::future::try_join_all;
use serde_json::json;

use crate::caller::Caller;
use crate::chat::{self, Delivery};
use crate::plan::Plan;
use crate::processor;
use crate::report::{Goal, Measure};
use crate::ways::Scene;

/// Connections that each have one call under way.
const CONNECTIONS: usize = 8;

/// What a peer has done while it was called.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    calls: usize,
    seconds: f64,
    elapsed: Duration,
}

impl Work {
    fn us_a_call(self) -> f64 {
        self.seconds * 1e6 / self.calls as f64
    }

    fn calls_a_second(self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }
}

/// The peers take turns. Ours includes what comes after the answer: the call's row is logged, synced and written into a
/// table file before the account is closed.
pub(crate) async fn measure(scene: &Scene, plan: &Plan) -> anyhow::Result<Measure> {
    let (rounds, lasting) = plan.per_call;
    let server = &scene.server;
    let mut ways = scene.connect_warm(CONNECTIONS, plan.warm_up).await?;
    server.settle(plan.settle).await?;
    let (counts_before, all_before) = (server.counts().await?, server.processor_seconds()?);
    let (mut nginx, mut ours) = (Work::default(), Work::default());
    for _ in 0..rounds {
        let used = || processor::seconds_of_tree(scene.nginx.pid());
        load(&mut ways.nginx, lasting, used, &mut nginx).await?;
        load(&mut ways.inferscope, lasting, || server.processor_seconds(), &mut ours).await?;
    }
    server.settle(plan.settle).await?;
    let all = Work { seconds: server.processor_seconds()? - all_before, ..ours };
    let counts = server.counts().await?;
    ensure!(nginx.calls > 0 && ours.calls > 0, "no call was answered");
    Ok(Measure {
        id: "G2",
        what: "processor time of a call",
        unit: "us",
        ours: all.us_a_call(),
        beside_name: "nginx",
        beside: nginx.us_a_call(),
        goal: Goal::RatioAtMost(2.0),
        detail: json!({ "connections": CONNECTIONS, "rounds": rounds,
            "calls": { "nginx": nginx.calls, "inferscope": ours.calls },
            "calls_per_s": { "nginx": nginx.calls_a_second(), "inferscope": ours.calls_a_second() },
            "us_while_called": ours.us_a_call(),
            "calls_not_recorded": counts.dropped - counts_before.dropped,
            "bytes_not_in_files": counts.unsettled_bytes }),
    })
}

/// Calls on all connections at once for so long; adds what was done.
async fn load(
    callers: &mut [Caller],
    lasting: Duration,
    used: impl Fn() -> anyhow::Result<f64>,
    work: &mut Work,
) -> anyhow::Result<()> {
    let request = chat::request(Delivery::Whole);
    let (before, began) = (used()?, Instant::now());
    let counts = try_join_all(callers.iter_mut().map(async |caller| {
        let mut calls = 0;
        while began.elapsed() < lasting {
            caller.call(request.clone()).await?;
            calls += 1;
        }
        anyhow::Ok(calls)
    }))
    .await?;
    work.elapsed += began.elapsed();
    work.seconds += used()? - before;
    work.calls += counts.iter().sum::<usize>();
    Ok(())
}
