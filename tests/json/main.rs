//! The vectors of `tests/vectors`, through the library.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "../common/vectors.rs"]
mod vector_files;

use core::time::Duration;
use playgate::{
    JwtRules, KeyRing, ParamNames, Refusal, Request, Signer, TimedHmac, UnixTime, Verifier,
};
use playgate_json::{self as json, GateOptions, Seconds, Shape as _, SignRequest};
use serde_json::{Value, json as object};

use crate::vector_files::{File, files, names};

fn request(vector: &Value) -> Request<'_> {
    let asked = &vector["request"];
    let mut request = Request::new(asked["url"].as_str().unwrap());
    request.cookie = asked["cookie"].as_str();
    request.authorization = asked["authorization"].as_str();
    request.client_ip = asked["client_ip"].as_str().and_then(|ip| ip.parse().ok());
    request.client_country = asked["client_country"].as_str();
    request
}

fn now(vector: &Value) -> UnixTime {
    UnixTime::from_secs(vector["now"].as_u64().unwrap())
}

/// The rules for JWTs of a gate that reads them.
fn rules(gate: &Value) -> Option<JwtRules> {
    let mut rules = JwtRules::new(gate["jwt_path"].as_str()?).unwrap();
    if let Some(name) = gate["jwt_name"].as_str() {
        rules = rules.name(name).unwrap();
    }
    Some(match gate["issuer"].as_str() {
        Some(issuer) => rules.issuer(issuer),
        None => rules,
    })
}

/// How a gate that reads timed HMACs reads them.
fn timed_hmac(gate: &Value) -> Option<TimedHmac> {
    let ttl = match &gate["timed_hmac_ttl"] {
        Value::Null => return None,
        Value::String(text) => text.parse().map(|Seconds(secs)| secs).unwrap(),
        number => number.as_u64().unwrap(),
    };
    let format =
        TimedHmac::new(Duration::from_secs(ttl)).url_safe(gate["timed_hmac_url_safe"] == true);
    Some(match gate["timed_hmac_param"].as_str() {
        Some(name) => format.param(name).unwrap(),
        None => format,
    })
}

fn verdict(vector: &Value, ring: &KeyRing) -> Value {
    let gate = &vector["gate"];
    let (unsigned, forward) = (names(&gate["unsigned_params"]), names(&gate["forward_params"]));
    let (formats, rules) = (names(&gate["formats"]), rules(gate));
    assert_eq!(rules.is_some(), formats.contains("jwt"), "{}", vector["name"]);
    let timed_hmac = timed_hmac(gate);
    let verdict = Verifier::new(ring)
        .native(formats.is_empty() || formats.contains("native"))
        .jwt(rules.as_ref())
        .timed_hmac(timed_hmac.as_ref())
        .audience(gate["audience"].as_str())
        .leeway(Duration::from_secs(gate["leeway"].as_u64().unwrap_or(0)))
        .max_lifetime(gate["max_lifetime"].as_u64().map(Duration::from_secs))
        .unsigned_params(ParamNames::new(&unsigned))
        .verify(&request(vector), now(vector));
    match verdict {
        Ok(verified) => object!({
            "verdict": "allow",
            "kid": verified.kid(),
            "expires": verified.grant().expires().as_secs(),
            "scope": verified.scope().to_string(),
            "clean_url": verified.clean_url(ParamNames::new(&forward)),
        }),
        Err(refusal) => denial(refusal),
    }
}

fn denial(refusal: Refusal) -> Value {
    let mut verdict =
        object!({"verdict": "deny", "reason": refusal.code(), "status": refusal.status()});
    if let Some(field) = refusal.field() {
        verdict["field"] = field.name().into();
    }
    verdict
}

/// The verdict of a gate whose settings come as JSON.
fn verdict_by_json(vector: &Value, ring: &KeyRing) -> Value {
    let gate = vector.get("gate").map_or("{}".into(), Value::to_string);
    let gate = GateOptions::from_value(json::Value::from_json(&gate).unwrap()).unwrap();
    serde_json::to_value(gate.verdict(ring, &request(vector), now(vector))).unwrap()
}

/// Every vector of every file has the verdict that it expects.
#[track_caller]
fn all_have_their(verdict: fn(&Value, &KeyRing) -> Value) {
    for file in files() {
        let File { format, vectors, .. } = &file;
        let ring = |vector| KeyRing::parse(file.keys(vector)).unwrap();
        let wrong: Vec<_> = vectors
            .iter()
            .map(|vector| (vector, verdict(vector, &ring(vector))))
            .filter(|(vector, verdict)| *verdict != vector["expect"])
            .map(|(vector, verdict)| {
                format!("{}: {verdict}\n    not {}", vector["name"], vector["expect"])
            })
            .collect();
        assert!(wrong.is_empty(), "{} of {format}:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn library_gives_the_verdict_of_every_vector() {
    all_have_their(verdict);
}

#[test]
fn library_gives_it_by_settings_of_json_too() {
    all_have_their(verdict_by_json);
}

#[test]
fn library_signs_the_link_of_every_vector_that_has_one() {
    for file in files() {
        for vector in file.signed() {
            let signer = Signer::new(KeyRing::parse(file.keys(vector)).unwrap());
            let terms = json::Value::from_json(&vector["sign"].to_string()).unwrap();
            let link =
                SignRequest::from_value(terms).and_then(|terms| terms.sign(&signer, now(vector)));
            let link = link.unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
            assert_eq!(link.link, vector["request"]["url"], "{}", vector["name"]);
            let said = (link.expires, link.scope.as_deref());
            assert_eq!(said, file.said_of(vector), "{}", vector["name"]);
        }
    }
}
