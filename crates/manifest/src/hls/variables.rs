//! Variables (draft-pantos-hls-rfc8216bis, sections 4.3 and 4.4.2.3).

use std::collections::BTreeMap;

use playgate::{Request, percent::decode};

use crate::ManifestError;
use crate::hls::attributes::Attributes;

/// No address is longer than a URL may be, and no value of a variable either.
const MAX_LEN: usize = Request::MAX_URL_LEN;

/// The most definitions in a playlist. People write fewer than ten.
const MAX_DEFINITIONS: usize = 1000;

/// The most bytes in values that are built from other values.
const MAX_DERIVED: usize = 64 * 1024;

/// The most bytes that replacing variables may produce, for each byte of the playlist. A reference, with
/// its context, is seldom shorter than 16 bytes, and a value is seldom longer than 500.
const MAX_TIMES: usize = 64;

/// The value of a variable.
#[derive(Clone, Debug)]
enum VariableValue {
    /// A text from the playlist, or from the query of its address, which the viewer can choose.
    Known { text: String, by_viewer: bool },
    /// Only the player knows it.
    Unknown {
        /// Whether its value may have the token: it comes from the multivariant playlist, or from a query
        /// that contains the token.
        may_have_token: bool,
        /// Whether it was built from variables that were not yet defined. The draft calls that an error;
        /// only Video.js replaces them once they are defined.
        is_early: bool,
    },
}

/// The variables that `EXT-X-DEFINE` tags have defined so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct HlsVariables {
    values: BTreeMap<String, VariableValue>,
    definitions: usize,
    /// Bytes in values that were built from others.
    derived: usize,
    /// Bytes that replacing variables has produced.
    replaced: usize,
    /// Parameters of the playlist's address that contain a token, or that are essential to one.
    secrets: Vec<String>,
    /// Whether any variable so far may have the token.
    has_secrets: bool,
    /// Whether an address of another host used a variable that was not yet defined.
    is_early_abroad: bool,
}

/// A text after its variables were replaced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Replaced<'t> {
    /// It has no variables.
    None,
    /// All were replaced. `by_viewer` tells whether the viewer chose part of the text.
    All { text: String, by_viewer: bool },
    /// Only those before the first unknown variable were replaced. `rest` starts with the unknown one.
    Before { text: String, rest: &'t str },
    /// The result would be longer than an address may be.
    TooLong,
}

impl HlsVariables {
    /// Creates an empty set. `secrets` are the parameters of the playlist's address that belong to a token.
    pub(crate) fn new(secrets: Vec<String>) -> Self {
        Self { secrets, ..Self::default() }
    }

    /// Processes the attributes of one `EXT-X-DEFINE`. `query` is the query of the playlist's address, and
    /// `read` the number of bytes of the playlist so far.
    ///
    /// # Errors
    /// [`ManifestError::TooComplex`] if a limit of this file is exceeded, and [`ManifestError::Malformed`]
    /// for an import that an address of another host may already have used.
    pub(crate) fn define(
        &mut self,
        list: &str,
        query: &str,
        read: usize,
    ) -> Result<(), ManifestError> {
        self.definitions = self.definitions.saturating_add(1);
        if self.definitions > MAX_DEFINITIONS {
            return Err(ManifestError::TooComplex);
        }
        let [mut name, mut value, mut param, mut import] = [None; 4];
        let mut is_repeated = false;
        let mut attributes = Attributes::new(list);
        for attribute in attributes.by_ref() {
            let place = match attribute.name {
                "NAME" => &mut name,
                "VALUE" => &mut value,
                "QUERYPARAM" => &mut param,
                "IMPORT" => &mut import,
                _ => continue,
            };
            is_repeated |= place.replace(attribute.value).is_some();
        }
        let Some(name) = param.or(name).or(import).filter(|name| is_name(name)) else {
            return Ok(());
        };
        // Duplicates are invalid, and players disagree about them and about lists that break off.
        let before = self.values.get(name);
        let is_read = !is_repeated && attributes.is_clean() && before.is_none();
        // If players read different values, each may have any part of the list.
        let text = if is_read { value.unwrap_or_default() } else { list };
        let (mut may_have_token, mut is_early) = match before {
            Some(VariableValue::Unknown { may_have_token, is_early }) => {
                (*may_have_token, *is_early)
            }
            Some(VariableValue::Known { .. }) | None => (false, false),
        };
        for name in references(text) {
            match self.values.get(name) {
                Some(VariableValue::Unknown { may_have_token: may, is_early: early }) => {
                    (may_have_token, is_early) = (may_have_token || *may, is_early || *early);
                }
                Some(VariableValue::Known { .. }) => {}
                None => is_early = true,
            }
        }
        let known = match (param, import, value) {
            _ if !is_read => None,
            (Some(param), None, None) => {
                query_value(query, param).map(|text| VariableValue::Known { text, by_viewer: true })
            }
            (None, None, Some(value)) => self.value(value, read)?,
            _ => None,
        };
        let is_secret = |param: &str| self.secrets.iter().any(|secret| secret == param);
        if import.is_some() || (known.is_none() && param.is_some_and(is_secret)) {
            if self.is_early_abroad {
                return Err(ManifestError::Malformed);
            }
            (self.has_secrets, may_have_token) = (true, true);
        }
        let value = known.unwrap_or(VariableValue::Unknown { may_have_token, is_early });
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// The value of a definition, with the variables in it replaced.
    fn value(&mut self, text: &str, read: usize) -> Result<Option<VariableValue>, ManifestError> {
        Ok(match self.replace(text, read)? {
            Replaced::None => {
                Some(VariableValue::Known { text: text.to_owned(), by_viewer: false })
            }
            Replaced::All { text, by_viewer } => {
                self.derived = self.derived.saturating_add(text.len());
                if self.derived > MAX_DERIVED {
                    return Err(ManifestError::TooComplex);
                }
                Some(VariableValue::Known { text, by_viewer })
            }
            Replaced::Before { .. } | Replaced::TooLong => None,
        })
    }

    /// Replaces each `{$name}` with its value.
    ///
    /// # Errors
    /// [`ManifestError::TooComplex`] if that has produced too much, given the `read` bytes so far.
    pub(crate) fn replace<'t>(
        &mut self,
        text: &'t str,
        read: usize,
    ) -> Result<Replaced<'t>, ManifestError> {
        if reference(text).is_none() {
            return Ok(Replaced::None);
        }
        let (mut out, mut rest, mut is_by_viewer) = (String::new(), text, false);
        while let Some((before, name)) = reference(rest) {
            out.push_str(before);
            let from = rest.get(before.len()..).unwrap_or_default();
            let value = match self.values.get(name) {
                Some(VariableValue::Known { text, by_viewer }) => {
                    is_by_viewer |= by_viewer;
                    text
                }
                Some(VariableValue::Unknown { .. }) | None => {
                    self.count(out.len(), read)?;
                    return Ok(Replaced::Before { text: out, rest: from });
                }
            };
            out.push_str(value);
            if out.len() > MAX_LEN {
                self.count(out.len(), read)?;
                return Ok(Replaced::TooLong);
            }
            rest = from.get(name.len().saturating_add(REFERENCE)..).unwrap_or_default();
        }
        out.push_str(rest);
        self.count(out.len(), read)?;
        if out.len() > MAX_LEN {
            return Ok(Replaced::TooLong);
        }
        Ok(Replaced::All { text: out, by_viewer: is_by_viewer })
    }

    fn count(&mut self, bytes: usize, read: usize) -> Result<(), ManifestError> {
        self.replaced = self.replaced.saturating_add(bytes);
        if self.replaced > read.saturating_mul(MAX_TIMES).saturating_add(MAX_DERIVED) {
            return Err(ManifestError::TooComplex);
        }
        Ok(())
    }

    /// Refuses a variable that may have the token, in the rest of an address that starts with `before` and
    /// leads to another host.
    ///
    /// A multivariant playlist may have set an imported variable to an address of this host, including the
    /// token. A player would send that to the other host. The start of a host (`https://{$host}/` or
    /// `https://cdn-{$n}.example/`) may be imported: with an address in its place it is not a valid host.
    ///
    /// # Errors
    /// [`ManifestError::Malformed`].
    pub(crate) fn check_abroad(&mut self, before: &str, rest: &str) -> Result<(), ManifestError> {
        let (_, authority) = before.split_once("//").unwrap_or_default();
        let starts_host = before.ends_with("//")
            || (authority.ends_with('-') && !authority.contains(['/', '?', '#']));
        let skipped = usize::from(starts_host);
        let may_have_token = references(rest).skip(skipped).any(|name| self.may_have_token(name));
        if may_have_token || (self.has_secrets && has_open_brace(rest)) {
            return Err(ManifestError::Malformed);
        }
        self.is_early_abroad |= references(rest).any(|name| self.is_early(name));
        Ok(())
    }

    /// Refuses an address of another host if replacing its variables has produced another reference, and a
    /// variable may have the token. Video.js replaces repeatedly.
    ///
    /// # Errors
    /// [`ManifestError::Malformed`].
    pub(crate) const fn check_again(&self) -> Result<(), ManifestError> {
        if self.has_secrets { Err(ManifestError::Malformed) } else { Ok(()) }
    }

    fn may_have_token(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(VariableValue::Unknown { may_have_token, is_early }) => {
                *may_have_token || (*is_early && self.has_secrets)
            }
            // It could form another reference.
            Some(VariableValue::Known { text, .. }) => self.has_secrets && text.contains('{'),
            None => false,
        }
    }

    fn is_early(&self, name: &str) -> bool {
        matches!(self.values.get(name), None | Some(VariableValue::Unknown { is_early: true, .. }))
    }
}

/// The bytes of a reference around its name.
const REFERENCE: usize = "{$}".len();

/// Whether there is a brace that starts no reference. With a variable after or before it, it may start one.
pub(crate) fn has_open_brace(text: &str) -> bool {
    text.contains('{') && without_references(text, "").contains('{')
}

/// The text before the first reference, and the name in the reference.
fn reference(text: &str) -> Option<(&str, &str)> {
    // Searching for one byte is faster than for two.
    if !text.as_bytes().contains(&b'{') {
        return None;
    }
    text.match_indices("{$").find_map(|(at, open)| {
        let (before, from) = text.split_at_checked(at)?;
        let from = from.get(open.len()..)?;
        // A name never extends past another `{$`, so each byte is examined at most twice.
        let len = from.bytes().take_while(|byte| is_name_byte(*byte)).count();
        let (name, after) = from.split_at_checked(len)?;
        (!name.is_empty() && after.starts_with('}')).then_some((before, name))
    })
}

/// The names of all references in a text.
pub(crate) fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (before, name) = reference(rest)?;
        let taken = before.len().saturating_add(name.len()).saturating_add(REFERENCE);
        rest = rest.get(taken..).unwrap_or_default();
        Some(name)
    })
}

/// A text with `other` in place of each reference.
pub(crate) fn without_references(text: &str, other: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, name)) = reference(rest) {
        out.push_str(before);
        out.push_str(other);
        let taken = before.len().saturating_add(name.len()).saturating_add(REFERENCE);
        rest = rest.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Whether a text is a valid name of a variable.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The percent-decoded value of the first parameter `name`. `None` if there is none, or if it cannot be
/// part of a quoted string: the viewer controls the query, and must not be able to add lines or attributes.
fn query_value(query: &str, name: &str) -> Option<String> {
    let mut params = query.split('&').filter_map(|param| param.split_once('='));
    let (_, value) = params.find(|(param, _)| decode(param).as_deref() == Some(name))?;
    decode(value).filter(|value| !value.contains(|c: char| c == '"' || c.is_control()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a text after some definitions, fetched with a query.
    #[track_caller]
    fn becomes(defines: &[&str], query: &str, text: &str, expected: Option<&str>) {
        let mut variables = HlsVariables::default();
        for list in defines {
            variables.define(list, query, 1000).unwrap();
        }
        let replaced = match variables.replace(text, 1000).unwrap() {
            Replaced::None => Some(String::from(text)),
            Replaced::All { text, by_viewer } => {
                assert_eq!(by_viewer, !query.is_empty());
                Some(text)
            }
            Replaced::Before { .. } | Replaced::TooLong => None,
        };
        assert_eq!(replaced.as_deref(), expected, "{text}");
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
        let of = |name: &str| std::format!("QUERYPARAM=\"{name}\"");
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
            let query = std::format!("v=a{value}");
            becomes(&["QUERYPARAM=\"v\""], &query, "{$v}", None);
        }
        becomes(&["QUERYPARAM=\"v\""], "v=%C3%A4", "{$v}", Some("\u{e4}"));
    }

    #[test]
    fn what_only_the_player_knows() {
        becomes(&["IMPORT=\"v\""], "v=1", "{$v}", None);
        // An unreadable definition defines nothing either.
        becomes(&["NAME=\"v\",VALUE=\"1\",x"], "", "{$v}", None);
        becomes(&["NAME=\"v w\",VALUE=\"1\""], "", "{$v}", None);
    }

    #[test]
    fn up_to_the_first_that_is_not_known() {
        let mut variables = HlsVariables::default();
        variables.define("NAME=\"a\",VALUE=\"1\"", "", 0).unwrap();
        variables.define("IMPORT=\"far\"", "", 0).unwrap();
        for (text, before, rest) in [
            ("{$a}/{$far}/{$a}", "1/", "{$far}/{$a}"),
            ("{$far}", "", "{$far}"),
            ("x{${$none}{$a}", "x{$", "{$none}{$a}"),
        ] {
            let expected = Replaced::Before { text: before.into(), rest };
            assert_eq!(variables.replace(text, 100), Ok(expected));
        }
    }

    #[test]
    fn what_is_imported_goes_to_no_other_host() {
        let mut variables = HlsVariables::default();
        variables.define("IMPORT=\"v\"", "", 0).unwrap();
        variables.define("NAME=\"made\",VALUE=\"{$v}/\"", "", 0).unwrap();
        variables.define("QUERYPARAM=\"q\"", "", 0).unwrap();
        for (before, rest) in [
            ("https://b.example/", "{$v}/1.ts"),
            ("https://b.example/?u=", "{$v}"),
            ("https://b.example", "{$v}"),
            ("//b", "{$v}.example/1.ts"),
            ("https://b.example.", "{$v}"),
            ("https://b.example/", "{$q}?a={$v}"),
            ("https://b.example/", "{$made}1.ts"),
            ("https://", "{$v}/{$v}"),
            ("https://b.example/x-", "{$v}"),
        ] {
            let refused = variables.check_abroad(before, rest);
            assert_eq!(refused, Err(ManifestError::Malformed), "{before}{rest}");
        }
        for (before, rest) in [
            ("https://", "{$v}/1.ts"),
            ("//", "{$v}/1.ts"),
            ("https://cdn-", "{$v}.example/1.ts"),
            ("https://b.example/", "{$q}/1.ts"),
            ("https://b.example/", "{$none}/1.ts"),
        ] {
            assert_eq!(variables.check_abroad(before, rest), Ok(()), "{before}{rest}");
        }
    }

    #[test]
    fn values_do_not_grow_without_bounds() {
        let mut variables = HlsVariables::default();
        variables.define("NAME=\"v0\",VALUE=\"0123456789\"", "", 0).unwrap();
        for n in 1..=12 {
            let last = n - 1;
            let list = std::format!("NAME=\"v{n}\",VALUE=\"{{$v{last}}}{{$v{last}}}\"");
            variables.define(&list, "", 1000).unwrap();
        }
        let Ok(Replaced::All { text, .. }) = variables.replace("{$v8}", 1000) else { panic!() };
        assert_eq!(text.len(), 2560);
        assert_eq!(variables.replace("{$v9}{$v9}", 1000), Ok(Replaced::TooLong));
        // The length of the value is unknown.
        assert_eq!(
            variables.replace("{$v12}", 1000),
            Ok(Replaced::Before { text: "".into(), rest: "{$v12}" })
        );
    }

    #[test]
    fn too_much_of_it_is_too_complex() {
        let long = std::format!("NAME=\"v\",VALUE=\"{}\"", "x".repeat(8000));
        let defined = || {
            let mut variables = HlsVariables::default();
            variables.define(&long, "", 8000).unwrap();
            variables
        };
        let mut variables = defined();
        let mut define =
            |n| variables.define(&std::format!("NAME=\"v{n}\",VALUE=\"{{$v}}\""), "", 9000);
        assert_eq!((1..=8).try_for_each(&mut define), Ok(()));
        assert_eq!(define(9), Err(ManifestError::TooComplex));
        let mut variables = defined();
        let mut replace = |_| variables.replace("{$v}", 10_000).map(|_| ());
        // 64 bytes for each byte read, plus 64 KiB.
        assert_eq!((0..88).try_for_each(&mut replace), Ok(()));
        assert_eq!(replace(88), Err(ManifestError::TooComplex));
        let mut variables = HlsVariables::default();
        let mut define = |_| variables.define("IMPORT=\"v\"", "", 0);
        assert_eq!((0..MAX_DEFINITIONS).try_for_each(&mut define), Ok(()));
        assert_eq!(define(0), Err(ManifestError::TooComplex));
    }
}
