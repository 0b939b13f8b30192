//! The operator's variables, read and checked together. Every error is reported, and a single error stops
//! the gate from serving anything.

mod read;

use core::fmt;
use core::time::Duration;

use playgate::{KeyRing, ParamNames, Verifier};
use playgate_json::Formats;
use playgate_manifest::PublicPaths;
use playgate_state::OverLimit;

use crate::answer::Headers;
use crate::built;
use crate::cors::{self, Origins};
use crate::denylist::Freshness;
use crate::log::LogLevel;
use crate::memory::Memory;
use crate::pass_headers::PassHeaders;
use crate::secret::Secret;

use self::read::{
    check_names, read_audience, read_events, read_formats, read_forward_viewer, read_log,
    read_number, read_origin_secret, read_origins, read_pass_headers, read_state, read_store,
    read_switch,
};

/// The most skew allowed between clocks, in seconds. More would amount to another lifetime.
const MAX_LEEWAY: u64 = 300;

/// The highest cap on lifetimes: the largest number that a token can hold.
const MAX_LIFETIME: u64 = (1 << 53) - 1;

/// The default limit for rewritten manifests, in bytes. Two copies are in memory at a time.
const MAX_MANIFEST_BYTES: usize = 2 << 20;
const LEAST_MANIFEST_BYTES: u64 = 1 << 10;
const MOST_MANIFEST_BYTES: u64 = 8 << 20;

/// The query parameters that a player adds for a live playlist (draft-pantos-hls-rfc8216bis, section
/// 6.2.5). Without them, the media server would neither wait for the next part nor send a delta update.
const DIRECTIVES: &str = "_HLS_msn,_HLS_part,_HLS_skip";

/// The state of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Not set, or empty.
    Unset,
    /// Set to a text.
    Text(String),
    /// Set to something other than text.
    Unreadable,
}

/// The values of the variables; `None` if a variable is not set or is empty.
#[derive(Default)]
pub struct Variables {
    pub(crate) admin_secret: Option<Secret>,
    pub(crate) allow_origins: Option<String>,
    pub(crate) audience: Option<String>,
    /// The state of the binding `DENYLIST`.
    pub(crate) denylist: Binding,
    pub(crate) denylist_max_age: Option<String>,
    pub(crate) denylist_outage: Option<String>,
    pub(crate) denylist_refresh: Option<String>,
    pub(crate) events_secret: Option<Secret>,
    pub(crate) events_url: Option<String>,
    pub(crate) formats: Option<String>,
    pub(crate) forward_params: Option<String>,
    pub(crate) forward_viewer: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) jwt_name: Option<String>,
    pub(crate) jwt_path: Option<String>,
    pub(crate) leeway: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) max_lifetime: Option<String>,
    pub(crate) max_manifest_bytes: Option<String>,
    pub(crate) max_run: Option<String>,
    /// The state of the binding `MEDIA`.
    pub(crate) media: Binding,
    /// Whether a proxy delivers the media, and only asks.
    pub(crate) is_for_proxy: bool,
    pub(crate) origin: Option<String>,
    pub(crate) origin_secret: Option<Secret>,
    pub(crate) pass_headers: Option<String>,
    pub(crate) playgate_keys: Option<Secret>,
    pub(crate) public: Option<String>,
    pub(crate) playbacks_over_limit: Option<String>,
    pub(crate) public_extensions: Option<String>,
    /// The state of the binding `RECORDS`.
    pub(crate) records: Binding,
    pub(crate) set_cookie: Option<String>,
    pub(crate) timed_hmac_param: Option<String>,
    pub(crate) timed_hmac_ttl: Option<String>,
    pub(crate) timed_hmac_url_safe: Option<String>,
    pub(crate) unsigned_params: Option<String>,
    /// The names of the variables that are set to something other than text.
    pub(crate) unreadable: Vec<&'static str>,
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables(..)")
    }
}

impl Variables {
    /// Reads every variable by its name. A variable of the wrong type is not treated as unset, because that
    /// would silently drop a check.
    pub fn read(
        media: Binding,
        denylist: Binding,
        records: Binding,
        mut setting: impl FnMut(&'static str) -> Setting,
    ) -> Self {
        let mut unreadable = Vec::new();
        let mut text = |name: &'static str| match setting(name) {
            Setting::Text(text) => Some(text).filter(|text| !text.trim().is_empty()),
            Setting::Unreadable => {
                unreadable.push(name);
                None
            }
            Setting::Unset => None,
        };
        Self {
            admin_secret: text("ADMIN_SECRET").map(Secret::from),
            allow_origins: text("ALLOW_ORIGINS"),
            audience: text("AUDIENCE"),
            denylist,
            denylist_max_age: text("DENYLIST_MAX_AGE"),
            denylist_outage: text("DENYLIST_OUTAGE"),
            denylist_refresh: text("DENYLIST_REFRESH"),
            events_secret: text("EVENTS_SECRET").map(Secret::from),
            events_url: text("EVENTS_URL"),
            formats: text("FORMATS"),
            forward_params: text("FORWARD_PARAMS"),
            forward_viewer: text("FORWARD_VIEWER"),
            issuer: text("ISSUER"),
            jwt_name: text("JWT_NAME"),
            jwt_path: text("JWT_PATH"),
            leeway: text("LEEWAY"),
            log: text("LOG"),
            max_lifetime: text("MAX_LIFETIME"),
            max_manifest_bytes: text("MAX_MANIFEST_BYTES"),
            max_run: text("MAX_RUN"),
            media,
            origin: text("ORIGIN"),
            origin_secret: text("ORIGIN_SECRET").map(Secret::from),
            pass_headers: text("PASS_HEADERS"),
            playgate_keys: text("PLAYGATE_KEYS").map(Secret::from),
            playbacks_over_limit: text("PLAYBACKS_OVER_LIMIT"),
            public: text("PUBLIC"),
            public_extensions: text("PUBLIC_EXTENSIONS"),
            records,
            set_cookie: text("SET_COOKIE"),
            timed_hmac_param: text("TIMED_HMAC_PARAM"),
            timed_hmac_ttl: text("TIMED_HMAC_TTL"),
            timed_hmac_url_safe: text("TIMED_HMAC_URL_SAFE"),
            unsigned_params: text("UNSIGNED_PARAMS"),
            unreadable,
            is_for_proxy: false,
        }
    }

    /// The same for a gate that only decides: a proxy, or the service around it, delivers the media. Playlists are not
    /// rewritten then.
    #[must_use]
    pub fn for_proxy(self) -> Self {
        Self { is_for_proxy: true, ..self }
    }
}

/// The state of a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// There is no such binding.
    #[default]
    Absent,
    /// It is bound to something of another kind.
    Other,
    /// It is bound as it should be.
    Right,
}

/// The media store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// The bucket bound as `MEDIA`.
    Bucket,
    /// Whoever asks delivers the media.
    Proxy,
    /// A media server.
    Server(Server),
}

/// The media server that `ORIGIN` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Scheme, authority and path prefix, without a trailing slash.
    pub(crate) base: String,
    /// Response header fields to pass in addition to those that always pass.
    pub(crate) pass: PassHeaders,
    /// The secret by which the server recognizes the gate.
    pub(crate) secret: Option<Secret>,
}

/// A valid configuration.
pub struct Config {
    pub(crate) ring: KeyRing,
    audience: Option<String>,
    formats: Formats,
    /// Where events are sent, and the secret that signs them.
    events: Option<(String, Secret)>,
    forward_params: String,
    /// The parameters in `forward_params`, and those that players add for playlists.
    forward_playlist_params: String,
    /// Whether the media server learns who is watching.
    forward_viewer: bool,
    pub(crate) leeway: u64,
    log: LogLevel,
    max_lifetime: Option<u64>,
    pub(crate) max_run: u64,
    /// The largest manifest that is rewritten, in bytes.
    pub(crate) max_manifest_bytes: usize,
    pub(crate) origins: Origins,
    pub(crate) public: PublicPaths,
    /// Whether a viewer with a directory token also gets it as a cookie.
    pub(crate) set_cookie: bool,
    /// What [`Config::state`] returns.
    state: Option<StateConfig>,
    pub(crate) store: Store,
    unsigned_params: String,
}

/// How the gate keeps state.
#[derive(Clone, Debug)]
pub(crate) struct StateConfig {
    /// The secret of the operator's calls.
    pub(crate) admin_secret: Secret,
    pub(crate) freshness: Freshness,
    /// Whether there are records that count uses and playbacks, and resolve references.
    pub(crate) has_records: bool,
    /// What happens if a viewer starts too many playbacks.
    pub(crate) over_limit: OverLimit,
}

/// An invalid configuration.
#[derive(Debug)]
pub struct Broken {
    /// One sentence for each fault. No value is repeated, because it may be a misplaced secret.
    pub errors: Vec<String>,
    /// Who may read the error response; no origin if `ALLOW_ORIGINS` is itself at fault.
    pub(crate) origins: Origins,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Config(..)")
    }
}

impl Config {
    /// Checks all variables.
    ///
    /// # Errors
    /// All faults that were found.
    pub fn read(variables: &Variables) -> Result<Self, Broken> {
        let mut errors: Vec<String> = variables
            .unreadable
            .iter()
            .map(|name| format!("{name}: is not text; write it in quotes"))
            .collect();
        let text = |variable: &Option<String>| variable.clone().unwrap_or_default();
        let origins =
            note(&mut errors, "ALLOW_ORIGINS", read_origins(&text(&variables.allow_origins)));
        let formats = read_formats(variables).map_err(|faults| {
            for (name, fault) in faults {
                note(&mut errors, name, Err::<(), _>(fault));
            }
        });
        let formats = formats.ok();
        // What a token can carry, and what it is called, depend on its format.
        let no_keys = KeyRing::EMPTY;
        let gate = Verifier::new(&no_keys);
        let gate = match &formats {
            Some(formats) => formats.of(gate),
            None => gate.native(false),
        };
        let audience = read_audience(variables.audience.as_deref(), &gate);
        let audience = note(&mut errors, "AUDIENCE", audience);
        let names = gate.token_names();
        let taken: Vec<_> = names.iter().collect();
        let forward_params = text(&variables.forward_params);
        // In the query of a public file, a native token is an ordinary set of parameters, but its tag must
        // not be forwarded.
        let secret = [taken.as_slice(), &["sig"]].concat();
        note(&mut errors, "FORWARD_PARAMS", check_names(&forward_params, &secret));
        let forward_viewer = note(&mut errors, "FORWARD_VIEWER", read_forward_viewer(variables));
        let leeway = read_number(variables.leeway.as_deref(), "seconds", 0..=MAX_LEEWAY);
        let leeway = note(&mut errors, "LEEWAY", leeway);
        let log = note(&mut errors, "LOG", read_log(variables.log.as_deref()));
        let max_lifetime =
            read_number(variables.max_lifetime.as_deref(), "seconds", 1..=MAX_LIFETIME);
        let max_lifetime = note(&mut errors, "MAX_LIFETIME", max_lifetime);
        let max_run = read_number(variables.max_run.as_deref(), "seconds", 1..=MAX_LIFETIME);
        let max_run = note(&mut errors, "MAX_RUN", max_run);
        let max_manifest_bytes = note(
            &mut errors,
            "MAX_MANIFEST_BYTES",
            read_number(
                variables.max_manifest_bytes.as_deref(),
                "bytes",
                LEAST_MANIFEST_BYTES..=MOST_MANIFEST_BYTES,
            ),
        );
        if (!built::MANIFESTS || variables.is_for_proxy) && variables.max_manifest_bytes.is_some() {
            let error = match variables.is_for_proxy {
                true => "a gate that only decides rewrites no playlists; remove it".to_string(),
                false => "this gate was built without manifests; remove it".to_string(),
            };
            note(&mut errors, "MAX_MANIFEST_BYTES", Err::<(), _>(error));
        }
        let public = PublicPaths::default().parse_prefixes(&text(&variables.public));
        let public = note(&mut errors, "PUBLIC", public.map_err(|error| error.to_string()));
        let public = public.parse_extensions(&text(&variables.public_extensions));
        let public =
            note(&mut errors, "PUBLIC_EXTENSIONS", public.map_err(|error| error.to_string()));
        let set_cookie = read_switch(variables.set_cookie.as_deref());
        let set_cookie = note(&mut errors, "SET_COOKIE", set_cookie);
        let state = read_state(variables).unwrap_or_else(|(name, error)| {
            note(&mut errors, name, Err::<(), _>(error));
            None
        });
        let events = read_events(variables).unwrap_or_else(|(name, error)| {
            note(&mut errors, name, Err::<(), _>(error));
            None
        });
        let unsigned_params = text(&variables.unsigned_params);
        note(&mut errors, "UNSIGNED_PARAMS", check_names(&unsigned_params, &taken));
        let ring = match &variables.playgate_keys {
            None => Err("is not set; make a key with `playgate keygen` and store it with \
                         `wrangler secret put PLAYGATE_KEYS`"
                .to_string()),
            Some(keys) => KeyRing::parse(keys.expose()).map_err(|error| error.to_string()),
        };
        let ring = ring.and_then(|ring| {
            match gate.formats().find(|name| !ring.serves(name)) {
                Some(name) => Err(format!(
                    "has no key for the format {name}, which FORMATS names; add one, or remove the format"
                )),
                None => Ok(ring),
            }
        });
        let ring = note(&mut errors, "PLAYGATE_KEYS", ring.map(Some));
        let (name, store) = read_store(variables);
        let store = note(&mut errors, name, store.map(Some));
        let pass = note(&mut errors, "PASS_HEADERS", read_pass_headers(variables));
        let secret = note(&mut errors, "ORIGIN_SECRET", read_origin_secret(variables));
        let store = store.map(|base| match base {
            None if variables.is_for_proxy => Store::Proxy,
            None => Store::Bucket,
            Some(base) => Store::Server(Server { base, pass, secret }),
        });
        match (ring, store, formats) {
            (Some(ring), Some(store), Some(formats)) if errors.is_empty() => Ok(Self {
                ring,
                audience,
                events,
                formats,
                forward_playlist_params: [DIRECTIVES, &forward_params].join(","),
                forward_params,
                forward_viewer,
                leeway: leeway.unwrap_or(0),
                log,
                max_lifetime,
                max_run: max_run.unwrap_or(Verifier::DEFAULT_MAX_RUN.as_secs()),
                max_manifest_bytes: max_manifest_bytes
                    .and_then(|most| usize::try_from(most).ok())
                    .unwrap_or(MAX_MANIFEST_BYTES),
                origins,
                public,
                set_cookie,
                state,
                store,
                unsigned_params,
            }),
            _ => Err(Broken { errors, origins }),
        }
    }

    /// Where events are sent, and the secret that signs them: `whsec_` and the key in base64.
    #[must_use]
    pub fn events(&self) -> Option<(&str, &str)> {
        self.events.as_ref().map(|(url, secret)| (url.as_str(), secret.expose()))
    }

    /// Whether the gate keeps state, and so asks a denylist.
    #[must_use]
    pub fn keeps_state(&self) -> bool {
        self.state().is_some()
    }

    /// The level of the log.
    #[must_use]
    pub const fn log(&self) -> LogLevel {
        self.log
    }

    /// Whether to ask the denylist now, in the background. `now` is in Unix milliseconds.
    #[must_use]
    pub fn asks(&self, memory: &Memory, now: u64) -> bool {
        self.state().is_some_and(|state| memory.denylist.is_due(state.freshness, now))
    }

    /// How often the gate asks the denylist, in milliseconds; 0 if it keeps no state.
    #[must_use]
    pub fn refresh(&self) -> u64 {
        self.state().map_or(0, |state| state.freshness.refresh)
    }

    /// How the gate keeps state; `None` if it keeps none.
    pub(crate) fn state(&self) -> Option<&StateConfig> {
        self.state.as_ref().filter(|_| built::STATE)
    }

    /// The verifier of this deployment.
    pub(crate) fn verifier(&self) -> Verifier<'_> {
        let verifier = Verifier::new(&self.ring)
            .audience(self.audience.as_deref())
            .leeway(Duration::from_secs(self.leeway))
            .max_lifetime(self.max_lifetime.map(Duration::from_secs))
            .max_run(Duration::from_secs(self.max_run))
            .unsigned_params(self.unsigned_params());
        self.formats.of(verifier)
    }

    /// The CORS header fields for a response to `origin`. They also expose the header fields that the
    /// operator passes.
    pub(crate) fn cors(&self, origin: Option<&str>) -> Headers {
        let mut headers = self.origins.headers(origin);
        let pass = match &self.store {
            Store::Server(server) => Some(&server.pass),
            Store::Bucket | Store::Proxy => None,
        };
        let exposed = headers.iter_mut().find(|(name, _)| *name == cors::EXPOSE);
        if let Some((pass, (_, value))) = pass.zip(exposed) {
            for name in pass.names() {
                value.to_mut().extend([", ", name]);
            }
        }
        headers
    }

    /// Whether playlists are rewritten.
    pub(crate) fn rewrites(&self) -> bool {
        built::MANIFESTS && self.store != Store::Proxy
    }

    /// Whether the media server learns who is watching.
    pub(crate) const fn forwards_viewer(&self) -> bool {
        self.forward_viewer && matches!(self.store, Store::Server(_) | Store::Proxy)
    }

    /// The query parameters that may be added to a link without being signed.
    pub(crate) fn unsigned_params(&self) -> ParamNames<'_> {
        ParamNames::new(&self.unsigned_params)
    }

    /// The unsigned query parameters that are forwarded to the media store. The list is longer for requests
    /// that may be for a manifest.
    pub(crate) fn forward_params(&self, may_be_manifest: bool) -> ParamNames<'_> {
        if self.store == Store::Proxy {
            // Whoever delivers the media knows what to do with them.
            return ParamNames::ALL;
        }
        ParamNames::new(if may_be_manifest {
            &self.forward_playlist_params
        } else {
            &self.forward_params
        })
    }
}

/// Records an error and continues with the default, so that later errors are found too. Each variable
/// reports only its first error.
fn note<T: Default>(errors: &mut Vec<String>, name: &str, value: Result<T, String>) -> T {
    value.unwrap_or_else(|error| {
        add(errors, name, &error);
        T::default()
    })
}

/// Records an error. One function for all types, because its text is long.
#[cold]
#[inline(never)]
fn add(errors: &mut Vec<String>, name: &str, error: &str) {
    let is_known = |known: &String| known.split(':').next() == Some(name);
    if !errors.iter().any(is_known) {
        errors.push(format!("{name}: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn bucket() -> Variables {
        Variables {
            media: Binding::Right,
            playgate_keys: Some(KEYS.into()),
            ..Variables::default()
        }
    }

    fn jwt() -> Variables {
        let jwt_path = Some("/videos/{vid}/".into());
        Variables { formats: Some("jwt".into()), jwt_path, ..bucket() }
    }

    fn server(origin: &str) -> Variables {
        Variables {
            origin: Some(origin.into()),
            playgate_keys: Some(KEYS.into()),
            ..Variables::default()
        }
    }

    #[track_caller]
    fn wrong(variables: Variables, expected: &str) {
        let Err(broken) = Config::read(&variables) else { panic!("taken: {expected}") };
        assert_eq!(broken.errors, [expected]);
    }

    #[test]
    fn keys_and_a_bucket_are_enough() {
        let Ok(config) = Config::read(&bucket()) else { panic!("refused") };
        assert_eq!(config.store, Store::Bucket);
        assert_eq!(config.origins, Origins::None);
        assert!(!config.public.contains("/"));
        assert_eq!(config.max_manifest_bytes, 2_097_152);
        assert!(!config.set_cookie);
    }

    #[test]
    fn a_star_ends_a_name() {
        let unsigned = |names: &str| Variables { unsigned_params: Some(names.into()), ..bucket() };
        let forward = |names: &str| Variables { forward_params: Some(names.into()), ..bucket() };
        assert!(Config::read(&unsigned("utm_*, ref,v*")).is_ok());
        let fault =
            "a star is allowed only at the end of a name, after at least one character: utm_*";
        for names in ["ref, a*b", "ref,*b", "ref, *", "ref,a**", "ref, a*b*"] {
            wrong(unsigned(names), &format!("UNSIGNED_PARAMS: entry 2: {fault}"));
            wrong(forward(names), &format!("FORWARD_PARAMS: entry 2: {fault}"));
        }
    }

    #[test]
    fn every_error_is_named_at_once() {
        let variables = Variables {
            admin_secret: Some("short".into()),
            allow_origins: Some("https://a.example/".into()),
            audience: Some("a\n".into()),
            denylist: Binding::Right,
            denylist_max_age: None,
            denylist_outage: None,
            denylist_refresh: None,
            events_secret: Some("short".into()),
            events_url: None,
            formats: Some("native, jwt".into()),
            forward_params: Some("v,a=b".into()),
            forward_viewer: Some("no".into()),
            issuer: Some("joe".into()),
            jwt_name: Some("pg".into()),
            jwt_path: None,
            leeway: Some("1h".into()),
            log: Some("none".into()),
            max_lifetime: Some("0".into()),
            max_manifest_bytes: Some("0".into()),
            max_run: Some("24h".into()),
            media: Binding::Absent,
            origin: None,
            origin_secret: Some("short".into()),
            pass_headers: Some("Link".into()),
            playbacks_over_limit: None,
            playgate_keys: Some("main:short".into()),
            public: Some("/a, b".into()),
            public_extensions: Some(".ts".into()),
            records: Binding::Right,
            set_cookie: Some("yes".into()),
            timed_hmac_param: None,
            timed_hmac_ttl: None,
            timed_hmac_url_safe: None,
            unsigned_params: Some("pg".into()),
            is_for_proxy: false,
            unreadable: Vec::new(),
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        let names: Vec<_> =
            broken.errors.iter().map(|error| error.split(':').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "ALLOW_ORIGINS",
                "JWT_PATH",
                "JWT_NAME",
                "AUDIENCE",
                "FORWARD_PARAMS",
                "FORWARD_VIEWER",
                "LEEWAY",
                "LOG",
                "MAX_LIFETIME",
                "MAX_RUN",
                "MAX_MANIFEST_BYTES",
                "PUBLIC",
                "PUBLIC_EXTENSIONS",
                "SET_COOKIE",
                "ADMIN_SECRET",
                "EVENTS_URL",
                "UNSIGNED_PARAMS",
                "PLAYGATE_KEYS",
                "MEDIA",
                "PASS_HEADERS",
                "ORIGIN_SECRET"
            ]
        );
        assert_eq!(broken.origins, Origins::None);
    }

    #[test]
    fn refusals_are_logged_unless_the_operator_says_otherwise() {
        let level = |log: Option<&str>| {
            let variables = Variables { log: log.map(String::from), ..bucket() };
            Config::read(&variables).map(|config| config.log).map_err(|broken| broken.errors)
        };
        assert_eq!(level(None), Ok(LogLevel::Refused));
        for (text, expected) in
            [("all", LogLevel::All), ("refused", LogLevel::Refused), ("off", LogLevel::Off)]
        {
            assert_eq!(level(Some(text)), Ok(expected));
        }
        let error = r#"LOG: write "all", "refused" or "off""#;
        assert_eq!(level(Some("All")), Err(vec![String::from(error)]));
    }

    fn stateful() -> Variables {
        let admin_secret = Some("0123456789abcdef".into());
        Variables { denylist: Binding::Right, admin_secret, ..bucket() }
    }

    #[test]
    fn state_is_kept_where_it_is_bound_and_has_a_secret() {
        let freshness = |variables: Variables| {
            let config = Config::read(&variables).map_err(|broken| broken.errors);
            config.map(|config| config.state.map(|state| state.freshness))
        };
        assert_eq!(freshness(bucket()), Ok(None));
        assert_eq!(freshness(Variables { denylist: Binding::Right, ..bucket() }), Ok(None));
        let of = |refresh, max_age, outage| Ok(Some(Freshness { refresh, max_age, outage }));
        assert_eq!(freshness(stateful()), of(5_000, 10_000, 10_000));
        let lengths = |refresh: &str, max_age: &str, outage: &str| Variables {
            denylist_refresh: Some(refresh.into()),
            denylist_max_age: Some(max_age.into()),
            denylist_outage: Some(outage.into()),
            ..stateful()
        };
        assert_eq!(freshness(lengths("100ms", "1s", "closed")), of(100, 1_000, 1_000));
        assert_eq!(freshness(lengths("2s", "2s", "1m")), of(2_000, 2_000, 60_000));

        wrong(
            Variables { denylist: Binding::Other, ..stateful() },
            "DENYLIST: is not a Durable Object; bind the class Denylist",
        );
        wrong(
            Variables { denylist: Binding::Absent, ..stateful() },
            "ADMIN_SECRET: is set, but DENYLIST is not bound; bind it",
        );
        let applies = "applies only with state; bind DENYLIST and set ADMIN_SECRET";
        wrong(
            Variables { denylist_outage: Some("60s".into()), ..bucket() },
            &format!("DENYLIST_OUTAGE: {applies}"),
        );
        let form = "write a length from 1ms to 1day, like 500ms or 5s";
        for text in ["0", "2days", "+5ms", "5 ms", "1.5s", "soon", "99999999999999999999ms"] {
            let variables = Variables { denylist_refresh: Some(text.into()), ..stateful() };
            wrong(variables, &format!("DENYLIST_REFRESH: {form}"));
        }
        wrong(
            lengths("5s", "4s", "closed"),
            "DENYLIST_MAX_AGE: DENYLIST_REFRESH must not be longer than DENYLIST_MAX_AGE",
        );
        wrong(
            lengths("5s", "10s", "9s"),
            "DENYLIST_OUTAGE: write \"closed\", or a length that is not shorter than \
             DENYLIST_MAX_AGE",
        );
    }

    #[test]
    fn events_need_an_address_and_a_key() {
        let key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let admin_secret = || Some("0123456789abcdef".into());
        let events = |url: Option<&str>, secret: Option<&str>| Variables {
            denylist: Binding::Right,
            admin_secret: admin_secret(),
            events_url: url.map(String::from),
            events_secret: secret.map(Into::into),
            ..bucket()
        };
        let url = "https://www.example.com/hook";
        assert!(Config::read(&events(Some(url), Some(key))).is_ok());
        assert!(Config::read(&events(None, None)).is_ok());
        wrong(
            events(Some(url), None),
            "EVENTS_SECRET: is not set, but EVENTS_URL is; set both or neither",
        );
        wrong(
            events(None, Some(key)),
            "EVENTS_URL: is not set, but EVENTS_SECRET is; set both or neither",
        );
        let form = "EVENTS_SECRET: write whsec_ and 24 to 64 bytes in base64; make one with `echo whsec_$(openssl rand \
                    -base64 32)`";
        for bad in [
            "whsec_",
            "whsec_AAEC",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY",
        ] {
            wrong(events(Some(url), Some(bad)), form);
        }
        let clear = "EVENTS_URL: write https; http is allowed only for this machine (localhost)";
        wrong(events(Some("http://www.example.com/"), Some(key)), clear);
        let stateless = Variables {
            admin_secret: None,
            denylist: Binding::Absent,
            ..events(Some(url), Some(key))
        };
        wrong(stateless, "EVENTS_URL: applies only with state; bind DENYLIST and set ADMIN_SECRET");
        let over = |text: &str| Variables {
            playbacks_over_limit: Some(text.into()),
            ..events(None, None)
        };
        assert!(Config::read(&over("refuse")).is_ok() && Config::read(&over("displace")).is_ok());
        wrong(over("deny"), "PLAYBACKS_OVER_LIMIT: write \"displace\" or \"refuse\"");
        let records = Variables { records: Binding::Other, ..events(None, None) };
        wrong(records, "RECORDS: is not a Durable Object; bind the class Record");
    }

    #[test]
    fn a_secret_is_never_repeated() {
        let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
        let variables = Variables {
            admin_secret: Some(format!("{secret}\n").into()),
            allow_origins: Some(secret.into()),
            audience: Some(format!("{secret}\n")),
            denylist: Binding::Right,
            denylist_max_age: None,
            denylist_outage: None,
            denylist_refresh: None,
            events_secret: Some(secret.into()),
            events_url: Some(secret.into()),
            formats: Some(secret.into()),
            forward_params: Some(format!("{secret}&")),
            forward_viewer: Some(secret.into()),
            issuer: Some(secret.into()),
            jwt_name: Some(format!("{secret}!")),
            jwt_path: Some(secret.into()),
            leeway: Some(secret.into()),
            log: Some(secret.into()),
            max_lifetime: Some(secret.into()),
            max_manifest_bytes: Some(secret.into()),
            max_run: Some(secret.into()),
            media: Binding::Absent,
            origin: Some(secret.into()),
            origin_secret: Some(format!("{secret}\n").into()),
            pass_headers: Some(format!("{secret}:")),
            playbacks_over_limit: Some(secret.into()),
            playgate_keys: Some(format!("main:{secret}").into()),
            public: Some(secret.into()),
            public_extensions: Some(format!("{secret}.")),
            records: Binding::Right,
            set_cookie: Some(secret.into()),
            timed_hmac_param: Some(format!("{secret}!")),
            timed_hmac_ttl: Some(secret.into()),
            timed_hmac_url_safe: Some(secret.into()),
            unsigned_params: Some(format!("{secret}&")),
            is_for_proxy: false,
            unreadable: Vec::new(),
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        assert_eq!(broken.errors.len(), 25);
        assert!(!format!("{broken:?}").contains(secret), "{broken:?}");
        // The same with valid formats, and with a name that is already taken.
        let variables = Variables {
            formats: Some("native".into()),
            issuer: Some(secret.into()),
            jwt_name: Some(secret.into()),
            jwt_path: Some(format!("/{secret}/")),
            ..bucket()
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        assert_eq!(broken.errors.len(), 3);
        assert!(!format!("{broken:?}").contains(secret), "{broken:?}");
        let variables = Variables {
            jwt_name: Some(secret.into()),
            unsigned_params: Some(secret.into()),
            ..jwt()
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        assert_eq!(
            broken.errors,
            ["UNSIGNED_PARAMS: entry 1: this name is reserved for tokens; remove it"]
        );
    }

    #[test]
    fn formats() {
        let formats = |text: &str| Variables { formats: Some(text.into()), ..jwt() };
        for (text, native) in
            [("jwt", false), ("native,jwt", true), ("jwt,native", true), (" jwt , native ", true)]
        {
            let Ok(config) = Config::read(&formats(text)) else { panic!("refused: {text}") };
            let formats = config.formats;
            assert_eq!((formats.native, formats.jwt.is_some()), (native, true), "{text}");
        }
        for variables in [bucket(), Variables { formats: Some("native".into()), ..bucket() }] {
            let Ok(config) = Config::read(&variables) else { panic!("refused") };
            assert_eq!(config.formats, Formats::default());
        }
        for text in ["JWT", "jwt,", "native native", "native,native", "jwt\nnative", "none"] {
            wrong(
                formats(text),
                "FORMATS: write one or more of native, jwt, timed-hmac, separated by commas",
            );
        }
    }

    #[test]
    fn without_a_directory_no_jwt_is_read() {
        let missing =
            "JWT_PATH: is missing; write the directory that a claim allows, like /videos/{vid}/";
        for text in ["jwt", "native,jwt"] {
            wrong(Variables { formats: Some(text.into()), ..bucket() }, missing);
        }
        for path in ["/", "/videos/", "videos/{vid}/", "/{vid}", "/a/../{vid}/", " /{vid}/"] {
            let variables = Variables { jwt_path: Some(path.into()), ..jwt() };
            let Err(broken) = Config::read(&variables) else { panic!("taken: {path}") };
            assert_eq!(broken.errors.len(), 1);
            assert!(broken.errors[0].starts_with("JWT_PATH: "), "{broken:?}");
        }
    }

    #[test]
    fn what_is_for_jwts_alone() {
        let (name, path) = (Some("jwt".into()), Some("/{vid}/".into()));
        let variables =
            Variables { issuer: Some("joe".into()), jwt_name: name, jwt_path: path, ..bucket() };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        assert_eq!(
            broken.errors,
            ["JWT_PATH", "JWT_NAME", "ISSUER"].map(|name| format!(
                "{name}: applies only to JWTs, which are not read; add jwt to the formats"
            ))
        );
        let variables = Variables { jwt_name: Some("a b".into()), ..jwt() };
        wrong(
            variables,
            "JWT_NAME: write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens",
        );
    }

    #[test]
    fn where_the_formats_are_not_known_nothing_is_said_of_what_depends_on_them() {
        let name = "https://edge.example.com/";
        let more = || Variables {
            audience: Some(name.into()),
            unsigned_params: Some("token".into()),
            ..bucket()
        };
        let misspelt = || Variables { formats: Some("nativ".into()), ..more() };
        wrong(
            misspelt(),
            "FORMATS: write one or more of native, jwt, timed-hmac, separated by commas",
        );
        wrong(
            Variables { unreadable: vec!["FORMATS"], ..more() },
            "FORMATS: is not text; write it in quotes",
        );
        let variables = Variables { jwt_path: Some("/".into()), ..misspelt() };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        let names = broken.errors.iter().map(|error| error.split(':').next().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["FORMATS", "JWT_PATH"]);
    }

    #[test]
    fn an_audience_is_what_the_formats_can_say() {
        let url = "https://edge.example.com/?a=\u{e9} b";
        let asked = |formats: Option<&str>, audience: &str| {
            let path = formats.map(|_| "/{vid}/".into());
            let formats = formats.map(String::from);
            Variables { audience: Some(audience.into()), formats, jwt_path: path, ..bucket() }
        };
        let longest = "\u{e9}".repeat(256);
        for name in [url, "edge.1", &longest, "?"] {
            let Ok(config) = Config::read(&asked(Some("jwt"), name)) else { panic!("{name}") };
            assert_eq!(config.audience.as_deref(), Some(name));
        }
        for name in ["", "a\n", "a\u{7f}", "a\u{85}", &format!("{longest}x")] {
            wrong(asked(Some("jwt"), name), "AUDIENCE: write 1 to 256 printable characters");
        }
        for formats in [None, Some("native,jwt")] {
            assert!(Config::read(&asked(formats, "edge.1")).is_ok());
            for name in [url, &"a".repeat(65), "a/b"] {
                wrong(asked(formats, name), "AUDIENCE: write 1 to 64 of A-Z a-z 0-9 - _ .");
            }
        }
    }

    #[test]
    fn no_parameter_goes_by_the_name_of_a_token() {
        let taken = |params: &str, with: fn() -> Variables| {
            let error = "entry 2: this name is reserved for tokens; remove it";
            wrong(
                Variables { forward_params: Some(params.into()), ..with() },
                &format!("FORWARD_PARAMS: {error}"),
            );
            wrong(
                Variables { unsigned_params: Some(params.into()), ..with() },
                &format!("UNSIGNED_PARAMS: {error}"),
            );
        };
        let named: fn() -> Variables = || Variables { jwt_name: Some("access".into()), ..jwt() };
        taken("v, pg", bucket);
        taken("v, pg", jwt);
        taken("v,p*", bucket);
        taken("v,tok*", jwt);
        taken("v,token", jwt);
        taken("v, access", named);
        for params in ["v, sig", "v, s*"] {
            wrong(
                Variables { forward_params: Some(params.into()), ..bucket() },
                "FORWARD_PARAMS: entry 2: this name is reserved for tokens; remove it",
            );
        }
        for (params, variables) in [("token", bucket()), ("token", named()), ("Token", jwt())] {
            let forward_params = Some(params.into());
            let unsigned_params = Some(params.into());
            assert!(
                Config::read(&Variables { forward_params, unsigned_params, ..variables }).is_ok()
            );
        }
    }

    #[test]
    fn keys() {
        wrong(
            Variables { playgate_keys: None, ..bucket() },
            "PLAYGATE_KEYS: is not set; make a key with `playgate keygen` and store it with \
             `wrangler secret put PLAYGATE_KEYS`",
        );
        wrong(
            Variables { playgate_keys: Some(format!("{KEYS},{KEYS}").into()), ..bucket() },
            "PLAYGATE_KEYS: key ring, entry 2: duplicate key id",
        );
        wrong(
            Variables { playgate_keys: Some(format!("jwt/{KEYS}").into()), ..bucket() },
            "PLAYGATE_KEYS: has no key for the format native, which FORMATS names; add one, or \
             remove the format",
        );
    }

    #[test]
    fn a_variable_of_the_wrong_type_is_not_an_absent_one() {
        wrong(
            Variables { unreadable: vec!["AUDIENCE"], ..bucket() },
            "AUDIENCE: is not text; write it in quotes",
        );
        wrong(
            Variables { playgate_keys: None, unreadable: vec!["PLAYGATE_KEYS"], ..bucket() },
            "PLAYGATE_KEYS: is not text; write it in quotes",
        );
    }

    #[test]
    fn one_store_and_no_more() {
        wrong(
            Variables { media: Binding::Absent, ..bucket() },
            "MEDIA: is not bound, and ORIGIN is not set; the gate needs one of them",
        );
        wrong(
            Variables { media: Binding::Right, ..server("https://media.example.com") },
            "ORIGIN: is set, but MEDIA is bound too; use only one of them",
        );
        wrong(
            Variables { media: Binding::Other, ..bucket() },
            "MEDIA: is not an R2 bucket; bind one under this name",
        );
    }

    #[test]
    fn servers() {
        for (origin, base) in [
            ("https://media.example.com", "https://media.example.com"),
            ("https://media.example.com/", "https://media.example.com"),
            ("https://media.example.com:8443/vod/", "https://media.example.com:8443/vod"),
            ("http://localhost:9000", "http://localhost:9000"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            let Ok(config) = Config::read(&server(origin)) else { panic!("refused: {origin}") };
            let server = Server { base: base.into(), pass: PassHeaders::default(), secret: None };
            assert_eq!(config.store, Store::Server(server));
        }
        let form = "ORIGIN: write it like https://media.example.com, with an optional path \
                    prefix";
        for origin in [
            "media.example.com",
            "ftp://media.example.com",
            "https://",
            "https://user@media.example.com",
            "https://media.example.com?a",
            "https://media.example.com:port",
            "https://media.example.com:99999",
            "https://[::1",
            "https://mediä.example.com",
        ] {
            wrong(server(origin), form);
        }
        for origin in ["http://media.example.com", "http://localhost.example.com", "http://[::2]"] {
            wrong(
                server(origin),
                "ORIGIN: write https; http is allowed only for this machine (localhost)",
            );
        }
        wrong(
            server("https://media.example.com//a"),
            "ORIGIN: the path has two slashes in a row; write one",
        );
    }

    #[test]
    fn what_is_for_a_server_alone() {
        let secret = "0123456789abcdef";
        let set = |origin_secret: &str, pass_headers: &str| Variables {
            origin_secret: Some(origin_secret.into()),
            pass_headers: Some(pass_headers.into()),
            ..server("https://media.example.com")
        };
        let Ok(config) = Config::read(&set(secret, "X-Cache,\n Server ,")) else {
            panic!("refused")
        };
        let Store::Server(server) = config.store else { panic!("a bucket") };
        assert_eq!(server.secret, Some(secret.into()));
        assert!(server.pass.has("x-cache") && server.pass.has("server"));
        let form = "ORIGIN_SECRET: write 16 to 256 characters without spaces; make one with `openssl \
                    rand -hex 32`";
        for text in
            ["0123456789abcde", &"a".repeat(257), "0123456789abcdef g", "0123456789abcde\u{e9}"]
        {
            wrong(set(text, "X-Cache"), form);
        }
        wrong(
            set(secret, "X-Cache, Set-Cookie"),
            "PASS_HEADERS: entry 2: credentials must stay between the viewer and the gate",
        );
        let Err(broken) = Config::read(&Variables {
            origin: None,
            media: Binding::Right,
            ..set(secret, "Server")
        }) else {
            panic!("taken")
        };
        let error = "applies only with ORIGIN, which is not set; remove it, or set ORIGIN";
        assert_eq!(
            broken.errors,
            [format!("PASS_HEADERS: {error}"), format!("ORIGIN_SECRET: {error}")]
        );
    }

    #[test]
    fn public_prefixes_end_at_segments() {
        let variables = Variables { public: Some("/public, /a%7e/".into()), ..bucket() };
        let Ok(config) = Config::read(&variables) else { panic!("refused") };
        for path in ["/public", "/public/", "/public/a", "/a~/", "/a~/b"] {
            assert!(config.public.contains(path), "{path}");
        }
        for path in ["/", "/public-not", "/publi", "/PUBLIC", "/a~", "/a~b", "/b/public"] {
            assert!(!config.public.contains(path), "{path}");
        }
        wrong(
            Variables { public: Some("/a\n/".into()), ..bucket() },
            "PUBLIC: entry 2: / would make everything public; name the directories instead",
        );
        wrong(
            Variables { public: Some("/a/../b".into()), ..bucket() },
            "PUBLIC: entry 1: the path has a segment . or ..; write the path without it",
        );
    }

    #[test]
    fn origins() {
        let listed = Variables {
            allow_origins: Some("https://a.example,http://localhost:8080\nhttps://[::1]:1".into()),
            ..bucket()
        };
        let Ok(config) = Config::read(&listed) else { panic!("refused") };
        assert_eq!(
            config.origins,
            Origins::Listed(vec![
                "https://a.example".into(),
                "http://localhost:8080".into(),
                "https://[::1]:1".into()
            ])
        );
        for origins in
            ["*, https://a.example", "null", "https://A.example", "https://a.example/", "a.example"]
        {
            wrong(
                Variables { allow_origins: Some(origins.into()), ..bucket() },
                "ALLOW_ORIGINS: entry 1: write an origin as browsers do: scheme and host in \
                 lower case, without a path, like https://www.example.com, or only * for all",
            );
        }
    }

    #[test]
    fn numbers() {
        let leeway = |text: &str| Variables { leeway: Some(text.into()), ..bucket() };
        assert!(Config::read(&leeway("0")).is_ok());
        assert!(Config::read(&leeway("300")).is_ok());
        for text in ["301", "-1", "+1", "1.5", "99999999999999999999"] {
            wrong(leeway(text), "LEEWAY: write a number of seconds from 0 to 300");
        }
        wrong(
            Variables { max_lifetime: Some("0".into()), ..bucket() },
            "MAX_LIFETIME: write a number of seconds from 1 to 9007199254740991",
        );
        let run = |text: &str| Variables { max_run: Some(text.into()), ..bucket() };
        let capped = |variables| Config::read(&variables).map(|config| config.max_run);
        assert!(capped(bucket()).is_ok_and(|most| most == 86_400));
        assert!(capped(run("3600")).is_ok_and(|most| most == 3600));
        for text in ["0", "4h", "-1"] {
            wrong(run(text), "MAX_RUN: write a number of seconds from 1 to 9007199254740991");
        }
    }

    #[test]
    fn manifests() {
        let most = |text: &str| Variables { max_manifest_bytes: Some(text.into()), ..bucket() };
        let Ok(config) = Config::read(&most("65536")) else { panic!("refused") };
        assert_eq!(config.max_manifest_bytes, 65_536);
        wrong(most("2M"), "MAX_MANIFEST_BYTES: write a number of bytes from 1024 to 8388608");
        let public = |text: &str| Variables { public_extensions: Some(text.into()), ..bucket() };
        let Ok(config) = Config::read(&public("m4s, TS")) else { panic!("refused") };
        assert!(config.public.contains("/videos/42/1.ts"));
        assert!(!config.public.contains("/videos/42/master.m3u8"));
        wrong(
            public("ts, Key"),
            "PUBLIC_EXTENSIONS: entry 2: manifests and keys always need a token; remove this extension",
        );
        wrong(
            public(".ts"),
            "PUBLIC_EXTENSIONS: entry 1: write extensions without their dot: \"m4s, ts\"",
        );
        let switch = |text: &str| Variables { set_cookie: Some(text.into()), ..bucket() };
        assert!(Config::read(&switch("true")).is_ok_and(|config| config.set_cookie));
        assert!(Config::read(&switch("false")).is_ok_and(|config| !config.set_cookie));
        wrong(switch("1"), "SET_COOKIE: write \"true\" or \"false\"");
    }

    #[test]
    fn directives_travel_on_with_playlists() {
        let Ok(config) = Config::read(&bucket()) else { panic!("refused") };
        for param in ["_HLS_msn=7", "_HLS_part=0", "_HLS_skip=YES"] {
            assert!(config.forward_params(true).has(param), "{param}");
            assert!(!config.forward_params(false).has(param), "{param}");
        }
        assert!(!config.forward_params(true).has("v=1"));
        assert!(!config.forward_params(true).has("CMCD=bl%3D1"));
    }
}
