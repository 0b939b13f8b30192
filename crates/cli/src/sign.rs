//! `playgate sign`: links from URLs.

use core::cell::Cell;
use core::iter;
use std::io::BufRead;

use clap::Args;
use playgate::{CanonicalPath, Link, Placement, Signer, UnixTime};
use playgate_json::{RequestError, SignRequest};
use serde::Serialize;

use crate::address;
use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::lines::{self, Blocks, Line};
use crate::link_args::{LinkArgs, in_options};

/// Sign links
///
/// Prints one link for each URL, in order. A link opens the one file (exact scope), or with --dir all
/// below a directory. A link to a playlist, .m3u8 or .mpd, opens the directory of the playlist and has
/// its token in the path, where the addresses in the playlist inherit it: then it plays to the end on
/// every device. Give URLs as a browser sends them: absolute and percent-encoded.
///
/// With --format jwt the token is a JSON Web Token, HS256. It opens what the gate makes of a claim, so
/// --dir and --exact do not apply and --json shows no scope, and it does not support --country, --ip,
/// --download and --preview.
///
/// With --stdin the answers are flushed whenever no more input is there, so that another program can
/// write a line and read its link. What cannot be signed gives an empty line, and a message on stderr.
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

LENGTHS are seconds, or as in 90s, 10m, 4h, '1h 30m'.
TIMES are unix seconds (not milliseconds), or as in 2030-01-01T00:00:00Z.

EXIT CODES:
  0  all signed
  2  wrong usage, or a URL that cannot be signed
  3  keys or input unreadable")]
pub(crate) struct Sign {
    #[command(flatten)]
    keys: KeyArgs,

    /// What to sign, as in https://cdn.example.com/videos/42/film.mp4
    #[arg(value_name = "URL", required_unless_present = "stdin")]
    urls: Vec<String>,

    /// The URLs are names as they are: percent-encode them, with `%`, `?` and `#` as part of the name
    #[arg(long)]
    encode: bool,

    /// Read URLs from standard input, one a line; one line is printed for each
    #[arg(long, conflicts_with = "urls")]
    stdin: bool,

    /// Print a JSON object for each link: {"link": "...", "expires": 1767225600, "scope": "/videos/42/"}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    clock: Clock,

    #[command(flatten)]
    links: LinkArgs,
}

impl Sign {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let signer = Signer::new(self.keys.load(self.stdin)?.ring);
        let links = SignRequest { encode: self.encode, ..SignRequest::from(self.links) };
        let has_scope = links.dir.is_some() || links.format.format.as_deref() == Some("jwt");
        let told = Cell::new(links.exact || (has_scope && links.place.is_some()));
        let minter = Minter { signer, links, json: self.json, told, told_of_run: Cell::new(false) };
        if self.stdin {
            minter.sign_lines(&mut lines::stdin(), self.clock)
        } else {
            minter.sign_all(&self.urls, self.clock.now())
        }
    }
}

struct Minter {
    signer: Signer,
    links: SignRequest,
    json: bool,
    /// Whether there is nothing to tell of what was chosen for a playlist: it was told already, or the
    /// options chose.
    told: Cell<bool>,
    /// Whether it was told what `run` does for a file.
    told_of_run: Cell<bool>,
}

impl Minter {
    /// Signs the URLs of the command line: all of them, or none.
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

    /// Signs line by line; each has its answer, and those that cannot be signed do not stop the rest.
    fn sign_lines(&self, input: &mut Blocks<impl BufRead>, clock: Clock) -> Result<Exit, Failure> {
        // LinkArgs that cannot be signed are told before the first line comes.
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

    /// The link of each line, or what to write instead.
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
                    "a link to a playlist opens its directory, here {scope}, with the token in the \
                     {place}; --exact, --dir and --place choose otherwise"
                )),
                None => exit::say(format_args!(
                    "a link to a playlist has its token in the {place}; --place chooses otherwise"
                )),
            }
        }
        if self.links.run.is_some() && !is_to_playlist(&link) && !self.told_of_run.replace(true) {
            exit::say(
                "with --run a link to a file must be opened before it expires; the gate then redirects to a link \
                 that lasts for --run",
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

    /// Whether the scope or the placement of a link is one that no option asked for: a playlist's.
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

/// Whether a link to a file opens all that is beside it. The scope of one address ends as that does, and
/// has its query.
fn opens_directory(link: &Link) -> bool {
    let address = link.as_str().split('?').next().unwrap_or_default();
    !address.ends_with('/')
        && link.scope().is_some_and(|scope| scope.ends_with('/') && !scope.contains('?'))
}

/// Whether a link is one to a playlist, by the name of the file.
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
