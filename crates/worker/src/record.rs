//! What the Durable Object of a record needs from Rust: what a command does.

use playgate::UnixTime;
use playgate_state::{Action, Record, apply};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

use crate::denylist;

/// Performs a command on a record, both JSON. Returns lines: the record to store, or nothing; from when on it is not
/// needed, in Unix seconds; the reply; and for each revocation that follows its kind, its value, and all of it as JSON.
///
/// # Errors
/// The record or the command cannot be read.
#[wasm_bindgen(js_name = applyCommand)]
pub fn apply_command(record: Option<String>, command: &str, now: f64) -> Result<String, JsError> {
    let record: Option<Record> = record.map(|json| serde_json::from_str(&json)).transpose()?;
    let action: Action = serde_json::from_str(command)?;
    let now = UnixTime::from_secs(denylist::seconds(now));
    let outcome = apply(record, action, now);
    let until = outcome.record.as_ref().map_or(0, Record::until);
    let record = outcome.record.map(|record| serde_json::to_string(&record)).transpose()?;
    let reply = serde_json::to_string(&outcome.reply)?;
    let mut lines = format!("{}\n{until}\n{reply}", record.unwrap_or_default());
    for revocation in &outcome.revocations {
        lines.extend(["\n", &denylist::lines(revocation)]);
    }
    Ok(lines)
}
