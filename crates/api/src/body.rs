//! Bodies with a bound, each and all together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use fault::{Class, Fault};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::trouble::Trouble;

/// How long a body is read on that nobody wants.
const PASSING_OVER: Duration = Duration::from_secs(5);

/// The whole body, if it has at most `most` bytes; reading stops there.
pub(crate) async fn read_body(mut body: Body, most: usize) -> Result<Bytes, Trouble> {
    read_lent(&mut body, most).await
}

/// The same, of a body that may be read on.
pub(crate) async fn read_lent(body: &mut Body, most: usize) -> Result<Bytes, Trouble> {
    read(body, most, "send smaller batches").await
}

/// The same for a question.
pub(crate) async fn read_question(mut body: Body, most: usize) -> Result<Bytes, Trouble> {
    read(&mut body, most, "a question is never that long, shorten its SQL").await
}

/// Reads what is left of a body that was refused, and keeps nothing: a client that is still writing when the connection
/// closes sees that, and not the answer. At most `most` bytes, and for seconds only. Who waits to be asked for the body
/// is not asked.
pub(crate) async fn pass_over(headers: &HeaderMap, mut body: Body, most: usize, refused: &Trouble) {
    if headers.contains_key(EXPECT) && refused.fault.class != Class::TooLarge {
        return;
    }
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

/// What a body of JSON says, which is to be `what`.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Trouble> {
    serde_json::from_slice(object(body, what)?)
        .map_err(|error| Trouble::invalid(format!("the body is no {what}: {error}")))
}

/// The body, if it is no array: that would be read as an object's fields in their order.
pub(crate) fn object<'a>(body: &'a [u8], what: &str) -> Result<&'a [u8], Trouble> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(body);
    }
    let text = format!("the body is no {what}: a JSON object is expected, and this is an array");
    Err(Trouble::invalid(text))
}

async fn read(body: &mut Body, most: usize, advice: &str) -> Result<Bytes, Trouble> {
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
