//! G3 and G4: streamed answers.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use serde_json::json;

use crate::caller::{Arrivals, Caller};
use crate::chat::{self, Delivery, FRAMES, PACE};
use crate::plan::Plan;
use crate::processor;
use crate::report::{Goal, Measure};
use crate::spread::quantile;
use crate::ways::{Scene, Ways};

/// Streams at once where arrivals are watched.
const WATCHED: usize = 8;
/// Streams at once where processor time is counted.
const COUNTED: usize = 64;

/// One way's connections, and what was seen there, in ms.
struct Way {
    callers: Vec<Caller>,
    first_ms: Vec<f64>,
    gaps_ms: Vec<f64>,
}

/// G3, twice: the first token, and the gaps between frames.
pub(crate) async fn pace(scene: &Scene, plan: &Plan) -> anyhow::Result<[Measure; 2]> {
    let connected = scene.connect(Delivery::Streamed, WATCHED).await?;
    let way = |callers| Way { callers, first_ms: Vec::new(), gaps_ms: Vec::new() };
    let mut ways = Ways {
        direct: way(connected.direct),
        nginx: way(connected.nginx),
        inferscope: way(connected.inferscope),
    };
    // The first round opens connections behind the peers and is forgotten.
    for round in 0..=plan.pace {
        for way in ways.in_turn(round) {
            let arrivals = stream_all(&mut way.callers).await?;
            if round > 0 {
                arrivals.iter().for_each(|arrivals| way.note(arrivals));
            }
        }
    }
    let spread =
        |values: &[f64]| json!({ "p50": quantile(values, 0.5), "p99": quantile(values, 0.99) });
    let detail = |values: fn(&Way) -> &Vec<f64>| {
        json!({ "streams_at_once": WATCHED, "rounds": plan.pace, "direct_ms": spread(values(&ways.direct)),
            "nginx_ms": spread(values(&ways.nginx)), "inferscope_ms": spread(values(&ways.inferscope)) })
    };
    let first = |way: &Way| quantile(&way.first_ms, 0.5).context("no streams");
    let gap = |way: &Way| quantile(&way.gaps_ms, 0.99).context("no streams");
    let measure = |what, ours, beside, goal, detail| Measure {
        id: "G3",
        what,
        unit: "ms",
        ours,
        beside_name: "direct",
        beside,
        goal: Goal::Within(goal),
        detail,
    };
    let (ours, direct) = (&ways.inferscope, &ways.direct);
    Ok([
        measure(
            "time to first token, p50",
            first(ours)?,
            first(direct)?,
            0.3,
            detail(|way| &way.first_ms),
        ),
        measure(
            "gap between frames of 10 ms, p99",
            gap(ours)?,
            gap(direct)?,
            2.0,
            detail(|way| &way.gaps_ms),
        ),
    ])
}

impl Way {
    fn note(&mut self, Arrivals(times): &Arrivals) {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        self.first_ms.extend(times.first().map(|first| ms(*first)));
        self.gaps_ms.extend(times[..FRAMES].windows(2).map(|pair| ms(pair[1] - pair[0])));
    }
}

/// G4: processor time of a frame.
pub(crate) async fn per_frame(scene: &Scene, plan: &Plan) -> anyhow::Result<Measure> {
    let mut ways = scene.connect(Delivery::Streamed, COUNTED).await?;
    for callers in [&mut ways.nginx, &mut ways.inferscope] {
        stream_all(callers).await?;
    }
    scene.server.settle(plan.settle).await?;
    let (mut nginx, mut ours) = (0.0, 0.0);
    for _ in 0..plan.per_frame {
        let used = || processor::seconds_of_tree(scene.nginx.pid());
        let before = used()?;
        stream_all(&mut ways.nginx).await?;
        nginx += used()? - before;
        let before = scene.server.processor_seconds()?;
        stream_all(&mut ways.inferscope).await?;
        ours += scene.server.processor_seconds()? - before;
    }
    let frames = plan.per_frame * COUNTED * FRAMES;
    Ok(Measure {
        id: "G4",
        what: "processor time of a streamed frame",
        unit: "us",
        ours: ours * 1e6 / frames as f64,
        beside_name: "nginx",
        beside: nginx * 1e6 / frames as f64,
        goal: Goal::RatioAtMost(1.2),
        detail: json!({ "streams_at_once": COUNTED, "rounds": plan.per_frame, "frames": frames,
            "seconds": { "nginx": nginx, "inferscope": ours } }),
    })
}

/// One streamed answer on every connection, begun one after the other so that frames are spread over the pace.
async fn stream_all(callers: &mut [Caller]) -> anyhow::Result<Vec<Arrivals>> {
    let request = chat::request(Delivery::Streamed);
    let count = u32::try_from(callers.len())?;
    let streams = (0..).zip(callers).map(async |(place, caller): (u32, &mut Caller)| {
        tokio::time::sleep(PACE * place / count).await;
        let arrivals = caller.stream(request.clone()).await?;
        // The end of the stream is an event, too.
        ensure!(arrivals.0.len() > FRAMES, "{} events instead of {FRAMES}", arrivals.0.len());
        Ok(arrivals)
    });
    try_join_all(streams).await
}
