//! Descriptions of the fields of a native token.

use alloc::borrow::ToOwned as _;
use alloc::vec::Vec;

use super::fields::{self, Shown, field_of};
use super::{NAME, REFERENCE};
use crate::description::FieldDescription;
use crate::redact::{MARK, redacted};

/// The maximum number of characters shown of the value of an unknown field.
const MAX_UNKNOWN: usize = 15;

/// Describes the fields of a token, which may be malformed, up to the signature. Removes anything that could be a
/// signature.
pub(super) fn describe(token: &str, scope: Option<&str>) -> Vec<FieldDescription> {
    let mut notes = Vec::new();
    for field in token.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if name == NAME && value.starts_with(REFERENCE) {
            // All of a reference is secret, and no field follows it.
            let value = [REFERENCE, MARK].concat();
            let meaning = "a reference; its token is only in the gate's store".to_owned();
            notes.push(FieldDescription { name: name.to_owned(), value, meaning });
            break;
        }
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
