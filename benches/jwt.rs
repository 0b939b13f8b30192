//! Verifying a JWT against the crate `jsonwebtoken`, on the same tokens and with the same checks: the
//! algorithm, the signature, `exp`, `nbf`, `iss` and `aud`, by the system's clock.
//!
//! ```text
//! cargo bench --bench jwt
//! ```
//!
//! Ours does more: it finds the token in a link, chooses the key by its id, and holds the path against
//! the claim. The table is divan's. The ratios below it are of medians over rounds in which the two
//! take turns, so that a busy machine slows them alike.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

mod turns;

use std::time::{SystemTime, UNIX_EPOCH};

use divan::{Bencher, black_box};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use playgate::{JwtRules, KeyRing, Request, UnixTime, Verifier};
use serde::Deserialize;
use serde_json::json;

use crate::turns::{medians, time};

const KEY: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const ISSUER: &str = "https://www.example.com";
const AUDIENCE: &str = "edge-1";

/// Tokens as back ends mint them: with the defaults of a library, with the id of a key, and for one gate.
const NAMES: [&str; 3] = ["usual", "kid", "bound"];

fn main() {
    divan::main();
    if !std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        NAMES.iter().for_each(|name| Case::new(name).print_ratio());
    }
}

/// What a back end that uses `jsonwebtoken` reads of a token.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read, and then the viewer is served")]
struct Claims {
    vid: String,
    sub: String,
    exp: u64,
}

/// One token, and all that it takes to verify it.
struct Case {
    name: &'static str,
    link: String,
    token: String,
    verifier: Verifier<'static>,
    key: DecodingKey,
    validation: Validation,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        let exp = 4_102_444_800_u64;
        let mut claims =
            json!({"vid": "42", "sub": "viewer-8731", "exp": exp, "iat": 1_767_225_000});
        let mut rules = JwtRules::new("/videos/{vid}/").unwrap();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        if name != "usual" {
            header.kid = Some("main".to_owned());
        }
        let bound = name == "bound";
        if bound {
            claims["iss"] = ISSUER.into();
            claims["aud"] = AUDIENCE.into();
            rules = rules.issuer(ISSUER);
            validation.set_issuer(&[ISSUER]);
            validation.set_audience(&[AUDIENCE]);
            validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        }
        let bytes: [u8; 32] = core::array::from_fn(|n| n as u8);
        let key = EncodingKey::from_secret(&bytes);
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        let ring: &KeyRing = Box::leak(Box::new(KeyRing::parse(KEY).unwrap()));
        let rules: &JwtRules = Box::leak(Box::new(rules));
        let verifier = Verifier::new(ring).native(false).jwt(Some(rules));
        let case = Self {
            name,
            link: format!("https://cdn.example.com/videos/42/film.mp4?token={token}"),
            token,
            verifier: verifier.audience(bound.then_some(AUDIENCE)),
            key: DecodingKey::from_secret(&bytes),
            validation,
        };
        assert!(case.playgate() && case.jsonwebtoken());
        case
    }

    fn playgate(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = UnixTime::from_secs(now.as_secs());
        self.verifier.verify(&Request::new(black_box(&self.link)), now).is_ok()
    }

    fn jsonwebtoken(&self) -> bool {
        let token = black_box(&self.token);
        jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).is_ok()
    }

    fn print_ratio(&self) {
        let [ours, theirs] = medians(|| [time(|| self.playgate()), time(|| self.jsonwebtoken())]);
        let (ns, times) = (ours / 1000.0, theirs / ours);
        println!("{:<7} playgate {ns:.0} ns  jsonwebtoken/playgate {times:.2}", self.name);
    }
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn jsonwebtoken(bencher: Bencher<'_, '_>, name: &'static str) {
    let case = Case::new(name);
    bencher.bench_local(|| case.jsonwebtoken());
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn playgate(bencher: Bencher<'_, '_>, name: &'static str) {
    let case = Case::new(name);
    bencher.bench_local(|| case.playgate());
}
