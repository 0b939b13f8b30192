//! Attribute lists (draft-pantos-hls-rfc8216bis, section 4.2).

/// One `NAME=value` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    /// All that stands between the value before and this one: an end quote, comma, name, `=` and
    /// quote.
    pub(crate) lead: &'a str,
    pub(crate) name: &'a str,
    /// Without its quotes.
    pub(crate) value: &'a str,
    pub(crate) quoted: bool,
}

/// The grammar ends here: a quote stays open, a value has no name, or a name no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// The attributes of a list, from left to right. The leads, the values and the rest, put together,
/// are the list byte for byte.
///
/// Players take blanks around a name and a comma at the end, so both are taken here.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a str,
    /// What the rest has to start with: nothing, a comma, or a quote and a comma.
    after: After,
}

#[derive(Clone, Copy, Debug)]
enum After {
    Nothing,
    Quoted,
    Unquoted,
}

impl<'a> Attributes<'a> {
    /// Of the text behind the colon of a tag.
    pub(crate) const fn new(list: &'a str) -> Self {
        Self { rest: list, after: After::Nothing }
    }

    /// What has not been read: all behind the last value, or behind that before the broken one.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Reads the next attribute; `None` at the end.
    fn read(&self) -> Result<Option<(Attribute<'a>, Self)>, Broken> {
        let text = match self.after {
            After::Quoted => self.rest.strip_prefix('"').ok_or(Broken)?,
            After::Nothing | After::Unquoted => self.rest,
        };
        let text = text.trim_start();
        let text = match self.after {
            After::Quoted | After::Unquoted if !text.is_empty() => {
                text.strip_prefix(',').ok_or(Broken)?
            }
            _ => text,
        };
        if text.trim_start().is_empty() {
            return Ok(None);
        }
        let (name, from_value) = text.split_once('=').ok_or(Broken)?;
        let name = name.trim();
        if name.is_empty() || name.contains(['"', ',']) {
            return Err(Broken);
        }
        let (from_value, value, quoted) = match from_value.strip_prefix('"') {
            Some(open) => (open, open.split_once('"').ok_or(Broken)?.0, true),
            None => {
                let value = from_value.split_once(',').map_or(from_value, |(value, _)| value);
                let value = value.trim_end();
                if value.contains('"') {
                    return Err(Broken);
                }
                (from_value, value, false)
            }
        };
        let lead = self.rest.len().saturating_sub(from_value.len());
        let (lead, from_value) = self.rest.split_at_checked(lead).ok_or(Broken)?;
        let rest = from_value.strip_prefix(value).ok_or(Broken)?;
        let after = if quoted { After::Quoted } else { After::Unquoted };
        Ok(Some((Attribute { lead, name, value, quoted }, Self { rest, after })))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let (attribute, behind) = match self.read() {
            Ok(next) => next?,
            Err(broken) => return Some(Err(broken)),
        };
        *self = behind;
        Some(Ok(attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    /// Names and values up to the end or the break, and what is left then.
    #[track_caller]
    fn reads<'a>(list: &'a str, expected: &[(&str, &str)], rest: &str) {
        let mut attributes = Attributes::new(list);
        let mut copy = String::new();
        let mut read: Vec<(&'a str, &'a str)> = Vec::new();
        for attribute in attributes.by_ref() {
            let Ok(attribute) = attribute else { break };
            copy.push_str(attribute.lead);
            copy.push_str(attribute.value);
            read.push((attribute.name, attribute.value));
        }
        assert_eq!(read, expected, "{list}");
        assert_eq!(attributes.rest(), rest, "{list}");
        copy.push_str(rest);
        assert_eq!(copy, list);
    }

    #[test]
    fn quoted_and_unquoted() {
        reads("", &[], "");
        reads("A=1", &[("A", "1")], "");
        reads("A=1,B=\"x\"", &[("A", "1"), ("B", "x")], "\"");
        reads("B=\"\",A=0x1F", &[("B", ""), ("A", "0x1F")], "");
        reads("X-A-1=1920x1080,C=-1.5", &[("X-A-1", "1920x1080"), ("C", "-1.5")], "");
    }

    #[test]
    fn commas_and_names_within_quotes() {
        reads("A=\"x,URI=y\",URI=\"z\"", &[("A", "x,URI=y"), ("URI", "z")], "\"");
    }

    #[test]
    fn blanks_and_a_last_comma_as_players_take_them() {
        reads(" A=1 , B=\"x\" ,", &[("A", "1"), ("B", "x")], "\" ,");
        reads("A=,B=2", &[("A", ""), ("B", "2")], "");
    }

    #[test]
    fn up_to_the_break() {
        for broken in [",B", ",\"B\"=1", ",,B=1", ",=1", ",B=\"x", ",B=x\"y\""] {
            reads(&["A=1", broken].concat(), &[("A", "1")], broken);
        }
        reads("A=\"1\"x,B=2", &[("A", "1")], "\"x,B=2");
        reads("A=1\"x", &[], "A=1\"x");
    }
}
