//! What the Durable Object of the denylist needs from Rust: what a revocation becomes after a newer one, and how updates
//! are encoded. `denylist.mjs` stores the results.

use js_sys::Array;
use playgate::UnixTime;
use playgate_edge::{About, Done, Event, done};
use playgate_state::{
    CLOCK_SLACK, Entry, Kind, Reason, Revocation, Update, Writer, hash, max_len, should_compact,
    tile_end,
};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

pub(crate) use crate::lines;

/// A revocation that [`lines`] wrote.
fn read(lines: &str) -> Result<Revocation, JsError> {
    let unreadable = || JsError::new("a revocation cannot be read");
    let [kind, value, issued_before, until, reason] = *lines.split('\n').collect::<Vec<_>>() else {
        return Err(unreadable());
    };
    Ok(Revocation {
        kind: Kind::from_name(kind).ok_or_else(unreadable)?,
        value: value.into(),
        issued_before: (!issued_before.is_empty()).then(|| issued_before.parse()).transpose()?,
        until: until.parse()?,
        reason: Reason::from_name(reason).ok_or_else(unreadable)?,
    })
}

/// The revocation that holds after a newer one of the same kind and value; `undefined` if the current one already says
/// the same. Revocations are lines.
///
/// # Errors
/// One of them cannot be read.
#[wasm_bindgen]
pub fn revise(current: Option<String>, newer: &str, now: f64) -> Result<Option<String>, JsError> {
    let current = current.map(|current| read(&current)).transpose()?;
    let revised = read(newer)?.revised(current.as_ref(), UnixTime::from_secs(seconds(now)));
    Ok((current.as_ref() != Some(&revised)).then(|| lines(&revised)))
}

/// The entry of a revocation in the log, or the one that undoes it.
///
/// # Errors
/// The revocation or the key cannot be read.
#[wasm_bindgen]
pub fn entry(revocation: &str, key: &[u8], removed: bool) -> Result<Vec<u8>, JsError> {
    let revocation = read(revocation)?;
    let hash = hash(key.try_into()?, revocation.kind, &revocation.value);
    Ok(Entry::new(hash, &revocation, removed).encode())
}

/// The event of a revocation that was made or undone, as a list: its type, its reason, its line for the log, and the
/// body of the webhook.
///
/// # Errors
/// The revocation cannot be read.
#[wasm_bindgen]
pub fn event(
    revocation: &str,
    is_undone: bool,
    sub: Option<String>,
    refreshes: Option<String>,
    timestamp: &str,
) -> Result<Array, JsError> {
    let (revocation, about) = (read(revocation)?, About { sub, refreshes });
    let event = Event::new(&revocation, is_undone, &about);
    let (line, body) = (event.line(), event.body(timestamp));
    Ok(Array::of4(&event.name().into(), &event.reason().into(), &line.into(), &body.into()))
}

/// The start of an update, before its entries.
///
/// # Errors
/// The key does not have 16 bytes.
#[wasm_bindgen(js_name = updateHeader)]
pub fn update_header(epoch: u64, key: &[u8], from: f64, end: f64) -> Result<Vec<u8>, JsError> {
    Ok(Update::header(epoch, key.try_into()?, from as u64, end as u64))
}

/// For how long an entry that has ended stays in the log, in seconds.
#[must_use]
#[wasm_bindgen(js_name = clockSlack)]
pub fn clock_slack() -> f64 {
    CLOCK_SLACK as f64
}

/// Whether a log of this length, of which so many entries are needed, should be replaced. `most` is how many it may
/// have, if it is full.
#[must_use]
#[wasm_bindgen(js_name = shouldCompact)]
pub fn is_worth_compacting(length: f64, live: f64, most: Option<f64>) -> bool {
    should_compact(length as u64, live as u64, most.map(|most| most as u64))
}

/// Whether a revocation may reach the denylist later: a session has ended.
///
/// # Errors
/// It cannot be read.
#[wasm_bindgen(js_name = endsSession)]
pub fn ends_session(revocation: &str) -> Result<bool, JsError> {
    Ok(read(revocation)?.reason.ends_session())
}

/// The number of the first entry of the next tile.
#[must_use]
#[wasm_bindgen(js_name = tileEnd)]
pub fn end_of_tile(from: f64) -> f64 {
    tile_end(from as u64) as f64
}

/// The response to a call that set this revocation.
///
/// # Errors
/// The revocation cannot be read.
#[wasm_bindgen]
pub fn revoked(revocation: &str, is_new: bool) -> Result<String, JsError> {
    Ok(crate::response(&done(Done::Revoked { revocation: &read(revocation)?, is_new })))
}

/// The response with a page of revocations.
///
/// # Errors
/// One of them cannot be read.
#[wasm_bindgen]
pub fn page(revocations: Vec<String>, next: Option<f64>) -> Result<String, JsError> {
    let next = next.map(|next| next as u64);
    let revocations = revocations.iter().map(|lines| read(lines)).collect::<Result<Vec<_>, _>>()?;
    Ok(crate::response(&done(Done::Page { revocations: &revocations, next })))
}

/// How many entries a log may have before this revocation is added.
///
/// # Errors
/// The revocation cannot be read.
#[wasm_bindgen(js_name = maxLength)]
pub fn max_length(revocation: &str, is_of_record: bool) -> Result<f64, JsError> {
    let writer = if is_of_record { Writer::Record } else { Writer::Operator };
    Ok(max_len(writer, read(revocation)?.reason) as f64)
}

/// The response if there is no room for another revocation.
#[must_use]
#[wasm_bindgen]
pub fn full() -> String {
    crate::response(&done(Done::Full))
}

/// The response to a revocation of a viewer whose sessions could not be ended.
#[must_use]
#[wasm_bindgen]
pub fn incomplete() -> String {
    crate::response(&playgate_edge::incomplete())
}

/// The response to a call that undid a revocation, or that found none.
#[must_use]
#[wasm_bindgen]
pub fn undone(is_known: bool) -> String {
    crate::response(&done(if is_known { Done::Undone } else { Done::Unknown }))
}

pub(crate) const fn seconds(now: f64) -> u64 {
    crate::millis(now).div_euclid(1000)
}
