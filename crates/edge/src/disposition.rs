//! `Content-Disposition` (RFC 6266).

use playgate::{DownloadName, percent::push_encoded};

/// The header's value for a file of this name, to be saved or to be shown.
pub(crate) fn of(name: DownloadName<'_>) -> String {
    value(if name.is_inline() { "inline" } else { "attachment" }, &name.decode())
}

/// Old clients read `filename`, which gets `_` for every character that could end the quoted
/// string, be read as an escape or name a folder; all others read `filename*` (RFC 8187).
fn value(kind: &str, name: &str) -> String {
    let fallback: String =
        name.chars().map(|c| if is_unreserved_path(c) { c } else { '_' }).collect();
    let mut value = format!("{kind}; filename=\"{fallback}\"");
    if fallback != name {
        value.push_str("; filename*=UTF-8''");
        // A name is one file, not a way to another folder (RFC 6266, section 4.3).
        push_encoded(&name.replace(['/', '\\'], "_"), is_attr_char, &mut value);
    }
    value
}

/// A character that every client reads alike within a quoted string.
fn is_unreserved_path(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '/' | '%')
}

/// RFC 8187, section 3.2.1.
const fn is_attr_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(name: &str) -> String {
        value("attachment", name)
    }

    #[test]
    fn a_file_is_saved_or_shown() {
        let of = |value: &str| of(DownloadName::parse(value).unwrap());
        assert_eq!(of("RmlsbQ"), r#"attachment; filename="Film""#);
        assert_eq!(of("inline.RmlsbQ"), r#"inline; filename="Film""#);
    }

    #[test]
    fn plain_names_need_one_spelling() {
        assert_eq!(attachment("Film 1.mp4"), r#"attachment; filename="Film 1.mp4""#);
        assert_eq!(attachment("a;b=c.mp4"), r#"attachment; filename="a;b=c.mp4""#);
    }

    #[test]
    fn other_names_have_both() {
        assert_eq!(
            attachment("São João.mp4"),
            "attachment; filename=\"S_o Jo_o.mp4\"; filename*=UTF-8''S%C3%A3o%20Jo%C3%A3o.mp4"
        );
        assert_eq!(
            attachment("100%.mp4"),
            "attachment; filename=\"100_.mp4\"; filename*=UTF-8''100%25.mp4"
        );
    }

    #[test]
    fn nothing_escapes_from_the_value() {
        assert_eq!(
            attachment("a\"; filename=\"b.exe\r\nSet-Cookie: x"),
            "attachment; filename=\"a_; filename=_b.exe__Set-Cookie: x\"; \
             filename*=UTF-8''a%22%3B%20filename%3D%22b.exe%0D%0ASet-Cookie%3A%20x"
        );
        assert_eq!(
            attachment("../a\\b"),
            "attachment; filename=\".._a_b\"; filename*=UTF-8''.._a_b"
        );
    }

    proptest::proptest! {
        /// Whatever the name: one value of printable ASCII, two quotes, and the name comes back, less the
        /// slashes that would lead to another folder.
        #[test]
        fn any_name_comes_back_and_nothing_else(name in "\\PC{1,80}|(?s).{1,80}") {
            let value = attachment(&name);
            assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value}");
            let (fallback, rest) = value
                .strip_prefix("attachment; filename=\"")
                .and_then(|value| value.split_once('"'))
                .unwrap();
            assert!(!fallback.contains(['\\', '/', '%']) && !rest.contains('"'), "{value}");
            let read = match rest.strip_prefix("; filename*=UTF-8''") {
                Some(encoded) => decoded(encoded),
                None => {
                    assert_eq!(rest, "");
                    fallback.into()
                }
            };
            assert_eq!(read, name.replace(['/', '\\'], "_"));
        }
    }

    /// What RFC 8187, section 3.2.1, makes of an extended value; nothing but its characters may be there.
    fn decoded(value: &str) -> String {
        let mut bytes = value.bytes();
        let mut name = std::vec::Vec::new();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = core::str::from_utf8(&digits).unwrap();
                name.push(u8::from_str_radix(digits, 16).unwrap());
            } else {
                assert!(byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte), "{value}");
                name.push(byte);
            }
        }
        String::from_utf8(name).unwrap()
    }
}
