//! The lines of a playlist.

/// Splits a text after its first line end. Players end a line at a carriage return alone as well.
pub(crate) fn split_line(text: &str) -> (&str, &str) {
    let Some(at) = text.find(['\n', '\r']) else { return (text, "") };
    let (_, end) = text.split_at_checked(at).unwrap_or_default();
    let after = end.strip_prefix("\r\n").or_else(|| end.get(1..)).unwrap_or_default();
    text.split_at_checked(text.len().saturating_sub(after.len())).unwrap_or((text, ""))
}

/// What a playlist starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The header of HLS, and how its line ends.
    Header(&'static str),
    /// Something else that may be a list of addresses, one a line: an M3U file without a header, as
    /// Icecast and many a radio station have them.
    List,
}

/// Looks at how a playlist starts; `None` where it is none: an HTML page, an object of JSON, nothing
/// at all. A byte order mark is against the draft (section 4); hls.js, Shaka Player and ExoPlayer
/// skip it.
pub(crate) fn first(text: &str) -> Option<First> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(after) = text.strip_prefix("#EXTM3U")
        && (after.is_empty() || after.starts_with([' ', '\t', '\r', '\n']))
    {
        let end = after.trim_start_matches(|c| c != '\r' && c != '\n');
        let ends = ["\r\n", "\r"];
        let end = ends.into_iter().find(|line_end| end.starts_with(line_end)).unwrap_or("\n");
        return Some(First::Header(end));
    }
    let text = text.trim_start();
    (!text.is_empty() && !text.starts_with(['<', '{', '['])).then_some(First::List)
}

/// What is in a line before and after `text`, which is a part of it, and ends with it but for blanks.
pub(crate) fn around<'l>(line: &'l str, text: &str) -> (&'l str, &'l str) {
    let end = line.trim_ascii_end().len();
    let start = end.saturating_sub(text.len());
    (line.get(..start).unwrap_or_default(), line.get(end..).unwrap_or_default())
}
