//! Reference tokens: `pg=ref.` and 43 characters, in any placement. Their tokens are in a record.

use crate::request::RequestParts;

const START: &str = "pg=ref.";
const LEN: usize = START.len() + 43;

/// The reference of a request, if it has one: the first in its URL, its cookies and its bearer token.
pub(crate) fn find<'r>(parts: &RequestParts<'r>) -> Option<&'r str> {
    let texts = [Some(parts.url), parts.cookie, parts.authorization];
    texts.into_iter().flatten().find_map(in_text)
}

/// The reference that a text is, with its name, such as `pg=ref.` and 43 characters.
pub(crate) fn parse(text: &str) -> Option<&str> {
    in_text(text).filter(|reference| reference.len() == text.len())
}

/// A request in which a reference is replaced by its token.
#[derive(Debug)]
pub(crate) struct Resolved {
    url: String,
    cookie: Option<String>,
    authorization: Option<String>,
}

impl Resolved {
    /// Replaces the reference, wherever it is: a request with two tokens is ambiguous with two references as well.
    pub(crate) fn new(parts: &RequestParts<'_>, reference: &str, token: &str) -> Self {
        let replaced = |text: &str| text.replace(reference, token);
        Self {
            url: replaced(parts.url),
            cookie: parts.cookie.map(replaced),
            authorization: parts.authorization.map(replaced),
        }
    }

    /// The request with the token.
    pub(crate) fn parts<'r>(&'r self, parts: &RequestParts<'r>) -> RequestParts<'r> {
        let Self { url, cookie, authorization } = self;
        RequestParts {
            url,
            cookie: cookie.as_deref(),
            authorization: authorization.as_deref(),
            ..*parts
        }
    }
}

/// The first reference in a text. It is a whole path segment, parameter, cookie or bearer token.
fn in_text(text: &str) -> Option<&str> {
    text.match_indices(START).find_map(|(at, _)| {
        let before = at.checked_sub(1).and_then(|last| text.as_bytes().get(last));
        let reference = text.get(at..at.checked_add(LEN)?)?;
        let after = text.as_bytes().get(at.checked_add(LEN)?);
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_whole = before.is_none_or(|byte| b"/?&; ".contains(byte))
            && after.is_none_or(|byte| b"/?&; ".contains(byte))
            && reference.bytes().skip(START.len()).all(is_id);
        is_whole.then_some(reference)
    })
}
