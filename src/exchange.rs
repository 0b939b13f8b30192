//! The exchange: for a token that says when a playback starts, one that says how long it lasts.

use alloc::string::String;

use crate::format::native::Stamp;
use crate::grant::{Countries, DownloadName, Grant, MAX_NUMBER};
use crate::key::Entry;
use crate::sign::{CheckedTerms, Terms};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

/// What goes on from an admitted request of directory scope into the addresses of its manifest.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) token: String,
    pub(crate) expires: UnixTime,
    /// Whether the token is another than the request's.
    pub(crate) exchanged: bool,
    /// Signs addresses one by one, for a preview.
    pub(crate) stamp: Option<Stamp>,
}

impl Verifier<'_> {
    /// The token that the addresses of a manifest carry: that of the request, or where it has `run` one that
    /// ends so many seconds from now, and never later than `exp` and these. It keeps every binding and the
    /// scope, and has no `run`, so that nobody can exchange it again. `None` where the scope is exact: there
    /// is nothing that it could open beside the manifest.
    ///
    /// The operator's cap on lifetimes holds for it too. The first key of the ring signs it, as it signs
    /// new links; where that one is retired or does not fit, the key of the request.
    pub(crate) fn pass(&self, verified: &Verified<'_>, now: UnixTime) -> Option<Pass> {
        let grant = verified.grant();
        let n = grant.directory()?;
        let expires = match grant.run() {
            None => grant.expires(),
            Some(secs) => {
                let secs = self.max_lifetime.map_or(secs, |most| secs.min(most));
                let end = now.min(grant.expires()).saturating_add(secs);
                end.min(UnixTime::from_secs(MAX_NUMBER))
            }
        };
        let own = self.ring.find(verified.kid()).ok()?;
        if grant.run().is_none() && grant.preview().is_none() {
            return Some(Pass { token: verified.text(), expires, exchanged: false, stamp: None });
        }
        let download = grant.download().map(DownloadName::decode);
        let terms = terms(grant, download.as_deref());
        let checked = |entry: &Entry| {
            let checked = CheckedTerms { terms: &terms, entry, expires };
            let token = checked.token(verified.scope(), n).ok()?;
            let stamp = grant.preview().map(|_| Stamp::new(&checked));
            Some(Pass { token, expires, exchanged: grant.run().is_some(), stamp })
        };
        let first = self.ring.entries().next().filter(|entry| !entry.is_retired(now));
        let pass = first.and_then(checked).or_else(|| checked(own))?;
        Some(if pass.exchanged { pass } else { Pass { token: verified.text(), ..pass } })
    }
}

/// Every binding of a grant. Its times and its scope are not among them.
fn terms<'a>(grant: &Grant<'a>, download: Option<&'a str>) -> Terms<'a> {
    Terms {
        audience: grant.audience(),
        countries: grant.countries().map(Countries::as_str),
        download,
        network: grant.network(),
        token_id: grant.token_id(),
        not_before: grant.not_before(),
        preview: grant.preview(),
        session: grant.session(),
        subject: grant.subject(),
        ..Terms::default()
    }
}
