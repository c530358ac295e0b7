use serde_json::Value;

use crate::answer::{Answer, Ending, reasoning, responses_finish, spoken};
use crate::field::{count, cut, text_at};
use crate::message::{Output, ToolCall};
use crate::sse::{SseDecoder, SseEvent};

/// Puts a streamed answer together from its bytes, in any split.
///
/// At most `text_limit` bytes of text, reasoning and arguments are kept, 128 choices, and 128 tool calls of
/// each; what is beyond is counted in the answer. A chunk that is not JSON, or too long, is skipped and counted.
#[derive(Debug)]
pub struct StreamReader {
    decoder: SseDecoder,
    fold: Fold,
}

#[derive(Debug)]
struct Fold {
    answer: Answer,
    room: usize,
}

const MOST_SLOTS: usize = 128;

impl StreamReader {
    /// A reader that keeps at most `text_limit` bytes of what the model says.
    #[must_use]
    pub fn new(text_limit: usize) -> Self {
        let fold = Fold { answer: Answer::default(), room: text_limit };
        Self { decoder: SseDecoder::default(), fold }
    }

    /// Reads the next bytes of the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        let fold = &mut self.fold;
        if self.decoder.push(chunk, |event| fold.event(&event)).is_err() {
            fold.answer.skipped += 1;
        }
    }

    /// Reads one event that the caller decoded.
    pub fn push_event(&mut self, event: &SseEvent<'_>) {
        self.fold.event(event);
    }

    /// The stream is over: what was said. [`Ending::Open`] tells that the engine never said it was done.
    #[must_use]
    pub fn finish(mut self) -> Answer {
        let fold = &mut self.fold;
        // A cut last line needs no word of its own: the ending stays open, or it held the `[DONE]`.
        let _cut = self.decoder.finish(|event| fold.event(&event));
        let mut answer = self.fold.answer;
        for output in &mut answer.outputs {
            output.tool_calls.retain(|call| *call != ToolCall::default());
        }
        answer.outputs.retain(|output| *output != Output::default());
        answer
    }
}

impl Fold {
    fn event(&mut self, event: &SseEvent<'_>) {
        if event.is_done() {
            self.answer.ending = Ending::Done;
            return;
        }
        let Ok(chunk) = serde_json::from_slice::<Value>(event.data) else {
            self.answer.skipped += 1;
            return;
        };
        self.answer.note_head(&chunk);
        match chunk.get("choices").and_then(Value::as_array) {
            Some(choices) => choices.iter().for_each(|choice| self.choice(choice)),
            None => self.responses_event(&chunk),
        }
    }

    fn choice(&mut self, choice: &Value) {
        let Self { answer, room } = self;
        let index = index_of(choice);
        let Some(output) = slot(&mut answer.outputs, index) else {
            answer.skipped += 1;
            return;
        };
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        let mut kept = Kept { room, omitted: &mut answer.omitted_bytes };
        for said in [choice.get("text"), delta.get("content"), delta.get("refusal")] {
            kept.add(&mut output.text, &said.map(spoken).unwrap_or_default());
        }
        kept.add(&mut output.reasoning, reasoning(delta).unwrap_or_default());
        let calls = delta.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice);
        for call in calls.unwrap_or_default().iter().chain(delta.get("function_call")) {
            answer.skipped += u64::from(!tool_call(&mut output.tool_calls, call, &mut kept));
        }
        if output.role.is_none() {
            output.role = text_at(delta, "role");
        }
        output.finish_reason = text_at(choice, "finish_reason").or(output.finish_reason.take());
    }

    /// An event of the Responses API; all of them speak of one output.
    fn responses_event(&mut self, event: &Value) {
        let Some(kind) = event.get("type").and_then(Value::as_str) else { return };
        let Self { answer, room } = self;
        let Some(output) = slot(&mut answer.outputs, 0) else { return };
        let mut kept = Kept { room, omitted: &mut answer.omitted_bytes };
        let delta = event.get("delta").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => {
                kept.add(&mut output.text, delta);
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                kept.add(&mut output.reasoning, delta);
            }
            "response.output_item.done" => {
                let item = event.get("item").unwrap_or(&Value::Null);
                if item["type"] == "function_call" && output.tool_calls.len() < MOST_SLOTS {
                    output.tool_calls.extend(ToolCall::read(item));
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                output.finish_reason = event.get("response").and_then(responses_finish);
                answer.ending = Ending::Done;
            }
            _ => {}
        }
    }
}

/// Adds one piece of a tool call; false when there is no room for another call.
fn tool_call(calls: &mut Vec<ToolCall>, piece: &Value, kept: &mut Kept<'_>) -> bool {
    let Some(call) = slot(calls, index_of(piece)) else { return false };
    let function = piece.get("function").unwrap_or(piece);
    if call.id.is_none() {
        call.id = text_at(piece, "id");
    }
    let part = |field: &str| function.get(field).and_then(Value::as_str).unwrap_or_default();
    kept.add(&mut call.name, part("name"));
    kept.add(&mut call.arguments, part("arguments"));
    true
}

/// The room that is left for text, and the count of what found none.
struct Kept<'a> {
    room: &'a mut usize,
    omitted: &'a mut u64,
}

impl Kept<'_> {
    fn add(&mut self, text: &mut String, more: &str) {
        let fits = cut(more, *self.room);
        text.push_str(fits);
        let omitted = more.len() - fits.len();
        *self.omitted += omitted as u64;
        *self.room = if omitted > 0 { 0 } else { *self.room - fits.len() };
    }
}

/// The `index` of a choice or tool call; engines that have only one may leave it out.
fn index_of(piece: &Value) -> usize {
    let index = piece.get("index").and_then(count).unwrap_or(0);
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn slot<T: Default>(slots: &mut Vec<T>, index: usize) -> Option<&mut T> {
    if index < MOST_SLOTS && index >= slots.len() {
        slots.resize_with(index + 1, T::default);
    }
    slots.get_mut(index)
}

#[cfg(test)]
mod tests;
