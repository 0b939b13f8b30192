//! Identifiers in the templates of addresses (ISO/IEC 23009-1, section 5.3.9.4.4).

use crate::address::read_format;

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
        let at = identifier.find('%').unwrap_or(identifier.len());
        let (name, format) = identifier.split_at_checked(at)?;
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
        let (width, conversion) = if format.is_empty() { ("0", 'd') } else { read_format(format)? };
        let digits = match conversion {
            'x' => format!("{number:x}"),
            'X' => format!("{number:X}"),
            'o' => format!("{number:o}"),
            _ => number.to_string(),
        };
        let width: usize = width.parse().ok()?;
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

/// What the ids of some Representations make of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// Whether one does more than to fill segments of a path.
    has_odd: bool,
    /// Whether one fills more than a part of one segment.
    has_deep: bool,
}

impl Ids {
    /// An id only fills segments where it has characters of these, no escapes, none that could make a
    /// scheme, a query or another identifier, and where no segment is empty or dots.
    pub(super) fn of(id: &str) -> Self {
        let is_unreserved_path =
            |c: char| c.is_alphanumeric() || c == ' ' || "-._~!'()*+,=@".contains(c);
        let is_segment = |segment: &str| {
            segment.chars().all(is_unreserved_path) && !segment.chars().all(|c| c == '.')
        };
        let is_trimmed = !id.starts_with(' ') && !id.ends_with(' ');
        Self { has_odd: !is_trimmed || !id.split('/').all(is_segment), has_deep: id.contains('/') }
    }

    /// Those of a Representation without an id.
    pub(super) const fn odd() -> Self {
        Self { has_odd: true, has_deep: false }
    }

    pub(super) const fn join(&mut self, others: Self) {
        self.has_odd |= others.has_odd;
        self.has_deep |= others.has_deep;
    }

    /// Whether a template leads to the same directory before they are filled in and after.
    pub(super) fn fit(self, template: &str) -> bool {
        if !has_id(template) {
            return true;
        }
        // A dot segment would take off less of an id than the id has.
        let has_dots = |template: &str| {
            let lower = template.to_ascii_lowercase().replace("%2e", ".");
            lower.split('/').any(|segment| segment == "..")
        };
        !(self.has_odd || self.has_deep && has_dots(template))
    }
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
            ("$Bandwidth%08x$-$Bandwidth%01X$-$Bandwidth%05o$", Some("00000320-320-01440")),
            ("$Number%03$-$Number%03u$", Some("007-007")),
            ("a$$b$$$Number$", Some("a$b$7")),
            ("$Number", None),
            ("$Time$", None),
            ("$SubNumber$", None),
            ("$number$", None),
            ("$Number%5d$", None),
            ("$Number%0d$", None),
            ("$Number%05e$", None),
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
