//! Bodies with a bound, each and all together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use fault::{Class, Fault};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::trouble::Trouble;

/// A body of a request, or a loan of one.
pub(crate) trait Bytewise: HttpBody<Data = Bytes, Error = axum::Error> {}
impl<B: HttpBody<Data = Bytes, Error = axum::Error>> Bytewise for B {}

/// How long a body is read on that nobody wants.
const PASSING_OVER: Duration = Duration::from_secs(5);

/// The whole body, if it has at most `most` bytes; reading stops there.
pub(crate) async fn read_body(body: impl Bytewise, most: usize) -> Result<Bytes, Trouble> {
    read(body, most, "send smaller batches").await
}

/// Reads what is left of a refused body, and keeps nothing: a client that is still writing when the connection closes
/// sees that, and not the answer. At most `most` bytes, and for seconds only.
pub(crate) async fn pass_over(mut body: Body, most: usize) {
    let to_its_end = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await
            && read < most
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = tokio::time::timeout(PASSING_OVER, to_its_end).await;
}

/// The same for a question.
pub(crate) async fn read_question(body: Body, most: usize) -> Result<Bytes, Trouble> {
    read(body, most, "a question is never that long, shorten its SQL").await
}

/// What a body of JSON says, which is to be `what`.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Trouble> {
    // An array would be read as the fields in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        let text =
            format!("the body is no {what}: a JSON object is expected, and this is an array");
        return Err(Trouble::invalid(text));
    }
    serde_json::from_slice(body)
        .map_err(|error| Trouble::invalid(format!("the body is no {what}: {error}")))
}

async fn read(body: impl Bytewise, most: usize, advice: &str) -> Result<Bytes, Trouble> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {most} bytes: {advice}");
            Err(Trouble::new(Fault::caller(Class::TooLarge), message))
        }
        Err(error) => Err(Trouble::invalid(format!("the body could not be read: {error}"))),
    }
}

/// How many bytes of bodies are worked on at once, in MiB.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(crate) fn of_mebibytes(mebibytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(mebibytes)))
    }

    /// Room for a body of the length that its headers say, else of the most that it may have; until it is dropped.
    pub(crate) fn take(
        &self,
        headers: &HeaderMap,
        most: usize,
    ) -> Result<OwnedSemaphorePermit, Trouble> {
        let said =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        self.take_bytes(said.unwrap_or(most).min(most))
    }

    /// Takes room for a body that is here.
    pub(crate) fn take_bytes(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Trouble> {
        let mebibytes = bytes.div_ceil(1 << 20);
        let permits = u32::try_from(mebibytes).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(permits).map_err(|_| {
            let fault = Fault::us(Class::Overloaded).after(Duration::from_secs(1));
            Trouble::new(
                fault,
                "too many large bodies are being taken in at once, send again later",
            )
        })
    }
}
