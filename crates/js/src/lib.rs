//! Bindings for browsers and Node: objects in, objects out. The caller supplies the time, in unix seconds.

use core::fmt;

use js_sys::{Array, JSON, Object};
use playgate::{KeyRing, ParamNames, Signer, UnixTime};
#[cfg(feature = "formats")]
use playgate_json::SessionRequest;
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

/// Signs a session link: a `SessionRequest` in, `{ link, expires }` out. Without `jti`, the session gets a random id.
///
/// # Errors
/// Throws an `Error` that says which member of the request is wrong, or which key of the ring.
#[cfg(feature = "formats")]
#[wasm_bindgen(js_name = signSession)]
pub fn sign_session(request: &Object, keys: &str, now: f64) -> Result<JsValue, JsValue> {
    let mut request = SessionRequest::from_value(value_of(request)).map_err(thrown)?;
    // A UUID has only characters of an id.
    request.jti = Some(request.jti.unwrap_or_else(random_uuid));
    let signer = Signer::new(ring(keys)?);
    to_object(&request.sign(&signer, time(now)).map_err(thrown)?)
}

#[cfg(feature = "formats")]
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;
}

/// Decides on a request and explains the decision: a `VerifyRequest` and a `GateOptions` in, a `Report`
/// out.
///
/// # Errors
/// Throws an `Error` if the arguments cannot be read. A refusal is not an error.
#[wasm_bindgen]
pub fn inspect(request: &Object, gate: &Object, keys: &str, now: f64) -> Result<JsValue, JsValue> {
    let request = VerifyRequest::from_value(value_of(request)).map_err(thrown)?;
    let gate = GateOptions::from_value(value_of(gate)).map_err(thrown)?;
    let ring = ring(keys)?;
    let forward = ParamNames::new(&gate.forward_params);
    let request = request.as_request().without_fragment();
    to_object(&ReportShape(&gate.verifier(&ring).inspect(&request, forward, time(now))))
}

/// A gate that decides on many requests without explaining its decisions. It reads its settings and keys
/// once.
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
    /// Creates a gate with these settings and this key ring.
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

    /// The reason why the link at `url` is refused; `undefined` if it is admitted.
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

/// The exception for an error.
fn thrown(error: impl fmt::Display) -> JsValue {
    JsError::new(&error.to_string()).into()
}

fn time(now: f64) -> UnixTime {
    // The cast saturates. NaN becomes 0, a time at which no token has started.
    UnixTime::from_secs(now as u64)
}

/// Converts a value as JSON would, except that `undefined` becomes `null`.
fn value_of(value: &JsValue) -> Value {
    if value.is_null() || value.is_undefined() {
        Value::Null
    } else if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if let Some(flag) = value.as_bool() {
        Value::Flag(flag)
    } else if let Some(number) = value.as_f64() {
        // The cast saturates and truncates, so only a whole number compares equal.
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
