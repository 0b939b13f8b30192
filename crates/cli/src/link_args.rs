//! What a link shall allow, as options.

use clap::{Args, ValueEnum};
use playgate_json::{LinkFormat, Moment, Place, RequestError, Seconds, SignRequest, Value};

/// Where the token goes.
#[derive(Clone, Copy, ValueEnum)]
enum PlaceArg {
    /// In the query: one file
    Query,
    /// In the path, where relative addresses inherit it
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

/// The links that all links of one run share.
#[derive(Args)]
pub(crate) struct LinkArgs {
    /// How long the link opens the gate [default: 10m]
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expires_in: Option<Seconds>,

    /// When the link ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, conflicts_with = "expires_in")]
    expires_at: Option<Moment>,

    /// When the link starts
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    not_before: Option<Moment>,

    /// Allow all below the first N segments of the path: 2 for /videos/42/
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    dir: Option<u8>,

    /// Allow only this address, even if it is a playlist
    #[arg(long, conflicts_with = "dir")]
    exact: bool,

    /// Where the token goes [default: path for playlists, else query]
    #[arg(long)]
    place: Option<PlaceArg>,

    /// Sign with the key of this id [default: the ring's first]
    #[arg(long, value_name = "ID")]
    kid: Option<String>,

    /// Only for the gate with this name
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// Only for clients in these countries: ISO 3166-1 alpha-2 codes, separated by commas
    #[arg(long, value_name = "PT,ES")]
    country: Option<String>,

    /// Only for clients in these networks, up to four: 203.0.113.0/24; an address means its /24, or /64
    #[arg(long, value_name = "NETWORK")]
    ip: Vec<String>,

    /// To be saved as a file of this name
    #[arg(long, value_name = "NAME")]
    download: Option<String>,

    /// To be shown, and to have this name if the viewer saves it
    #[arg(long, value_name = "NAME", conflicts_with = "download")]
    inline: Option<String>,

    /// Round the expiry up to a multiple of this length: links made within it are the same bytes
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    round: Option<Seconds>,

    /// Omit the time of signing (iat), which is included by default with --sub or --sid
    #[arg(long)]
    no_iat: bool,

    /// Print the Set-Cookie header of a directory's token instead of the link
    #[arg(long)]
    cookie: bool,

    /// Preview: only the first LENGTH of what the playlist lists
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    preview: Option<Seconds>,

    /// Play-until: the playlist's addresses stay valid for LENGTH from the start of playback
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    run: Option<Seconds>,

    /// The link's own id, for revocation
    #[arg(long, value_name = "ID")]
    jti: Option<String>,

    /// The playback session
    #[arg(long, value_name = "ID")]
    sid: Option<String>,

    /// The viewer
    #[arg(long, value_name = "ID")]
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

    /// A claim of a JWT: the one that the gate makes a directory of, and any other
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, String)>,

    /// Who issues the JWT
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,

    /// The name of the JWT in the link [default: token]
    #[arg(long, value_name = "NAME")]
    jwt_name: Option<String>,

    /// How long the gate lets timed HMACs last
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
        _ => Err("write a name and a value, like vid=42"),
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
        let LinkArgs { preview, run, jti, sid, sub, .. } = links;
        // An empty one is no network, and is refused: a variable without a value must not open a link.
        let ip = (!links.ip.is_empty()).then(|| links.ip.join(","));
        let country = links.country.map(|countries| countries.replace(',', "."));
        // Each link has its own.
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
            no_iat,
            not_before,
            preview,
            round,
            run,
            sid,
            sub,
            format: links.format.into(),
        }
    }
}

/// An error in the words of the command line.
pub(crate) fn in_options(error: &RequestError) -> String {
    // What a JSON object has as lists is an option given several times, or separated by commas.
    let option = match error.field.as_str() {
        "" | "url" => return error.message.clone(),
        "claims" => "claim".into(),
        "formats" => "format".into(),
        member => member.replace('_', "-"),
    };
    format!("--{option}: {}", error.message)
}
