//! Binary parts, each kept once an organisation under the SHA-256 of its bytes: once [`Blobs::put`] has answered,
//! a part survives power loss.
//!
//! A part is a file `{folder}/{org}/{sha256}`, written under another name, synced and renamed: what has its final
//! name is whole. Nothing else is stored with it; its [media type](Blob::media_type) is what its first bytes say.
//!
//! A part is kept for as long as somebody names it. Who stores one gets a [`Hold`], and releases it when the row that
//! names the part can be seen. A [`Sweep`] takes stock of what was there and not held when it began, is told every
//! name that is still in use, and deletes the rest, but for what was put since.
//!
//! This crate does not know where the names are, nor when to sweep. Its calls block for as long as the disk does.

mod address;
mod error;
mod media;
mod store;
mod sweep;

pub use address::Address;
pub use error::Error;
pub use store::{Blob, Blobs, Counts, Hold, Limits, Put};
pub use sweep::{Sweep, Swept};
