//! Attribute lists (draft-pantos-hls-rfc8216bis, section 4.2), as players read them.

/// One `NAME=value` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// The text between the previous value and this one: an end quote, comma, name, `=` and quote.
    pub(crate) lead: &'a str,
    pub(crate) name: &'a str,
    /// The value, without its quotes.
    pub(crate) value: &'a str,
    /// Whether the value is in double quotes.
    pub(crate) quoted: bool,
}

/// Reads the attributes of a list, from left to right. The leads, the values and the rest, concatenated,
/// are the list byte for byte.
///
/// No player stops at a grammar error, so neither does this. It accepts the following beyond the draft,
/// each because at least one of hls.js, Shaka Player, FFmpeg, ExoPlayer and Video.js does:
///
/// - blanks around names, `=` and commas, and commas without an attribute between them
/// - a blank in place of a comma: FFmpeg ends a value there, and ExoPlayer searches the line for `URI="`
/// - `;` in place of a comma, and a word without a value before a name: ExoPlayer again
/// - text between an end quote and the next attribute
/// - an unclosed quote: Shaka Player and FFmpeg read on to the end of the line, and ExoPlayer finds a
///   `URI="` after it
/// - single quotes: Video.js removes them
/// - quotes within an unquoted value
///
/// [`Attributes::is_clean`] tells whether a list keeps to the grammar.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a str,
    /// Whether the rest starts with the end quote of the previous value.
    in_quotes: bool,
    is_first: bool,
    is_clean: bool,
}

impl<'a> Attributes<'a> {
    /// Reads the text after the colon of a tag.
    pub(crate) const fn new(list: &'a str) -> Self {
        Self { rest: list, in_quotes: false, is_first: true, is_clean: true }
    }

    /// Everything after the last value that was read.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Whether the part read so far keeps to the grammar, so that all players agree on it.
    pub(crate) const fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// Skips the end of the previous value. Returns the next attribute, with the text before it.
    fn after_value(&mut self) -> &'a str {
        let mut text = self.rest;
        if self.is_first {
            return text;
        }
        if self.in_quotes {
            match text.strip_prefix(['"', '\'']) {
                Some(after) => text = after,
                None => self.is_clean = false,
            }
        } else {
            text = text.trim_start();
        }
        match text.strip_prefix(',') {
            Some(after) => after,
            None => {
                // hls.js continues past a quote that is not followed by a comma.
                self.is_clean &= text.is_empty();
                text
            }
        }
    }
}

/// Whether a list keeps to the grammar.
pub(crate) fn is_clean(list: &str) -> bool {
    let mut attributes = Attributes::new(list);
    attributes.by_ref().for_each(drop);
    attributes.is_clean()
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.after_value();
        let Some((before, after)) = text.split_once('=') else {
            // Many lists end with a comma.
            self.is_clean &= text.trim().is_empty();
            return None;
        };
        let name = before.trim_end().rsplit(is_between).next().unwrap_or_default();
        self.is_clean &= !name.is_empty() && !name.contains('"') && before.trim() == name;
        let from_value = after.trim_start();
        let (from_value, value, quoted, in_quotes) = match from_value.strip_prefix('"') {
            Some(open) => {
                self.is_clean &= before.ends_with(name) && after.len() == from_value.len();
                (open, in_quotes(open), true, true)
            }
            None => {
                let value = without_quotes(from_value);
                self.is_clean &= !value.contains(is_quote);
                match in_single_quotes(value) {
                    Some(inner) => (from_value.get(1..)?, inner, false, true),
                    None => (from_value, value, false, false),
                }
            }
        };
        let lead = self.rest.len().saturating_sub(from_value.len());
        let (lead, from_value) = self.rest.split_at_checked(lead)?;
        self.rest = from_value.get(value.len()..)?;
        self.in_quotes = in_quotes;
        self.is_first = false;
        Some(Attribute { lead, name, value, quoted })
    }
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

/// The characters that at least one player accepts as the end of an attribute.
const fn is_between(c: char) -> bool {
    matches!(c, ',' | ';' | ' ' | '\t')
}

/// The value after an opening quote. If the value seems to end with the name and the opening quote of
/// another attribute, its own closing quote is missing.
fn in_quotes(open: &str) -> &str {
    let Some((value, after)) = open.split_once('"') else { return open };
    if after.is_empty() || after.starts_with(is_between) {
        return value;
    }
    let Some(text) = value.strip_suffix('=') else { return value };
    let text = text.trim_end_matches(is_name_char);
    if text.len().saturating_add(1) == value.len()
        || !(text.is_empty() || text.ends_with(is_between))
    {
        return value;
    }
    text.trim_end_matches(is_between)
}

/// The unquoted value at the start of a text: up to a comma, or up to a blank or `;` that another attribute
/// follows.
fn without_quotes(text: &str) -> &str {
    let mut from = 0;
    let end = loop {
        let more = text.get(from..).unwrap_or_default();
        let Some(at) = more.find(is_between).map(|at| from.saturating_add(at)) else {
            break text.len();
        };
        let (between, after) =
            text.get(at..).unwrap_or_default().split_at_checked(1).unwrap_or_default();
        let end_of_name = after.trim_start_matches(is_name_char);
        let has_name = end_of_name.len() < after.len();
        let sign = if between == ";" { "=\"" } else { "=" };
        if between == "," || (has_name && end_of_name.starts_with(sign)) {
            break at;
        }
        from = at.saturating_add(1);
    };
    text.get(..end).unwrap_or_default().trim_end()
}

/// The text between single quotes; a double quote may end it.
fn in_single_quotes(value: &str) -> Option<&str> {
    value.strip_prefix('\'')?.strip_suffix(is_quote)
}

const fn is_name_char(c: char) -> bool {
    matches!(c, 'A'..='Z' | '0'..='9' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the names and values, and the rest. Returns whether the list keeps to the grammar.
    #[track_caller]
    fn read<'a>(list: &'a str, expected: &[(&str, &str)], rest: &str) -> bool {
        let mut attributes = Attributes::new(list);
        let mut copy = String::new();
        let mut read: Vec<(&'a str, &'a str)> = Vec::new();
        for attribute in attributes.by_ref() {
            copy.push_str(attribute.lead);
            copy.push_str(attribute.value);
            read.push((attribute.name, attribute.value));
        }
        assert_eq!(read, expected, "{list}");
        assert_eq!(attributes.rest(), rest, "{list}");
        copy.push_str(rest);
        assert_eq!(copy, list);
        attributes.is_clean()
    }

    #[track_caller]
    fn clean(list: &str, expected: &[(&str, &str)], rest: &str) {
        assert!(read(list, expected, rest), "{list}");
    }

    #[track_caller]
    fn broken(list: &str, expected: &[(&str, &str)], rest: &str) {
        assert!(!read(list, expected, rest), "{list}");
    }

    #[test]
    fn quoted_and_unquoted() {
        clean("", &[], "");
        clean("A=1", &[("A", "1")], "");
        clean("A=1,B=\"x\"", &[("A", "1"), ("B", "x")], "\"");
        clean("B=\"\",A=0x1F", &[("B", ""), ("A", "0x1F")], "");
        clean("X-A-1=1920x1080,C=-1.5", &[("X-A-1", "1920x1080"), ("C", "-1.5")], "");
    }

    #[test]
    fn commas_and_names_within_quotes() {
        clean("A=\"x,URI=y\",URI=\"z\"", &[("A", "x,URI=y"), ("URI", "z")], "\"");
    }

    #[test]
    fn blanks_and_a_last_comma() {
        clean(" A=1 , B=\"x\",", &[("A", "1"), ("B", "x")], "\",");
        clean("A=,B=2", &[("A", ""), ("B", "2")], "");
        clean("A = 1,\tB=\"x\"", &[("A", "1"), ("B", "x")], "\"");
        // hls.js reads different values here.
        broken("A=\"x\" ,B=2", &[("A", "x"), ("B", "2")], "");
        broken("A=1,\tB =\t\"x\"", &[("A", "1"), ("B", "x")], "\"");
    }

    #[test]
    fn what_breaks_the_grammar_takes_nothing_from_what_follows() {
        broken("A=1,B", &[("A", "1")], ",B");
        broken("A=1,B,C=2", &[("A", "1"), ("C", "2")], "");
        broken("A=1,,C=2", &[("A", "1"), ("C", "2")], "");
        broken("A=1,\"B\"=1,C=2", &[("A", "1"), ("\"B\"", "1"), ("C", "2")], "");
        broken("A=1,=1,C=2", &[("A", "1"), ("", "1"), ("C", "2")], "");
        broken("A=1\"x,C=2", &[("A", "1\"x"), ("C", "2")], "");
        broken("A=x\"y\",C=2", &[("A", "x\"y\""), ("C", "2")], "");
        broken("A=\"1\"x,C=2", &[("A", "1"), ("C", "2")], "");
        broken("A=\"1\"x", &[("A", "1")], "\"x");
        broken("A=\"1\"\"2\",C=2", &[("A", "1"), ("C", "2")], "");
        broken("A=1,B=\"x,C=2", &[("A", "1"), ("B", "x,C=2")], "");
        broken("A=\"1\"2=\",C=\"3\"", &[("A", "1"), ("2", ""), ("C", "3")], "\"");
    }

    #[test]
    fn blanks_and_semicolons_for_commas() {
        for (between, first) in
            [(" ", "1"), ("\t", "1"), (" \t ", "1"), (";", "1"), ("; ", "1;"), (" ; ", "1 ;")]
        {
            let list = ["A=1", between, "B=\"x\"", between, "C-2=\"y\""].concat();
            broken(&list, &[("A", first), ("B", "x"), ("C-2", "y")], "\"");
        }
        broken("A=1 B=2 C=3,D=4", &[("A", "1"), ("B", "2"), ("C", "3"), ("D", "4")], "");
        // All players take these as part of the value.
        clean("A=1 x=2,B=3", &[("A", "1 x=2"), ("B", "3")], "");
        clean("A=1;B=2,C=3", &[("A", "1;B=2"), ("C", "3")], "");
        clean("A=1 B,C=3", &[("A", "1 B"), ("C", "3")], "");
        clean("A=\"1 B=2\",C=3", &[("A", "1 B=2"), ("C", "3")], "");
    }

    #[test]
    fn a_quote_that_is_missing_before_another_attribute() {
        broken("A=\"1,B=\"2\",C=3", &[("A", "1"), ("B", "2"), ("C", "3")], "");
        broken("A=\"1 B=\"2\"", &[("A", "1"), ("B", "2")], "\"");
        broken("A=\"B=\"2\"", &[("A", ""), ("B", "2")], "\"");
        clean("A=\"1,B=\",C=\"2\"", &[("A", "1,B="), ("C", "2")], "\"");
        broken("A=\"1,=\"2\"", &[("A", "1,=")], "\"2\"");
    }

    #[test]
    fn single_quotes() {
        broken("A='1',B='2'", &[("A", "1"), ("B", "2")], "'");
        broken("A= '1' ,B=2", &[("A", "1"), ("B", "2")], "");
        broken("A='1,B=2", &[("A", "'1"), ("B", "2")], "");
        broken("A='", &[("A", "'")], "");
    }

    #[test]
    fn long_lists_are_read_in_one_go() {
        for piece in ["A=1 ", "A=\"1\"", "A ", " ", ";", "A=\"1,B=\"x", "'", "A=;"] {
            let list = piece.repeat(1 << 18);
            let mut attributes = Attributes::new(&list);
            attributes.by_ref().for_each(drop);
        }
    }

    #[test]
    fn an_open_quote_is_seen_at_the_end() {
        let mut attributes = Attributes::new("B=\"x");
        assert!(attributes.next().is_some() && attributes.next().is_none());
        assert!(!attributes.is_clean());
    }
}
