//! The fields of a native token, in words.

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;

use super::fields::{self, Shown, field_of};
use crate::description::FieldDescription;
use crate::redact::{MARK, redacted};

/// The most characters of the value of a field that is none of the format.
const MAX_UNKNOWN: usize = 15;

/// The fields of a token that may be broken, up to the signature. Whatever could be one is left out.
pub(super) fn describe(token: &str, scope: Option<&str>) -> Vec<FieldDescription> {
    let mut notes = Vec::new();
    for field in token.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let last = name == "sig";
        let is_field = last || field_of(name).is_some();
        let shown = if last || (!is_field && value.len() > MAX_UNKNOWN) {
            MARK.to_owned()
        } else {
            redacted(value)
        };
        let meaning = fields::describe(name, &Shown { value, redacted: &shown, scope });
        notes.push(FieldDescription { name: redacted(name), value: shown, meaning });
        if last {
            break;
        }
    }
    notes
}
