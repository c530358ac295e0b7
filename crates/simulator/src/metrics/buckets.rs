use std::fmt::Write;

/// vLLM's buckets for the time to first token, in seconds.
pub(crate) const FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];

/// vLLM's buckets for the time between tokens, in seconds.
pub(crate) const BETWEEN_TOKENS: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
];

/// vLLM's buckets for whole calls and for the line, in seconds.
pub(crate) const CALL: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];

/// A Prometheus histogram with fixed bounds.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    bounds: &'static [f64],
    counts: Vec<u64>,
    above: u64,
    sum: f64,
}

impl Buckets {
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len()], above: 0, sum: 0.0 }
    }

    pub(crate) fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        *self.counts.get_mut(bucket).unwrap_or(&mut self.above) += 1;
        self.sum += value;
    }

    pub(crate) fn render(&self, out: &mut String, name: &str, labels: &str) {
        let mut total = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            total += count;
            writeln!(out, "{name}_bucket{{{labels},le=\"{bound:?}\"}} {total}").expect(TAKES_ALL);
        }
        total += self.above;
        writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}").expect(TAKES_ALL);
        writeln!(out, "{name}_sum{{{labels}}} {}", self.sum).expect(TAKES_ALL);
        writeln!(out, "{name}_count{{{labels}}} {total}").expect(TAKES_ALL);
    }
}

const TAKES_ALL: &str = "a string takes all text";
