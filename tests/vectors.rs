//! The vectors of `tests/vectors`, through the library. The answers in them were written down by hand,
//! and the signatures made, by the independent implementation beside them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use playgate::json::{self, Request as _, SignRequest};
use playgate::{KeyRing, ParamNames, Refusal, Request, Signer, UnixTime, Verifier};
use serde_json::{Value, json as object};

fn vectors() -> (KeyRing, Vec<Value>) {
    let file: Value = serde_json::from_str(include_str!("vectors/native.json")).unwrap();
    let ring = KeyRing::parse(file["keys"].as_str().unwrap()).unwrap();
    (ring, file["vectors"].as_array().unwrap().clone())
}

fn names(list: &Value) -> String {
    let names = list.as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(",")
}

fn verdict(vector: &Value, ring: &KeyRing) -> Value {
    let (asked, gate) = (&vector["request"], &vector["gate"]);
    let (unsigned, forward) = (names(&gate["unsigned_params"]), names(&gate["forward_params"]));
    let mut request = Request::new(asked["url"].as_str().unwrap());
    request.cookie = asked["cookie"].as_str();
    request.authorization = asked["authorization"].as_str();
    request.client_ip = asked["client_ip"].as_str().and_then(|ip| ip.parse().ok());
    request.client_country = asked["client_country"].as_str();
    let verdict = Verifier::new(ring)
        .audience(gate["audience"].as_str())
        .leeway(gate["leeway"].as_u64().unwrap_or(0))
        .max_lifetime(gate["max_lifetime"].as_u64())
        .unsigned_params(ParamNames::new(&unsigned))
        .verify(&request, UnixTime::from_secs(vector["now"].as_u64().unwrap()));
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

#[test]
fn library_gives_the_verdict_of_every_vector() {
    let (ring, vectors) = vectors();
    assert!(vectors.len() >= 120, "only {} vectors", vectors.len());
    let wrong: Vec<_> = vectors
        .iter()
        .filter(|vector| verdict(vector, &ring) != vector["expect"])
        .map(|vector| {
            format!("{}: {}\n    not {}", vector["name"], verdict(vector, &ring), vector["expect"])
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn library_signs_the_link_of_every_vector_that_has_one() {
    let (ring, vectors) = vectors();
    let signer = Signer::new(ring);
    let mut signed = 0;
    for vector in vectors.iter().filter(|vector| vector["sign"].is_object()) {
        let terms = json::Value::from_json(&vector["sign"].to_string()).unwrap();
        let now = UnixTime::from_secs(vector["now"].as_u64().unwrap());
        let link = SignRequest::from_value(terms).and_then(|terms| terms.sign(&signer, now));
        let link = link.unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
        assert_eq!(link.link, vector["request"]["url"].as_str().unwrap(), "{}", vector["name"]);
        assert_eq!(link.scope.as_deref(), vector["expect"]["scope"].as_str(), "{}", vector["name"]);
        signed += 1;
    }
    assert!(signed >= 20, "only {signed} vectors were signed");
}
