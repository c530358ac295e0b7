//! To which session, user or tag a span or call belongs.

use crate::calls::known;
use crate::values::identifier;

/// Most spans between a call and the one above it that names its session or user. Each step reads the spans anew, and
/// spans that are above each other in a circle take all of them.
const MOST_ABOVE: usize = 64;

/// The column that lists a span's tags as JSON text.
const TAGS: &str = "tag_tags";

/// What calls are put together by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    /// A name that a span has from itself, from those above it, or from its trace.
    Inherited(&'static str),
    /// A list of names: a call counts under each.
    Tags,
    /// A plain column.
    Column(String),
}

impl Dimension {
    /// What a column stands for.
    pub(crate) fn of(column: &str) -> Self {
        match column {
            "session_id" => Self::Inherited("session_id"),
            "user_id" => Self::Inherited("user_id"),
            TAGS => Self::Tags,
            other => Self::Column(other.to_owned()),
        }
    }

    /// More parts of a WITH RECURSIVE behind those of [`crate::calls::calls`]: the last, `valued`, has the calls of `spans` with
    /// their `value`, which is null where a call has none.
    pub(crate) fn valued(&self, spans: &str, calls: &str) -> String {
        match self {
            Self::Inherited(column) => format!(
                "{}, valued as (select c.*, b.named as value from {calls} c \
                 left join belonging b on b.trace_id = c.trace_id and b.span_id = c.span_id)",
                belonging(column, spans)
            ),
            // A tag that a span lists twice is one.
            Self::Tags => format!(
                "tagged as (select distinct trace_id, span_id, unnest(cast_to_arr({TAGS})) as value from {calls}), \
                 valued as (select c.*, t.value from {calls} c left join tagged t \
                   on t.trace_id = c.trace_id and t.span_id = c.span_id)"
            ),
            Self::Column(column) => format!(
                "valued as (select c.*, cast({} as varchar) as value from {calls} c)",
                identifier(known(column))
            ),
        }
    }
}

/// Parts of a WITH RECURSIVE, the last of which is `belonging`: each span of `spans` with the session or user, `named`, that it
/// belongs to, once, also where it is stored twice. It is the one that the span names, else that of the nearest span above it that names one, else the only
/// one that its trace names. A span to which none of this gives a name is not in it.
pub(crate) fn belonging(column: &str, spans: &str) -> String {
    format!(
        "names as (select trace_id, min({column}) as named, min({column}) <> max({column}) as several \
           from {spans} where {column} is not null group by trace_id), \
         above as (select s.trace_id, s.span_id, s.reference_parent_span_id as upper_id, \
             cast(null as varchar) as named, 0 as steps \
             from {spans} s join names n on n.trace_id = s.trace_id where n.several and s.{column} is null \
           union all select u.trace_id, u.span_id, p.reference_parent_span_id as upper_id, p.{column} as named, u.steps + 1 as steps \
             from above u join {spans} p on p.trace_id = u.trace_id and p.span_id = u.upper_id \
             where u.named is null and u.steps < {MOST_ABOVE}), \
         inherited as (select trace_id, span_id, max(named) as named from above \
           where named is not null group by trace_id, span_id), \
         belonging as (select s.trace_id, s.span_id, min(s._timestamp) as _timestamp, \
             max(s.duration) as duration, min(s.span_status) as span_status, \
             min(coalesce(s.{column}, case when n.several then i.named else n.named end)) as named \
             from {spans} s join names n on n.trace_id = s.trace_id \
             left join inherited i on i.trace_id = s.trace_id and i.span_id = s.span_id \
             where coalesce(s.{column}, case when n.several then i.named else n.named end) is not null \
             group by s.trace_id, s.span_id)"
    )
}
