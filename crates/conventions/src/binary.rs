//! Binary parts of contents: images, sounds and files in base64, handed over, and a marker left in their place.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use text::Text;

/// A binary part, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinaryPart<'a> {
    /// What it is made of.
    pub bytes: &'a [u8],
    /// The SHA-256 of these bytes, 64 lower-case hex digits.
    pub sha256: &'a str,
}

/// What became of a binary part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored under its SHA-256.
    Stored,
    /// It is stored nowhere, and why: a word for the marker.
    Dropped(&'static str),
}

/// Whoever stores binary parts.
pub type Keep<'a> = &'a mut dyn FnMut(BinaryPart<'_>) -> Kept;

/// Names under which APIs and frameworks have base64 without a `data:` before it.
const NAMES: &[&str] =
    &["data", "b64_json", "base64", "bytes", "image", "audio", "file", "file_data", "imageBytes"];

/// Names under which a part's media type stands beside it.
const TYPES: &[&str] = &["mime_type", "media_type", "mimeType", "mediaType", "mime", "format"];

/// JSON inside a text of JSON is opened so often.
const DEEPEST: u8 = 3;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// Takes binary parts out of texts.
pub(crate) struct Binaries<'k> {
    /// Base64 that is not longer stays.
    longest: usize,
    keep: Keep<'k>,
    /// The SHA-256 of each part that is stored.
    pub(crate) stored: BTreeSet<String>,
}

impl<'k> Binaries<'k> {
    pub(crate) const fn new(longest: usize, keep: Keep<'k>) -> Self {
        Self { longest, keep, stored: BTreeSet::new() }
    }

    /// The text with markers for its binary parts; `None` if it has none.
    pub(crate) fn taken_from(&mut self, text: &str) -> Option<String> {
        self.taken(text, 0)
    }

    fn taken(&mut self, text: &str, depth: u8) -> Option<String> {
        if !has_run(text.as_bytes(), self.longest + 1) {
            return None;
        }
        if let Some((media_type, base64)) = data_url(text) {
            return Some(self.marker(base64, Some(media_type)).to_string());
        }
        if depth > DEEPEST || !text.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let mut json = serde_json::from_str::<Json>(text).ok()?;
        self.take(&mut json, depth).then(|| json.to_string())
    }

    /// Leaves markers in a tree; whether there was anything.
    fn take(&mut self, json: &mut Json, depth: u8) -> bool {
        match json {
            Json::String(text) if text.len() > self.longest => match data_url(text) {
                Some((media_type, base64)) => {
                    *json = self.marker(base64, Some(media_type));
                    true
                }
                None => match self.taken(text, depth + 1) {
                    Some(left) => {
                        *text = left;
                        true
                    }
                    None => false,
                },
            },
            Json::Array(items) => {
                items.iter_mut().fold(false, |taken, item| self.take(item, depth) | taken)
            }
            Json::Object(entries) => {
                let taken = self.take_named(entries);
                entries.values_mut().fold(taken, |taken, item| self.take(item, depth) | taken)
            }
            Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// Base64 that only its name tells from a text.
    fn take_named(&mut self, entries: &mut Map<String, Json>) -> bool {
        let is_blob = entries.get("type").is_some_and(|kind| kind == "blob");
        let names: Vec<String> = entries
            .iter()
            .filter(|(name, value)| {
                let binary = NAMES.contains(&name.as_str()) || (is_blob && *name == "content");
                let long = |text: &str| text.len() > self.longest && !text.starts_with("data:");
                binary && value.as_str().is_some_and(long)
            })
            .map(|(name, _)| name.clone())
            .collect();
        let media_type =
            TYPES.iter().find_map(|name| entries.get(*name)?.as_str()).map(str::to_owned);
        let mut taken = false;
        for name in names {
            let Some(text) = entries.get(&name).and_then(Json::as_str) else { continue };
            if decoded(text).is_none() {
                continue;
            }
            let marker = self.marker(text, media_type.as_deref());
            taken = true;
            match marker {
                // In a part of OpenTelemetry's the marker is the part itself.
                Json::Object(marker) if is_blob => {
                    entries.remove(&name);
                    for (name, value) in marker {
                        entries.entry(name).or_insert(value);
                    }
                }
                marker => {
                    entries.insert(name, marker);
                }
            }
        }
        taken
    }

    /// Hands a part over; what stands in its place.
    fn marker(&mut self, base64: &str, media_type: Option<&str>) -> Json {
        let content = decoded(base64);
        let bytes = content.as_deref().unwrap_or(base64.as_bytes());
        let sha256 = Text::hex(&Sha256::digest(bytes));
        let kept = match &content {
            Some(bytes) => (self.keep)(BinaryPart { bytes, sha256: &sha256 }),
            None => Kept::Dropped("not_base64"),
        };
        let mut marker = json!({ "omitted": true, "bytes": bytes.len(), "sha256": sha256 });
        if let Some(media_type) = media_type {
            marker["mime_type"] = media_type.into();
        }
        match kept {
            Kept::Stored => {
                marker["stored"] = true.into();
                self.stored.insert(sha256.to_string());
            }
            Kept::Dropped(why) => {
                marker["stored"] = false.into();
                marker["reason"] = why.into();
            }
        }
        marker
    }
}

/// Whether a JSON object is one of our markers: what is in it is not to be cut.
pub(crate) fn is_marker(entries: &Map<String, Json>) -> bool {
    entries.get("omitted") == Some(&Json::Bool(true)) && entries.contains_key("sha256")
}

/// The media type of a `data:` URL and its base64.
fn data_url(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("data:")?;
    let (media_type, base64) = rest.split_at_checked(rest.find(',')?)?;
    Some((media_type.strip_suffix(";base64")?, &base64[1..])).filter(|(kind, _)| kind.len() <= 255)
}

/// In either alphabet, padded or not, also with the line ends that MIME puts in.
fn decoded(base64: &str) -> Option<Vec<u8>> {
    let joined;
    let base64 = if base64.contains(['\r', '\n']) {
        joined = base64.replace(['\r', '\n'], "");
        &joined
    } else {
        base64
    };
    ALPHABETS.iter().find_map(|alphabet| alphabet.decode(base64).ok())
}

/// Whether `n` bytes in a row may be base64: asked before a long text is read as JSON. Backslashes count, as JSON may
/// have them before a slash and in line ends.
fn has_run(text: &[u8], n: usize) -> bool {
    let may_be = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\\' | b'\r' | b'\n')
    };
    let mut at = 0;
    while let Some(window) = text.get(at..at + n) {
        match window.iter().rposition(|byte| !may_be(byte)) {
            Some(last) => at += last + 1,
            None => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    /// What is left of a text, and the parts that were handed over.
    fn taken(text: &str) -> (Option<Json>, Vec<Vec<u8>>) {
        let mut parts = Vec::new();
        let mut keep = |part: BinaryPart<'_>| {
            parts.push(part.bytes.to_vec());
            if part.bytes.len() > 200 { Kept::Dropped("too_large") } else { Kept::Stored }
        };
        let left = Binaries::new(60, &mut keep).taken_from(text);
        (left.map(|left| serde_json::from_str(&left).expect("is JSON")), parts)
    }

    fn marker(bytes: &[u8], more: Json) -> Json {
        let sha256: String =
            Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut marker = json!({ "omitted": true, "bytes": bytes.len(), "sha256": sha256 });
        marker.as_object_mut().expect("is one").extend(more.as_object().expect("is one").clone());
        marker
    }

    #[test]
    fn every_form_of_a_binary_part_becomes_a_marker() {
        let bytes: Vec<u8> = (0..=150).map(|byte: u8| byte.wrapping_mul(37)).collect();
        let base64 = STANDARD.encode(&bytes);
        let url = format!("data:image/png;base64,{base64}");
        let png = || marker(&bytes, json!({ "mime_type": "image/png", "stored": true }));
        let cases = [
            (json!({ "image_url": { "url": url } }), json!({ "image_url": { "url": png() } })),
            (
                json!([{ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": base64 } }]),
                json!([{ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": png() } }]),
            ),
            (
                json!({ "inline_data": { "mime_type": "image/png", "data": URL_SAFE_NO_PAD.encode(&bytes) } }),
                json!({ "inline_data": { "mime_type": "image/png", "data": png() } }),
            ),
            (
                json!({ "type": "blob", "modality": "image", "mime_type": "image/png", "content": base64 }),
                marker(
                    &bytes,
                    json!({ "type": "blob", "modality": "image", "mime_type": "image/png", "stored": true }),
                ),
            ),
            (
                json!({ "b64_json": base64 }),
                json!({ "b64_json": marker(&bytes, json!({ "stored": true })) }),
            ),
        ];
        for (sent, left) in cases {
            assert_eq!(taken(&sent.to_string()), (Some(left), vec![bytes.clone()]), "{sent}");
        }
        assert_eq!(taken(&url), (Some(png()), vec![bytes.clone()]), "by itself");
        let inside = json!({ "content": json!([{ "url": url }]).to_string() });
        let left = json!({ "content": json!([{ "url": png() }]).to_string() });
        assert_eq!(taken(&inside.to_string()), (Some(left), vec![bytes]), "JSON inside JSON");
    }

    #[test]
    fn what_is_not_kept_says_why() {
        let large = [7; 300];
        let url = format!("data:a/b;base64,{}", STANDARD.encode(large));
        let left =
            marker(&large, json!({ "mime_type": "a/b", "stored": false, "reason": "too_large" }));
        assert_eq!(taken(&url).0, Some(left));
        let broken = "!".repeat(3) + &"A".repeat(97);
        let left = marker(
            broken.as_bytes(),
            json!({ "mime_type": "a/b", "stored": false, "reason": "not_base64" }),
        );
        assert_eq!(taken(&format!("data:a/b;base64,{broken}")), (Some(left), vec![]));
    }

    #[test]
    fn what_is_short_or_a_text_stays() {
        let word = "a".repeat(101);
        for text in [
            "data:image/png;base64,AAAA".to_owned(),
            json!({ "content": word }).to_string(),
            json!({ "data": format!("{word}!") }).to_string(),
            word.clone(),
            format!("{{{word}"),
            "[".repeat(5_000) + &word,
        ] {
            assert_eq!(taken(&text), (None, vec![]), "{text:.60}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(bytes in prop::collection::vec(any::<u8>(), 50..400), note in ".{0,80}") {
            let sent = json!({ "note": note, "data": STANDARD.encode(&bytes) });
            let (left, parts) = taken(&sent.to_string());
            prop_assert_eq!(parts, vec![bytes]);
            prop_assert_eq!(&left.expect("something was taken")["note"], &Json::from(note));
        }

        #[test]
        fn any_text_is_read(text in "[\\[\\]{}\":,dataA=/+;base64\\\\]{0,300}|.{0,200}") {
            let _ = taken(&text);
        }

        #[test]
        fn a_run_is_found_where_there_is_one(text in "[a !]{0,40}", n in 1_usize..8) {
            let longest = text.split([' ', '!']).map(str::len).max().unwrap_or(0);
            prop_assert_eq!(has_run(text.as_bytes(), n), longest >= n);
        }
    }
}
