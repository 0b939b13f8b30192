//! Common mistakes with JWTs. A hint about a key was verified. Only the guess that the ring has the key in another
//! encoding was not; it is shown if no key fits.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::claims::check_segment;
use super::json::{self, MemberValue, Room};
use super::{FORMAT, JwtRules, split};
use crate::error::Field;
use crate::format::forms::forms;
use crate::format::{Located, UnverifiedToken};
use crate::key::KeyRing;
use crate::path::CanonicalPath;
use crate::redact::{redacted, redacted_path};

/// What to check if no key fits.
pub(super) const GUESS: &str = "if the back end signs with the text of its secret, put the base64url of that text into the ring";

/// Finds changes with which the signature of a well-formed token fits.
pub(super) fn of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    for entry in ring.serving(FORMAT) {
        if token.verify(entry.key.mac()).is_ok() {
            hints.push(match token.kid() {
                Some(kid) => {
                    format!(
                        "signed with the key `{}`, but the token has `{}`",
                        entry.id,
                        redacted(kid)
                    )
                }
                None => format!("signed with the key `{}`, which is retired", entry.id),
            });
        }
        if token.verify(&entry.text.0).is_ok() {
            hints.push(format!(
                "signed with the text of the key `{}`: decode it from base64url first, or put the base64url of \
                 the text into the ring",
                entry.id
            ));
        }
    }
    hints
}

/// Finds encoding mistakes in a signature that otherwise fits.
fn spelled(ring: &KeyRing, text: &str) -> Vec<String> {
    let mut hints = Vec::new();
    let token = text.split('&').next().unwrap_or_default();
    let Some((signed, sig)) = token.rsplit_once('.').filter(|(signed, _)| signed.contains('.'))
    else {
        return hints;
    };
    let forms = forms(sig);
    for entry in ring.serving(FORMAT) {
        for key in [entry.key.mac(), &entry.text.0] {
            let mut mac = key.start();
            mac.update(signed);
            let right = mac.finish().to_hex();
            let fitting = forms.iter().filter(|(digits, _)| right.starts_with(digits.as_str()));
            for (_, said) in fitting.filter(|(_, said)| !said.is_empty()) {
                if !hints.contains(said) {
                    hints.push(said.clone());
                }
            }
        }
    }
    hints
}

impl JwtRules {
    /// Explains why a token cannot be read: a wrongly encoded signature, or a scope that the request is not in.
    pub(super) fn of_grammar(&self, ring: &KeyRing, located: &Located<'_>) -> Vec<String> {
        let mut hints = spelled(ring, located.text);
        if hints.is_empty() {
            hints.extend(self.opens(located));
        }
        hints
    }

    fn opens(&self, located: &Located<'_>) -> Option<String> {
        let (_, rest) = split(located.text, b'.');
        let (payload, _) = split(rest?, b'.');
        let mut room = Room::new();
        let payload = json::decode(payload, Field::Payload, &mut room).ok()?;
        let (mut names, mut bound) = (Vec::new(), None);
        json::members(payload, Field::Payload, |name, value| {
            if name == self.template.claim {
                bound = match value {
                    MemberValue::Text(text) => Some(text.into_owned()),
                    MemberValue::Whole(number) => Some(format!("{number}")),
                    _ => None,
                };
            }
            names.push(String::from(name));
            Ok(())
        })
        .ok()?;
        let (claim, path) = (&self.template.claim, CanonicalPath::parse(located.path).ok()?);
        Some(match bound {
            Some(value)
                if check_segment(&value).is_err()
                    || self.template.directory(path, &value).is_some() =>
            {
                return None;
            }
            Some(value) => {
                format!("it allows only {}", redacted_path(&self.template.filled(&value)))
            }
            None if names.contains(claim) => return None,
            None => format!(
                "the gate requires the claim `{claim}`, but the token has {}",
                redacted(&names.join(", "))
            ),
        })
    }
}
