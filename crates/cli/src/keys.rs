//! Reads the key ring from a file, standard input or the environment, but never from an argument.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use playgate::{KeyRing, redacted};
use zeroize::Zeroizing;

use crate::exit::{self, Failure};

/// The variable that holds the keys if no file is named.
const VARIABLE: &str = "PLAYGATE_KEYS";

/// The most bytes of a file with secrets, several times the size of the largest ring.
const MAX_LEN: usize = 64 * 1024;

/// Where the keys are.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// A file with keys as keygen prints them, one per line; - means standard input
    /// [default: the variable PLAYGATE_KEYS]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// An option that names a file with secrets, for messages.
pub(crate) struct SecretFile {
    /// What to call the file if its name must not be shown.
    pub(crate) source: &'static str,
    /// What to do if the file does not exist.
    pub(crate) advice: &'static str,
    /// The hint for someone who passed the secret itself.
    pub(crate) takes: &'static str,
}

const KEYS: SecretFile = SecretFile {
    source: "the file in --keys",
    advice: "`playgate keygen` prints a key to put there",
    takes: "--keys takes a path, not the key",
};

/// A key ring, and the text from which it was read.
pub(crate) struct Keys {
    pub(crate) ring: KeyRing,
    pub(crate) text: Zeroizing<String>,
}

impl KeyArgs {
    /// Reads the ring. If `stdin_is_taken`, the ring cannot come from standard input.
    pub(crate) fn load(&self, stdin_is_taken: bool) -> Result<Keys, Failure> {
        let (source, text) = match &self.keys {
            Some(file) if file.as_os_str() == "-" => {
                if stdin_is_taken {
                    let message =
                        "with --stdin, the keys cannot come from standard input too; name a file";
                    return Err(Failure::usage(message));
                }
                ("standard input".into(), read(&mut io::stdin().lock(), "standard input")?)
            }
            Some(file) => {
                let text = read_file(file, &KEYS)?;
                (name(file).unwrap_or_else(|| KEYS.source.into()), text)
            }
            None => (VARIABLE.into(), from_environment()?),
        };
        let text = plain(&text);
        let ring = KeyRing::parse(&text).map_err(|error| {
            let (entry, error) = (error.entry, error.error);
            Failure::unavailable(format_args!("{source}, entry {entry}: {error}"))
        })?;
        for id in ring.short_ids() {
            let message =
                "has fewer than 32 bytes; anyone who guesses it can forge links; use a longer key";
            exit::say(format_args!("warning: the key `{id}` {message}"));
        }
        Ok(Keys { ring, text })
    }
}

/// The entries in a file of keys.
pub(crate) fn text(file: &Path) -> Result<Zeroizing<String>, Failure> {
    Ok(plain(&read_file(file, &KEYS)?))
}

fn from_environment() -> Result<Zeroizing<String>, Failure> {
    match env::var(VARIABLE) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(env::VarError::NotPresent) => Err(Failure::unavailable(
            "no keys; run `playgate keygen > keys.txt`, then use --keys keys.txt or set \
             PLAYGATE_KEYS to the text of the file",
        )),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Failure::unavailable("PLAYGATE_KEYS is not text; set it to what keygen prints"))
        }
    }
}

/// Reads a file that holds secrets, and warns if other users can read it too.
pub(crate) fn read_file(path: &Path, option: &SecretFile) -> Result<Zeroizing<String>, Failure> {
    let shown = name(path);
    let mut file = File::open(path).map_err(|error| {
        let SecretFile { source, advice, takes } = option;
        Failure::unavailable(match (error.kind(), &shown) {
            (io::ErrorKind::NotFound, Some(name)) => format!("there is no file {name}; {advice}"),
            (io::ErrorKind::NotFound, None) => format!("there is no such file; {takes}"),
            (_, Some(name)) => format!("cannot read {name}: {error}"),
            (_, None) => format!("cannot read {source}: {error}; {takes}"),
        })
    })?;
    let name = shown.unwrap_or_else(|| option.source.into());
    if is_open_to_others(&file) {
        exit::say(format_args!("warning: other users can read {name}; run `chmod o-rwx` on it"));
    }
    read(&mut file, &name)
}

fn read(source: &mut dyn Read, name: &str) -> Result<Zeroizing<String>, Failure> {
    // Allocate everything at once: if the vector grew, it would leave a copy in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN));
    let len = source
        .take(MAX_LEN as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::unavailable(format_args!("cannot read {name}: {error}")))?;
    if len == MAX_LEN {
        return Err(Failure::unavailable(format_args!(
            "{name} is too large; it must be smaller than 64 KiB"
        )));
    }
    decoded(&bytes)
        .ok_or_else(|| Failure::unavailable(format_args!("{name} is not UTF-8 or UTF-16 text")))
}

/// The text of a file, without a byte order mark: UTF-8, or UTF-16, which PowerShell's `>` writes.
fn decoded(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let (units, from_bytes): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xff, 0xfe, units @ ..] => (units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => (units, u16::from_be_bytes),
        // Keys are ASCII: every other byte is zero.
        [first, 0, ..] if *first != 0 => (bytes, u16::from_le_bytes),
        [0, _, ..] => (bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => {
            return core::str::from_utf8(text).ok().map(|text| Zeroizing::new(text.to_owned()));
        }
    };
    let (pairs, rest) = units.as_chunks();
    let mut text = Zeroizing::new(String::with_capacity(units.len()));
    for unit in char::decode_utf16(pairs.iter().map(|pair| from_bytes(*pair))) {
        text.push(unit.ok()?);
    }
    rest.is_empty().then_some(text)
}

/// The entries of a key ring, without quotes and comments. If the text is a `.dev.vars` or `.env` file, these
/// are the value of the variable.
fn plain(text: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(text.len()));
    let value = text.lines().enumerate().find_map(|(number, line)| {
        let line = line.trim_start();
        let line =
            line.strip_prefix("export ").or_else(|| line.strip_prefix("$env:")).unwrap_or(line);
        let value = line.trim_start().strip_prefix(VARIABLE)?.trim_start().strip_prefix('=')?;
        Some((number, value.trim()))
    });
    let mut push = |line: &str| {
        let line = line.trim();
        if !line.starts_with('#') {
            for entry in line.split(',') {
                let entry = entry.trim_matches(|c: char| c.is_whitespace() || "\"'".contains(c));
                if !entry.is_empty() && !kept.is_empty() {
                    kept.push('\n');
                }
                kept.push_str(entry);
            }
        }
    };
    let Some((number, value)) = value else {
        text.lines().for_each(push);
        return kept;
    };
    push(value);
    // A quoted value may span several lines.
    if let Some(quote @ ('"' | '\'')) = value.chars().next()
        && !value.get(1..).unwrap_or_default().contains(quote)
    {
        for line in text.lines().skip(number.saturating_add(1)) {
            push(line);
            if line.contains(quote) {
                break;
            }
        }
    }
    kept
}

/// The path, for messages. `None` if the path may be the secret itself, given by mistake.
fn name(path: &Path) -> Option<String> {
    /// Characters in the shortest secret.
    const SHORTEST: usize = 16;
    let name = path.display().to_string();
    let has = |class: fn(&u8) -> bool| name.as_bytes().iter().any(class);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase);
    let like_path = name.contains('.') || (name.contains(['/', '\\']) && !is_mixed);
    let is_secret = redacted(&name) != name || (name.len() >= SHORTEST && !like_path);
    (!is_secret).then_some(name)
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> bool {
    false
}
