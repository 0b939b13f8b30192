//! Common mistakes with timed HMACs. Each hint was verified with the real tag.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{FORMAT, split_query, split_token, standard_tag};
use crate::format::{Located, UnverifiedToken};
use crate::key::KeyRing;
use crate::mac::{EncodedTag, MacKey};
use crate::percent::decoded;

/// Messages that may have been signed, each with its mistake. The first is the correct message.
fn inputs(located: &Located<'_>, digits: &str) -> Vec<(String, String)> {
    let Located { base, path, query, .. } = *located;
    let query = query.map(|query| ["?", query].concat()).unwrap_or_default();
    let host = base.split("//").last().unwrap_or_default();
    let open = decoded(path);
    let parts: [(&str, &[&str]); 7] = [
        ("", &[path, &query, digits]),
        ("signed without the query before the token: include it", &[path, digits]),
        (
            "signed before the path was percent-encoded: sign it as it is sent",
            &[&open, &query, digits],
        ),
        ("signed as a whole link: sign from the path on", &[base, path, &query, digits]),
        ("signed with the host: sign from the path on", &[host, path, &query, digits]),
        ("signed with the time before the path: sign the path first", &[digits, path, &query]),
        ("signed without the time: sign path and time", &[path, &query]),
    ];
    parts.iter().map(|(said, parts)| ((*said).to_owned(), parts.concat())).collect()
}

fn fits(key: &MacKey, input: &str, tag: &EncodedTag<'_>) -> bool {
    let mut mac = key.start();
    mac.update(input);
    mac.verify(tag).is_ok()
}

/// Finds keys and messages that this tag fits.
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
                    "" => format!("signed with the key `{}`, which is retired", entry.id),
                    said => said.to_owned(),
                });
            } else if fits(&entry.text.0, input, tag) {
                hints.push(format!(
                    "signed with the text of the key `{}`: put its base64url into the ring",
                    entry.id
                ));
            }
        }
    }
    hints
}

/// Finds changes with which the signature of a well-formed token fits.
pub(super) fn diagnose_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    explain(ring, &token.located, token.signed, &token.tag)
}

/// Explains why a token cannot be read: a signature in the other alphabet.
pub(super) fn diagnose_grammar(ring: &KeyRing, located: &Located<'_>) -> Vec<String> {
    let (token, _) = split_query(located.text);
    let (digits, Some(sig)) = split_token(token) else { return Vec::new() };
    let said = if let Ok(tag) = standard_tag(sig) {
        let fits = !explain(ring, located, digits, &tag).is_empty();
        fits.then_some("the signature is in standard base64, but this gate reads base64url (TIMED_HMAC_URL_SAFE)")
    } else {
        let tag = EncodedTag::split(sig).map(|(tag, _)| tag);
        let fits = tag.is_some_and(|tag| !explain(ring, located, digits, &tag).is_empty());
        fits.then_some(
            "the signature is in base64url: write standard base64 with padding, or set \
             TIMED_HMAC_URL_SAFE (--timed-hmac-url-safe)",
        )
    };
    said.map(|said| said.to_string()).into_iter().collect()
}
