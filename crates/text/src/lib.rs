//! Text that is cheap to clone: a slice of the body that it came in, or of its own, shared by all its copies.
//!
//! One prompt becomes several columns of a row. With [`Text`] all of them are the same bytes in memory, and no copy
//! is made until columns are built. A slice keeps the whole buffer alive; [`Text::detached`] lets go of it.
//!
//! This crate does not know what the text says.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;
use bytestring::ByteString;

/// UTF-8 text that never changes; equal, ordered and hashed as `str`.
#[derive(Clone, Default)]
pub struct Text(ByteString);

impl Text {
    /// A text that is part of the program: it is never counted or freed.
    #[must_use]
    pub const fn fixed(text: &'static str) -> Self {
        Self(ByteString::from_static(text))
    }

    /// Bytes as lower-case hex digits.
    #[must_use]
    pub fn hex(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
        let mut text = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            text.push(digit(byte >> 4));
            text.push(digit(byte & 0x0f));
        }
        text.into()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same bytes in memory, and not only equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.as_str(), other.as_str())
    }

    /// An equal text with a buffer of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self::from(self.as_str())
    }

    /// A part of this text that shares its buffer.
    ///
    /// # Panics
    /// When `part` is not a slice of this very text.
    #[must_use]
    pub fn part(&self, part: &str) -> Self {
        Self(self.0.slice_ref(part))
    }
}

impl TryFrom<Bytes> for Text {
    type Error = Utf8Error;

    /// The bytes as text, without a copy.
    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        ByteString::try_from(bytes).map(Self)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(ByteString::from(text))
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Text> for str {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Text> for &str {
    fn eq(&self, other: &Text) -> bool {
        *self == other.as_str()
    }
}

impl PartialEq<Text> for String {
    fn eq(&self, other: &Text) -> bool {
        self == other.as_str()
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_parts_share_memory_and_a_detached_one_does_not() {
        let body = Bytes::from_static(b"a body with a text");
        let text = Text::try_from(body.slice(14..)).expect("is UTF-8");
        let copy = text.clone();
        assert!(copy.is_same(&text) && copy == "text");
        assert_eq!(text.part(&text[1..]), "ext");
        let own = text.detached();
        assert!(own == text && !own.is_same(&text));
    }

    #[test]
    fn what_is_no_utf8_is_no_text() {
        assert!(Text::try_from(Bytes::from_static(&[b'a', 0xff])).is_err());
    }

    #[test]
    fn texts_are_found_and_written_as_str() {
        let set = std::collections::HashSet::from([Text::fixed("a")]);
        assert!(set.contains("a") && !set.contains("b"));
        assert_eq!(serde_json::to_string(&Text::from("é\"")).expect("is text"), r#""é\"""#);
        assert_eq!(format!("{:?} {}", Text::fixed("a"), Text::fixed("b")), "\"a\" b");
    }
}
