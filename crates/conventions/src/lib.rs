//! Any GenAI convention's span becomes one row: the promised columns filled, no attribute lost.
//!
//! [`normalise`] knows what each instrumentation library calls the model, the tokens, the messages and
//! the error (`facts/table.rs` holds those lists as data) and writes each fact under the names that
//! OpenObserve's readers use (`llm_*`) and under OpenTelemetry's (`gen_ai_*`). Every attribute also
//! keeps a column of its own: its key in lower case, other characters as `_`. Where that name belongs
//! to a column with another value, the attribute moves to `attr_<name>`, and a second one that wants
//! that name goes to the JSON column `attributes_overflow`.
//!
//! What is absent stays null: a failed call has no resolved model and no tokens.
//!
//! [`normalise`] looks at one span, [`join_streams`] at a batch of them, [`OpenTrace`] at a trace: it says which of
//! the spans that describe a call counts.
//! [`log_event`] reads the GenAI events that come as log records. [`column_name`] and [`cell`] say how an attribute of any
//! signal becomes a cell.
//!
//! This crate does no I/O and knows no clock.

mod attribute;
mod binary;
mod cells;
mod column;
mod contents;
mod convention;
mod error;
mod estimate;
mod facts;
mod identity;
mod kind;
mod leaf;
mod limits;
mod log_event;
mod messages;
mod model;
mod more;
mod outline;
mod parameters;
mod payload;
mod provenance;
mod provider;
mod python;
mod span;
mod status;
mod streams;
mod time_to_first;
mod timestamp;
mod tokens;
mod view;

use otlp::Span;
use schema::Row;

pub use attribute::column_name;
pub use binary::{BinaryPart, Keep, Kept};
pub use cells::cell;
pub use contents::drop_contents;
pub use estimate::estimate_tokens;
pub use leaf::{OpenTrace, Seen, SpanId, Verdict, settle};
pub use limits::{Limits, limit};
pub use log_event::{LogEvent, log_event};
pub use payload::of_cell;
pub use streams::join_streams;

use crate::attribute::Origin;
use crate::cells::Cells;
use crate::view::View;

/// What [`normalise`] is told about the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Who made the span.
    pub vantage: Vantage,
    /// `service_name` of a span whose resource does not name its service: the stream's name.
    pub service_name: String,
}

/// Who made a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vantage {
    /// An application, through its instrumentation: `inferscope.*` attributes are only kept as `attr_*`.
    #[default]
    App,
    /// Our own gateway: its `inferscope.*` attributes fill the columns of that name.
    Gateway,
}

impl Default for Options {
    fn default() -> Self {
        Self { vantage: Vantage::App, service_name: schema::DEFAULT_STREAM.to_owned() }
    }
}

/// Turns a span of any convention into a row of a trace stream.
#[must_use]
pub fn normalise(span: Span, options: &Options) -> Row {
    let mut cells = Cells::new(options.vantage);
    let mut view = View::new(&span);
    span::fill(&mut cells, &span, options);
    fill(&mut cells, &mut view);
    let known = view.into_known();
    let Span { attributes, resource, scope, .. } = span;
    for ((key, value), known) in attributes.into_iter().zip(known) {
        cells.attribute(&known, &key, value);
    }
    for (origin, attributes) in
        [(Origin::Resource, &resource.attributes), (Origin::Scope, &scope.attributes)]
    {
        let known = attribute::look_up_all(origin, attributes);
        for ((key, value), known) in attributes.iter().zip(known) {
            cells.attribute(&known, key, value.clone());
        }
    }
    cells.into_row()
}

/// Fills what the span says beyond its own fields.
fn fill(cells: &mut Cells, view: &mut View<'_>) {
    let status = status::read(view);
    status::fill(cells, view, status);
    identity::fill(cells, view);
    let kind = kind::decide(view);
    kind::fill_vantage(cells, kind);
    let Some(kind) = kind else { return };
    view.read_payloads(kind.payloads());
    let view = &*view;
    kind::fill(cells, view, kind);
    let convention = convention::fill(cells, view);
    let contents = messages::fill(cells, view, kind);
    let first_content = time_to_first::fill(cells, view);
    let tokens = tokens::read(view, kind, convention);
    let answered = status == status::Status::Ok
        || contents.answered
        || first_content.is_some()
        || tokens.completion.is_some_and(|count| count > 0);
    let models = model::fill(cells, view, model::Answered(answered));
    provider::fill(cells, view);
    more::fill(cells, view, kind);
    parameters::fill(cells, view);
    tokens::fill(cells, view, kind, &tokens);
    kind::fill_leaf(cells, kind, models.any() || tokens.any());
    provenance::fill(cells, view, &tokens);
}
