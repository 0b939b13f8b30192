//! Attribute lists (draft-pantos-hls-rfc8216bis, section 4.2), as players read them.

/// One `NAME=value` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// All between the value before and this one: an end quote, comma, name, `=` and quote.
    pub(crate) lead: &'a str,
    pub(crate) name: &'a str,
    /// Without its quotes.
    pub(crate) value: &'a str,
    pub(crate) quoted: bool,
}

/// The attributes of a list, from left to right. The leads, the values and the rest, put together,
/// are the list byte for byte.
///
/// No player stops where the grammar breaks, so neither does this. What it takes beyond the draft,
/// each as at least one of hls.js, Shaka Player, FFmpeg and ExoPlayer does:
///
/// - blanks around names, `=` and commas, and commas without an attribute between them
/// - a word without a value before a name: ExoPlayer searches the line for `URI="`
/// - text between an end quote and the next comma
/// - a quote that stays open: Shaka Player and FFmpeg read on to the end of the line
/// - quotes within a value without quotes
///
/// [`Attributes::is_clean`] tells a list that keeps to the grammar.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a str,
    /// Whether the rest starts with the end quote of the value before.
    in_quotes: bool,
    is_first: bool,
    is_clean: bool,
}

impl<'a> Attributes<'a> {
    /// Of the text after the colon of a tag.
    pub(crate) const fn new(list: &'a str) -> Self {
        Self { rest: list, in_quotes: false, is_first: true, is_clean: true }
    }

    /// All after the last value that was read.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Whether what was read keeps to the grammar, so that all players read the same.
    pub(crate) const fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// What comes after the value before: the next attribute with the text before it, if any.
    fn after_value(&mut self) -> &'a str {
        let mut text = self.rest;
        if self.in_quotes {
            match text.strip_prefix('"') {
                Some(after) => text = after,
                None => self.is_clean = false,
            }
        }
        if self.is_first {
            return text;
        }
        match text.split_once(',') {
            Some((junk, after)) => {
                self.is_clean &= junk.trim().is_empty();
                after
            }
            None => {
                self.is_clean &= text.trim().is_empty();
                ""
            }
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.after_value();
        let Some((before, after)) = text.split_once('=') else {
            // A comma at the end is in many lists.
            self.is_clean &= text.trim().is_empty();
            return None;
        };
        let name = before.rsplit_once(',').map_or(before, |(_, name)| name).trim();
        self.is_clean &= !name.is_empty() && !name.contains('"') && before.trim() == name;
        let from_value = after.trim_start();
        let (from_value, value, quoted) = match from_value.strip_prefix('"') {
            Some(open) => (open, open.split_once('"').map_or(open, |(value, _)| value), true),
            None => {
                let value = from_value.split_once(',').map_or(from_value, |(value, _)| value);
                (from_value, value.trim_end(), false)
            }
        };
        self.is_clean &= quoted || !value.contains('"');
        let lead = self.rest.len().saturating_sub(from_value.len());
        let (lead, from_value) = self.rest.split_at_checked(lead)?;
        self.rest = from_value.get(value.len()..)?;
        self.in_quotes = quoted;
        self.is_first = false;
        Some(Attribute { lead, name, value, quoted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    /// Names and values, and what is left then. Whether the list keeps to the grammar.
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
        clean(" A=1 , B=\"x\" ,", &[("A", "1"), ("B", "x")], "\" ,");
        clean("A=,B=2", &[("A", ""), ("B", "2")], "");
        clean("A = 1,\tB =\t\"x\"", &[("A", "1"), ("B", "x")], "\"");
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
    }

    #[test]
    fn an_open_quote_is_seen_at_the_end() {
        let mut attributes = Attributes::new("B=\"x");
        assert!(attributes.next().is_some() && attributes.next().is_none());
        assert!(!attributes.is_clean());
    }
}
