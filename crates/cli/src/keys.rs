//! The key ring, from a file, standard input or the environment; never from an argument.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use playgate::{KeyRing, redacted};
use zeroize::Zeroizing;

use crate::exit::{self, Failure};

/// The variable that holds the keys where no file is named.
const VARIABLE: &str = "PLAYGATE_KEYS";

/// The most bytes of a file with secrets: several times those of the largest ring.
const MAX_LEN: usize = 64 * 1024;

/// Where the keys are.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// A file with the keys as keygen prints them, one a line; - is standard input
    /// [default: the variable PLAYGATE_KEYS]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// An option that names a file with secrets, for messages.
pub(crate) struct SecretFile {
    /// What the file is called where its name is not shown.
    pub(crate) source: &'static str,
    /// What to put there.
    pub(crate) advice: &'static str,
    /// What to say to somebody who gave the secret instead.
    pub(crate) takes: &'static str,
}

const KEYS: SecretFile = SecretFile {
    source: "the file of --keys",
    advice: "`playgate keygen` prints a key to put there",
    takes: "--keys takes a path, not the key",
};

/// A key ring, and the text that it was read from.
pub(crate) struct Keys {
    pub(crate) ring: KeyRing,
    pub(crate) text: Zeroizing<String>,
}

impl KeyArgs {
    /// Reads the ring. Where `stdin_is_taken`, it cannot come from there.
    pub(crate) fn load(&self, stdin_is_taken: bool) -> Result<Keys, Failure> {
        let (source, text) = match &self.keys {
            Some(file) if file.as_os_str() == "-" => {
                if stdin_is_taken {
                    let message = "with --stdin the keys cannot come from there too; name a file";
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
            let message = "has fewer than 32 bytes: links can be forged by those who guess it";
            exit::say(format_args!("warning: the key `{id}` {message}"));
        }
        Ok(Keys { ring, text })
    }
}

fn from_environment() -> Result<Zeroizing<String>, Failure> {
    match env::var(VARIABLE) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(env::VarError::NotPresent) => Err(Failure::unavailable(
            "no keys; make one with `playgate keygen > keys.txt`, then name the file with \
             --keys keys.txt, or put its text into PLAYGATE_KEYS",
        )),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Failure::unavailable("PLAYGATE_KEYS is not text; put there what keygen prints"))
        }
    }
}

/// Reads a file that holds secrets, and warns where others can do so too.
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
    // All room at once, so that no copy is left behind in memory when it grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN));
    let len = source
        .take(MAX_LEN as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::unavailable(format_args!("cannot read {name}: {error}")))?;
    if len == MAX_LEN {
        return Err(Failure::unavailable(format_args!("{name} is too large to be keys")));
    }
    decoded(&bytes)
        .ok_or_else(|| Failure::unavailable(format_args!("{name} is not text, in UTF-8 or UTF-16")))
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

/// The entries of a key ring: what `.dev.vars` and `.env` give the variable, where that is what the text is;
/// without quotes and comments.
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
    // A value in quotes may go on over several lines.
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

/// The path for messages, unless somebody gave the secret itself instead of a file.
fn name(path: &Path) -> Option<String> {
    /// Characters of the shortest secret.
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
