//! Writes timed HMACs into links.

use core::fmt::Write as _;

use alloc::string::String;

use super::{FORMAT, TimedHmac};
use crate::error::{Fault, Field};
use crate::format::place::place;
use crate::format::{Writer, Written, native};
use crate::request::Placement;
use crate::terms::{Address, CheckedTerms, Extent, Issued, SignError, Terms};

/// The last time of ten digits.
const LAST: u64 = 9_999_999_999;

impl Writer for TimedHmac {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn lifetime(&self) -> Option<u64> {
        Some(self.ttl)
    }

    fn check(&self, terms: &Terms<'_>) -> Result<(), SignError> {
        for (field, asked) in [
            (Field::Aud, terms.audience.is_some()),
            (Field::Cc, terms.countries.is_some()),
            (Field::Dir, matches!(terms.scope, Extent::Directory(_))),
            (Field::Dl, terms.download.is_some()),
            (Field::Iat, matches!(terms.issued, Issued::At(_))),
            (Field::Ip, !terms.networks.is_empty()),
            (Field::Jti, terms.token_id.is_some()),
            (Field::Nbf, terms.not_before.is_some()),
            (Field::Pre, terms.preview.is_some()),
            (Field::Run, terms.run.is_some()),
            (Field::Sid, terms.session.is_some()),
            (Field::Sub, terms.subject.is_some()),
            (Field::Token, terms.in_path == Some(true)),
        ] {
            if asked {
                return Err(SignError::Field(field, Fault::NotInFormat));
            }
        }
        Ok(())
    }

    /// A gate counts from the time of issue: so that is the expiry less what the gate adds to it. It cannot be in
    /// the future, as no link lasts longer than the gate says.
    fn write(&self, terms: &CheckedTerms<'_, '_>, url: &str) -> Result<Written, SignError> {
        let address = Address::parse(url, [native::NAME, &self.name])?;
        let issued = terms.expires.as_secs().checked_sub(self.ttl);
        let issued = issued.filter(|issued| *issued <= terms.now.as_secs().min(LAST));
        let issued = issued.ok_or(SignError::Field(Field::Exp, Fault::OutOfRange))?;
        let mut digits = String::with_capacity(super::DIGITS);
        // Writing to a String cannot fail.
        let _ = write!(digits, "{issued:010}");

        let mut mac = terms.entry.key.mac().start();
        address.path.pieces(&mut |piece| mac.update(piece));
        if let Some(query) = address.query {
            mac.update("?");
            mac.update(query);
        }
        mac.update(&digits);
        let mut tag = String::new();
        mac.finish().push_to(&mut tag);

        let name = [&self.name, "="].concat();
        // With what its base64 is percent-encoded with.
        let room = url.len().saturating_add(name.len()).saturating_add(80);
        let (url, token) = place(&address, false, &name, room, |link| {
            link.extend([&digits, "-"]);
            if self.url_safe {
                link.push_str(&tag);
            } else {
                push_standard(&tag, link);
            }
            Ok(())
        })?;
        Ok(Written { url, token, placement: Placement::Query, scope: Some(Extent::Exact) })
    }
}

/// Appends base64url as standard base64 with padding, percent-encoded.
fn push_standard(tag: &str, link: &mut String) {
    for character in tag.chars() {
        match character {
            '-' => link.push_str("%2B"),
            '_' => link.push_str("%2F"),
            other => link.push(other),
        }
    }
    link.push_str("%3D");
}
