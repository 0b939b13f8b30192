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
    // Each by name: a new binding must not be dropped silently.
    let Grant {
        expires: _,
        audience: _,
        claims: _,
        countries,
        directory: _,
        download,
        generation: _,
        issued: _,
        networks,
        token_id: _,
        max_playbacks: _,
        new_session: _,
        not_before: _,
        preview,
        revalidate,
        run,
        session,
        subject: _,
        uses,
    } = grant;
    countries.is_some()
        || download.is_some()
        || networks.is_some()
        || preview.is_some()
        || revalidate.is_some()
        || run.is_some()
        || session.is_some()
        || uses.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The purpose of a session link with one more field.
    fn purpose(more: &str) -> Option<Purpose> {
        let token = alloc::format!("pg=1&exp=1767225600&kid=main{more}");
        let mut fields: alloc::vec::Vec<_> = token.split('&').collect();
        fields.extend(["iat=1767225540", "jti=j", "ses=1.1.1.L2Ev", "sub=v"]);
        let (_, optional) = fields.split_at_mut(3);
        optional.sort_unstable();
        let url = alloc::format!("/a?{}&sig={}", fields.join("&"), "A".repeat(43));
        let request = crate::request::Request::new(&url);
        let rules = crate::format::Rules::NATIVE;
        let token = rules.read(&rules.locate(&request).unwrap());
        token.map_or_else(|error| panic!("{more}: {error}"), |token| Purpose::of(&token.grant))
    }

    #[test]
    fn a_session_link_has_no_binding_that_its_session_would_not_have() {
        assert_eq!(purpose(""), Some(Purpose::StartSession));
        for fine in ["&aud=eu", "&cl=e30", "&max=2", "&nbf=1767225540"] {
            assert_eq!(purpose(fine), Some(Purpose::StartSession), "{fine}");
        }
        for bound in [
            "&cc=PT",
            "&dl=Zg",
            "&gen=1",
            "&ip=cb007100-24",
            "&reval=1",
            "&run=60",
            "&sid=s",
            "&uses=1",
        ] {
            assert_eq!(purpose(bound), None, "{bound}");
        }
    }
}
