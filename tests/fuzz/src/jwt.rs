//! A gate for JWTs and native tokens.

use std::sync::LazyLock;

use playgate::{JwtRules, KeyRing, Refusal, Request, UnixTime, Verifier};
use serde::de::IgnoredAny;

use crate::forged::{self, Fault, TEMPLATE};
use crate::judge;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n\
                    next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const NOW: UnixTime = UnixTime::from_secs(forged::NOW);
const PATH: &str = "/videos/42/a.ts";

static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::parse(KEYS).unwrap());
static RULES: LazyLock<JwtRules> = LazyLock::new(|| JwtRules::new(TEMPLATE).unwrap());

/// Gates that read JWTs alone, native tokens alone, and both.
fn gates() -> [Verifier<'static>; 3] {
    let native = Verifier::new(&RING);
    let both = native.jwt(Some(&RULES));
    [both.native(false), native, both]
}

/// A header and a payload, each a line, which are signed here; or a URL, a cookie and an `Authorization`,
/// each a line.
pub fn jwt(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match text.split_once('\n') {
        Some((header, payload)) if text.starts_with('{') => signed(header, payload),
        _ => sent(text),
    }
}

fn sent(text: &str) {
    let mut lines = text.split('\n');
    let mut request = Request::new(lines.next().unwrap_or_default());
    request.cookie = lines.next().filter(|line| !line.is_empty());
    request.authorization = lines.next().filter(|line| !line.is_empty());
    let gates = gates();
    let [jwt, native, both] = gates.each_ref().map(|gate| judge(gate, &request, NOW));
    if let Ok(verified) = &jwt {
        let texts = [Some(request.url), request.cookie, request.authorization];
        assert!(texts.into_iter().flatten().any(holds_a_token), "nobody signed {text}");
        assert!(verified.path().to_string().starts_with("/videos/"), "{text}");
        assert_ne!(verified.scope().to_string(), "/videos/", "{text}");
    }
    // Who reads both admits what one of them admits, and no more. Where a name starts the path that the
    // token of the other format opens, it is ambiguous: libFuzzer signs, as it sees what is compared.
    match (jwt, native) {
        (Ok(_), Err(Refusal::Missing)) | (Err(Refusal::Missing), Ok(_)) => {
            assert!(matches!(both, Ok(_) | Err(Refusal::Ambiguous)), "{text}");
        }
        (Err(_), Err(_)) => assert!(both.is_err(), "{text}"),
        _ => {}
    }
}

/// Whether a JWT stands in a text that a key of the ring signed.
fn holds_a_token(text: &str) -> bool {
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let keys = [forged::MAIN, forged::MAIN.map(|byte| byte + 32)];
    text.split(foreign).filter_map(|piece| piece.rsplit_once('.')).any(|(text, tag)| {
        text.contains('.') && keys.iter().any(|key| forged::tag(text, key) == tag)
    })
}

fn signed(header: &str, payload: &str) {
    let token = forged::token(header, payload);
    let verdict = everywhere(&token);
    match (forged::faults(header, payload), &verdict) {
        (None, Ok(())) => {
            // What is told apart there is not kept here: a number of 400 digits in what is ignored.
            for part in [header, payload] {
                assert!(serde_json::from_str::<IgnoredAny>(part).is_ok(), "{part}");
            }
        }
        (Some(faults), Ok(())) => assert_eq!(faults, [], "{header} {payload}"),
        (Some(faults), Err(refusal)) => {
            let first = faults.iter().map(|Fault(check, ..)| check).min();
            let field = refusal.field().map(|field| field.name());
            let said = |Fault(check, code, named): &Fault| {
                Some(check) == first && (*code, *named) == (refusal.code(), field)
            };
            let wanted: Vec<_> = faults.iter().map(Fault::to_string).collect();
            assert!(faults.iter().any(said), "{refusal}, not {wanted:?}: {header} {payload}");
        }
        (None, Err(_)) => {}
    }
    let changed = change(&token);
    assert!(changed == token || everywhere(&changed).is_err(), "{header} {payload} {changed}");
}

/// The token with a character changed. Which one follows from the token, so that one input always means
/// the same.
fn change(token: &str) -> String {
    const CHARACTERS: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let sum = token.bytes().fold(0xcbf2_9ce4_8422_2325, step) as usize;
    let mut bytes = token.as_bytes().to_vec();
    let (at, by) = (sum % bytes.len(), CHARACTERS[(sum >> 32) % CHARACTERS.len()]);
    match (sum >> 24) % 4 {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, by),
        _ => bytes[at] = by,
    }
    String::from_utf8(bytes).unwrap()
}

/// The verdict on a token, which is the same wherever it stands.
fn everywhere(token: &str) -> Result<(), Refusal> {
    let query = format!("https://h{PATH}?a=1&token={token}&b=2");
    let path = format!("https://h/token={token}{PATH}");
    let [cookie, bearer] = [format!("token={token}"), format!("Bearer {token}")];
    let beside = Request::new(PATH);
    let [jwt, ..] = gates();
    let judge = |request: &Request<'_>| judge(&jwt, request, NOW).map(|_| ());
    let verdict = judge(&Request::new(&query));
    // A slash ends a segment, and so the token.
    if !token.contains('/') && path.len() < 8192 {
        assert_eq!(judge(&Request::new(&path)), verdict, "in the path");
    }
    let mut request = beside;
    request.cookie = Some(&cookie);
    assert_eq!(judge(&request), verdict, "in the cookie");
    // Others are not ours.
    if ["ew", "ey", "e3"].iter().any(|start| token.starts_with(start)) {
        let mut request = beside;
        request.authorization = Some(&bearer);
        assert_eq!(judge(&request), verdict, "in the header");
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("jwt");
        for file in fs::read_dir(folder).unwrap() {
            jwt(&fs::read(file.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn links() {
        crate::tests::vectors(include_str!("../../vectors/jwt.json"), jwt);
    }

    #[test]
    fn the_oracle_admits_what_it_should() {
        let payload = r#"{"vid":42,"exp":1767225000.9e0,"aud":["x"]}"#;
        let faults = forged::faults(r#"{"alg":"HS256"}"#, payload).unwrap();
        let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(faults, ["expired ", "wrong_audience "]);
        let payload = r#"{"vid":"42","exp":1767225001.9,"nbf":1767224999.1}"#;
        assert_eq!(forged::faults(r#"{"alg":"HS256"}"#, payload).unwrap(), []);
    }
}
