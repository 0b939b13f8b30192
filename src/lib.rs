#![no_std]
#![warn(clippy::std_instead_of_alloc, clippy::std_instead_of_core)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]
#![doc = include_str!("../README.md")]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bytes;
#[cfg(feature = "alloc")]
pub mod cookie;
#[cfg(feature = "alloc")]
mod description;
mod error;
#[cfg(feature = "alloc")]
mod exchange;
mod format;
mod grant;
#[cfg(feature = "alloc")]
mod inspect;
mod key;
mod mac;
#[cfg(feature = "alloc")]
mod options;
pub mod path;
pub mod percent;
mod purpose;
pub mod query;
#[cfg(feature = "alloc")]
pub mod redact;
mod request;
mod scope;
#[cfg(feature = "alloc")]
mod session;
#[cfg(feature = "alloc")]
mod sign;
mod state;
mod time;
mod verify;

/// Doc tests for the Rust examples in the manual, one item per page. `tests/cli/readme.rs` finds pages that are
/// missing here.
#[cfg(doctest)]
mod manual {
    #[doc = include_str!("../docs/library.md")]
    mod library {}
    #[doc = include_str!("../docs/sign.md")]
    mod sign {}
}

#[cfg(feature = "alloc")]
pub use crate::description::FieldDescription;
pub use crate::error::{
    Fault, Field, InvalidSignature, ParseError, PolicyError, Refusal, StateError, UnusableKey,
};
#[cfg(feature = "alloc")]
pub use crate::exchange::{ExchangedToken, SegmentSigner};
#[cfg(feature = "jwt")]
pub use crate::format::jwt::{ClaimValue, Jwt, JwtRules, TemplateError};
#[cfg(feature = "timed-hmac")]
pub use crate::format::timed_hmac::TimedHmac;
#[cfg(feature = "alloc")]
pub use crate::format::{
    TokenNames,
    name::{NameError, check_name},
};
pub use crate::grant::{
    Audience, Claims, Countries, DownloadName, Grant, Network, NetworkError, Networks, NewSession,
    Text,
};
#[cfg(feature = "alloc")]
pub use crate::inspect::{Check, Outcome, Report};
pub use crate::key::{KeyError, KeyId, KeyRing, KeyRingError, SecretKey};
pub use crate::mac::secrets_match;
#[cfg(feature = "alloc")]
pub use crate::options::{Advice, SignError};
pub use crate::path::{CanonicalPath, PathError};
pub use crate::purpose::Purpose;
pub use crate::query::{PLAYER_PARAMS, ParamNames};
#[cfg(feature = "alloc")]
pub use crate::redact::redacted;
pub use crate::request::{Placement, Request};
pub use crate::scope::Scope;
#[cfg(feature = "alloc")]
pub use crate::session::{IssuedToken, SESSION_PATH, SessionGrant};
#[cfg(feature = "alloc")]
pub use crate::sign::{Batch, Builder, Link, SessionBuilder, Signer, percent_encoded};
pub use crate::state::{PresentedToken, State};
pub use crate::time::UnixTime;
#[cfg(feature = "alloc")]
pub use crate::verify::Authentic;
pub use crate::verify::{Denied, Verified, Verifier};
