//! `playgate sign`: signs links.

mod session;

use core::cell::Cell;
use core::iter;
use std::io::BufRead;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use clap::Args;
use playgate::{CanonicalPath, Link, Placement, Signer, UnixTime};
use playgate_json::{RequestError, SignRequest};
use serde::{Deserialize, Serialize};

use crate::address;
use crate::calls::{Gate, SecretArgs, failure, unreadable};
use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::lines::{self, Blocks, Line};
use crate::link_args::{LinkArgs, in_options};

use self::session::SessionArgs;

/// Sign links
///
/// Prints one link for each URL, in order. A link opens one file (exact scope), or, with --dir,
/// everything below a directory. A link to a playlist (.m3u8 or .mpd) opens the playlist's directory and
/// has its token in the path. The addresses in the playlist inherit it, so the playlist plays to the end
/// on every device. Give URLs as a browser sends them: absolute and percent-encoded.
///
/// With --format jwt, the token is a JSON Web Token (HS256). The gate derives its scope from a claim. So
/// --json shows no scope, and you cannot use --dir, --exact, --country, --ip, --download, --inline and
/// --preview.
///
/// With --format timed-hmac, the token is a timed HMAC, as Cloudflare's is_timed_hmac_valid_v0 reads it.
///
/// With --session, the link starts a session at a gate with state: see docs/sessions.md.
///
/// With --stdin, prints one line for each input line, and flushes it as soon as no more input is waiting.
/// If a URL cannot be signed, prints an empty line, and a message on stderr.
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate sign --keys keys.txt https://cdn.example.com/videos/42/film.mp4
  playgate sign --keys keys.txt --expires-in 5m --run 4h \\
      https://cdn.example.com/videos/42/master.m3u8
  playgate sign --keys keys.txt --country PT,ES --json --stdin < urls.txt
  playgate sign --keys keys.txt --encode 'https://cdn.example.com/C# lesson.mp4'
  playgate sign --keys keys.txt --format jwt --claim vid=42 \\
      https://cdn.example.com/videos/42/film.mp4
  playgate sign --keys keys.txt --session --sub viewer-1 --open /videos/42/ \\
      https://cdn.example.com

LENGTHS are in seconds, or like 90s, 10m, 4h, '1h 30m'.
TIMES are in unix seconds (not milliseconds), or like 2030-01-01T00:00:00Z.

EXIT CODES:
  0  all signed
  2  wrong usage, or a URL that cannot be signed
  3  keys or input unreadable")]
pub(crate) struct Sign {
    #[command(flatten)]
    keys: KeyArgs,

    /// The URL to sign, such as https://cdn.example.com/videos/42/film.mp4
    #[arg(value_name = "URL", required_unless_present = "stdin")]
    urls: Vec<String>,

    /// Percent-encode the URLs first, including `%`, `?` and `#`: use this for file names as they are on disk
    #[arg(long)]
    encode: bool,

    /// Read URLs from standard input, one per line, and print one line for each
    #[arg(long, conflicts_with = "urls")]
    stdin: bool,

    /// Print one JSON object for each link: {"link": "...", "expires": 1767225600, "scope": "/videos/42/"}
    #[arg(long)]
    json: bool,

    /// Store the token at the gate, and print a short link with a reference instead. Needs the gate's ADMIN_SECRET, and a
    /// gate with state at the URL's host. Delete it with `playgate revoke --reference`
    #[arg(long, conflicts_with_all = ["stdin", "cookie"])]
    reference: bool,

    #[command(flatten)]
    secret: SecretArgs,

    #[command(flatten)]
    clock: Clock,

    #[command(flatten)]
    session: SessionArgs,

    #[command(flatten)]
    links: LinkArgs,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let signer = Signer::new(self.keys.load(self.stdin)?.ring);
        let links = SignRequest { encode: self.encode, ..SignRequest::from(self.links) };
        if self.session.session {
            let [url] = self.urls.as_slice() else {
                return Err(Failure::usage("a session link is for one gate; write one URL"));
            };
            return self.session.sign(url, links, &signer, self.json, self.clock.now());
        }
        let has_scope = links.dir.is_some() || links.format.format.as_deref() == Some("jwt");
        let told = Cell::new(links.exact || (has_scope && links.place.is_some()));
        let needs_id = links.jti.is_none() && (links.uses.is_some() || self.reference);
        let minter = Minter { signer, links, json: self.json, told, told_of_run: Cell::new(false) };
        if self.stdin {
            return minter.sign_lines(&mut lines::stdin(), self.clock);
        }
        if !needs_id && !self.reference {
            return minter.sign_all(&self.urls, self.clock.now());
        }
        // Each link has an id of its own.
        let mut minter = minter;
        for url in &self.urls {
            if needs_id {
                minter.links.jti = Some(random_id::<16>()?);
            }
            if self.reference {
                minter.store(url, &self.secret, self.clock.now())?;
            } else {
                minter.sign_all(core::slice::from_ref(url), self.clock.now())?;
            }
        }
        Ok(Exit::Done)
    }
}

/// An id of random bytes, in base64url.
pub(crate) fn random_id<const N: usize>() -> Result<String, Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::unavailable(format_args!("no random numbers are available: {error}"))
    })?;
    Ok(Base64UrlUnpadded::encode_string(&bytes))
}

struct Minter {
    signer: Signer,
    links: SignRequest,
    json: bool,
    /// Whether the user knows what was chosen for a playlist: the program has said so, or the options chose.
    told: Cell<bool>,
    /// Whether the program has said what `run` does for a file.
    told_of_run: Cell<bool>,
}

impl Minter {
    /// Signs the URLs of the command line. If one fails, prints nothing.
    fn sign_all(&self, urls: &[String], now: UnixTime) -> Result<Exit, Failure> {
        let mut answers = Vec::new();
        let links = self.batch(urls.iter().map(|url| Ok(url.as_str())), now)?;
        for (number, link) in (1_usize..).zip(links) {
            match link.and_then(|link| self.push(link, now, &mut answers)) {
                Ok(()) => {}
                Err(error) if urls.len() == 1 => return Err(Failure::usage(in_options(&error))),
                Err(error) => {
                    let error = in_options(&error);
                    return Err(Failure::usage(format_args!("URL {number}: {error}")));
                }
            }
        }
        exit::answer(&answers)?;
        Ok(Exit::Done)
    }

    /// Signs a link, stores it at its gate, and prints the link with the reference.
    fn store(&self, url: &str, secret: &SecretArgs, now: UnixTime) -> Result<(), Failure> {
        #[derive(Deserialize, Serialize)]
        struct Created {
            link: String,
            reference: String,
            expires: u64,
        }
        let mut links = self.batch(iter::once(Ok(url)), now)?;
        let link = links.next().unwrap_or_else(|| Err(RequestError::default()));
        let link = link.map_err(|error| Failure::usage(in_options(&error)))?;
        let gate = Gate::serving(link.as_str(), secret)?;
        let reference = ["ref.", &random_id::<32>()?].concat();
        let body = serde_json::json!({ "link": link.as_str(), "reference": reference });
        let (status, body) = gate.call("POST", "references", &[], Some(body.to_string()))?;
        if status != 201 {
            return Err(failure(status, &body));
        }
        let created: Created = serde_json::from_str(&body).map_err(|_| unreadable())?;
        let mut answer = Vec::new();
        if self.json {
            push_json(&created, &mut answer);
        } else {
            answer.extend_from_slice(created.link.as_bytes());
        }
        answer.push(b'\n');
        exit::answer(&answer)
    }

    /// Signs line by line. Each line gets an answer; a line that cannot be signed does not stop the rest.
    fn sign_lines(&self, input: &mut Blocks<impl BufRead>, clock: Clock) -> Result<Exit, Failure> {
        // Report options that cannot be signed before the first line arrives.
        drop(self.batch(iter::empty(), clock.now())?);
        let mut exit = Exit::Done;
        let mut answers = Vec::new();
        let mut number: u64 = 0;
        while let Some(block) = input.next()? {
            let now = clock.now();
            for link in self.batch(block, now)? {
                number = number.saturating_add(1);
                match link.and_then(|link| self.push(link, now, &mut answers)) {
                    Ok(()) => {}
                    Err(error) => {
                        exit = Exit::Usage;
                        self.push_error(&error, number, &mut answers);
                    }
                }
            }
            exit::answer(&answers)?;
            answers.clear();
        }
        Ok(exit)
    }

    /// The link of each line, or an error that says what to write instead.
    fn batch<'a>(
        &'a self,
        lines: impl Iterator<Item = Line<'a>> + Clone,
        now: UnixTime,
    ) -> Result<impl Iterator<Item = Result<Link, RequestError>>, Failure> {
        let urls = lines.clone().map(|line| self.links.written(line.unwrap_or_default()));
        let links = self
            .links
            .apply(self.signer.links(urls))
            .and_then(|links| links.sign(now).map_err(|error| self.links.error(error)));
        let links = links.map_err(|error| Failure::usage(in_options(&error)))?;
        Ok(lines.zip(links).map(move |(line, link)| match (line, link) {
            (Ok(""), _) => Err(RequestError::new("url", &"the URL is empty")),
            (Ok(_), Ok(link)) => Ok(link),
            (Ok(url), Err(error)) => {
                let error = self.links.error(error);
                Err(address::advise(error, url, &self.links, &self.signer, now))
            }
            (Err(bad), _) => Err(RequestError::new("url", &bad)),
        }))
    }

    fn push(&self, link: Link, now: UnixTime, answers: &mut Vec<u8>) -> Result<(), RequestError> {
        if !self.told.get() && self.chose(&link) {
            self.told.set(true);
            let place = link.placement().name();
            match link.scope() {
                Some(scope) => exit::say(format_args!(
                    "a link to a playlist opens its directory, here {scope}, and has its token in \
                     the {place}; use --exact, --dir or --place to change that"
                )),
                None => exit::say(format_args!(
                    "a link to a playlist has its token in the {place}; use --place to change that"
                )),
            }
        }
        if self.links.run.is_some() && !is_to_playlist(&link) && !self.told_of_run.replace(true) {
            exit::say(
                "with --run, a link to a file must be opened before it expires; the gate then \
                 redirects to a link that lasts for --run",
            );
        }
        if self.json {
            push_json(&self.links.answer(link, now)?, answers);
        } else if self.links.cookie {
            let cookie = self.links.answer(link, now)?.cookie.unwrap_or_default();
            answers.extend_from_slice(b"Set-Cookie: ");
            answers.extend_from_slice(cookie.as_bytes());
        } else {
            answers.extend_from_slice(link.as_str().as_bytes());
        }
        answers.push(b'\n');
        Ok(())
    }

    /// Whether the scope or the placement of a link was chosen because it leads to a playlist, and not by an option.
    fn chose(&self, link: &Link) -> bool {
        match self.links.place {
            None => link.placement() == Placement::Path,
            Some(_) => self.links.dir.is_none() && opens_directory(link),
        }
    }

    fn push_error(&self, error: &RequestError, line: u64, answers: &mut Vec<u8>) {
        if self.json {
            push_json(error, answers);
        } else {
            exit::say(format_args!("line {line}: {}", in_options(error)));
        }
        answers.push(b'\n');
    }
}

/// Whether a link to a file has directory scope. An exact scope ends like the address, and includes its query.
fn opens_directory(link: &Link) -> bool {
    let address = link.as_str().split('?').next().unwrap_or_default();
    !address.ends_with('/')
        && link.scope().is_some_and(|scope| scope.ends_with('/') && !scope.contains('?'))
}

/// Whether a link leads to a playlist, judged by the file name.
fn is_to_playlist(link: &Link) -> bool {
    let address = link.as_str().split('?').next().unwrap_or_default();
    let path = address.find("://").and_then(|at| address.get(at.saturating_add(3)..));
    let path = path.and_then(|rest| rest.get(rest.find('/')?..)).unwrap_or(address);
    CanonicalPath::parse(path).is_ok_and(CanonicalPath::is_manifest)
}

fn push_json(shape: &impl Serialize, answers: &mut Vec<u8>) {
    // Text and numbers into memory: neither can fail.
    let _ = serde_json::to_writer(answers, shape);
}
