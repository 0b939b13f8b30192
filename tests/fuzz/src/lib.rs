//! What fuzzers call. Each function takes bytes as they come, and panics where something is wrong.
//!
//! `npm run fuzz -- hls 60` builds one with libFuzzer and runs it; `cargo test -p playgate-fuzz`
//! runs all of them over the seeds, without.

#![allow(dead_code, reason = "the tests share these modules, and use more of them")]

#[path = "../../manifests/asked.rs"]
mod asked;
#[path = "../../manifests/checks.rs"]
mod checks;
mod forged;
mod jwt;
#[path = "../../manifests/mpd.rs"]
mod mpd;
#[path = "../../manifests/playlist.rs"]
mod playlist;
mod state;

use std::sync::LazyLock;

use playgate::{KeyRing, ParamNames, Placement, Refusal, Request, UnixTime, Verified, Verifier};
use playgate_manifest::{Kind, Rewriter};

use crate::asked::{Asked, KEYS, NOW, PLACES, Place};
pub use crate::jwt::jwt;
pub use crate::state::state;

struct Case {
    asked: Asked,
    rewriter: Rewriter,
}

/// A request in each placement.
fn cases(file: &str, preview: Option<u64>) -> Vec<Case> {
    let case = |place: Place| {
        let asked = Asked::new(file, place, preview);
        Case { rewriter: asked.rewriter(), asked }
    };
    PLACES.map(case).into()
}

/// A playlist.
pub fn hls(input: &[u8]) {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| cases("a.m3u8", None));
    let Ok(text) = str::from_utf8(input) else { return };
    CASES.iter().for_each(|case| checks::playlist(&case.asked, &case.rewriter, text));
}

/// An MPD.
pub fn dash(input: &[u8]) {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| cases("a.mpd", None));
    let Ok(text) = str::from_utf8(input) else { return };
    CASES.iter().for_each(|case| checks::presentation(&case.asked, &case.rewriter, text));
}

/// Either of them, of which a token opens the first ten seconds.
pub fn preview(input: &[u8]) {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| cases("a.m3u8", Some(10)));
    let Ok(text) = str::from_utf8(input) else { return };
    for case in CASES.iter() {
        for kind in [Kind::Hls, Kind::Dash] {
            if let Ok(rewritten) = case.rewriter.rewrite(kind, text) {
                checks::preview(&case.asked, kind, &rewritten);
            }
        }
    }
}

/// A URL, a cookie and an `Authorization`, each a line.
pub fn verify(input: &[u8]) {
    static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::parse(KEYS).unwrap());
    let Ok(text) = str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let mut request = Request::new(lines.next().unwrap_or_default());
    request.cookie = lines.next().filter(|line| !line.is_empty());
    request.authorization = lines.next().filter(|line| !line.is_empty());
    request.client_ip = "203.0.113.9".parse().ok();
    request.client_country = Some("PT");
    // A refusal is fine here.
    let _ = judge(&Verifier::new(&RING), &request, NOW);
}

/// The verdict on a request; panics where the explanation differs, or where what is admitted lies outside
/// of what the token opens.
fn judge<'r>(
    verifier: &Verifier<'r>,
    request: &Request<'r>,
    now: UnixTime,
) -> Result<Verified<'r>, Refusal> {
    let verdict = verifier.verify(request, now);
    let report = verifier.inspect(request, ParamNames::default(), now);
    let refusal = verdict.as_ref().err().copied();
    assert_eq!(report.refusal, refusal, "the explanation differs from the verdict");
    let verified = verdict?;
    if verified.placement() == Placement::Cookie {
        first_cookie(verifier, request, &verified, now);
    }
    let scope = verified.scope().to_string();
    let path = verified.path().to_string();
    assert!(path.starts_with(scope.split('?').next().unwrap_or_default()), "{path} in {scope}");
    assert!(verified.clean_url(ParamNames::default()).contains(&path));
    if let Some(rewriter) = Rewriter::new(verifier, &verified, now) {
        assert_eq!(rewriter.directory(), scope);
        let link = format!("https://h/{}{path}", rewriter.token());
        let mut next = Request::new(&link);
        (next.client_ip, next.client_country) = (request.client_ip, request.client_country);
        let again = verifier.verify(&next, now).map(|verified| verified.scope().to_string());
        assert_eq!(again.as_ref(), Ok(&scope), "{link}");
    }
    Ok(verified)
}

/// Panics where a cookie before the one that counts passes by itself, unless that is a preview.
fn first_cookie(
    verifier: &Verifier<'_>,
    request: &Request<'_>,
    verified: &Verified<'_>,
    now: UnixTime,
) {
    let alone = |cookie| {
        let mut request = *request;
        request.cookie = Some(cookie);
        let verdict = verifier.verify(&request, now).ok()?;
        let is_preview = verdict.grant().preview().is_some();
        let said =
            (verdict.kid().to_owned(), verdict.scope().to_string(), verdict.grant().expires());
        Some((is_preview, said))
    };
    let cookies = || request.cookie.unwrap_or_default().split(';').filter_map(alone);
    let whole = cookies().find(|(is_preview, _)| !is_preview);
    let first = whole.or_else(|| cookies().next()).map(|(_, said)| said);
    let counts =
        (verified.kid().to_owned(), verified.scope().to_string(), verified.grant().expires());
    assert_eq!(first, Some(counts), "another cookie counts than the first that passes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn each(folder: &str, target: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests").join(folder);
        for file in fs::read_dir(folder).unwrap() {
            target(&fs::read(file.unwrap().path()).unwrap());
        }
    }

    #[test]
    fn playlists() {
        each("hls", hls);
        each("hls", preview);
    }

    #[test]
    fn presentations() {
        each("dash", dash);
        each("dash", preview);
    }

    #[test]
    fn commands() {
        // A fixed generator (xorshift), so that the test is the same each time.
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..60)
                .flat_map(|_| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random.to_le_bytes()
                })
                .collect();
            state(&bytes);
        }
    }

    #[test]
    fn links() {
        vectors(include_str!("../../vectors/native.json"), verify);
    }

    pub(super) fn vectors(file: &str, target: fn(&[u8])) {
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        for vector in file["vectors"].as_array().unwrap() {
            let request = &vector["request"];
            let line = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            target([line("url"), line("cookie"), line("authorization")].join("\n").as_bytes());
        }
    }
}
