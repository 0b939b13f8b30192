//! What the tests of the rewriter share: rewriters, and MPDs without their tokens.

use playgate::{Builder, KeyRing, Request, Signer, UnixTime, Verifier};

use crate::ManifestError;
use crate::rewriter::Rewriter;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
const HOST: &str = "https://cdn.example.com";
const MANIFEST: &str = "https://cdn.example.com/videos/42/dash/manifest.mpd";

/// How the link came to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Came {
    InPath,
    InQuery,
    /// In the path, with `run`.
    SegmentRun,
    /// In the query, with `pre` of so many seconds.
    DashPreview(u64),
    /// In the query, of a request that names no host.
    NoHost,
}

/// The rewriter of a link to `/videos/42/dash/manifest.mpd` for `/videos/42/`.
pub(crate) fn rewriter(came: Came) -> Rewriter {
    carrier_of(came, "")
}

/// The same with a query of the viewer's.
pub(crate) fn carrier_of(came: Came, query: &str) -> Rewriter {
    carrier_on(came, query, |link| link)
}

/// The same on more terms.
pub(crate) fn carrier_on(
    came: Came,
    query: &str,
    more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
) -> Rewriter {
    let ring = KeyRing::parse(KEYS).unwrap();
    let signer = Signer::new(ring.clone());
    let link = more(signer.link(MANIFEST).directory(2));
    let link = match came {
        Came::InPath => link.in_path(),
        Came::InQuery | Came::NoHost => link.in_query(),
        Came::SegmentRun => link.in_path().run(14_400),
        Came::DashPreview(secs) => link.in_query().preview(secs),
    };
    let mut link = link.sign(NOW).unwrap().to_string();
    if !query.is_empty() {
        link.push(if link.contains('?') { '&' } else { '?' });
        link.push_str(query);
    }
    let link = match came {
        Came::NoHost => link.replace(HOST, ""),
        _ => link,
    };
    let verifier = Verifier::new(&ring);
    let verified = verifier.verify(&Request::new(&link), NOW).unwrap();
    Rewriter::new(&verifier, &verified, NOW).unwrap()
}

/// Rewrites an MPD twice, which has to be the same as once. Scheme and host precede each token; after that
/// check the token of the rewriter is written as `/TOKEN`, that of a single segment as `/ONE`.
pub(crate) fn rewritten(rewriter: &Rewriter, mpd: &str) -> Result<String, ManifestError> {
    let once = super::rewrite(rewriter, mpd)?;
    assert_eq!(super::rewrite(rewriter, &once).as_ref(), Ok(&once));
    let token = rewriter.token().replace('&', "&amp;");
    let mut out = once.replace(&format!("{HOST}/{token}/"), "/TOKEN/");
    assert!(!out.contains(rewriter.token()) && !out.contains(&token), "{out}");
    while let Some(start) = out.find("/pg=1&amp;") {
        assert!(out[..start].ends_with(HOST), "{out}");
        let token = out[start + 1..].split('/').next().unwrap().to_string();
        let path = out[start..].split(['"', '<']).next().unwrap().replace("&amp;", "&");
        let ring = KeyRing::parse(KEYS).unwrap();
        let request = format!("{HOST}{path}");
        let verified = Verifier::new(&ring).verify(&Request::new(&request), NOW).map(drop);
        assert_eq!(verified, Ok(()), "{request}");
        out = out.replacen(&format!("{HOST}/{token}/"), "/ONE/", 1);
    }
    Ok(out)
}

/// An MPD around `content`.
pub(crate) fn mpd(content: &str) -> String {
    format!(r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">{content}</MPD>"#)
}
