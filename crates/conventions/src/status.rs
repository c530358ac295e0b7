//! Whether the span failed, and how.

use std::borrow::Cow;

use otlp::Event;
use text::Text;

use crate::cells::Cells;
use crate::column::column;
use crate::error;
use crate::facts::Fact;
use crate::view::{self, Found, View};

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    Error,
    /// It did not end.
    Unset,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::Unset => "UNSET",
        }
    }
}

/// The status of a span. OpenTelemetry leaves a success unset, so unset on a span that ended is success.
pub(crate) fn read(view: &View<'_>) -> Status {
    let sent = view.span.status.as_ref().map_or(0, |status| status.code);
    let escaped = |event: &Event| {
        event.name == "exception"
            && view::attribute(&event.attributes, "exception.escaped").and_then(Found::truth)
                == Some(true)
    };
    let failed = sent == 2
        || view.text(Fact::LangfuseLevel).is_some_and(|level| level == "ERROR")
        || view.text(Fact::ErrorType).is_some()
        || view.span.events.iter().any(escaped);
    match sent {
        _ if failed => Status::Error,
        0 if view.span.end_ns == 0 => Status::Unset,
        _ => Status::Ok,
    }
}

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, status: Status) {
    cells.set(column!("span_status"), Text::fixed(status.as_str()));
    let raw = view.span.status.as_ref();
    cells.set(
        column!("span_status_raw"),
        Text::fixed(match raw.map(|status| status.code) {
            Some(1) => "OK",
            Some(2) => "ERROR",
            Some(_) | None => "UNSET",
        }),
    );
    cells.set_some(column!("status_code"), raw.map(|status| i64::from(status.code)));
    cells.set_some(column!("status_message"), raw.map(|status| status.message.as_str()));
    let exception = view.span.events.iter().rev().find(|event| event.name == "exception");
    if status == Status::Error {
        fill_error(cells, view, exception);
    } else {
        cells.set_some(
            column!("http_response_status_code"),
            view.first(Fact::HttpStatus, Found::count),
        );
        if exception.is_some() {
            cells.set(column!("had_exception"), true);
        }
    }
}

fn fill_error(cells: &mut Cells, view: &View<'_>, exception: Option<&Event>) {
    let described = view
        .span
        .status
        .as_ref()
        .map(|status| status.message.as_str())
        .filter(|text| !text.trim().is_empty());
    let thrown = |key| exception.and_then(|event| view::event_text(event, key));
    let message = described
        .map(Cow::Borrowed)
        .or_else(|| thrown("exception.message"))
        .or_else(|| view.text(Fact::ErrorMessage));
    let error_type = view
        .text(Fact::ErrorType)
        .or_else(|| thrown("exception.type"))
        .or_else(|| described.and_then(error::class_before_colon).map(Cow::Borrowed));
    let texts = [
        error_type.clone(),
        message.clone(),
        thrown("exception.message"),
        view.text(Fact::ErrorMessage),
        view.text(Fact::ErrorCode),
    ];
    let texts: Vec<&str> = texts.iter().flatten().map(AsRef::as_ref).collect();
    let http_status = http_status(view, &texts);
    cells.set_some(column!("http_response_status_code"), http_status);
    cells.set(column!("error_class"), Text::fixed(error::classify(http_status, &texts).as_str()));
    cells.set_some(column!("error_message"), message.as_deref());
    cells.set_some(column!("error_type"), error_type.as_deref());
}

/// The HTTP status of a failed call: from its own attribute, else from a code, else from the words.
fn http_status(view: &View<'_>, texts: &[&str]) -> Option<i64> {
    let code =
        |fact| view.first(fact, |found| found.int().filter(|code| (400..=599).contains(code)));
    view.first(Fact::HttpStatus, Found::count)
        .or_else(|| code(Fact::ErrorCode))
        .or_else(|| code(Fact::ErrorType))
        .or_else(|| texts.iter().find_map(|text| error::status_in(text)))
}
