//! What the Durable Object of a record needs from Rust: what a command does.

use playgate::UnixTime;
use playgate_state::{Action, Record, apply, decode, encode};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

use crate::denylist;

/// What follows from a command.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Outcome {
    record: Option<Vec<u8>>,
    is_unchanged: bool,
    until: u64,
    answer: Vec<u8>,
    revocations: Vec<String>,
}

#[wasm_bindgen]
impl Outcome {
    /// Whether there is nothing to store.
    #[must_use]
    #[wasm_bindgen(js_name = isUnchanged)]
    pub fn is_unchanged(&self) -> bool {
        self.is_unchanged
    }

    /// The record to store, if one is left.
    #[must_use]
    #[wasm_bindgen(js_name = takeRecord)]
    pub fn take_record(&mut self) -> Option<Vec<u8>> {
        self.record.take()
    }

    /// From when on the record is not needed, in milliseconds.
    #[must_use]
    pub fn until(&self) -> f64 {
        (self.until as f64) * 1000.0
    }

    /// The answer.
    #[must_use]
    #[wasm_bindgen(js_name = takeAnswer)]
    pub fn take_answer(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.answer)
    }

    /// The revocations that follow, as [`denylist::lines`] writes them.
    #[must_use]
    #[wasm_bindgen(js_name = takeRevocations)]
    pub fn take_revocations(&mut self) -> Vec<String> {
        core::mem::take(&mut self.revocations)
    }
}

/// Performs a command on a record.
///
/// # Errors
/// The record or the command cannot be read.
#[wasm_bindgen(js_name = applyCommand)]
pub fn apply_command(
    record: Option<Vec<u8>>,
    command: &[u8],
    now: f64,
) -> Result<Outcome, JsError> {
    let unreadable = || JsError::new("a record or a command is of another version");
    let stored: Option<Record> = match &record {
        Some(bytes) => Some(decode(bytes).ok_or_else(unreadable)?),
        None => None,
    };
    let action: Action = decode(command).ok_or_else(unreadable)?;
    let outcome = apply(stored, action, UnixTime::from_secs(denylist::seconds(now)));
    let next = outcome.record.as_ref().map(encode);
    Ok(Outcome {
        is_unchanged: next == record,
        until: outcome.record.as_ref().map_or(0, Record::until),
        record: next,
        answer: encode(&outcome.reply),
        revocations: outcome.revocations.iter().map(denylist::lines).collect(),
    })
}

/// The command that forgets what is no longer needed.
#[must_use]
#[wasm_bindgen]
pub fn sweep() -> Vec<u8> {
    encode(&Action::Sweep)
}

/// From when on a record is not needed, in milliseconds.
///
/// # Errors
/// It cannot be read.
#[wasm_bindgen(js_name = recordUntil)]
pub fn record_until(record: &[u8]) -> Result<f64, JsError> {
    let record: Option<Record> = decode(record);
    let record = record.ok_or_else(|| JsError::new("a record is of another version"))?;
    Ok((record.until() as f64) * 1000.0)
}
