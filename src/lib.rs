#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]
#![doc = include_str!("../README.md")]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "wasm")]
pub mod bindings;
mod bytes;
#[cfg(feature = "alloc")]
mod cookie;
mod error;
#[cfg(feature = "manifest")]
mod exchange;
mod format;
mod grant;
#[cfg(feature = "alloc")]
mod inspect;
#[cfg(feature = "serde")]
pub mod json;
mod key;
mod mac;
#[cfg(feature = "manifest")]
pub mod manifest;
#[cfg(feature = "alloc")]
mod note;
mod path;
mod percent;
#[cfg(feature = "manifest")]
mod public;
mod query;
#[cfg(feature = "alloc")]
mod redact;
mod request;
mod scope;
#[cfg(feature = "alloc")]
mod sign;
#[cfg(feature = "alloc")]
mod terms;
mod time;
mod verify;
#[cfg(any(feature = "worker", all(test, feature = "manifest")))]
mod worker;

/// The examples of the manual, tested as those of the README are. One item for each page that has Rust in it;
/// `tests/readme.rs` finds pages that are missing here.
#[cfg(doctest)]
mod manual {
    #[doc = include_str!("../docs/library.md")]
    mod library {}
    #[doc = include_str!("../docs/sign.md")]
    mod sign {}
}

pub use crate::error::{
    Fault, Field, InvalidSignature, ParseError, PolicyError, Refusal, UnusableKey,
};
#[cfg(feature = "jwt")]
pub use crate::format::jwt::{ClaimValue, Jwt, JwtRules, TemplateError};
#[cfg(feature = "alloc")]
pub use crate::format::{name::NameError, timed_hmac::TimedHmac};
pub use crate::grant::{
    Audience, Countries, DownloadName, Grant, Network, NetworkError, Networks, Text,
};
#[cfg(feature = "alloc")]
pub use crate::inspect::{Check, Outcome, Report};
pub use crate::key::{KeyError, KeyId, KeyRing, KeyRingError, SecretKey};
pub use crate::mac::secrets_match;
#[cfg(feature = "alloc")]
pub use crate::note::FieldNote;
pub use crate::path::{CanonicalPath, PathError};
#[cfg(feature = "manifest")]
pub use crate::public::{PublicPaths, PublicPathsError};
pub use crate::query::{PLAYER_PARAMS, ParamNames};
#[cfg(feature = "alloc")]
pub use crate::redact::redacted;
pub use crate::request::{Placement, Request};
pub use crate::scope::Scope;
#[cfg(feature = "alloc")]
pub use crate::sign::{Batch, Builder, Link, Signer, percent_encoded};
#[cfg(feature = "alloc")]
pub use crate::terms::SignError;
pub use crate::time::UnixTime;
pub use crate::verify::{Verified, Verifier};
