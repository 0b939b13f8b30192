//! Variables (draft-pantos-hls-rfc8216bis, sections 4.3 and 4.4.2.3).

use alloc::borrow::{Cow, ToOwned as _};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::manifest::hls::attributes::Attributes;
use crate::request::Request;

/// No address is longer than a URL may be; so a short playlist cannot grow without bounds.
const MAX_LEN: usize = Request::MAX_URL_LEN;

/// What the tags `EXT-X-DEFINE` have defined so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    /// `None` is a value that only the player knows, if it knows one.
    values: BTreeMap<String, Option<String>>,
}

impl Variables {
    /// Takes the attributes of one `EXT-X-DEFINE`, and `query`, that of the playlist's address.
    pub(crate) fn define(&mut self, list: &str, query: &str) {
        let (mut name, mut value) = (None, None);
        let (mut seen, mut repeated) = (Vec::new(), false);
        for attribute in Attributes::new(list) {
            let Ok(attribute) = attribute else { return };
            repeated |= seen.contains(&attribute.name);
            seen.push(attribute.name);
            match attribute.name {
                "NAME" => name = Some(attribute.value),
                "VALUE" => value = self.substitute(attribute.value).map(Cow::into_owned),
                "QUERYPARAM" => {
                    name = Some(attribute.value);
                    value = query_value(query, attribute.value);
                }
                // Its value stands in the multivariant playlist, which is not here.
                "IMPORT" => name = Some(attribute.value),
                _ => {}
            }
        }
        // Nothing may be said twice, and players differ where it is.
        let value = value.filter(|_| !repeated);
        if let Some(name) = name.filter(|name| is_name(name)) {
            let known = self.values.entry(name.to_owned());
            known.and_modify(|known| *known = None).or_insert(value);
        }
    }

    /// Puts the values in the place of each `{$name}`. `None` where one is not known.
    pub(crate) fn substitute<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        // One byte is found faster than two.
        if !text.as_bytes().contains(&b'{') || !text.contains("{$") {
            return Some(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            out.push_str(before);
            match after.split_once('}').filter(|(name, _)| is_name(name)) {
                Some((name, behind)) => {
                    out.push_str(self.values.get(name)?.as_deref()?);
                    rest = behind;
                }
                None => {
                    out.push_str("{$");
                    rest = after;
                }
            }
            if out.len() > MAX_LEN {
                return None;
            }
        }
        out.push_str(rest);
        Some(Cow::Owned(out))
    }
}

/// Whether a variable may be named so.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The value of the first parameter `name`, percent-decoded. `None` where there is none, and where
/// it could not stand in a quoted string: the viewer writes the query, and must not write lines or
/// attributes.
fn query_value(query: &str, name: &str) -> Option<String> {
    let mut params = query.split('&').filter_map(|param| param.split_once('='));
    let (_, value) = params.find(|(param, _)| decode(param).as_deref() == Some(name))?;
    decode(value).filter(|value| !value.contains(|c: char| c == '"' || c.is_control()))
}

/// `None` where an escape is broken, or what comes out is no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut out: Vec<u8> = pieces.next()?.into();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        // from_str_radix takes a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        out.push(u8::from_str_radix(digits, 16).ok()?);
        out.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text after some definitions, fetched with a query.
    #[track_caller]
    fn becomes(defines: &[&str], query: &str, text: &str, expected: Option<&str>) {
        let mut variables = Variables::default();
        for list in defines {
            variables.define(list, query);
        }
        assert_eq!(variables.substitute(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn named_values() {
        let defines = ["NAME=\"host\",VALUE=\"cdn\"", "VALUE=\"7,8\",NAME=\"a-B_9\""];
        becomes(&defines, "", "{$host}/{$a-B_9}/{$host}", Some("cdn/7,8/cdn"));
        becomes(&defines, "", "no reference", Some("no reference"));
        becomes(&defines, "", "{$other}", None);
        becomes(&["NAME=\"empty\",VALUE=\"\""], "", "a{$empty}b", Some("ab"));
    }

    #[test]
    fn no_references() {
        let defines = ["NAME=\"a\",VALUE=\"1\""];
        for text in ["{a}", "{$}", "{$a", "{ $a}", "{$a b}", "{$\u{e4}}", "$a"] {
            becomes(&defines, "", text, Some(text));
        }
        becomes(&defines, "", "{$b{$a}", Some("{$b1"));
    }

    #[test]
    fn a_value_may_use_what_is_defined_before() {
        becomes(&["NAME=\"a\",VALUE=\"1\"", "NAME=\"b\",VALUE=\"{$a}2\""], "", "{$b}", Some("12"));
        becomes(&["NAME=\"b\",VALUE=\"{$a}2\"", "NAME=\"a\",VALUE=\"1\""], "", "{$b}", None);
        becomes(&["NAME=\"a\",VALUE=\"1\"", "NAME=\"a\",VALUE=\"2\""], "", "{$a}", None);
        becomes(&["NAME=\"a\",VALUE=\"1\",VALUE=\"2\""], "", "{$a}", None);
        becomes(&["NAME=\"b\",NAME=\"a\",VALUE=\"1\""], "", "{$a}", None);
    }

    #[test]
    fn of_the_query() {
        let of = |name: &str| alloc::format!("QUERYPARAM=\"{name}\"");
        let query = "v=1&t=a%2Fb+c&v=2&empty=&bare&%76ar=x";
        becomes(&[&of("v")], query, "{$v}", Some("1"));
        becomes(&[&of("t")], query, "{$t}", Some("a/b+c"));
        becomes(&[&of("empty")], query, "<{$empty}>", Some("<>"));
        becomes(&[&of("var")], query, "{$var}", Some("x"));
        becomes(&[&of("bare")], query, "{$bare}", None);
        becomes(&[&of("none")], query, "{$none}", None);
    }

    #[test]
    fn a_viewer_writes_no_lines_and_no_attributes() {
        for value in ["%0A", "%0d", "%22", "%00", "%7F", "%", "%4", "%+1", "%zz", "%FF", "%c3"] {
            let query = alloc::format!("v=a{value}");
            becomes(&["QUERYPARAM=\"v\""], &query, "{$v}", None);
        }
        becomes(&["QUERYPARAM=\"v\""], "v=%C3%A4", "{$v}", Some("\u{e4}"));
    }

    #[test]
    fn what_only_the_player_knows() {
        becomes(&["IMPORT=\"v\""], "v=1", "{$v}", None);
        // Neither does a definition that cannot be read say anything.
        becomes(&["NAME=\"v\",VALUE=\"1\",x"], "", "{$v}", None);
        becomes(&["NAME=\"v w\",VALUE=\"1\""], "", "{$v}", None);
    }

    #[test]
    fn values_do_not_grow_without_bounds() {
        let mut variables = Variables::default();
        variables.define("NAME=\"v0\",VALUE=\"0123456789\"", "");
        for n in 1..40 {
            let last = n - 1;
            let list = alloc::format!("NAME=\"v{n}\",VALUE=\"{{$v{last}}}{{$v{last}}}\"");
            variables.define(&list, "");
        }
        assert_eq!(variables.substitute("{$v8}").unwrap().len(), 2560);
        assert_eq!(variables.substitute("{$v30}"), None);
    }
}
