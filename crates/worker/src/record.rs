//! What the Durable Object of a record needs from Rust: what a command does.

use js_sys::{Array, Uint8Array};
use playgate::UnixTime;
use playgate_edge::refreshes;
use playgate_state::{Record, RecordCommand, apply, decode, encode};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::denylist;

/// Performs a command on a record. Returns what follows, as a list: the record to store if one is left, `null` if there
/// is nothing to store, `undefined` if none is left; when to look whether it is still needed, in milliseconds; the answer; the
/// revocations that follow, as [`denylist::lines`] writes them; and what an event tells of a stolen refresh token, as
/// JSON, or `undefined`.
/// `undefined` if the record or the command is of another version.
#[must_use]
#[wasm_bindgen(js_name = applyCommand)]
pub fn apply_command(record: Option<Vec<u8>>, command: &[u8], now: f64) -> Option<Array> {
    let stored: Option<Record> = match &record {
        Some(bytes) => Some(decode(bytes)?),
        None => None,
    };
    let command: RecordCommand = decode(command)?;
    let now = UnixTime::from_secs(denylist::seconds(now));
    let outcome = apply(stored, command, now);
    let next = outcome.record.as_ref().map(encode);
    let stores = match &next {
        _ if next == record => JsValue::NULL,
        Some(bytes) => Uint8Array::from(bytes.as_slice()).into(),
        None => JsValue::UNDEFINED,
    };
    let sweep_at = outcome.record.as_ref().map_or(0, |record| record.sweep_at(now));
    let revocations = outcome.revocations.iter().map(|one| JsValue::from(denylist::lines(one)));
    let theft = outcome.theft.as_deref().map(refreshes);
    Some(Array::of5(
        &stores,
        &((sweep_at as f64) * 1000.0).into(),
        &Uint8Array::from(encode(&outcome.reply).as_slice()).into(),
        &revocations.collect::<Array>().into(),
        &theft.into(),
    ))
}

/// The command that forgets what is no longer needed.
#[must_use]
#[wasm_bindgen]
pub fn sweep() -> Vec<u8> {
    encode(&RecordCommand::Sweep)
}
