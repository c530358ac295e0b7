//! The built web pages, carried by the binary.

use std::sync::Arc;

use api::{Asset, Assets};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Finds a built file.
pub(crate) fn assets() -> Assets {
    Arc::new(|path| {
        let file = Dist::get(path)?;
        Some(Asset { mime: file.metadata.mimetype().to_owned(), bytes: file.data })
    })
}
