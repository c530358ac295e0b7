use std::collections::HashSet;

use crate::dialect::Dialect;
use crate::family::{Counter, Gauge, Histogram, Info, Summary};
use crate::labels::{Quote, escape};
use crate::names::Family;

/// Why a family cannot be on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A family of the page already has a sample of that name.
    #[error("metric {name} clashes with one that is on the page already")]
    Clash {
        /// The family that was refused.
        name: &'static str,
    },
    /// The name's end says that it is of another type.
    #[error("metric {name} ends in _{ending}, which is kept for another type")]
    ReservedEnding {
        /// The family that was refused.
        name: &'static str,
        /// The end of its name.
        ending: &'static str,
    },
}

/// A page of metrics in the making: families one after the other, each name once.
#[derive(Debug)]
pub struct Page {
    out: Vec<u8>,
    dialect: Dialect,
    taken: HashSet<String>,
}

impl Page {
    /// A page that is appended to `out`.
    #[must_use]
    pub fn new(out: Vec<u8>, dialect: Dialect) -> Self {
        Self { out, dialect, taken: HashSet::new() }
    }

    /// Begins a family of things that are only ever counted up.
    ///
    /// OpenMetrics has the samples end in `_total` and the family's name not; in plain text the
    /// name stays as it was given.
    ///
    /// # Errors
    /// When the name clashes with an earlier family.
    pub fn counter(&mut self, family: &Family) -> Result<Counter<'_>, PageError> {
        let stem = family.stem();
        self.take(family, stem, &["", "_total", "_created"])?;
        let (head, sample) = match self.dialect {
            Dialect::OpenMetrics1 => (stem.to_owned(), format!("{stem}_total")),
            Dialect::Text004 => (family.name.to_owned(), family.name.to_owned()),
        };
        self.head(&head, "counter", family);
        Ok(Counter { out: &mut self.out, name: sample })
    }

    /// Begins a family of values that go up and down.
    ///
    /// # Errors
    /// When the name clashes with an earlier family, or ends in `_total` or `_info`.
    pub fn gauge(&mut self, family: &Family) -> Result<Gauge<'_>, PageError> {
        refuse_endings(family, &["total", "info"])?;
        self.take(family, family.name, &[""])?;
        self.head(family.name, "gauge", family);
        Ok(Gauge { out: &mut self.out, name: family.name })
    }

    /// Begins a family of quantiles with their count and sum.
    ///
    /// # Errors
    /// When the name clashes with an earlier family, or ends as another type's samples do.
    pub fn summary(&mut self, family: &Family) -> Result<Summary<'_>, PageError> {
        refuse_endings(family, &["total", "info", "count", "sum", "bucket"])?;
        self.take(family, family.name, &["", "_count", "_sum", "_created"])?;
        self.head(family.name, "summary", family);
        Ok(Summary { out: &mut self.out, name: family.name })
    }

    /// Begins a family of counts in buckets.
    ///
    /// # Errors
    /// When the name clashes with an earlier family, or ends as another type's samples do.
    pub fn histogram(&mut self, family: &Family) -> Result<Histogram<'_>, PageError> {
        refuse_endings(family, &["total", "info", "count", "sum", "bucket"])?;
        self.take(family, family.name, &["", "_bucket", "_count", "_sum", "_created"])?;
        self.head(family.name, "histogram", family);
        Ok(Histogram { out: &mut self.out, name: family.name })
    }

    /// Begins a family of facts told in labels; the samples end in `_info` and are 1.
    ///
    /// # Errors
    /// When the name clashes with an earlier family, ends in `_info` or `_total`, or has a unit.
    pub fn info(&mut self, family: &Family) -> Result<Info<'_>, PageError> {
        refuse_endings(family, &["total", "info"])?;
        if let Some(unit) = family.unit {
            return Err(PageError::ReservedEnding { name: family.name, ending: unit });
        }
        self.take(family, family.name, &["", "_info"])?;
        let sample = format!("{}_info", family.name);
        match self.dialect {
            Dialect::OpenMetrics1 => self.head(family.name, "info", family),
            Dialect::Text004 => self.head(&sample, "gauge", family),
        }
        Ok(Info { out: &mut self.out, name: sample })
    }

    /// The page's bytes, UTF-8, closed as the dialect demands.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        match self.dialect {
            Dialect::OpenMetrics1 => self.out.extend_from_slice(b"# EOF\n"),
            Dialect::Text004 => {}
        }
        self.out
    }

    /// Takes every name that the family's samples can have, or none of them.
    fn take(&mut self, family: &Family, stem: &str, endings: &[&str]) -> Result<(), PageError> {
        let names: Vec<String> = endings.iter().map(|ending| format!("{stem}{ending}")).collect();
        if names.iter().any(|name| self.taken.contains(name)) {
            return Err(PageError::Clash { name: family.name });
        }
        self.taken.extend(names);
        Ok(())
    }

    fn head(&mut self, name: &str, kind: &str, family: &Family) {
        let mut help = String::with_capacity(family.help.len());
        let quote = match self.dialect {
            Dialect::OpenMetrics1 => Quote::Escaped,
            Dialect::Text004 => Quote::Plain,
        };
        escape(&mut help, family.help, quote);
        self.line(&["# HELP ", name, " ", &help]);
        self.line(&["# TYPE ", name, " ", kind]);
        if let Some(unit) = family.unit {
            self.line(&["# UNIT ", name, " ", unit]);
        }
    }

    fn line(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
        self.out.push(b'\n');
    }
}

fn refuse_endings(family: &Family, endings: &[&'static str]) -> Result<(), PageError> {
    let has =
        |ending: &&&str| family.name.strip_suffix(**ending).is_some_and(|stem| stem.ends_with('_'));
    match endings.iter().find(has) {
        Some(ending) => Err(PageError::ReservedEnding { name: family.name, ending }),
        None => Ok(()),
    }
}
