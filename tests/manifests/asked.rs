//! A manifest that was asked for with a link, and where an address in it leads: told by the `url`
//! crate, which knows nothing of Playgate.

use core::fmt;

use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use playgate_manifest::Rewriter;
use url::Url;

pub const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
pub const HOST: &str = "cdn.example.com";
/// What every link here opens.
pub const SCOPE: &str = "/videos/42/";
/// Where every manifest here lies.
pub const FOLDER: &str = "https://cdn.example.com/videos/42/set/";

/// Where the token of the link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
}

pub const PLACES: [Place; 2] = [Place::Path, Place::Query];

/// A request for a manifest.
pub struct Asked {
    ring: KeyRing,
    pub link: String,
}

impl Asked {
    pub fn new(file: &str, place: Place, preview: Option<u64>) -> Self {
        Self::with(file, place, preview, None)
    }

    /// With a token that is exchanged for one that lasts so many seconds.
    pub fn exchanged(file: &str, place: Place, run: u64) -> Self {
        Self::with(file, place, None, Some(run))
    }

    fn with(file: &str, place: Place, preview: Option<u64>, run: Option<u64>) -> Self {
        let ring = KeyRing::parse(KEYS).unwrap();
        let url = format!("{FOLDER}{file}");
        let signer = Signer::new(ring.clone());
        let link = signer.link(&url).directory(2);
        let link = match place {
            Place::Path => link.in_path(),
            Place::Query => link.in_query(),
        };
        let link = match preview {
            Some(secs) => link.preview(secs),
            None => link,
        };
        let link = match run {
            Some(secs) => link.run(secs),
            None => link,
        };
        let link = link.sign(NOW).unwrap().into();
        Self { ring, link }
    }

    pub fn rewriter(&self) -> Rewriter {
        let verifier = Verifier::new(&self.ring);
        let verified = verifier.verify(&Request::new(&self.link), NOW).unwrap();
        Rewriter::new(&verifier, &verified, NOW).unwrap()
    }

    /// The address that a player resolves against.
    pub fn address(&self) -> Url {
        Url::parse(&self.link).unwrap()
    }

    /// Why the gate refuses an address; `None` where it admits it.
    pub fn refusal(&self, address: &Url) -> Option<&'static str> {
        // A fragment is not sent.
        let address = address.as_str().split('#').next().unwrap_or_default();
        let verifier = Verifier::new(&self.ring);
        verifier.verify(&Request::new(address), NOW).err().map(|refusal| refusal.code())
    }
}

/// Where an address leads, once resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// Without a token in its path, and with that path in one spelling.
    pub to: String,
    /// The token in the path, where there is one.
    pub token: Option<String>,
    /// Whether the link that asked for the manifest opens it.
    pub in_scope: bool,
}

/// An address in a manifest, and what it is relative to.
#[derive(Clone)]
pub struct Address {
    pub base: Url,
    pub reference: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from {}", self.reference, self.base)
    }
}

impl Address {
    pub fn lead(&self) -> Option<Led> {
        lead(&self.base, &self.reference)
    }

    pub fn resolved(&self) -> Option<Url> {
        self.base.join(&self.reference).ok()
    }
}

/// Resolves as a player does. `None` where that cannot be done.
pub fn lead(base: &Url, reference: &str) -> Option<Led> {
    let url = base.join(reference).ok()?;
    let here = url.host_str() == Some(HOST)
        && matches!(url.scheme(), "http" | "https")
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !here {
        return Some(Led { to: url.into(), token: None, in_scope: false });
    }
    let (token, path) = match url.path().strip_prefix("/pg=") {
        Some(rest) => {
            let (token, path) = rest.split_once('/').unwrap_or((rest, ""));
            (Some(format!("pg={token}")), format!("/{path}"))
        }
        None => (None, url.path().to_owned()),
    };
    let path = one_spelling(&path);
    let in_scope = path.as_ref().is_ok_and(|path| path.starts_with(SCOPE));
    let mut to = format!("https://{HOST}{}", path.unwrap_or_else(|path| path));
    // A link's own query is no part of the addresses that are relative to it.
    for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
        if let Some(part) = part {
            to.push(mark);
            to.push_str(part);
        }
    }
    Some(Led { to, token, in_scope })
}

/// A path with every escape that need not be one decoded and the others in upper case. An error where a
/// part of it can be read in two ways, so that the gate refuses it.
fn one_spelling(path: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut clear = true;
    // Browsers escape these two, the `url` crate does not.
    let path = path.replace('^', "%5E").replace('|', "%7C");
    let mut rest = path.as_str();
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = code else {
            clear = false;
            out.push('%');
            rest = &rest[at + 1..];
            continue;
        };
        clear &= !matches!(byte, b'/' | b'\\' | 0..=0x1f | 0x7f);
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    let raw = |c: char| c.is_control() || " \"<>`{}\\".contains(c);
    let dots = out.split('/').any(|segment| segment == "." || segment == "..");
    clear &= !(dots || out.contains("//") || out.contains(raw));
    if clear { Ok(out) } else { Err(out) }
}

/// The pieces in which two texts differ, as they stand between quotes, tags or line ends. Panics
/// where anything else differs.
#[track_caller]
pub fn changes<'a>(before: &'a str, after: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut changes = Vec::new();
    let (mut b, mut a) = (before, after);
    loop {
        let same = b.bytes().zip(a.bytes()).take_while(|(b, a)| b == a).count();
        if same == b.len() && same == a.len() {
            return changes;
        }
        let open = |c: char| "\"'>\n[".contains(c);
        let start = b[..floor(b, same)].rfind(open).map_or(0, |at| at + 1);
        let opened = before[..before.len() - b.len() + start].chars().next_back();
        let (old, new) = (&b[start..], &a[start..]);
        let close = |c: char| match opened {
            Some(quote @ ('"' | '\'')) => c == quote,
            Some('>') => c == '<',
            Some('[') => c == ']',
            _ => c == '\n' || c == '\r',
        };
        let old_end = match old.strip_prefix("<![CDATA[") {
            Some(text) => text.find("]]>").map_or(0, |at| at + "<![CDATA[]]>".len()),
            None => old.find(close).unwrap_or(old.len()),
        };
        let new_end = new.find(close).unwrap_or(new.len());
        assert_ne!(old[..old_end], new[..new_end], "they differ outside of addresses: {old} {new}");
        changes.push((&old[..old_end], &new[..new_end]));
        (b, a) = (&old[old_end..], &new[new_end..]);
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
