//! The query outside the token: which parameters are signed, added by players, or forwarded.

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::bytes;

/// Query parameters that players add: HLS delivery directives, interstitials and content steering
/// (draft-pantos-hls-rfc8216bis, sections 6.2.5, 6.5 and 7, appendix D), content steering of DASH (ETSI TS 103 998),
/// and Common Media Client Data (CTA-5004, section 3.2).
pub const PLAYER_PARAMS: [&str; 12] = [
    "_HLS_msn",
    "_HLS_part",
    "_HLS_skip",
    "_HLS_push",
    "_HLS_report",
    "_HLS_pathway",
    "_HLS_throughput",
    "_HLS_primary_id",
    "_HLS_start_offset",
    "_DASH_pathway",
    "_DASH_throughput",
    "CMCD",
];

/// Names of query parameters, separated by commas: `utm_source, ref`. A star at the end matches every name with that
/// prefix: `utm_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamNames<'a> {
    names: &'a str,
    /// Whether every name is one of them.
    are_all: bool,
}

impl<'a> ParamNames<'a> {
    /// Every name, for servers that get the query as it is, without the token.
    pub const ALL: Self = Self { names: "", are_all: true };

    /// Parses configured names. Ignores blanks around a name.
    #[must_use]
    pub const fn new(names: &'a str) -> Self {
        Self { names, are_all: false }
    }

    /// The names as configured.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_str(self) -> &'a str {
        self.names
    }

    /// Whether these names match `param`, one `name=value` or `name` of a query.
    #[must_use]
    pub fn has(self, param: &str) -> bool {
        let name = name_of(param);
        let is = |listed: &str| match listed.strip_suffix('*') {
            // A lone star would match everything.
            Some(start) => !start.is_empty() && name.starts_with(start),
            None => listed == name,
        };
        let is_listed = || self.names.split(',').any(|listed| is(listed.trim()));
        self.are_all || !name.is_empty() && is_listed()
    }

    /// Whether `param` may be added to an exact link without being signed.
    pub(crate) fn leave_unsigned(self, param: &str) -> bool {
        is_player_param(param) || self.has(param)
    }
}

/// Whether players add `param`.
#[must_use]
pub fn is_player_param(param: &str) -> bool {
    PLAYER_PARAMS.contains(&name_of(param))
}

/// The name of `name=value` as written: two spellings are two names.
pub(crate) fn name_of(param: &str) -> &str {
    param.split_once('=').map_or(param, |(name, _)| name)
}

/// The query before the first parameter with this name, if any, and the text after the name and `=`.
#[cfg(any(feature = "jwt", feature = "timed-hmac"))]
pub(crate) fn split_at_param<'q>(query: &'q str, name: &str) -> Option<(Option<&'q str>, &'q str)> {
    let mut rest = query;
    loop {
        if let Some(value) = rest.strip_prefix(name)
            && matches!(value.as_bytes(), [] | [b'=' | b'&', ..])
        {
            let before = query.len().saturating_sub(rest.len()).checked_sub(1);
            let before = before.and_then(|end| query.get(..end));
            return Some((before, value.strip_prefix('=').unwrap_or(value)));
        }
        let end = bytes::position(rest.as_bytes(), [b'&'])?;
        rest = rest.get(end.wrapping_add(1)..)?;
    }
}

/// Joins parameters to a query; `None` if there are none.
#[cfg(feature = "alloc")]
pub fn joined<'p>(params: impl IntoIterator<Item = &'p str>) -> Option<String> {
    let mut params = params.into_iter();
    let mut query = String::from(params.next()?);
    params.for_each(|param| query.extend(["&", param]));
    Some(query)
}

/// Appends parameters to an address without a query.
#[cfg(feature = "alloc")]
pub fn push_query<'p>(address: &mut String, params: impl IntoIterator<Item = &'p str>) {
    for (joint, param) in core::iter::once("?").chain(core::iter::repeat("&")).zip(params) {
        address.extend([joint, param]);
    }
}

/// The part of a query that the tag of an exact scope covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedQuery<'a> {
    /// No query.
    None,
    /// All of it, byte for byte: the query before a token in it.
    Whole(&'a str),
    /// The query without the unsigned parameters: the token is elsewhere.
    Without(&'a str, ParamNames<'a>),
}

impl SignedQuery<'_> {
    /// Whether the tag covers `param` of a query without a token.
    #[cfg(feature = "alloc")]
    pub(crate) fn covers(self, param: &str) -> bool {
        match self {
            Self::None => false,
            Self::Whole(_) => true,
            Self::Without(_, names) => !names.leave_unsigned(param),
        }
    }

    /// Passes `?` and the query to `sink` in pieces; nothing if there is no signed query.
    pub(crate) fn pieces(self, sink: &mut impl FnMut(&str)) {
        match self {
            Self::None => {}
            Self::Whole(query) => {
                sink("?");
                sink(query);
            }
            Self::Without(query, names) => {
                let mut joint = "?";
                for param in query.split('&').filter(|param| !names.leave_unsigned(param)) {
                    sink(joint);
                    sink(param);
                    joint = "&";
                }
            }
        }
    }
}

/// Whether all bytes are allowed in a query: printable ASCII without `#`. Line feeds are not allowed, so the only
/// one in a signing input is the separator.
#[must_use]
pub fn is_query(text: &str) -> bool {
    bytes::all(text.as_bytes(), |byte| bytes::is_graphic(byte) & (byte != b'#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_a_blank_one_names_nothing() {
        let names = ParamNames::new(" utm_source , ,v, ");
        for param in ["utm_source=a", "utm_source", "v="] {
            assert!(names.has(param), "{param}");
        }
        for param in ["", "=a", " ", "utm_sourc=a", "V=1", "utm_source ,=a"] {
            assert!(!names.has(param), "{param}");
        }
        let names = ParamNames::new("utm_*, *, a*b");
        for param in ["utm_source=a", "utm_=b", "utm_", "a*b=1"] {
            assert!(names.has(param), "{param}");
        }
        for param in ["utm", "UTM_source=a", "xutm_source", "", "=utm_", "v=1", "axb", "a"] {
            assert!(!names.has(param), "{param}");
        }
    }
}
