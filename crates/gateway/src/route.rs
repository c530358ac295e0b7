use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::picker::{Picker, Route};

/// Where a model string leads.
pub(crate) struct Chosen<'a> {
    pub(crate) route: Arc<Route>,
    /// The model's id, without the suffix that chose among its endpoints.
    pub(crate) id: &'a str,
}

/// Finds the route of `org/model[:suffix]`. A suffix is a policy (`fastest`, `cheapest`, `preferred`: all the
/// same here, where an endpoint is chosen by its load) or the name of an endpoint that serves the model.
pub(crate) fn choose<'a>(
    picker: &dyn Picker,
    namespace: Option<&str>,
    model: &'a str,
) -> Option<Chosen<'a>> {
    if let Some(route) = picker.resolve_model(namespace, model) {
        return Some(Chosen { route, id: model });
    }
    let (id, suffix) = model.rsplit_once(':')?;
    let route = match suffix {
        "fastest" | "cheapest" | "preferred" => picker.resolve_model(namespace, id),
        endpoint => named(picker, namespace, endpoint, id),
    };
    Some(Chosen { route: route?, id })
}

fn named(
    picker: &dyn Picker,
    namespace: Option<&str>,
    endpoint: &str,
    id: &str,
) -> Option<Arc<Route>> {
    match namespace {
        Some(namespace) => {
            picker.resolve_endpoint(namespace, endpoint).filter(|route| route.model == id)
        }
        None => picker.resolve_model(None, id).filter(|route| route.endpoint == endpoint),
    }
}

/// The body with `id` in the place of `model`, which begins with it and was read from this body.
#[expect(
    clippy::ptr_arg,
    reason = "whether the text is part of the body or was unescaped is the point"
)]
pub(crate) fn with_model_id(body: &Bytes, model: &Cow<'_, str>, id: &str) -> Bytes {
    if id.len() == model.len() {
        return body.clone();
    }
    let spliced = match model {
        Cow::Borrowed(model) => splice(body, model, id.len()),
        Cow::Owned(_) => rewrite(body, id), // it was written with escapes
    };
    spliced.map_or_else(|| body.clone(), Bytes::from)
}

fn splice(body: &[u8], model: &str, keep: usize) -> Option<Vec<u8>> {
    let start = (model.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some([body.get(..start + keep)?, body.get(start + model.len()..)?].concat())
}

fn rewrite(body: &[u8], id: &str) -> Option<Vec<u8>> {
    let mut tree: Value = serde_json::from_slice(body).ok()?;
    *tree.get_mut("model")? = Value::from(id);
    serde_json::to_vec(&tree).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(body: &'static str, id: &str) -> String {
        let body = Bytes::from_static(body.as_bytes());
        let model = openai::peek(&body).unwrap().model.unwrap();
        String::from_utf8(with_model_id(&body, &model, id).to_vec()).unwrap()
    }

    #[test]
    fn the_suffix_is_cut_out_of_the_body_and_nothing_else() {
        assert_eq!(
            cut(r#"{ "n":1, "model" : "a/b:fastest","z":[] }"#, "a/b"),
            r#"{ "n":1, "model" : "a/b","z":[] }"#
        );
        assert_eq!(cut(r#"{"model":"a/b"}"#, "a/b"), r#"{"model":"a/b"}"#);
        assert_eq!(cut(r#"{"model":"a\/b:x"}"#, "a/b"), r#"{"model":"a/b"}"#);
    }
}
