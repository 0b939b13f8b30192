//! A token's place in a URL.

use core::ops::Range;

use alloc::string::String;

use crate::options::{Address, SignError};

/// Writes an address with a token in its path or at the end of its query: the name of the token, and what `push`
/// appends. Returns the URL, and where in it the token is.
///
/// # Errors
/// That of `push`.
pub(super) fn place(
    address: &Address<'_>,
    in_path: bool,
    name: &str,
    room: usize,
    push: impl FnOnce(&mut String) -> Result<(), SignError>,
) -> Result<(String, Range<usize>), SignError> {
    let Address { base, path, query } = *address;
    let mut url = String::with_capacity(room);
    let push_token = |url: &mut String| -> Result<_, SignError> {
        url.push_str(name);
        let start = url.len();
        push(url)?;
        Ok(start..url.len())
    };
    url.push_str(base);
    if in_path {
        url.push('/');
        let token = push_token(&mut url)?;
        path.pieces(&mut |piece| url.push_str(piece));
        if let Some(query) = query {
            url.extend(["?", query]);
        }
        return Ok((url, token));
    }
    path.pieces(&mut |piece| url.push_str(piece));
    url.push('?');
    if let Some(query) = query {
        url.extend([query, "&"]);
    }
    let token = push_token(&mut url)?;
    Ok((url, token))
}
