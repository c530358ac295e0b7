/// How a page is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0, strictly: counters end in `_total`, the page ends in `# EOF`.
    OpenMetrics1,
    /// Prometheus' text format 0.0.4, with every name as it was given.
    Text004,
}

impl Dialect {
    /// The `Content-Type` to answer with.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics1 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text004 => "text/plain; version=0.0.4",
        }
    }
}

/// The dialect that an `Accept` header prefers; [`Dialect::Text004`] when it does not care or cannot be met.
///
/// Every media range is weighed by its `q`, the more specific range first, as HTTP says. On equal
/// weight the range named first wins, and within one range (`*/*`) the plain text.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Dialect {
    let ranges: Vec<Range> =
        accept.unwrap_or_default().split(',').filter_map(Range::parse).collect();
    let strict = best(&ranges, "application", "openmetrics-text");
    let plain = best(&ranges, "text", "plain");
    match (strict, plain) {
        (Some(strict), Some(plain)) if strict.beats(&plain) => Dialect::OpenMetrics1,
        (Some(_), None) => Dialect::OpenMetrics1,
        (Some(_) | None, Some(_)) | (None, None) => Dialect::Text004,
    }
}

/// A media range with its weight.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    version: Option<&'a str>,
    weight: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Self { kind, subtype, version: None, weight: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.weight = value.parse().ok().filter(|q| (0.0..=1.0).contains(q))?,
                "version" => range.version = Some(value),
                _other => {}
            }
        }
        Some(range)
    }

    /// 3 for the very type, 2 for its kind with any subtype, 1 for `*/*`; `None` when it does not cover it.
    fn covers(&self, kind: &str, subtype: &str) -> Option<u8> {
        let known_version =
            subtype != "openmetrics-text" || matches!(self.version, None | Some("0.0.1" | "1.0.0"));
        let same_kind = self.kind.eq_ignore_ascii_case(kind);
        if same_kind && self.subtype.eq_ignore_ascii_case(subtype) {
            return known_version.then_some(3);
        }
        match (self.kind, self.subtype) {
            ("*", "*") => Some(1),
            (_, "*") if same_kind => Some(2),
            (_, _) => None,
        }
    }
}

/// How much one type is wanted: its weight, and the place of the range that says so.
struct Wanted {
    weight: f32,
    place: usize,
}

impl Wanted {
    fn beats(&self, other: &Self) -> bool {
        self.weight > other.weight || (self.weight >= other.weight && self.place < other.place)
    }
}

/// What the most specific ranges say about a type; `None` when it is not accepted.
fn best(ranges: &[Range], kind: &str, subtype: &str) -> Option<Wanted> {
    let covering = || {
        ranges.iter().enumerate().filter_map(|(at, range)| Some((range.covers(kind, subtype)?, at)))
    };
    let closest = covering().map(|(closeness, _)| closeness).max()?;
    let mut best: Option<Wanted> = None;
    for (_, place) in covering().filter(|(closeness, _)| *closeness == closest) {
        let wanted = Wanted { weight: ranges[place].weight, place };
        if wanted.weight > 0.0 && best.as_ref().is_none_or(|best| wanted.beats(best)) {
            best = Some(wanted);
        }
    }
    best
}
