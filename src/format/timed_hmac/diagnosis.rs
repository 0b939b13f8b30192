//! The usual mistakes with timed HMACs. Each is tried for real: what is named here does fit.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{FORMAT, split_query, split_token, standard_tag};
use crate::format::{Located, UnverifiedToken};
use crate::key::KeyRing;
use crate::mac::{EncodedTag, MacKey};
use crate::percent::decoded;

/// What was signed by mistake, with what is wrong with it. The first is what should have been.
fn inputs(located: &Located<'_>, digits: &str) -> Vec<(String, String)> {
    let Located { base, path, query, .. } = *located;
    let query = query.map(|query| ["?", query].concat()).unwrap_or_default();
    let host = base.split("//").last().unwrap_or_default();
    let open = decoded(path);
    let parts: [(&str, &[&str]); 7] = [
        ("", &[path, &query, digits]),
        ("it fits the path without the query before the token: sign that as well", &[path, digits]),
        (
            "it fits the path before it was percent-encoded: sign it as it is sent",
            &[&open, &query, digits],
        ),
        ("it fits the whole link: sign it from the path on", &[base, path, &query, digits]),
        ("it fits the link with its host: sign it from the path on", &[host, path, &query, digits]),
        ("it fits the time before the path: sign the path first", &[digits, path, &query]),
        ("it fits the path without the time: sign both", &[path, &query]),
    ];
    parts.iter().map(|(said, parts)| ((*said).to_owned(), parts.concat())).collect()
}

fn fits(key: &MacKey, input: &str, tag: &EncodedTag<'_>) -> bool {
    let mut mac = key.start();
    mac.update(input);
    mac.verify(tag).is_ok()
}

/// What would make this tag fit, whatever key and message it was made with.
fn explain(
    ring: &KeyRing,
    located: &Located<'_>,
    digits: &str,
    tag: &EncodedTag<'_>,
) -> Vec<String> {
    let inputs = inputs(located, digits);
    let mut hints = Vec::new();
    for entry in ring.serving(FORMAT) {
        for (said, input) in &inputs {
            if fits(entry.key.mac(), input, tag) {
                hints.push(match said.as_str() {
                    "" => format!("it fits the key `{}`, which is retired", entry.id),
                    said => said.to_owned(),
                });
            } else if fits(&entry.text.0, input, tag) {
                hints.push(format!(
                    "it fits the text of the key `{}`: put the base64url of that text into the ring",
                    entry.id
                ));
            }
        }
    }
    hints
}

/// What would make the signature of a well-formed token fit.
pub(super) fn diagnose_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    explain(ring, &token.located, token.signed, &token.tag)
}

/// What would explain that a token was not read: a signature in the other alphabet.
pub(super) fn diagnose_grammar(ring: &KeyRing, located: &Located<'_>) -> Vec<String> {
    let (token, _) = split_query(located.text);
    let (digits, Some(sig)) = split_token(token) else { return Vec::new() };
    let said = if let Ok(tag) = standard_tag(sig) {
        let fits = !explain(ring, located, digits, &tag).is_empty();
        fits.then_some("the signature is in standard base64, and this gate reads base64url (TIMED_HMAC_URL_SAFE)")
    } else {
        let tag = EncodedTag::split(sig).map(|(tag, _)| tag);
        let fits = tag.is_some_and(|tag| !explain(ring, located, digits, &tag).is_empty());
        fits.then_some(
            "the signature is in base64url without padding: write standard base64 with it, or set \
             TIMED_HMAC_URL_SAFE (--timed-hmac-url-safe)",
        )
    };
    said.map(|said| said.to_string()).into_iter().collect()
}
