//! The columns that come from the span's own fields.

use otlp::{AnyValue, Event, Link, Span};
use serde::ser::{Serialize, SerializeMap, Serializer};
use text::Text;

use crate::Options;
use crate::cells::Cells;
use crate::column::column;
use crate::payload::{AsJson, json_text_of};
use crate::view;

pub(crate) fn fill(cells: &mut Cells, span: &Span, options: &Options) {
    let trace_id = Text::hex(&span.trace_id);
    if let Some(parent) = span.parent_span_id {
        cells.set(column!("reference_parent_span_id"), Text::hex(&parent));
        cells.set(column!("reference_parent_trace_id"), trace_id.clone());
        cells.set(column!("reference_ref_type"), Text::fixed("ChildOf"));
    }
    cells.set(column!("trace_id"), trace_id);
    cells.set(column!("span_id"), Text::hex(&span.span_id));
    cells.set(column!("operation_name"), span.name.clone());
    cells.set(column!("span_kind"), digits(span.kind));
    cells.set(column!("flags"), i64::from(span.flags));
    fill_times(cells, span);
    let service =
        view::attribute(&span.resource.attributes, "service.name").and_then(view::Found::shared);
    cells
        .set(column!("service_name"), service.unwrap_or_else(|| Text::from(&options.service_name)));
    cells.set_some(column!("trace_state"), filled(&span.trace_state));
    cells.set_some(column!("scope_name"), filled(&span.scope.name));
    cells.set_some(column!("scope_version"), filled(&span.scope.version));
    cells.set(column!("events"), list(&span.events, EventJson));
    cells.set(column!("links"), list(&span.links, LinkJson));
}

fn fill_times(cells: &mut Cells, span: &Span) {
    let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    cells.set(column!("_timestamp"), nanos(span.start_ns) / 1000);
    cells.set(column!("start_time"), nanos(span.start_ns));
    cells.set(column!("end_time"), nanos(span.end_ns));
    cells.set(column!("duration"), nanos(span.end_ns.saturating_sub(span.start_ns)) / 1000);
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A span kind as text.
fn digits(kind: i32) -> Text {
    const KNOWN: [&str; 6] = ["0", "1", "2", "3", "4", "5"];
    let known = usize::try_from(kind).ok().and_then(|kind| KNOWN.get(kind));
    known.map_or_else(|| kind.to_string().into(), |digit| Text::fixed(digit))
}

fn list<'a, T, J: Serialize>(all: &'a [T], json: impl Fn(&'a T) -> J) -> Text {
    if all.is_empty() {
        return Text::fixed("[]");
    }
    json_text_of(&all.iter().map(json).collect::<Vec<_>>()).into()
}

/// An event in the shape that OpenObserve stores: its attributes beside its name and time.
struct EventJson<'a>(&'a Event);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("_timestamp", &self.0.time_ns)?;
        serialize_beside::<S>(
            &mut map,
            &self.0.attributes,
            &["name", "_timestamp", "droppedAttributesCount"],
        )?;
        if self.0.dropped_attributes > 0 {
            map.serialize_entry("droppedAttributesCount", &self.0.dropped_attributes)?;
        }
        map.end()
    }
}

/// A link in the shape that OpenObserve stores: its attributes beside its context.
struct LinkJson<'a>(&'a Link);

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    trace_id: Text,
    span_id: Text,
    trace_flags: u32,
    trace_state: &'a str,
}

impl Serialize for LinkJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Link { trace_id, span_id, trace_state, flags, attributes, dropped_attributes } = self.0;
        let context = Context {
            trace_id: Text::hex(trace_id),
            span_id: Text::hex(span_id),
            trace_flags: *flags,
            trace_state,
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("context", &context)?;
        serialize_beside::<S>(&mut map, attributes, &["context", "droppedAttributesCount"])?;
        map.serialize_entry("droppedAttributesCount", dropped_attributes)?;
        map.end()
    }
}

/// Attributes next to fixed fields; one that has a field's name gets `attr_` before it.
fn serialize_beside<S: Serializer>(
    map: &mut S::SerializeMap,
    attributes: &[(Text, AnyValue)],
    fields: &[&str],
) -> Result<(), S::Error> {
    for (key, value) in attributes {
        if fields.contains(&key.as_str()) {
            map.serialize_entry(&format!("attr_{key}"), &AsJson(value))?;
        } else {
            map.serialize_entry(key, &AsJson(value))?;
        }
    }
    Ok(())
}
