//! The query beside the token: which parameters are signed, which belong to players, which travel on.

#[cfg(feature = "alloc")]
use alloc::string::String;

use crate::bytes;

/// Query parameters that players add by themselves: HLS delivery directives and those of interstitials and
/// content steering (draft-pantos-hls-rfc8216bis, sections 6.2.5, 6.5 and 7, appendix D), the latter of DASH
/// (ETSI TS 103 998), and Common Media Client Data (CTA-5004, section 3.2).
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

/// Names of query parameters, separated by commas: `utm_source, ref`. One with a star at its end stands for
/// every name that starts so: `utm_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamNames<'a>(&'a str);

impl<'a> ParamNames<'a> {
    /// Takes the names as an operator writes them; blanks around a name do not count.
    #[must_use]
    pub const fn new(names: &'a str) -> Self {
        Self(names)
    }

    /// As the operator wrote them.
    #[cfg(feature = "alloc")]
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether `param`, one `name=value` or `name` of a query, is named here.
    #[must_use]
    pub fn has(self, param: &str) -> bool {
        let name = name_of(param);
        let is = |listed: &str| match listed.strip_suffix('*') {
            // A star by itself would name everything.
            Some(start) => !start.is_empty() && name.starts_with(start),
            None => listed == name,
        };
        !name.is_empty() && self.0.split(',').any(|listed| is(listed.trim()))
    }

    /// Whether `param` may be added, unsigned, to an exact link.
    pub(crate) fn leave_unsigned(self, param: &str) -> bool {
        is_player_param(param) || self.has(param)
    }
}

/// Whether a player adds `param` by itself.
#[must_use]
pub fn is_player_param(param: &str) -> bool {
    PLAYER_PARAMS.contains(&name_of(param))
}

/// The name of `name=value`, as it is written: two spellings are two names.
pub(crate) fn name_of(param: &str) -> &str {
    param.split_once('=').map_or(param, |(name, _)| name)
}

/// The query before the first parameter of this name, if anything is there, and what follows the name and `=`.
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

/// Parameters as one query; `None` where there are none.
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
    /// All of it, byte for byte: what stands before a token in the query.
    Whole(&'a str),
    /// What is left when the unsigned parameters are taken out: the token is elsewhere.
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

    /// Hands `?` and the query to `sink`, piece by piece; nothing where there is no signed query.
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

/// Whether all bytes may stand in a query: printable ASCII without `#`. No line feed is among them,
/// so none can stand in a signing input but the one that parts it.
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
