//! G1: what the gateway adds to a call.

use anyhow::Context as _;
use serde_json::json;

use crate::caller::Caller;
use crate::chat::{self, Delivery};
use crate::plan::Plan;
use crate::report::{Goal, Measure};
use crate::spread::{median, quantile};
use crate::ways::{Scene, Ways};

/// One way's connection, and the medians of its rounds in µs.
struct Way {
    callers: Vec<Caller>,
    p50_us: Vec<f64>,
    p99_us: Vec<f64>,
}

/// One kept-alive connection by each way; the ways take turns, and each round has its own differences.
pub(crate) async fn measure(scene: &Scene, plan: &Plan) -> anyhow::Result<Measure> {
    let (rounds, calls) = plan.latency;
    let connected = scene.connect_warm(1, plan.warm_up).await?;
    let way = |callers| Way { callers, p50_us: Vec::new(), p99_us: Vec::new() };
    let mut ways = Ways {
        direct: way(connected.direct),
        nginx: way(connected.nginx),
        inferscope: way(connected.inferscope),
    };
    for round in 0..rounds {
        for way in ways.in_turn(round) {
            way.round(calls).await?;
        }
    }
    let added = |way: &Way, values: fn(&Way) -> &Vec<f64>| {
        let pairs = values(way).iter().zip(values(&ways.direct));
        median(&pairs.map(|(through, direct)| through - direct).collect::<Vec<_>>())
    };
    let p50 = |way| added(way, |way| &way.p50_us).context("no rounds");
    Ok(Measure {
        id: "G1",
        what: "latency added to a 1 KB call, p50",
        unit: "us",
        ours: p50(&ways.inferscope)?,
        beside_name: "nginx",
        beside: p50(&ways.nginx)?,
        goal: Goal::RatioAtMost(1.5),
        detail: json!({ "rounds": rounds, "calls_a_round": calls,
            "p50_us": { "direct": median(&ways.direct.p50_us), "nginx": median(&ways.nginx.p50_us),
                "inferscope": median(&ways.inferscope.p50_us) },
            "added_p99_us": { "nginx": added(&ways.nginx, |way| &way.p99_us),
                "inferscope": added(&ways.inferscope, |way| &way.p99_us) } }),
    })
}

impl Way {
    async fn round(&mut self, calls: usize) -> anyhow::Result<()> {
        let request = chat::request(Delivery::Whole);
        let mut took_us = Vec::with_capacity(calls);
        for _ in 0..calls {
            for caller in &mut self.callers {
                took_us.push(caller.call(request.clone()).await?.as_secs_f64() * 1e6);
            }
        }
        self.p50_us.extend(quantile(&took_us, 0.5));
        self.p99_us.extend(quantile(&took_us, 0.99));
        Ok(())
    }
}
