//! Playlists, line by line.

/// The attributes that hold an address.
pub const ATTRIBUTES: [&str; 5] = ["URI", "X-ASSET-URI", "X-ASSET-LIST", "SERVER-URI", "X-URI"];

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
    } else if body.starts_with("#EXT") {
        // Every second piece is a quoted string.
        let tag = body.find(':').map_or(body.len(), |colon| colon + 1);
        around.push(&body[..tag]);
        let mut rest = &body[tag..];
        loop {
            let (plain, behind) = rest.split_once('"').map_or((rest, None), |(p, b)| (p, Some(b)));
            for attribute in plain.split(',') {
                match attribute.split_once('=') {
                    Some((name, value)) if is_address(name) => {
                        around.push(name);
                        addresses.push(value.trim_ascii_end());
                    }
                    _ => around.push(attribute),
                }
            }
            let Some(behind) = behind else { break };
            let Some((quoted, behind)) = behind.split_once('"') else {
                around.push(behind);
                break;
            };
            let name = plain.rsplit(',').next().and_then(|last| last.strip_suffix('='));
            if name.is_some_and(is_address) {
                // The empty value before the quote.
                addresses.pop();
                addresses.push(quoted);
            } else {
                around.push(quoted);
            }
            rest = behind;
        }
    } else if body.is_empty() || body.starts_with('#') {
        around.push(body);
    } else {
        addresses.push(body);
    }
    around.push(&line[end..]);
    Line { text: line, around, addresses }
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
