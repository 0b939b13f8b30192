//! The options that describe a link.

use clap::{Args, ValueEnum};
use playgate_json::{LinkFormat, Moment, Place, RequestError, Seconds, SignRequest, Value};

/// Where the token goes.
#[derive(Clone, Copy, ValueEnum)]
enum PlaceArg {
    /// In the query: one file
    Query,
    /// In the path, so that relative addresses inherit it
    Path,
}

impl From<PlaceArg> for Place {
    fn from(place: PlaceArg) -> Self {
        match place {
            PlaceArg::Query => Self::Query,
            PlaceArg::Path => Self::Path,
        }
    }
}

/// The options of all links of one run.
#[derive(Args)]
pub(crate) struct LinkArgs {
    /// How long the link lasts [default: 10m; a session link 60s]
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expires_in: Option<Seconds>,

    /// When the link expires
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "expires_in")]
    expires_at: Option<Moment>,

    /// When the link becomes valid
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    not_before: Option<Moment>,

    /// Allow everything below the first N segments of the path: 2 for /videos/42/
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    dir: Option<u8>,

    /// Allow only this address, even if it is a playlist
    #[arg(long, conflicts_with = "dir")]
    exact: bool,

    /// Where the token goes [default: path for playlists, otherwise query]
    #[arg(long)]
    place: Option<PlaceArg>,

    /// Sign with the key that has this id [default: the first key]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    kid: Option<String>,

    /// Allow only the gate with this name
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// Allow only clients in these countries: ISO 3166-1 alpha-2 codes, separated by commas
    #[arg(long, value_name = "PT,ES")]
    country: Option<String>,

    /// Allow only clients in this network, like 203.0.113.0/24; a plain address means its /24 or /64. May be given
    /// up to four times
    #[arg(long, value_name = "NETWORK")]
    ip: Vec<String>,

    /// Make browsers save the file under this name
    #[arg(long, value_name = "NAME")]
    download: Option<String>,

    /// Make browsers show the file, and use this name if the viewer saves it
    #[arg(long, value_name = "NAME", conflicts_with = "download")]
    inline: Option<String>,

    /// Round the expiry up to a multiple of this length, so that links signed within it are identical
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    round: Option<Seconds>,

    /// Omit the time of signing (iat), which --sub and --sid include by default
    #[arg(long)]
    no_iat: bool,

    /// Print a Set-Cookie header with the directory's token instead of the link
    #[arg(long)]
    cookie: bool,

    /// Preview: allow only the first LENGTH of what the playlist lists
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    preview: Option<Seconds>,

    /// Make gates refuse the link if what they know of revocations is older than LENGTH. Needs a gate with state
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    reval: Option<Seconds>,

    /// Play-until: playback that starts before the link expires may continue for LENGTH
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    run: Option<Seconds>,

    /// The id of the token, for revocation. With --uses and --reference, each link gets one by itself, but not with --stdin
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    jti: Option<String>,

    /// How many playbacks of the viewer (--sub) may run at once. Needs a gate with state
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    max: Option<u16>,

    /// How many clients may use the link: 1 makes it a single-use link. Needs a gate with state, and with --stdin a --jti
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    uses: Option<u16>,

    /// The id of the playback session
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    sid: Option<String>,

    /// The id of the viewer
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    sub: Option<String>,

    #[command(flatten)]
    format: FormatArgs,
}

/// The format of the token.
#[derive(Args)]
#[command(next_help_heading = "The format")]
struct FormatArgs {
    /// The format of the token [default: native]
    #[arg(long, value_name = "native|jwt|timed-hmac", value_parser = ["native", "jwt", "timed-hmac"])]
    #[arg(hide_possible_values = true)]
    format: Option<String>,

    /// A claim: of a JWT, such as the one that the gate turns into a directory, or of a session. May be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, String)>,

    /// The issuer (iss) of the JWT
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,

    /// The name of the JWT in the link [default: token]
    #[arg(long, value_name = "NAME")]
    jwt_name: Option<String>,

    /// How long timed HMACs last at the gate
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    timed_hmac_ttl: Option<Seconds>,

    /// The query parameter of the timed HMAC [default: verify]
    #[arg(long, value_name = "NAME")]
    timed_hmac_param: Option<String>,

    /// Write the tag of the timed HMAC in base64url without padding
    #[arg(long)]
    timed_hmac_url_safe: bool,
}

fn claim(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write a name and a value, such as vid=42"),
    }
}

impl From<FormatArgs> for LinkFormat {
    fn from(args: FormatArgs) -> Self {
        let FormatArgs { format, claim, issuer, jwt_name, .. } = args;
        let FormatArgs { timed_hmac_ttl, timed_hmac_param, timed_hmac_url_safe, .. } = args;
        let claims = claim.into_iter().map(|(name, value)| (name, Value::Text(value))).collect();
        Self {
            format,
            claims,
            issuer,
            jwt_name,
            timed_hmac_ttl,
            timed_hmac_param,
            timed_hmac_url_safe,
        }
    }
}

impl From<LinkArgs> for SignRequest {
    fn from(links: LinkArgs) -> Self {
        let LinkArgs { expires_in, expires_at, not_before, dir, exact, place, kid, .. } = links;
        let LinkArgs { audience, download, inline, round, no_iat, cookie, .. } = links;
        let LinkArgs { preview, reval, run, jti, max, sid, sub, uses, .. } = links;
        // An empty value is refused: a shell variable without a value must not remove the restriction.
        let ip = (!links.ip.is_empty()).then(|| links.ip.join(","));
        let country = links.country.map(|countries| countries.replace(',', "."));
        // Each link has its own URL.
        let url = String::new();
        Self {
            url,
            expires_in,
            expires_at,
            dir,
            encode: false,
            exact,
            cookie,
            place: place.map(Place::from),
            kid,
            audience,
            country,
            download,
            inline,
            ip,
            jti,
            max,
            no_iat,
            not_before,
            preview,
            reval,
            round,
            run,
            sid,
            sub,
            uses,
            format: links.format.into(),
        }
    }
}

/// An error that names options of the command line.
pub(crate) fn in_options(error: &RequestError) -> String {
    // Lists in a JSON object are options that are repeated or separated by commas.
    let option = match error.field.as_str() {
        "" | "url" => return error.message.clone(),
        "claims" => "claim".into(),
        "formats" => "format".into(),
        member => member.replace('_', "-"),
    };
    format!("--{option}: {}", error.message)
}
