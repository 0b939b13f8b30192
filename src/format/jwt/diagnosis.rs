//! The usual mistakes with JWTs. A key that fits was tried; that it stands in the ring in another spelling
//! cannot be, and is said where none does.

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

/// What to look at where no key fits.
pub(super) const GUESS: &str = "a back end that signs with the text of its secret needs the base64url of that text in the ring";

/// What would make the signature of a well-formed token fit.
pub(super) fn of_signature(ring: &KeyRing, token: &UnverifiedToken<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    for entry in ring.serving(FORMAT) {
        if token.verify(entry.key.mac()).is_ok() {
            hints.push(match token.kid() {
                Some(kid) => {
                    format!(
                        "it fits the key `{}`, and the token says `{}`",
                        entry.id,
                        redacted(kid)
                    )
                }
                None => format!("it fits the key `{}`, which is retired", entry.id),
            });
        }
        if token.verify(&entry.text.0).is_ok() {
            hints.push(format!(
                "it fits the text of the key `{}`: sign with what that decodes to from base64url, or put \
                 the base64url of that text into the ring",
                entry.id
            ));
        }
    }
    hints
}

/// What is wrong with a signature that fits, but for the way in which it is written.
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
    /// What would explain that a token was not read: a signature that is written in another way, or what the
    /// token opens, and what the gate asks for.
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
                format!(
                    "it opens {}, and nothing else",
                    redacted_path(&self.template.filled(&value))
                )
            }
            None if names.contains(claim) => return None,
            None => format!(
                "the gate makes a directory of the claim `{claim}`, and the token has {}",
                redacted(&names.join(", "))
            ),
        })
    }
}
