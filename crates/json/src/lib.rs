//! The JSON shapes that the program, the minting service and the bindings share.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod error;
mod formats;
mod report;
#[cfg(feature = "formats")]
mod session;
mod shape;
mod sign;
mod time;
mod value;
mod verify;

pub use self::error::RequestError;
#[cfg(feature = "formats")]
pub use self::formats::LinkFormat;
pub use self::formats::{Formats, GateFormats};
pub use self::report::ReportShape;
#[cfg(feature = "formats")]
pub use self::session::{SessionRequest, SignedSessionLink};
pub use self::shape::Shape;
pub use self::sign::{Place, SignRequest, SignedLink};
pub use self::time::{Moment, Seconds};
pub use self::value::Value;
pub use self::verify::{GateOptions, Verdict, VerifyRequest, header_value};
