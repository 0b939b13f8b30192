//! Requests that wait for the answer of a record.

use js_sys::{Array, Uint8Array};
use playgate_edge::{MAX_BODY, Memory, RecordRequest, Replies};
use wasm_bindgen::prelude::wasm_bindgen;

/// A request that cannot be decided yet, or a report.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Pending {
    replies: Replies,
    /// The record to ask; `None` for the denylist.
    question: Option<Box<RecordRequest>>,
    /// How often the denylist was asked.
    tries: u8,
}

#[wasm_bindgen]
impl Pending {
    /// What to ask of a record; `undefined` for the denylist.
    #[must_use]
    pub fn question(&self) -> Option<Array> {
        self.question.as_deref().map(list)
    }

    /// Notes that the denylist is asked now. Returns whether the replies that a data center shares will do: only the
    /// first time.
    #[wasm_bindgen(js_name = asksShared)]
    pub fn asks_shared(&mut self, now: f64) -> bool {
        self.tries = self.tries.saturating_add(1);
        if self.tries > 1 {
            self.replies.asked = Some(crate::millis(now));
        }
        self.tries == 1
    }
}

impl Pending {
    pub(crate) const fn replies(&self) -> &Replies {
        &self.replies
    }

    pub(crate) fn with(self, question: Option<Box<RecordRequest>>) -> Self {
        Self { question, ..self }
    }

    pub(crate) fn settle(&mut self, memory: &mut Memory, answer: Option<&[u8]>, now: u64) {
        if let Some(question) = self.question.take() {
            memory.settle(&mut self.replies, &question, answer, now);
        }
    }
}

/// A command to a record, as a list: the name of the record, and the command.
pub(crate) fn list(question: &RecordRequest) -> Array {
    let command = Uint8Array::from(question.encoded().as_slice());
    Array::of2(&question.record.as_str().into(), &command.into())
}

/// The largest body of a call, in bytes.
#[must_use]
#[wasm_bindgen(js_name = maxBody)]
pub fn max_body() -> usize {
    MAX_BODY
}
