//! The vectors of native tokens, verified by the core as it is built: it may be without an allocator.

use playgate::{KeyRing, ParamNames, Request, UnixTime, Verifier};
use serde_json::{Value, json};

use crate::vector_files::{File, files, names};

fn verdict(vector: &Value, ring: &KeyRing) -> Value {
    let (asked, gate) = (&vector["request"], &vector["gate"]);
    let mut request = Request::new(asked["url"].as_str().unwrap());
    request.cookie = asked["cookie"].as_str();
    request.authorization = asked["authorization"].as_str();
    request.client_ip = asked["client_ip"].as_str().and_then(|ip| ip.parse().ok());
    request.client_country = asked["client_country"].as_str();
    let unsigned = names(&gate["unsigned_params"]);
    let verdict = Verifier::new(ring)
        .audience(gate["audience"].as_str())
        .leeway(gate["leeway"].as_u64().unwrap_or(0))
        .max_lifetime(gate["max_lifetime"].as_u64())
        .unsigned_params(ParamNames::new(&unsigned))
        .verify(&request, UnixTime::from_secs(vector["now"].as_u64().unwrap()));
    match verdict {
        Ok(verified) => json!({
            "verdict": "allow",
            "kid": verified.kid(),
            "expires": verified.grant().expires().as_secs(),
            "scope": verified.scope().to_string(),
        }),
        Err(refusal) => {
            let (reason, status) = (refusal.code(), refusal.status());
            let mut verdict = json!({"verdict": "deny", "reason": reason, "status": status});
            if let Some(field) = refusal.field() {
                verdict["field"] = field.name().into();
            }
            verdict
        }
    }
}

#[test]
fn the_core_gives_the_verdict_of_every_native_vector() {
    let [native, ..] = files();
    let File { vectors, .. } = &native;
    for vector in vectors {
        let mut expected = vector["expect"].clone();
        // A clean URL is text, which takes an allocator: `tests/json` has it.
        expected.as_object_mut().unwrap().remove("clean_url");
        let ring = KeyRing::parse(native.keys(vector)).unwrap();
        assert_eq!(verdict(vector, &ring), expected, "{}", vector["name"]);
    }
}
