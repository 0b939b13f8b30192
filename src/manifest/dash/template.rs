//! Identifiers in the templates of addresses (ISO/IEC 23009-1, section 5.3.9.4.4).

use alloc::string::{String, ToString as _};

const ID: &str = "RepresentationID";

/// The most digits that a width may ask for: as many as the largest number has.
const MAX_WIDTH: usize = 20;

/// What identifiers stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) bandwidth: Option<u64>,
    pub(super) number: Option<u64>,
    pub(super) time: Option<u64>,
}

/// Fills a template in. `None` where it asks for what is not known, or is none.
pub(super) fn fill(template: &str, values: &Values<'_>) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (identifier, after) = after.split_once('$')?;
        rest = after;
        let (name, width) = match identifier.split_once('%') {
            Some((name, format)) => (name, format.strip_prefix('0')?.strip_suffix('d')?),
            None => (identifier, ""),
        };
        let number = match name {
            "" if identifier.is_empty() => {
                out.push('$');
                continue;
            }
            ID if identifier == ID => {
                out.push_str(values.id?);
                continue;
            }
            "Bandwidth" => values.bandwidth?,
            "Number" => values.number?,
            "Time" => values.time?,
            _ => return None,
        };
        let digits = number.to_string();
        let width = if width.is_empty() && name == identifier { 0 } else { width.parse().ok()? };
        if width > MAX_WIDTH {
            return None;
        }
        out.extend((digits.len()..width).map(|_| '0'));
        out.push_str(&digits);
    }
    out.push_str(rest);
    Some(out)
}

/// Whether a template holds the id of its Representation.
pub(super) fn has_id(template: &str) -> bool {
    identifiers(template).any(|identifier| identifier.starts_with(ID))
}

/// Whether a template has another address for each segment.
pub(super) fn tells_apart(template: &str) -> bool {
    let mut identifiers = identifiers(template);
    identifiers.any(|identifier| identifier.starts_with("Number") || identifier.starts_with("Time"))
}

fn identifiers(template: &str) -> impl Iterator<Item = &str> {
    template.split('$').skip(1).step_by(2)
}

/// Whether an id only fills a part of a path segment: it has characters of one, no escapes, none that
/// could make a scheme, a query or another identifier, and is neither empty nor dots alone.
pub(super) fn is_plain_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!'()*+,;=@".contains(&byte);
    id.bytes().all(is_plain) && !id.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_filled_in() {
        let values = Values { id: Some("a$"), bandwidth: Some(800), number: Some(7), time: None };
        for (template, expected) in [
            ("", Some("")),
            ("a.mp4", Some("a.mp4")),
            ("$RepresentationID$/$Number$.m4s", Some("a$/7.m4s")),
            ("$Number%05d$", Some("00007")),
            ("$Number%01d$-$Bandwidth%02d$", Some("7-800")),
            ("a$$b$$$Number$", Some("a$b$7")),
            ("$Number", None),
            ("$Time$", None),
            ("$SubNumber$", None),
            ("$number$", None),
            ("$Number%5d$", None),
            ("$Number%0d$", None),
            ("$Number%05x$", None),
            ("$Number%$", None),
            ("$Number%0999d$", None),
            ("$RepresentationID%05d$", None),
            ("$%05d$", None),
        ] {
            assert_eq!(fill(template, &values).as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn what_a_template_holds() {
        assert!(has_id("a/$RepresentationID$") && !has_id("RepresentationID-$Number$"));
        for template in ["$Number$", "a$Number%05d$", "$RepresentationID$-$Time$"] {
            assert!(tells_apart(template), "{template}");
        }
        for template in ["film.mp4", "$RepresentationID$", "Number$$Time", "$$Number$$"] {
            assert!(!tells_apart(template), "{template}");
        }
    }
}
