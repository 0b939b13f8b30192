//! Bindings for browsers and Node: JSON in, JSON out. The clock is the caller's here too.

use alloc::string::String;

use wasm_bindgen::prelude::{JsError, wasm_bindgen};

use crate::json::{self, Gate, SignRequest, VerifyRequest};
use crate::key::KeyRing;
use crate::query::ParamNames;
use crate::sign::Signer;
use crate::time::UnixTime;

/// Signs a link: a `SignRequest` in, `{"link", "expires", "scope"}` out. `now` is in unix seconds.
///
/// # Errors
/// Throws an `Error` that says which member of the request is wrong, or which key of the ring.
#[wasm_bindgen]
pub fn sign(request: &str, keys: &str, now: f64) -> Result<String, JsError> {
    let request: SignRequest = json::from_str(request)?;
    let signer = Signer::new(KeyRing::parse(keys)?);
    to_json(&request.sign(&signer, time(now))?)
}

/// Decides on a request: a `VerifyRequest` and a `Gate` in, a `Verdict` out.
///
/// # Errors
/// Throws an `Error` where the arguments cannot be read. A refusal is no error.
#[wasm_bindgen]
pub fn verify(request: &str, gate: &str, keys: &str, now: f64) -> Result<String, JsError> {
    let (request, gate): (VerifyRequest, Gate) = (json::from_str(request)?, json::from_str(gate)?);
    to_json(&gate.verdict(&KeyRing::parse(keys)?, &request.as_request(), time(now)))
}

/// Explains a decision: a `VerifyRequest` and a `Gate` in, a `Report` out.
///
/// # Errors
/// Throws an `Error` where the arguments cannot be read. A refusal is no error.
#[wasm_bindgen]
pub fn inspect(request: &str, gate: &str, keys: &str, now: f64) -> Result<String, JsError> {
    let (request, gate): (VerifyRequest, Gate) = (json::from_str(request)?, json::from_str(gate)?);
    let ring = KeyRing::parse(keys)?;
    let forward = ParamNames::new(&gate.forward_params);
    to_json(&gate.verifier(&ring).inspect(&request.as_request(), forward, time(now)))
}

/// Makes the entry of a new key for a ring from 32 random bytes, which the caller provides:
/// `crypto.getRandomValues(new Uint8Array(32))`.
///
/// # Errors
/// Throws an `Error` where the id is not one, or the bytes are fewer than 32.
#[wasm_bindgen]
pub fn keygen(id: &str, random: &[u8]) -> Result<String, JsError> {
    Ok(KeyRing::entry(id, random)?)
}

fn time(now: f64) -> UnixTime {
    // Saturates; not a number is 0, and then everything with a start is refused.
    UnixTime::from_secs(now as u64)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, JsError> {
    Ok(serde_json::to_string(value)?)
}
