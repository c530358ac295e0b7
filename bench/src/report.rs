//! What was measured, as a table for people and as lines for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::spread::ratio;

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Of ours to what stands beside it.
    RatioAtMost(f64),
    /// Of ours to what stands beside it.
    RatioAtLeast(f64),
    /// Ours is at most so much above what stands beside it, in its unit.
    Within(f64),
    /// Ours, in its unit; what stands beside it is only to be seen.
    AtMost(f64),
}

/// One number beside another.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// Of the goal.
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// What it is compared with.
    pub(crate) beside_name: &'static str,
    pub(crate) beside: f64,
    pub(crate) goal: Goal,
    /// For the reader of the lines only.
    pub(crate) detail: Value,
}

impl Measure {
    /// The ratio or difference that the goal is about; `None` where the numbers allow none.
    fn judged(&self) -> Option<f64> {
        match self.goal {
            Goal::RatioAtMost(_) | Goal::RatioAtLeast(_) => ratio(self.ours, self.beside),
            Goal::Within(_) => Some(self.ours - self.beside),
            Goal::AtMost(_) => Some(self.ours),
        }
    }

    fn met(&self) -> Option<bool> {
        let judged = self.judged()?;
        Some(match self.goal {
            Goal::RatioAtMost(most) | Goal::Within(most) | Goal::AtMost(most) => judged <= most,
            Goal::RatioAtLeast(least) => judged >= least,
        })
    }

    fn goal(&self) -> String {
        match self.goal {
            Goal::RatioAtMost(most) => format!("<= {most} x"),
            Goal::RatioAtLeast(least) => format!(">= {least} x"),
            Goal::Within(most) => format!("<= +{most} {}", self.unit),
            Goal::AtMost(most) => format!("<= {most} {}", self.unit),
        }
    }

    fn cells(&self) -> [String; 7] {
        let judged = match (self.judged(), self.goal) {
            (None, _) => "-".to_owned(),
            (Some(value), Goal::Within(_)) => format!("{value:+.2} {}", self.unit),
            (Some(value), Goal::AtMost(_)) => format!("{} {}", number(value), self.unit),
            (Some(value), _) => format!("{value:.2} x"),
        };
        let met = match self.met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "unknown",
        };
        [
            self.id.to_owned(),
            self.what.to_owned(),
            format!("{} {}", number(self.ours), self.unit),
            format!("{} {} ({})", number(self.beside), self.unit, self.beside_name),
            judged,
            self.goal(),
            met.to_owned(),
        ]
    }

    /// One line for programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "id": self.id, "what": self.what, "unit": self.unit, "inferscope": self.ours,
            "beside": { "name": self.beside_name, "value": self.beside },
            "judged": self.judged(), "goal": self.goal(), "met": self.met(), "detail": self.detail })
    }
}

/// Three digits that matter, and no more of large numbers than people read.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The table.
pub(crate) fn table(measures: &[Measure]) -> String {
    let head = ["id", "what", "inferscope", "beside it", "result", "goal", ""].map(str::to_owned);
    let rows: Vec<[String; 7]> =
        std::iter::once(head).chain(measures.iter().map(Measure::cells)).collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(ours: f64, beside: f64, goal: Goal) -> Measure {
        Measure {
            id: "G0",
            what: "a thing",
            unit: "ms",
            ours,
            beside_name: "peer",
            beside,
            goal,
            detail: Value::Null,
        }
    }

    #[test]
    fn goals_are_about_ratios_or_differences() {
        assert_eq!(measure(3.0, 2.0, Goal::RatioAtMost(1.5)).met(), Some(true));
        assert_eq!(measure(3.1, 2.0, Goal::RatioAtMost(1.5)).met(), Some(false));
        assert_eq!(measure(1.0, 2.0, Goal::RatioAtLeast(0.6)).met(), Some(false));
        assert_eq!(measure(1.2, 1.0, Goal::Within(0.3)).met(), Some(true));
        assert_eq!(measure(900.0, 5.0, Goal::AtMost(1000.0)).met(), Some(true));
        assert_eq!(measure(1.2, 0.0, Goal::RatioAtMost(1.5)).met(), None);
    }

    #[test]
    fn the_table_has_a_line_for_each_measure() {
        let table = table(&[measure(3.1, 2.0, Goal::RatioAtMost(1.5))]);
        let line = table.lines().nth(1).expect("a second line");
        assert!(line.contains("1.55 x") && line.ends_with("NOT MET"), "{line}");
    }
}
