//! Bodies with a bound.

use axum::body::Body;
use bytes::Bytes;
use fault::{Class, Fault};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::trouble::Trouble;

/// The whole body, if it has at most `most` bytes; reading stops there.
pub(crate) async fn read_body(body: Body, most: usize) -> Result<Bytes, Trouble> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {most} bytes: send smaller batches");
            Err(Trouble::new(Fault::caller(Class::TooLarge), message))
        }
        Err(error) => Err(Trouble::invalid(format!("the body could not be read: {error}"))),
    }
}
