//! `playgate rewrite`: a manifest as the gate would serve it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use playgate::{KeyRing, UnixTime, redacted};
use playgate_json::{GateOptions, Verdict};
use playgate_manifest::{AddressReport, Kind, ManifestError, PublicPaths, Rewriter};
use serde::Serialize;

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::verify::{Beside, GateArgs};

/// The most bytes of a manifest that any gate reads: the upper end of its variable MAX_MANIFEST_BYTES.
const MAX_LEN: usize = 8 << 20;

/// Print a manifest as the gate would serve it
///
/// Reads an HLS playlist or a DASH MPD from FILE or from standard input, checks the link as `verify`
/// does, and prints the manifest with the token in the addresses that need it: for whoever wants to know
/// why a segment is refused. The output has a token that works, so treat it as you treat the link.
///
/// With --json it prints a list instead: each address, what it becomes and why. TOKEN stands for every
/// token there, so the list can be shared.
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate rewrite --keys keys.txt 'https://cdn.example.com/.../master.m3u8' master.m3u8
  curl -s http://origin/videos/42/master.m3u8 |
      playgate rewrite --keys keys.txt --json 'https://cdn.example.com/.../master.m3u8'

WHY an address is written so, in --json:
  token              it has the token
  signed             it has a token of its own, as in a preview
  inherits           it is relative, and the token is in the path of the manifest
  has_token          it carried a token already
  public             it is served without a token
  outside_directory  it is on this host, and the link does not open it
  other_host         it is on another host, or no address of HTTP
  unknown            only the player knows where it leads
  unreadable         players may read it in more than one way, or it is too long

LENGTHS are seconds, or as in 90s, 10m, 4h.
TIMES are unix seconds, or as in 2030-01-01T00:00:00Z.

EXIT CODES:
  0  printed
  1  the gate refuses the link, or the manifest
  2  wrong usage
  3  keys or manifest unreadable")]
pub(crate) struct Rewrite {
    #[command(flatten)]
    keys: KeyArgs,

    /// The link that a player asks for the manifest with, absolute
    #[arg(value_name = "LINK")]
    url: String,

    /// The manifest as the media server has it [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The format of the manifest [default: by the extension in the link, or else in FILE, or else by the first
    /// bytes]. The gate goes by the Content-Type first
    #[arg(long)]
    kind: Option<KindArg>,

    /// Print a JSON list of the addresses: [{"line": 4, "address": ..., "written": ..., "why": ...}]
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    clock: Clock,

    #[command(flatten)]
    beside: Beside,

    #[command(flatten)]
    gate: GateArgs,

    #[command(flatten)]
    public: PublicArgs,
}

/// What a manifest is written in.
#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    /// A playlist
    Hls,
    /// A DASH manifest
    Mpd,
}

/// What the gate serves without a token.
#[derive(Args)]
#[command(next_help_heading = "The gate")]
struct PublicArgs {
    /// Paths that need no token, as in the variable PUBLIC
    #[arg(long, value_name = "PATH,...")]
    public: Vec<String>,

    /// Extensions of files that need no token, as in the variable PUBLIC_EXTENSIONS
    #[arg(long, value_name = "NAME,...")]
    public_extensions: Vec<String>,
}

impl PublicArgs {
    fn paths(&self) -> Result<PublicPaths, Failure> {
        let wrong = |option, error| Failure::usage(format_args!("--{option}: {error}"));
        let public = PublicPaths::default().parse_prefixes(&self.public.join(","));
        let public = public.map_err(|error| wrong("public", error))?;
        let public = public.parse_extensions(&self.public_extensions.join(","));
        public.map_err(|error| wrong("public-extensions", error))
    }
}

impl Rewrite {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.file.as_ref().is_some_and(|file| file.to_string_lossy().contains("://")) {
            let message = "FILE is a link; write the link first, then the file";
            return Err(Failure::usage(message));
        }
        let gate = self.gate.gate()?;
        let public = self.public.paths()?;
        let file = self.file.as_deref().filter(|file| file.as_os_str() != "-");
        let ring = self.keys.load(file.is_none())?.ring;
        let manifest = read(file)?;
        if manifest.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(Failure::usage(format_args!(
                "{} is empty; give the manifest as the media server has it",
                name(file)
            )));
        }
        let link =
            AdmittedLink { gate, ring, beside: self.beside, url: &self.url, now: self.clock.now() };
        let rewriter = match link.rewriter(self.json)? {
            Admitted::Not => return Ok(Exit::Refused),
            Admitted::Carries(rewriter) => rewriter.public_paths(public),
            Admitted::CarriesNothing => {
                let text = if self.json { "[]\n" } else { &manifest };
                exit::answer(text.as_bytes())?;
                return Ok(Exit::Done);
            }
        };
        let kind =
            self.kind.map_or_else(|| guess(&self.url, file, &manifest), |kind| Ok(kind.into()))?;
        match rewriter.explain(kind, &manifest) {
            Ok((text, _)) if !self.json => exit::answer(text.as_bytes())?,
            Ok((text, list)) => {
                if list.is_empty() && text != manifest {
                    exit::say(
                        "a live playlist is answered with one that names it; see it without --json",
                    );
                }
                exit::answer(json(&list).as_bytes())?;
            }
            Err(ManifestError::NoHost) => {
                return Err(Failure::usage(
                    "the link has no scheme and host; write https://host/path",
                ));
            }
            Err(error) => {
                let code = error.code();
                let read_as = match kind {
                    Kind::Dash => "an MPD",
                    _ => "a playlist",
                };
                // A file of another kind breaks the grammar; whatever else is wrong was read.
                let read_as = if self.kind.is_none() && code == "bad_manifest" {
                    format!("; it was read as {read_as}, and --kind chooses otherwise")
                } else {
                    String::new()
                };
                exit::say(format_args!("the gate refuses the manifest: {code}: {error}{read_as}"));
                return Ok(Exit::Refused);
            }
        }
        Ok(Exit::Done)
    }
}

/// A link, and all that decides on it.
struct AdmittedLink<'a> {
    gate: GateOptions,
    ring: KeyRing,
    beside: Beside,
    url: &'a str,
    now: UnixTime,
}

enum Admitted {
    Not,
    Carries(Box<Rewriter>),
    CarriesNothing,
}

impl AdmittedLink<'_> {
    /// Decides on it. Why it is refused, or why nothing has to be written, goes to whoever asked.
    fn rewriter(&self, is_json: bool) -> Result<Admitted, Failure> {
        let request = self.beside.request(self.url);
        let verifier = self.gate.verifier(&self.ring);
        let verified = match verifier.verify(&request, self.now) {
            Ok(verified) => verified,
            Err(refusal) => {
                if is_json {
                    let verdict =
                        serde_json::to_string(&Verdict::from(refusal)).unwrap_or_default();
                    exit::answer((verdict + "\n").as_bytes())?;
                }
                let code = refusal.code();
                exit::say(format_args!(
                    "the gate refuses the link: {code}: {refusal}; `playgate inspect` says more"
                ));
                return Ok(Admitted::Not);
            }
        };
        if let Some(rewriter) = Rewriter::new(&verifier, &verified, self.now) {
            return Ok(Admitted::Carries(rewriter.into()));
        }
        exit::say(if verified.grant().directory().is_none() {
            "nothing is rewritten: the link opens this one address, and no segment; sign it for a directory"
        } else {
            "nothing is rewritten: players send cookies and Authorization along by themselves"
        });
        Ok(Admitted::CarriesNothing)
    }
}

/// Where the manifest comes from.
fn name(file: Option<&Path>) -> String {
    file.map_or_else(|| "standard input".into(), |file| redacted(&file.display().to_string()))
}

/// The manifest as text.
fn read(file: Option<&Path>) -> Result<String, Failure> {
    let name = name(file);
    let result = match file {
        Some(file) => File::open(file).and_then(read_all),
        None => read_all(io::stdin().lock()),
    };
    let bytes = result
        .map_err(|error| Failure::unavailable(format_args!("cannot read {name}: {error}")))?;
    if bytes.len() > MAX_LEN {
        let message = format!("{name} is larger than 8 MiB, and no gate reads such a manifest");
        return Err(Failure::unavailable(message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::unavailable(format_args!("{name} is not UTF-8, as manifests are")))
}

fn read_all(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take((MAX_LEN as u64).saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes)
}

/// What a manifest is written in: by the path of the link, as at the gate; else by the name of its file, or by
/// how it starts.
fn guess(url: &str, file: Option<&Path>, manifest: &str) -> Result<Kind, Failure> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let of_file = file.and_then(Path::extension).and_then(|extension| extension.to_str());
    let of_url = path.rsplit_once('.').map(|(_, extension)| extension);
    let by_name = [of_url, of_file].into_iter().flatten().find_map(|extension| {
        match extension.to_ascii_lowercase().as_str() {
            "m3u8" | "m3u" => Some(Kind::Hls),
            "mpd" => Some(Kind::Dash),
            _ => None,
        }
    });
    let text = manifest.trim_start_matches('\u{feff}').trim_start();
    by_name
        .or_else(|| text.starts_with("#EXTM3U").then_some(Kind::Hls))
        .or_else(|| text.starts_with('<').then_some(Kind::Dash))
        .ok_or_else(|| {
            Failure::usage("nothing says what the manifest is; add --kind hls or --kind mpd")
        })
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Hls => Self::Hls,
            KindArg::Mpd => Self::Dash,
        }
    }
}

#[derive(Serialize)]
struct AddressEntry<'a> {
    line: usize,
    address: &'a str,
    written: &'a str,
    why: &'static str,
}

/// A JSON list with a line for each entry, so that it can be searched like text.
fn json(list: &[AddressReport]) -> String {
    let entries = list.iter().map(|AddressReport { line, address, written, why, .. }| {
        let entry = AddressEntry { line: *line, address, written, why: why.code() };
        // Numbers and texts always have a JSON form.
        serde_json::to_string(&entry).unwrap_or_default()
    });
    let entries: Vec<_> = entries.collect();
    if entries.is_empty() { "[]\n".into() } else { format!("[\n{}\n]\n", entries.join(",\n")) }
}
