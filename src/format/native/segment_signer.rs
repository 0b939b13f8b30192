//! Native tokens for many addresses with the same options.

use core::fmt;

use alloc::string::String;

use super::write::{push_fields, tag};
use crate::key::SecretKey;
use crate::options::{CheckedOptions, LinkOptions};
use crate::path::CanonicalPath;
use crate::query::{ParamNames, SignedQuery};
use crate::scope::Scope;

/// Signs addresses with exact scopes that share all options. It keeps the common fields of their tokens, and the key.
#[derive(Clone)]
pub struct SegmentSigner {
    fields: String,
    key: SecretKey,
    unsigned_params: String,
}

impl SegmentSigner {
    /// Keeps the options, except a directory and a preview. With a generation, an exact token would be a refresh token.
    pub(super) fn new(options: &CheckedOptions<'_, '_>, unsigned_params: ParamNames<'_>) -> Self {
        let mut fields = String::new();
        let exact = LinkOptions { generation: None, preview: None, ..options.options.clone() };
        push_fields(&CheckedOptions { options: &exact, ..*options }, None, &mut fields);
        let key = options.entry.key.clone();
        Self { fields, key, unsigned_params: unsigned_params.as_str().into() }
    }

    /// Appends the token of an address in its path form. The caller signs only what the preview shows: nothing here
    /// checks that the path is below the directory.
    pub fn push(&self, path: CanonicalPath<'_>, query: Option<&str>, out: &mut String) {
        let names = ParamNames::new(&self.unsigned_params);
        let query = query.map_or(SignedQuery::None, |query| SignedQuery::Without(query, names));
        out.push_str(&self.fields);
        out.push_str("&sig=");
        tag(&self.key, Scope::exact(path, query), &self.fields).push_to(out);
    }
}

impl fmt::Debug for SegmentSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SegmentSigner(..)")
    }
}
