//! Bindings for browsers and Node: objects in, objects out. The clock is the caller's here too, in unix
//! seconds.

use core::fmt;

use js_sys::{Array, JSON, Object};
use playgate::{KeyRing, ParamNames, Signer, UnixTime};
use playgate_json::{GateOptions, ReportShape, Shape as _, SignRequest, Value, VerifyRequest};
use wasm_bindgen::prelude::{JsCast as _, JsError, JsValue, wasm_bindgen};

/// Signs a link: a `SignRequest` in, `{ link, expires, scope }` out.
///
/// # Errors
/// Throws an `Error` that says which member of the request is wrong, or which key of the ring.
#[wasm_bindgen]
pub fn sign(request: &Object, keys: &str, now: f64) -> Result<JsValue, JsValue> {
    let request = SignRequest::from_value(value_of(request)).map_err(thrown)?;
    let signer = Signer::new(ring(keys)?);
    to_object(&request.sign(&signer, time(now)).map_err(thrown)?)
}

/// Decides on a request, and explains the decision: a `VerifyRequest` and a `GateOptions` in, a `Report` out.
///
/// # Errors
/// Throws an `Error` where the arguments cannot be read. A refusal is no error.
#[wasm_bindgen]
pub fn inspect(request: &Object, gate: &Object, keys: &str, now: f64) -> Result<JsValue, JsValue> {
    let request = VerifyRequest::from_value(value_of(request)).map_err(thrown)?;
    let gate = GateOptions::from_value(value_of(gate)).map_err(thrown)?;
    let ring = ring(keys)?;
    let forward = ParamNames::new(&gate.forward_params);
    let request = request.as_request().without_fragment();
    to_object(&ReportShape(&gate.verifier(&ring).inspect(&request, forward, time(now))))
}

/// A gate that decides on many requests, and explains nothing: its settings and keys are read once.
#[cfg(feature = "formats")]
#[wasm_bindgen(js_name = GateOptions)]
#[derive(Debug)]
pub struct DecidingGate {
    gate: GateOptions,
    ring: KeyRing,
}

#[cfg(feature = "formats")]
#[wasm_bindgen(js_class = GateOptions)]
impl DecidingGate {
    /// A gate with these settings and this key ring.
    ///
    /// # Errors
    /// Throws an `Error` that says which setting is wrong, or which key of the ring.
    #[wasm_bindgen(constructor)]
    pub fn new(gate: &Object, keys: &str) -> Result<Self, JsValue> {
        Ok(Self {
            gate: GateOptions::from_value(value_of(gate)).map_err(thrown)?,
            ring: ring(keys)?,
        })
    }

    /// The reason for which the link at `url` is refused; `undefined` where it is admitted.
    #[must_use]
    pub fn verify(&self, url: &str, now: f64) -> Option<String> {
        let request = playgate::Request::new(url).without_fragment();
        let verified = self.gate.verifier(&self.ring).verify(&request, time(now));
        verified.err().map(|refusal| refusal.code().into())
    }
}

fn ring(keys: &str) -> Result<KeyRing, JsValue> {
    KeyRing::parse(keys).map_err(thrown)
}

/// What is thrown for an error.
fn thrown(error: impl fmt::Display) -> JsValue {
    JsError::new(&error.to_string()).into()
}

fn time(now: f64) -> UnixTime {
    // The cast saturates; what is no number is 0, a time at which nothing has begun.
    UnixTime::from_secs(now as u64)
}

/// A value as JSON would have it, so that `undefined` is `null`.
fn value_of(value: &JsValue) -> Value {
    if value.is_null() || value.is_undefined() {
        Value::Null
    } else if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if let Some(flag) = value.as_bool() {
        Value::Flag(flag)
    } else if let Some(number) = value.as_f64() {
        // The casts saturate, and cut off what is no whole number.
        let whole = number as u64;
        if whole as f64 == number { Value::Number(whole) } else { Value::Other }
    } else if let Some(list) = value.dyn_ref::<Array>() {
        Value::List(list.iter().map(|item| value_of(&item)).collect())
    } else if let Some(object) = value.dyn_ref::<Object>() {
        let member = |entry: JsValue| {
            let entry = Array::from(&entry);
            (entry.get(0).as_string().unwrap_or_default(), value_of(&entry.get(1)))
        };
        Value::Object(Object::entries(object).iter().map(member).collect())
    } else {
        Value::Other
    }
}

fn to_object(value: &impl serde::Serialize) -> Result<JsValue, JsValue> {
    JSON::parse(&serde_json::to_string(value).unwrap_or_default())
}
