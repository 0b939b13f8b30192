//! `playgate verify`: the gate's decision.

use core::net::IpAddr;
use std::io::{BufRead, Write as _};

use clap::Args;
use playgate::{Fault, Field, KeyRing, ParseError, Refusal, Request, UnixTime, redacted};
use playgate_json::{GateFormats, GateOptions, Seconds, Verdict, header_value};

use crate::clock::Clock;
use crate::exit::{self, Exit, Failure};
use crate::keys::KeyArgs;
use crate::lines::{self, BadLine, Blocks, Line};
use crate::link_args::in_options;

/// Decide on links, as the gate would
///
/// Prints one line: `allow` with what is allowed, or `deny` with the reason. State is not looked at:
/// a link that was revoked at the gate is admitted here.
///
/// With --stdin there is one answer for each line, in order, flushed whenever no more input is there.
#[derive(Args)]
#[command(after_help = "\
EXAMPLES:
  playgate verify --keys keys.txt 'https://cdn.example.com/film.mp4?pg=1&exp=...'
  playgate verify --keys keys.txt --audience edge-1 --json --stdin < links.txt
  playgate verify --keys keys.txt --format jwt --jwt-path '/videos/{vid}/' \\
      'https://cdn.example.com/videos/42/film.mp4?token=...'

LENGTHS are seconds, or as in 90s, 10m, 4h.
TIMES are unix seconds, or as in 2030-01-01T00:00:00Z.

EXIT CODES:
  0  admitted
  1  refused; with --stdin, any of them
  2  wrong usage
  3  keys or input unreadable")]
pub(crate) struct Verify {
    #[command(flatten)]
    keys: KeyArgs,

    /// The link: an absolute URL, or a path with its query
    #[arg(value_name = "URL", required_unless_present = "stdin")]
    url: Option<String>,

    /// Read links from standard input, one a line; one line is printed for each
    #[arg(long, conflicts_with = "url")]
    stdin: bool,

    /// Print a JSON object a line: {"verdict": "allow", ...} or {"verdict": "deny", "reason": ...}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    clock: Clock,

    #[command(flatten)]
    beside: Beside,

    #[command(flatten)]
    gate: GateArgs,
}

/// What a request says in addition to its URL.
#[derive(Args)]
#[command(next_help_heading = "The request")]
pub(crate) struct Beside {
    /// The client's address
    #[arg(long, value_name = "IP")]
    client_ip: Option<IpAddr>,

    /// The client's country, ISO 3166-1 alpha-2
    #[arg(long, value_name = "CC")]
    client_country: Option<String>,

    /// The header Cookie
    #[arg(long, value_name = "HEADER")]
    cookie: Option<String>,

    /// The header Authorization
    #[arg(long, value_name = "HEADER")]
    authorization: Option<String>,
}

impl Beside {
    pub(crate) fn request<'a>(&'a self, url: &'a str) -> Request<'a> {
        let mut request = Request::new(url);
        request.client_ip = self.client_ip;
        request.client_country = self.client_country.as_deref();
        request.cookie = self.cookie.as_deref().map(header_value);
        request.authorization = self.authorization.as_deref().map(header_value);
        request.without_fragment()
    }
}

/// The settings of the gate.
#[derive(Args)]
#[command(next_help_heading = "The gate")]
pub(crate) struct GateArgs {
    /// The gate's name: links have to carry it
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// Allowed clock difference
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true, default_value = "0s")]
    leeway: Seconds,

    /// The longest that a link may still last [default: any length]
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    max_lifetime: Option<Seconds>,

    /// Query parameters that may be added, unsigned, to an exact link
    #[arg(long, value_name = "NAME,...", default_value = "", hide_default_value = true)]
    unsigned_params: String,

    /// Unsigned query parameters that are kept in the clean URL
    #[arg(long, value_name = "NAME,...", default_value = "", hide_default_value = true)]
    forward_params: String,

    /// The token formats to accept, separated by commas: native, jwt, timed-hmac [default: native]
    #[arg(long, value_name = "FORMATS")]
    format: Option<String>,

    /// The directory that a claim of a JWT opens, like /videos/{vid}/
    #[arg(long, value_name = "TEMPLATE")]
    jwt_path: Option<String>,

    /// The name of JWTs in addresses and cookies [default: token]
    #[arg(long, value_name = "NAME")]
    jwt_name: Option<String>,

    /// The required issuer (iss) of JWTs
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,

    /// How long timed HMACs last
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    timed_hmac_ttl: Option<String>,

    /// The query parameter of timed HMACs [default: verify]
    #[arg(long, value_name = "NAME")]
    timed_hmac_param: Option<String>,

    /// Read tags of timed HMACs in base64url without padding
    #[arg(long)]
    timed_hmac_url_safe: bool,
}

impl GateArgs {
    pub(crate) fn gate(self) -> Result<GateOptions, Failure> {
        let Self { audience, leeway, max_lifetime, unsigned_params, forward_params, .. } = self;
        let Self { format: formats, jwt_path, jwt_name, issuer, .. } = self;
        let Self { timed_hmac_ttl, timed_hmac_param, timed_hmac_url_safe, .. } = self;
        let timed_hmac_url_safe = timed_hmac_url_safe.then(|| "true".into());
        let formats = GateFormats {
            formats,
            jwt_path,
            jwt_name,
            issuer,
            timed_hmac_ttl,
            timed_hmac_param,
            timed_hmac_url_safe,
        };
        let mut gate = GateOptions::default();
        gate.audience = audience;
        gate.formats = formats.read().map_err(|errors| {
            Failure::usage(errors.iter().map(in_options).collect::<Vec<_>>().join("\nplaygate: "))
        })?;
        gate.leeway = leeway.0;
        gate.max_lifetime = max_lifetime.map(|Seconds(secs)| secs);
        gate.unsigned_params = unsigned_params;
        gate.forward_params = forward_params;
        Ok(gate)
    }
}

impl Verify {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let gate = self.gate.gate()?;
        let ring = self.keys.load(self.stdin)?.ring;
        let judge = Judge { ring, gate, beside: self.beside, json: self.json };
        match self.url {
            None => judge.verify_lines(&mut lines::stdin(), self.clock),
            Some(url) => {
                let mut answer = Vec::new();
                let exit = judge.verify(Ok(&url), self.clock.now(), &mut answer);
                exit::answer(&answer)?;
                Ok(exit)
            }
        }
    }
}

struct Judge {
    ring: KeyRing,
    gate: GateOptions,
    beside: Beside,
    json: bool,
}

impl Judge {
    fn verify_lines(
        &self,
        input: &mut Blocks<impl BufRead>,
        clock: Clock,
    ) -> Result<Exit, Failure> {
        let mut exit = Exit::Done;
        let mut answers = Vec::new();
        while let Some(block) = input.next()? {
            let now = clock.now();
            for line in block {
                if self.verify(line, now, &mut answers) == Exit::Refused {
                    exit = Exit::Refused;
                }
            }
            exit::answer(&answers)?;
            answers.clear();
        }
        Ok(exit)
    }

    /// Puts the answer to one line at the end of `answers`.
    fn verify(&self, line: Line<'_>, now: UnixTime, answers: &mut Vec<u8>) -> Exit {
        let request = line.map(|url| self.beside.request(url)).map_err(refusal);
        // Writing into memory cannot fail.
        let exit = if self.json {
            let verdict = match request {
                Ok(request) => self.gate.verdict(&self.ring, &request, now),
                Err(refusal) => refusal.into(),
            };
            let _ = serde_json::to_writer(&mut *answers, &verdict);
            if matches!(verdict, Verdict::Allow { .. }) { Exit::Done } else { Exit::Refused }
        } else {
            match request.and_then(|request| self.gate.verifier(&self.ring).verify(&request, now)) {
                Ok(verified) => {
                    let (kid, expires) = (verified.kid(), verified.grant().expires());
                    let scope = verified.scope().to_string();
                    // The query may hold another token, which is not this program's to show.
                    let scope = match scope.split_once('?') {
                        Some((path, query)) => format!("{path}?{}", redacted(query)),
                        None => scope,
                    };
                    let _ = write!(answers, "allow  kid={kid} expires={expires} scope={scope}");
                    Exit::Done
                }
                Err(refusal) => {
                    let detail = request.map_or_else(
                        |refusal| refusal.to_string(),
                        |request| self.gate.verifier(&self.ring).detail(&request, refusal, now),
                    );
                    let _ = write!(answers, "deny  {}: {detail}", refusal.code());
                    Exit::Refused
                }
            }
        };
        answers.push(b'\n');
        exit
    }
}

/// A line that is no text of bounded length breaks the grammar of URLs.
pub(crate) fn refusal(line: BadLine) -> Refusal {
    let fault = match line {
        BadLine::NotUtf8 => Fault::Character,
        BadLine::TooLong => Fault::WrongLength,
    };
    ParseError::Malformed(Field::Url, fault).into()
}
