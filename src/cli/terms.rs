//! What a link shall allow, as options.

use clap::Args;
use playgate::json::{Moment, Place, RequestError, Seconds, SignRequest};

/// The terms that all links of one run share.
#[derive(Args)]
pub(crate) struct Terms {
    /// How long the link opens the gate [default: 10m]
    #[arg(long, value_name = "LENGTH")]
    expires_in: Option<Seconds>,

    /// When the link ends
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in")]
    expires_at: Option<Moment>,

    /// When the link starts
    #[arg(long, value_name = "TIME")]
    not_before: Option<Moment>,

    /// Allow all below the first N segments of the path: 2 for /videos/42/
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    dir: Option<u8>,

    /// Allow the one address, also where it is a playlist
    #[arg(long, conflicts_with = "dir")]
    exact: bool,

    /// Where the token goes [default: path for playlists, else query]
    #[arg(long)]
    place: Option<Place>,

    /// Sign with the key of this id [default: the ring's first]
    #[arg(long, value_name = "ID")]
    kid: Option<String>,

    /// For the gate of this name alone
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,

    /// For clients in these countries alone: ISO 3166-1 alpha-2, parted by commas
    #[arg(long, value_name = "PT,ES")]
    country: Option<String>,

    /// For clients in this network alone: 203.0.113.0/24; an address alone means its /24, or /64
    #[arg(long, value_name = "NETWORK")]
    ip: Option<String>,

    /// To be saved as a file of this name
    #[arg(long, value_name = "NAME")]
    download: Option<String>,

    /// Preview: the first part of what the playlist lists, so long
    #[arg(long, value_name = "LENGTH")]
    preview: Option<Seconds>,

    /// Play-until: the playlist's addresses carry a link that lasts so long from the start of playback
    #[arg(long, value_name = "LENGTH")]
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
}

impl From<Terms> for SignRequest {
    fn from(terms: Terms) -> Self {
        let Terms { expires_in, expires_at, not_before, dir, exact, place, kid, .. } = terms;
        let Terms { audience, ip, download, preview, run, jti, sid, sub, .. } = terms;
        let country = terms.country.map(|countries| countries.replace(',', "."));
        // Each link has its own.
        let url = String::new();
        Self {
            url,
            expires_in,
            expires_at,
            dir,
            exact,
            place,
            kid,
            audience,
            country,
            download,
            ip,
            jti,
            not_before,
            preview,
            run,
            sid,
            sub,
            ..Self::default()
        }
    }
}

/// An error in the words of the command line.
pub(crate) fn in_options(error: &RequestError) -> String {
    match error.field.as_str() {
        "" | "url" => error.message.clone(),
        member => format!("--{}: {}", member.replace('_', "-"), error.message),
    }
}
