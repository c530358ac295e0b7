//! The model as it was asked for and as it answered.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::cells::Cells;
use crate::column::column;
use crate::facts::Fact;
use crate::view::{Found, View};

/// Whether the model answered at all, at least in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered(pub(crate) bool);

/// Which model names a span has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Models {
    requested: bool,
    answered: bool,
}

impl Models {
    pub(crate) const fn any(self) -> bool {
        self.requested || self.answered
    }
}

pub(crate) fn fill(cells: &mut Cells, view: &View<'_>, answered: Answered) -> Models {
    let only_requested = names_requested_model(view);
    let named = view.shared(Fact::ModelName);
    let response = if only_requested {
        view.shared(Fact::ResponseModel).or_else(|| view.shared(Fact::RawResponseModel))
    } else {
        view.shared(Fact::ResponseModel)
            .or_else(|| named.clone())
            .or_else(|| view.shared(Fact::SecondResponseModel))
    };
    // Several libraries write the model that was asked for as the one that answered when the call fails.
    let (response, unanswered) = if answered.0 { (response, None) } else { (None, response) };
    let request = view
        .shared(Fact::RequestModel)
        .or_else(|| view.shared(Fact::SecondRequestModel))
        .or_else(|| {
            if only_requested {
                named.or_else(|| view.shared(Fact::SecondResponseModel))
            } else {
                None
            }
        })
        .or(unanswered);
    let models = Models { requested: request.is_some(), answered: response.is_some() };
    cells.set_some(column!("llm_request_parameters_model"), request.clone());
    cells.set_some(column!("gen_ai_request_model"), request);
    cells.set_some(column!("llm_model_name"), response.clone());
    cells.set_some(column!("gen_ai_response_model"), response);
    cells.set_some(column!("gen_ai_response_id"), view.shared(Fact::ResponseId));
    models
}

/// Instrumentations whose `llm.model_name` is the model that was asked for, also on success.
fn names_requested_model(view: &View<'_>) -> bool {
    let scope = view.scope_name();
    let in_parameters = |step| {
        view.json(Fact::InvocationParameters)
            .and_then(|json| json.get(step))
            .is_some_and(|model| *model != Json::Null)
    };
    scope.starts_with("openinference.instrumentation.llama_index")
        || (scope.starts_with("openinference.instrumentation.openai_agents")
            && !in_parameters("model"))
}

/// Finish reasons in OpenTelemetry's spelling, as a JSON array.
pub(crate) fn finish_reasons(view: &View<'_>, of_messages: &[Cow<'_, str>]) -> Option<String> {
    let said = view.first(Fact::FinishReasons, |found| {
        let reasons = reasons(found);
        (!reasons.is_empty()).then_some(reasons)
    });
    let reasons =
        said.unwrap_or_else(|| of_messages.iter().map(|reason| underscored(reason)).collect());
    (!reasons.is_empty()).then(|| Json::from(reasons).to_string())
}

fn reasons(found: Found<'_>) -> Vec<String> {
    let listed = |text: &str| serde_json::from_str::<Vec<String>>(text).ok();
    let text = found.content();
    let reasons = match text.as_deref() {
        Some(text) if text.starts_with('[') => listed(text).unwrap_or_default(),
        Some(text) => vec![text.to_owned()],
        None => Vec::new(),
    };
    reasons.iter().filter(|reason| !reason.is_empty()).map(|reason| underscored(reason)).collect()
}

fn underscored(reason: &str) -> String {
    reason.replace('-', "_")
}
