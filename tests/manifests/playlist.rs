//! Playlists, line by line.

/// The attributes that hold an address.
pub const ATTRIBUTES: [&str; 6] =
    ["URI", "X-ASSET-URI", "X-ASSET-LIST", "SERVER-URI", "X-URI", "X-COM-EXAMPLE-URL"];

/// A line, taken apart.
#[derive(Debug)]
pub struct Line<'a> {
    pub text: &'a str,
    pub around: Vec<&'a str>,
    pub addresses: Vec<&'a str>,
}

/// The lines of a playlist. Players end one at a carriage return alone as well.
pub fn lines(playlist: &str) -> impl Iterator<Item = Line<'_>> {
    playlist.split_inclusive(['\n', '\r']).map(split)
}

/// Finds the addresses of a line.
pub fn split(line: &str) -> Line<'_> {
    let end = line.trim_ascii_end().len();
    let start = end - line[..end].trim_ascii_start().len();
    let (body, mut around) = (&line[start..end], vec![&line[..start]]);
    let mut addresses = Vec::new();
    if let Some(address) = body.strip_prefix("#EXT-X-PREFETCH:") {
        addresses.push(address.trim_ascii());
        around.push(&address[..address.len() - address.trim_ascii_start().len()]);
    } else if let Some(tag) = tag(body) {
        let mut rest = body;
        let mut at = body[tag..].find(':').map_or(body.len(), |colon| tag + colon + 1);
        while let Some(equals) = rest[at..].find('=').map(|equals| at + equals) {
            let name = rest[at..equals].trim_end().rsplit(BETWEEN).next().unwrap_or_default();
            let from =
                equals + 1 + rest[equals + 1..].len() - rest[equals + 1..].trim_start().len();
            let (from, to) = match rest[from..].strip_prefix('"') {
                Some(open) => (from + 1, from + 1 + quoted(open)),
                None => {
                    let value = rest[from..from + unquoted(&rest[from..])].trim_end();
                    // Video.js takes these off.
                    match value.strip_prefix('\'').and_then(|open| open.strip_suffix(['"', '\''])) {
                        Some(inner) => (from + 1, from + 1 + inner.len()),
                        None => (from, from + value.len()),
                    }
                }
            };
            if is_address(name) || is_exported(body, name, &rest[from..to]) {
                around.push(&rest[..from]);
                addresses.push(&rest[from..to]);
                rest = &rest[to..];
                at = 0;
            } else {
                at = to;
            }
            at += usize::from(rest[at..].starts_with(['"', '\'']));
        }
        around.push(rest);
    } else if body.is_empty() || body.starts_with('#') {
        around.push(body);
    } else {
        addresses.push(body);
    }
    around.push(&line[end..]);
    Line { text: line, around, addresses }
}

/// What ends an attribute for some player.
const BETWEEN: [char; 4] = [',', ';', ' ', '\t'];

/// Where a value behind a quote ends. Players read one that stays open to the end of the line, ExoPlayer up to
/// the next attribute with quotes.
fn quoted(open: &str) -> usize {
    let Some(to) = open.find('"') else { return open.len() };
    let next_starts = |at: &usize| {
        let name = open[*at..to].strip_suffix('=').unwrap_or_default();
        is_name(name) && (*at == 0 || open[..*at].ends_with(BETWEEN))
    };
    if open[to + 1..].is_empty() || open[to + 1..].starts_with(BETWEEN) {
        return to;
    }
    let starts = (0..to).filter(|at| open.is_char_boundary(*at)).find(next_starts);
    starts.map_or(to, |at| open[..at].trim_end_matches(BETWEEN).len())
}

/// Where a value without quotes ends: at a comma, or before another attribute.
fn unquoted(text: &str) -> usize {
    let starts_another = |after: &str, sign: &str| {
        let name = after.split('=').next().unwrap_or_default();
        is_name(name) && after[name.len()..].starts_with(sign)
    };
    let ends = |(at, between): &(usize, char)| match between {
        ',' => true,
        ';' => starts_another(&text[at + 1..], "=\""),
        ' ' | '\t' => starts_another(&text[at + 1..], "="),
        _ => false,
    };
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(is_part)
}

/// Where a tag starts that some player reads: hls.js finds these in comments as well.
fn tag(body: &str) -> Option<usize> {
    if body.starts_with("#EXT") {
        return Some(0);
    }
    let at = body.strip_prefix('#')?.find("#EXT-X-")? + 1;
    let found = ["CONTENT-STEERING", "I-FRAME-STREAM-INF", "MEDIA", "SESSION-DATA", "SESSION-KEY"];
    let is = |name: &&str| body[at..].starts_with(&format!("#EXT-X-{name}:"));
    found.iter().any(is).then_some(at)
}

/// Whether the value of a variable is an address by itself, which other playlists may import.
fn is_exported(body: &str, name: &str, value: &str) -> bool {
    let is_absolute = value.starts_with(['/', '{']) || value.contains("://");
    body.starts_with("#EXT-X-DEFINE:") && name.trim() == "VALUE" && is_absolute
}

fn is_address(name: &str) -> bool {
    ATTRIBUTES.contains(&name.trim())
}

/// The variables that a playlist defines itself.
#[derive(Clone, Default)]
pub struct Variables(Vec<(String, String)>);

impl Variables {
    /// Takes a line; the first definition of a name counts, with what was defined before it put in.
    pub fn take(&mut self, line: &str) {
        let list = line.trim().strip_prefix("#EXT-X-DEFINE:NAME=\"");
        let definition = list.and_then(|list| list.strip_suffix('"')?.split_once("\",VALUE=\""));
        if let Some((name, value)) = definition
            && !value.contains('"')
            && !self.0.iter().any(|(known, _)| known == name)
        {
            self.0.push((name.to_owned(), self.expand(value)));
        }
    }

    /// Puts them in.
    pub fn expand(&self, address: &str) -> String {
        self.0.iter().fold(address.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{${name}}}"), value)
        })
    }
}
