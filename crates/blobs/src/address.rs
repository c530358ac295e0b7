use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 32]);

impl Address {
    /// The address of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The addresses that a text names: its words of 64 hex digits.
    pub fn named_in(text: &str) -> impl Iterator<Item = Self> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(|word| word.parse().ok())
    }

    /// A number below `n`, the same for the same address.
    pub(crate) fn modulo(&self, n: usize) -> usize {
        usize::from(self.0[0]) % n
    }
}

/// 64 lower-case hex digits.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Reads 64 lower-case hex digits and nothing else: one part has one name.
impl FromStr for Address {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(()),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| ())?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_the_sha_256_in_hex() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let address = Address::of(b"");
        assert_eq!((address.to_string(), hex.parse()), (hex.to_owned(), Ok(address)));
        let named: Vec<Address> = Address::named_in(&format!("[\"{hex}\",\"{hex}0\",1]")).collect();
        assert_eq!(named, [address]);
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in "[0-9a-fA-F/.]{60,68}|.{0,70}") {
            let read: Result<Address, ()> = text.parse();
            prop_assert_eq!(read.map(|address| address.to_string()).ok(), read.is_ok().then_some(text));
        }
    }
}
