//! What a gate verifies a token for.

use crate::error::PolicyError;
use crate::grant::Grant;

/// What a token is verified for. A token for one purpose is refused for every other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To serve media.
    #[default]
    Media,
    /// To start a session: the token of a session link, which only
    /// [`Signer::session`](crate::Signer::session) makes.
    StartSession,
    /// To refresh or end a session: a refresh token, which only a gate makes.
    RefreshSession,
}

impl Purpose {
    /// What a token is for. `None` if no gate or signer makes such a token.
    pub(crate) const fn of(grant: &Grant<'_>) -> Option<Self> {
        let is_exact = grant.directory.is_none();
        match (grant.new_session.is_some(), grant.generation.is_some()) {
            (true, false) if is_exact && !is_bound(grant) => Some(Self::StartSession),
            // An access token has a generation, too, and opens a directory.
            (false, true) if is_exact => Some(Self::RefreshSession),
            (false, _) => Some(Self::Media),
            (true, _) => None,
        }
    }

    pub(crate) fn check(self, grant: &Grant<'_>) -> Result<(), PolicyError> {
        if Self::of(grant) == Some(self) { Ok(()) } else { Err(PolicyError::WrongPurpose) }
    }
}

/// Whether a session link has a binding that its session would not have.
const fn is_bound(grant: &Grant<'_>) -> bool {
    grant.countries.is_some()
        || grant.download.is_some()
        || grant.networks.is_some()
        || grant.preview.is_some()
        || grant.revalidate.is_some()
        || grant.run.is_some()
        || grant.session.is_some()
        || grant.uses.is_some()
}
