use std::time::{Duration, Instant};

use openai::{Operation, SseDecoder, is_content};

use crate::capture::Capture;
use crate::record::{AnswerForm, CallRecord, End, Trouble};
use crate::recording::Recording;

/// A call that has not ended. It is recorded once: by [`OpenCall::finish`], or when it is dropped, which is
/// what happens when the caller leaves.
pub(crate) struct OpenCall {
    record: Option<Box<CallRecord>>,
    since: Instant,
    response: Capture,
    /// Looks for the first content of a stream, until it is found.
    awaiting_content: Option<SseDecoder>,
    recording: Option<Recording>,
}

/// A stream whose last bytes are these is over for its caller, who may leave without waiting for the end of
/// the body.
const DONE: &[u8] = b"[DONE]";

impl OpenCall {
    pub(crate) fn new(record: CallRecord, capture_bytes: usize, recording: Recording) -> Self {
        Self {
            record: Some(Box::new(record)),
            since: Instant::now(),
            response: Capture::new(capture_bytes),
            awaiting_content: None,
            recording: Some(recording),
        }
    }

    /// Neither records the call nor keeps anything of it.
    pub(crate) fn leave_unrecorded(&mut self) {
        self.recording = None;
        self.response = Capture::new(0);
    }

    /// Adds to the record, given the time since the call began.
    pub(crate) fn note(&mut self, add: impl FnOnce(&mut CallRecord, Duration)) {
        if let Some(record) = &mut self.record {
            add(record, self.since.elapsed());
        }
    }

    /// What the call's path asks for.
    pub(crate) fn operation(&self) -> Operation {
        self.record.as_ref().map_or(Operation::Other, |record| record.operation)
    }

    /// The response head has come and the caller gets this status.
    pub(crate) fn answered(&mut self, status: u16, form: AnswerForm) {
        self.note(|record, after| {
            record.status = Some(status);
            record.head_after = Some(after);
            record.answer = form;
        });
        if form == AnswerForm::Events && self.recording.is_some() {
            self.awaiting_content = Some(SseDecoder::default());
        }
    }

    /// Bytes of the response body have come.
    pub(crate) fn received(&mut self, piece: &[u8]) {
        self.response.push(piece);
        let Some(record) = &mut self.record else { return };
        if record.first_byte_after.is_none() {
            record.first_byte_after = Some(self.since.elapsed());
        }
        if let Some(decoder) = &mut self.awaiting_content {
            let mut found = false;
            let readable = decoder.push(piece, |event| found = found || is_content(&event));
            if found {
                record.first_content_after = Some(self.since.elapsed());
            }
            if found || readable.is_err() {
                self.awaiting_content = None;
            }
        }
    }

    /// The call has ended; what comes later is not noted.
    pub(crate) fn finish(&mut self, end: End, trouble: Option<Trouble>) {
        let Some(mut record) = self.record.take() else { return };
        let Some(recording) = self.recording.take() else { return };
        record.end = end;
        record.trouble = trouble;
        record.duration = self.since.elapsed();
        record.response = std::mem::replace(&mut self.response, Capture::new(0)).finish();
        recording.send(record);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let streamed =
            self.record.as_ref().is_some_and(|record| record.answer == AnswerForm::Events);
        let end =
            if streamed && self.response.ends_with(DONE) { End::Complete } else { End::ClientLeft };
        self.finish(end, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{RecordingConfig, recording};

    async fn recorded(act: impl FnOnce(&mut OpenCall)) -> CallRecord {
        let (sender, mut receiver) = recording(RecordingConfig::default());
        let mut call = OpenCall::new(CallRecord::sample(), 1024, sender);
        act(&mut call);
        drop(call);
        let mut records = receiver.recv_many(9).await;
        assert_eq!(records.len(), 1, "one call, one record");
        records.remove(0)
    }

    #[tokio::test]
    async fn a_finished_call_is_recorded_once() {
        let record = recorded(|call| {
            call.received(b"abc");
            call.finish(End::Complete, None);
            call.finish(End::UpstreamFailed, None);
        });
        let record = record.await;
        assert_eq!((record.end, &record.response.head[..]), (End::Complete, &b"abc"[..]));
    }

    #[tokio::test]
    async fn a_dropped_call_was_left_unless_its_stream_was_done() {
        let streamed = |bytes: &'static [u8]| {
            recorded(move |call| {
                call.answered(200, AnswerForm::Events);
                call.received(bytes);
            })
        };
        assert_eq!(streamed(b"data: {}\n\n").await.end, End::ClientLeft);
        assert_eq!(streamed(b"data: {}\n\ndata: [DONE]\n\n").await.end, End::Complete);
    }

    #[tokio::test]
    async fn the_first_content_is_not_the_first_byte() {
        let role = br#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
        let word = br#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#;
        let first_content = |lines: Vec<&'static [u8]>| {
            recorded(move |call| {
                call.answered(200, AnswerForm::Events);
                lines.iter().for_each(|line| call.received(&[line, &b"\n\n"[..]].concat()));
            })
        };
        let record = first_content(vec![role]).await;
        assert!(record.first_byte_after.is_some() && record.first_content_after.is_none());
        assert!(first_content(vec![role, word]).await.first_content_after.is_some());
    }
}
