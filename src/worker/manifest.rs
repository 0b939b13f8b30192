//! A manifest on its way to a viewer: read whole, rewritten, and answered as what it is now.

use core::str;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::manifest::{Carrier, Kind};
use crate::worker::answer::{Headers, Problem};
use crate::worker::conditional::{Conditions, Outcome, Validators};

/// How the manifest of an admitted request is rewritten, should it be one.
#[derive(Clone, Debug)]
pub(crate) struct Rewriting {
    pub(crate) carrier: Carrier,
    /// Bytes in the largest manifest that is read.
    pub(crate) max_bytes: usize,
}

/// A manifest as the store has it.
pub(crate) struct Stored {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    /// The entity tag with its quotes, where there is one.
    pub(crate) etag: Option<String>,
}

/// A manifest as the viewer gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    pub(crate) status: u16,
    /// Those header fields that are this body's own.
    pub(crate) headers: Headers,
    pub(crate) body: Option<String>,
}

impl Rewriting {
    /// Rewrites a manifest for a request under `conditions` at `now`.
    ///
    /// # Errors
    /// Where it cannot be read or cut, nothing of it is handed out.
    pub(crate) fn rewrite(
        &self,
        stored: &Stored,
        conditions: Conditions<'_>,
        now: u64,
    ) -> Result<Rewritten, Problem> {
        let mut headers = Headers::new();
        if let Some(etag) = stored.etag.as_deref().and_then(|etag| self.entity_tag(etag)) {
            // When it was stored says nothing of a body that changes with the token: no date counts.
            let Conditions { if_match, if_none_match, .. } = conditions;
            let conditions = Conditions { if_match, if_none_match, ..Conditions::default() };
            let outcome = conditions.evaluate(Validators { etag: &etag, modified: 0 }, now);
            headers.push(("ETag", etag.into()));
            match outcome {
                Outcome::Failed => return Err(Problem::PreconditionFailed),
                Outcome::NotModified => return Ok(Rewritten { status: 304, headers, body: None }),
                Outcome::Serve => {}
            }
        }
        let text = str::from_utf8(&stored.bytes).map_err(|_| Problem::BadManifest)?;
        let body = self.carrier.rewrite(stored.kind, text)?;
        headers.push(("Content-Length", body.len().to_string().into()));
        Ok(Rewritten { status: 200, headers, body: Some(body) })
    }

    /// The entity tag of a stored manifest with this token in it (RFC 9110, section 8.8.3): another token,
    /// another tag. A token ends in its signature.
    fn entity_tag(&self, stored: &str) -> Option<String> {
        let token = self.carrier.token();
        let mark = token.get(token.len().checked_sub(16)?..)?;
        Some(format!("{}-{mark}\"", stored.strip_suffix('"')?))
    }
}

/// Whether a header field of the store says something of the stored bytes that does not hold for the
/// rewritten ones.
pub(crate) fn is_of_stored_bytes(name: &str) -> bool {
    [
        "accept-ranges",
        "content-digest",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-range",
        "digest",
        "etag",
        "last-modified",
        "repr-digest",
    ]
    .iter()
    .any(|listed| name.eq_ignore_ascii_case(listed))
}
