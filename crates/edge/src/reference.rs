//! Reference tokens: `pg=ref.` and 43 characters, in any placement. Their tokens are in a record.

const START: &str = "pg=ref.";
const LEN: usize = START.len() + 43;

/// Whether a text is a reference with its name.
pub(crate) fn is_reference(text: &str) -> bool {
    in_text(text).any(|(_, found)| found.len() == text.len())
}

/// A text in which a reference is replaced by its token: a request with two tokens is ambiguous with two references as
/// well.
pub(crate) fn replaced(text: &str, reference: &str, token: &str) -> String {
    let (mut replaced, mut end) = (String::with_capacity(text.len()), 0);
    for (at, _) in in_text(text).filter(|(_, found)| *found == reference) {
        replaced.push_str(text.get(end..at).unwrap_or_default());
        replaced.push_str(token);
        end = at.saturating_add(LEN);
    }
    replaced.push_str(text.get(end..).unwrap_or_default());
    replaced
}

/// The references in a text, with their positions. Each is a whole path segment, parameter, cookie or bearer token.
fn in_text(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices(START).filter_map(move |(at, _)| {
        let end = at.checked_add(LEN)?;
        let reference = text.get(at..end)?;
        let before = at.checked_sub(1).and_then(|last| text.as_bytes().get(last));
        let after = text.as_bytes().get(end);
        let is_border = |byte: Option<&u8>| byte.is_none_or(|byte| b"/?&; ".contains(byte));
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_whole = is_border(before) && is_border(after);
        (is_whole && reference.bytes().skip(START.len()).all(is_id)).then_some((at, reference))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_references_are_replaced() {
        let id = "a".repeat(43);
        let name = format!("pg=ref.{id}");
        assert!(is_reference(&name));
        for text in ["", "pg=ref.", &name[1..], &format!("{name}a"), &format!(" {name}")] {
            assert!(!is_reference(text), "{text}");
        }
        for (text, expected) in [
            (format!("https://h/a?{name}"), "https://h/a?T".to_string()),
            (format!("https://h/a?b=1&{name}&c=2"), "https://h/a?b=1&T&c=2".into()),
            (format!("https://h/{name}/a?{name}"), "https://h/T/a?T".into()),
            (format!("a=b; {name}; c=d"), "a=b; T; c=d".into()),
            (format!("Bearer {name}"), "Bearer T".into()),
        ] {
            assert_eq!(replaced(&text, &name, "T"), expected);
        }
        for text in [
            format!("https://h/a?v={name}"),
            format!("https://h/a?{name}a"),
            format!("https://h/x{name}/"),
            format!("https://h/a?pg=ref.{}*", &id[1..]),
            format!("https://h/a?pg=ref.{}", &id[1..]),
        ] {
            assert_eq!(replaced(&text, &name, "T"), text);
        }
        let both = format!("https://h/a?v={name}&{name}");
        assert_eq!(replaced(&both, &name, "T"), format!("https://h/a?v={name}&T"));
    }
}
