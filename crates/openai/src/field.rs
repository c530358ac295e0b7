use serde_json::Value;

/// A count: a whole number that is not negative, also when written as a float.
pub(crate) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        let whole = float.fract() == 0.0 && (0.0..9e15).contains(&float);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        whole.then_some(float as u64)
    })
}

/// Text that says something: a string that is not empty.
pub(crate) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The same as [`text`], of an object's field, owned.
pub(crate) fn text_at(object: &Value, field: &str) -> Option<String> {
    text(object.get(field)?).map(str::to_owned)
}

/// Text or a number, as text: engines write error codes as either.
pub(crate) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(word) => Some(word.clone()).filter(|word| !word.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first `limit` bytes of a text at most, cut between two characters.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
