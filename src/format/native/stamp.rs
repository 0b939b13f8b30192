//! Native tokens by the dozen: for addresses that have the same terms, one after the other.

use alloc::string::String;

use super::write::{push_fields, tag};
use crate::key::SecretKey;
use crate::scope::Scope;
use crate::terms::{CheckedTerms, Terms};

/// What tokens of exact scope have in common that differ in their addresses alone: the fields and the
/// key.
#[derive(Clone)]
pub(crate) struct Stamp {
    fields: String,
    key: SecretKey,
}

impl Stamp {
    /// Takes the terms, less a directory and a preview.
    pub(super) fn new(terms: &CheckedTerms<'_, '_>) -> Self {
        let mut fields = String::new();
        let exact = Terms { preview: None, ..terms.terms.clone() };
        push_fields(&CheckedTerms { terms: &exact, ..*terms }, None, &mut fields);
        Self { fields, key: terms.entry.key.clone() }
    }

    /// Appends the token of `scope`.
    pub(crate) fn push(&self, scope: Scope<'_>, out: &mut String) {
        out.push_str(&self.fields);
        out.push_str("&sig=");
        tag(&self.key, scope, &self.fields).push_to(out);
    }
}
