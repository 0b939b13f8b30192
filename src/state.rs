//! What a gate remembers about tokens, such as revocations. The core asks, and remembers nothing itself.

use core::fmt;

use crate::error::StateError;
use crate::grant::Grant;
use crate::path::CanonicalPath;
use crate::time::UnixTime;

/// What a gate remembers about tokens. It is asked last, so nobody can make a gate look up forged tokens.
///
/// ```
/// use playgate::{PresentedToken, State, StateError, UnixTime};
///
/// #[derive(Debug)]
/// struct SignedOut(&'static str);
///
/// impl State for SignedOut {
///     fn admit(&self, token: &PresentedToken<'_>, _now: UnixTime) -> Result<(), StateError> {
///         match token.grant.subject() {
///             Some(viewer) if viewer.as_str() == self.0 => Err(StateError::SignedOut),
///             _ => Ok(()),
///         }
///     }
/// }
/// ```
pub trait State: fmt::Debug + Sync {
    /// Whether the token is still good. It has passed every other check. If the grant has
    /// [`revalidate`](Grant::revalidate), what decides must not be older.
    ///
    /// # Errors
    /// Why it is not.
    fn admit(&self, token: &PresentedToken<'_>, now: UnixTime) -> Result<(), StateError>;

    /// Whether something counts how often tokens are redeemed ([`Grant::uses`]) and how many playbacks run
    /// ([`Grant::max_playbacks`]). If not, such tokens are refused.
    fn counts(&self) -> bool {
        false
    }
}

/// A token that has passed every check but that of the state.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PresentedToken<'t> {
    /// What it allows.
    pub grant: &'t Grant<'t>,
    /// The id of the key that signed it.
    pub kid: &'t str,
    /// The canonical path of the request.
    pub path: CanonicalPath<'t>,
}

impl<'t> PresentedToken<'t> {
    pub(crate) const fn new(grant: &'t Grant<'t>, kid: &'t str, path: CanonicalPath<'t>) -> Self {
        Self { grant, kid, path }
    }
}
