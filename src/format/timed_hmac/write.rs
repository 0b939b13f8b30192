//! Writes timed HMACs into links.

use core::fmt::Write as _;

use alloc::string::String;

use super::{FORMAT, TimedHmac};
use crate::error::{Fault, Field};
use crate::format::place::place;
use crate::format::{SignedUrl, Writer, native};
use crate::options::{Address, CheckedOptions, Extent, Issued, LinkOptions, SignError};
use crate::request::Placement;

/// The last time with ten digits.
const LAST: u64 = 9_999_999_999;

impl Writer for TimedHmac {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn lifetime(&self) -> Option<u64> {
        Some(self.ttl)
    }

    fn check(&self, options: &LinkOptions<'_>) -> Result<(), SignError> {
        // Each by name: a new option is a restriction that must not be dropped silently.
        let LinkOptions {
            expiry: _,
            key: _,
            audience,
            claims,
            countries,
            download,
            generation,
            inline: _,
            issued,
            networks,
            token_id,
            max_playbacks,
            new_session,
            not_before,
            preview,
            revalidate,
            round: _,
            run,
            scope,
            session,
            subject,
            uses,
            in_path,
        } = options;
        for (field, asked) in [
            (Field::Aud, audience.is_some()),
            (Field::Cc, countries.is_some()),
            (Field::Cl, claims.is_some()),
            (Field::Dir, matches!(scope, Extent::Directory(_))),
            (Field::Dl, download.is_some()),
            (Field::Gen, generation.is_some()),
            (Field::Iat, matches!(issued, Issued::At(_))),
            (Field::Ip, !networks.is_empty()),
            (Field::Jti, token_id.is_some()),
            (Field::Max, max_playbacks.is_some()),
            (Field::Nbf, not_before.is_some()),
            (Field::Pre, preview.is_some()),
            (Field::Reval, revalidate.is_some()),
            (Field::Run, run.is_some()),
            (Field::Ses, new_session.is_some()),
            (Field::Sid, session.is_some()),
            (Field::Sub, subject.is_some()),
            (Field::Uses, uses.is_some()),
            (Field::Token, *in_path == Some(true)),
        ] {
            if asked {
                return Err(SignError::Field(field, Fault::NotInFormat));
            }
        }
        Ok(())
    }

    /// Gates add the lifetime to the time of issue, so that is the expiry minus the lifetime. It is never in the
    /// future, as no link outlasts the lifetime.
    fn write(&self, options: &CheckedOptions<'_, '_>, url: &str) -> Result<SignedUrl, SignError> {
        let address = Address::parse(url, [native::NAME, &self.name])?;
        let issued = options.expires.as_secs().checked_sub(self.ttl);
        let issued = issued.filter(|issued| *issued <= options.now.as_secs().min(LAST));
        let issued = issued.ok_or(SignError::Field(Field::Exp, Fault::OutOfRange))?;
        let mut digits = String::with_capacity(super::DIGITS);
        // Writing to a String cannot fail.
        let _ = write!(digits, "{issued:010}");

        let mut mac = options.entry.key.mac().start();
        address.path.pieces(&mut |piece| mac.update(piece));
        if let Some(query) = address.query {
            mac.update("?");
            mac.update(query);
        }
        mac.update(&digits);
        let mut tag = String::new();
        mac.finish().push_to(&mut tag);

        let name = [&self.name, "="].concat();
        // Including the percent-encoding of the base64.
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
        Ok(SignedUrl { url, token, placement: Placement::Query, scope: Some(Extent::Exact) })
    }
}

/// Appends base64url as padded standard base64, percent-encoded.
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
