use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use buckets::Buckets;

use crate::catalogue::Catalogue;

mod buckets;

/// The engine's numbers under vLLM's names, one set for each `model_name`.
#[derive(Debug)]
pub(crate) struct Metrics(Mutex<BTreeMap<String, Counts>>);

/// The numbers of one model.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    pub(crate) running: u64,
    pub(crate) waiting: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) generation_tokens: u64,
    pub(crate) rejected: u64,
    finished: BTreeMap<&'static str, u64>,
    first_token: Buckets,
    between_tokens: Buckets,
    in_line: Buckets,
    whole_call: Buckets,
}

/// The spans of time that are measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lap {
    /// From arrival to the first token.
    FirstToken,
    /// From one token to the next.
    BetweenTokens,
    /// From arrival to a slot.
    InLine,
    /// From arrival to the end.
    WholeCall,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            running: 0,
            waiting: 0,
            prompt_tokens: 0,
            generation_tokens: 0,
            rejected: 0,
            finished: ["stop", "length", "abort", "error"].map(|reason| (reason, 0)).into(),
            first_token: Buckets::new(buckets::FIRST_TOKEN),
            between_tokens: Buckets::new(buckets::BETWEEN_TOKENS),
            in_line: Buckets::new(buckets::CALL),
            whole_call: Buckets::new(buckets::CALL),
        }
    }
}

impl Counts {
    pub(crate) fn observe(&mut self, lap: Lap, took: Duration) {
        let buckets = match lap {
            Lap::FirstToken => &mut self.first_token,
            Lap::BetweenTokens => &mut self.between_tokens,
            Lap::InLine => &mut self.in_line,
            Lap::WholeCall => &mut self.whole_call,
        };
        buckets.observe(took.as_secs_f64());
    }

    pub(crate) fn finish(&mut self, reason: &'static str) {
        *self.finished.entry(reason).or_default() += 1;
    }
}

impl Metrics {
    /// Every served model at zero.
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let labels = catalogue.models().iter().map(|model| model.label.clone());
        Self(Mutex::new(labels.map(|label| (label, Counts::default())).collect()))
    }

    /// Changes the numbers of a model.
    pub(crate) fn change(&self, label: &str, change: impl FnOnce(&mut Counts)) {
        change(self.lock().entry(label.to_owned()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All numbers as Prometheus text 0.0.4.
    pub(crate) fn render(&self) -> String {
        let all = self.lock().clone();
        let mut out = String::from(
            "# HELP inferscope_simulator_info This engine is a simulator.\n\
             # TYPE inferscope_simulator_info gauge\ninferscope_simulator_info 1\n",
        );
        for (kind, name, help, number) in NUMBERS {
            head(&mut out, kind, name, help);
            for (model, counts) in &all {
                line(&mut out, name, model, "", number(counts));
            }
        }
        head(&mut out, "counter", "vllm:request_success_total", "Count of finished requests.");
        for (model, counts) in &all {
            for (reason, count) in &counts.finished {
                let label = format!(",finished_reason=\"{reason}\"");
                line(&mut out, "vllm:request_success_total", model, &label, *count);
            }
        }
        for (name, help, buckets) in HISTOGRAMS {
            head(&mut out, "histogram", name, help);
            for (model, counts) in &all {
                buckets(counts).render(&mut out, name, &labels(model));
            }
        }
        out
    }
}

type Number = (&'static str, &'static str, &'static str, fn(&Counts) -> u64);

const NUMBERS: [Number; 5] = [
    ("gauge", "vllm:num_requests_running", "Requests being worked on.", |counts| counts.running),
    ("gauge", "vllm:num_requests_waiting", "Requests waiting for a slot.", |counts| counts.waiting),
    ("counter", "vllm:prompt_tokens_total", "Prompt tokens processed.", |counts| {
        counts.prompt_tokens
    }),
    ("counter", "vllm:generation_tokens_total", "Tokens generated.", |counts| {
        counts.generation_tokens
    }),
    (
        "counter",
        "vllm:admission_rejections_total",
        "Requests refused, the line being full.",
        |counts| counts.rejected,
    ),
];

type Histogram = (&'static str, &'static str, fn(&Counts) -> &Buckets);

const HISTOGRAMS: [Histogram; 4] = [
    ("vllm:time_to_first_token_seconds", "Arrival to first token.", |counts| &counts.first_token),
    ("vllm:inter_token_latency_seconds", "One token to the next.", |counts| &counts.between_tokens),
    ("vllm:request_queue_time_seconds", "Arrival to a slot.", |counts| &counts.in_line),
    ("vllm:e2e_request_latency_seconds", "Arrival to the end.", |counts| &counts.whole_call),
];

fn head(out: &mut String, kind: &str, name: &str, help: &str) {
    write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("a string takes all text");
}

fn line(out: &mut String, name: &str, model: &str, more: &str, value: u64) {
    writeln!(out, "{name}{{{}{more}}} {value}", labels(model)).expect("a string takes all text");
}

fn labels(model: &str) -> String {
    let model = model.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("model_name=\"{model}\",engine=\"0\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_written_under_vllms_names() {
        let metrics = Metrics::new(&Catalogue::new(&["a/\"b".to_owned()]));
        metrics.change("a/\"b", |counts| {
            counts.running = 2;
            counts.finish("stop");
            counts.observe(Lap::FirstToken, Duration::from_millis(30));
        });
        let text = metrics.render();
        for expected in [
            "# TYPE vllm:num_requests_running gauge\n",
            "vllm:num_requests_running{model_name=\"a/\\\"b\",engine=\"0\"} 2\n",
            "vllm:request_success_total{model_name=\"a/\\\"b\",engine=\"0\",finished_reason=\"stop\"} 1\n",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"a/\\\"b\",engine=\"0\",le=\"0.02\"} 0\n",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"a/\\\"b\",engine=\"0\",le=\"0.04\"} 1\n",
            "vllm:time_to_first_token_seconds_bucket{model_name=\"a/\\\"b\",engine=\"0\",le=\"+Inf\"} 1\n",
            "vllm:time_to_first_token_seconds_sum{model_name=\"a/\\\"b\",engine=\"0\"} 0.03\n",
            "vllm:time_to_first_token_seconds_count{model_name=\"a/\\\"b\",engine=\"0\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
