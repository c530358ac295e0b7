use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq as _;

/// A password, a token or a header that holds one. It has no `Display` and no serialised form, its
/// `Debug` shows nothing, and its text comes out by [`expose`](Secret::expose) only.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// `prefix` and `BYTES` random bytes of the operating system as URL-safe characters, 6 bits each.
    pub(crate) fn random<const BYTES: usize>(
        prefix: &str,
    ) -> Result<Self, rand::rand_core::OsError> {
        let mut bytes = [0; BYTES];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text, to be sent to where it belongs or shown to its owner once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both hold the same text, in a time that depends on their lengths only.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(format!("{:?}", Some(("x", secret))), "Some((\"x\", Secret(…)))");
    }

    #[test]
    fn random_secrets_are_long_url_safe_and_not_alike() {
        let one = Secret::random::<24>("isk_").expect("randomness");
        let other = Secret::random::<24>("isk_").expect("randomness");
        assert!(!one.matches(&other));
        assert!(one.matches(&one.clone()));
        assert_eq!(one.expose().len(), 4 + 32);
        let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(one.expose().chars().all(url_safe));
    }
}
