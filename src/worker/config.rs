//! The operator's variables, read and checked in one go: every error is named, and one is enough to
//! serve nothing.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::bytes::is_name;
use crate::format::native;
use crate::grant::parse_text;
use crate::key::KeyRing;
use crate::path::CanonicalPath;
use crate::query::ParamNames;
use crate::verify::Verifier;
use crate::worker::authority::{is_authority, is_loopback, is_origin};
use crate::worker::cors::Origins;

/// Seconds that clocks may be apart at most: more would be another lifetime.
const MAX_LEEWAY: u64 = 300;

/// The longest cap on lifetimes, the largest number of a token.
const MAX_LIFETIME: u64 = (1 << 53) - 1;

/// The variables as they stand; `None` where they are not set or empty.
#[derive(Default)]
pub(crate) struct Variables {
    pub(crate) allow_origins: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) forward_params: Option<String>,
    pub(crate) leeway: Option<String>,
    pub(crate) max_lifetime: Option<String>,
    /// What the binding `MEDIA` is.
    pub(crate) media: Binding,
    pub(crate) origin: Option<String>,
    pub(crate) playgate_keys: Option<String>,
    pub(crate) public: Option<String>,
    pub(crate) unsigned_params: Option<String>,
    /// The names of those that are set and are no text.
    pub(crate) unreadable: Vec<&'static str>,
}

/// What stands in the place of a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Binding {
    #[default]
    Absent,
    Other,
    Right,
}

/// Where the media is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// The bucket that is bound as `MEDIA`.
    Bucket,
    /// A server: scheme, authority and the path that stands before every other, without a slash at
    /// its end.
    Server(String),
}

/// A configuration without a fault.
pub(crate) struct Config {
    ring: KeyRing,
    audience: Option<String>,
    forward_params: String,
    leeway: u64,
    max_lifetime: Option<u64>,
    pub(crate) origins: Origins,
    public: Vec<String>,
    pub(crate) store: Store,
    unsigned_params: String,
}

/// A configuration with at least one.
#[derive(Debug)]
pub(crate) struct Broken {
    /// One sentence for each fault. No value is repeated: it may be a secret in the wrong place.
    pub(crate) errors: Vec<String>,
    /// Who may read that answer; none where this is the fault.
    pub(crate) origins: Origins,
}

impl Config {
    /// Checks everything, and says everything that is wrong.
    pub(crate) fn read(variables: &Variables) -> Result<Self, Broken> {
        let mut errors: Vec<String> = variables
            .unreadable
            .iter()
            .map(|name| format!("{name}: is not text; write it in quotes"))
            .collect();
        let text = |variable: &Option<String>| variable.clone().unwrap_or_default();
        let origins =
            note(&mut errors, "ALLOW_ORIGINS", read_origins(&text(&variables.allow_origins)));
        let audience = note(&mut errors, "AUDIENCE", read_audience(variables.audience.as_deref()));
        let forward_params = text(&variables.forward_params);
        note(&mut errors, "FORWARD_PARAMS", check_names(&forward_params));
        let leeway =
            note(&mut errors, "LEEWAY", read_seconds(variables.leeway.as_deref(), 0, MAX_LEEWAY));
        let max_lifetime = read_seconds(variables.max_lifetime.as_deref(), 1, MAX_LIFETIME);
        let max_lifetime = note(&mut errors, "MAX_LIFETIME", max_lifetime);
        let public = note(&mut errors, "PUBLIC", read_public(&text(&variables.public)));
        let unsigned_params = text(&variables.unsigned_params);
        note(&mut errors, "UNSIGNED_PARAMS", check_names(&unsigned_params));
        let ring = match &variables.playgate_keys {
            None => Err("is not set; make a key with `playgate keygen` and store it with \
                         `wrangler secret put PLAYGATE_KEYS`"
                .to_string()),
            Some(keys) => KeyRing::parse(keys).map_err(|error| error.to_string()),
        };
        let ring = note(&mut errors, "PLAYGATE_KEYS", ring.map(Some));
        let (name, store) = read_store(variables);
        let store = note(&mut errors, name, store.map(Some));
        match (ring, store) {
            (Some(ring), Some(store)) if errors.is_empty() => Ok(Self {
                ring,
                audience,
                forward_params,
                leeway: leeway.unwrap_or(0),
                max_lifetime,
                origins,
                public,
                store,
                unsigned_params,
            }),
            _ => Err(Broken { errors, origins }),
        }
    }

    /// The verifier of this deployment.
    pub(crate) fn verifier(&self) -> Verifier<'_> {
        Verifier::new(&self.ring)
            .audience(self.audience.as_deref())
            .leeway(self.leeway)
            .max_lifetime(self.max_lifetime)
            .unsigned_params(self.unsigned_params())
    }

    /// The query parameters that may stand beside a token unsigned.
    pub(crate) fn unsigned_params(&self) -> ParamNames<'_> {
        ParamNames::new(&self.unsigned_params)
    }

    /// The query parameters that travel on to the media store unsigned.
    pub(crate) fn forward_params(&self) -> ParamNames<'_> {
        ParamNames::new(&self.forward_params)
    }

    /// Whether a canonical path is served without a token. A prefix ends at the end of a segment:
    /// `/public` opens `/public` and `/public/a`, and never `/public-not`.
    pub(crate) fn is_public(&self, path: &str) -> bool {
        self.public.iter().any(|prefix| {
            path.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/')
            })
        })
    }
}

/// Writes an error down and goes on with the default, so that the next one is found as well. The
/// first of a variable is enough.
fn note<T: Default>(errors: &mut Vec<String>, name: &str, value: Result<T, String>) -> T {
    value.unwrap_or_else(|error| {
        let is_known = |known: &String| known.split(':').next() == Some(name);
        if !errors.iter().any(is_known) {
            errors.push(format!("{name}: {error}"));
        }
        T::default()
    })
}

/// The elements of a list parted by commas or newlines, blanks around them not counted.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n']).map(str::trim).filter(|element| !element.is_empty())
}

/// An error of one element of a list, counted from 1.
fn in_entry(number: usize, error: &str) -> String {
    format!("entry {}: {error}", number.saturating_add(1))
}

fn read_origins(text: &str) -> Result<Origins, String> {
    let origins: Vec<String> = list(text).map(String::from).collect();
    if origins.is_empty() {
        return Ok(Origins::None);
    }
    if origins == ["*"] {
        return Ok(Origins::Any);
    }
    match origins.iter().position(|origin| !is_origin(origin)) {
        None => Ok(Origins::Listed(origins)),
        Some(at) => Err(in_entry(
            at,
            "write an origin as browsers do, scheme and host in lower case without a path, like \
             https://www.example.com, or * alone for all",
        )),
    }
}

fn read_audience(text: Option<&str>) -> Result<Option<String>, String> {
    let Some(name) = text else { return Ok(None) };
    parse_text(name, native::MAX_NAME_LEN, is_name)
        .map(|name| Some(name.to_string()))
        .map_err(|_| "write 1 to 64 of A-Z a-z 0-9 - _ .".to_string())
}

fn check_names(text: &str) -> Result<(), String> {
    // ParamNames parts them by commas alone.
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    for (number, name) in names.enumerate() {
        if name == "pg" {
            return Err(in_entry(number, "pg is the token's own name"));
        }
        if !name
            .bytes()
            .all(|byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'&' | b'='))
        {
            return Err(in_entry(
                number,
                "write names of query parameters as they stand in addresses, parted by commas",
            ));
        }
    }
    Ok(())
}

fn read_seconds(text: Option<&str>, least: u64, most: u64) -> Result<Option<u64>, String> {
    let Some(text) = text else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let secs = text.parse().ok().filter(|secs| digits && (least..=most).contains(secs));
    secs.map(Some).ok_or_else(|| format!("write a number of seconds from {least} to {most}"))
}

fn read_public(text: &str) -> Result<Vec<String>, String> {
    let mut prefixes = Vec::new();
    for (number, prefix) in list(text).enumerate() {
        if prefix == "/" {
            return Err(in_entry(number, "/ would open everything; name the directories"));
        }
        match CanonicalPath::parse(prefix) {
            Ok(path) => prefixes.push(path.to_string()),
            Err(error) => return Err(in_entry(number, &format!("the path {error}"))),
        }
    }
    Ok(prefixes)
}

fn read_store(variables: &Variables) -> (&'static str, Result<Store, String>) {
    match (variables.media, &variables.origin) {
        (Binding::Other, _) => {
            ("MEDIA", Err("is not an R2 bucket; bind one under this name".into()))
        }
        (Binding::Absent, None) => {
            ("MEDIA", Err("is not bound, and ORIGIN is not set; the gate needs one of them".into()))
        }
        (Binding::Right, Some(_)) => {
            ("ORIGIN", Err("is set although MEDIA is bound; the gate takes one of them".into()))
        }
        (Binding::Right, None) => ("MEDIA", Ok(Store::Bucket)),
        (Binding::Absent, Some(origin)) => ("ORIGIN", read_server(origin).map(Store::Server)),
    }
}

fn read_server(text: &str) -> Result<String, String> {
    let form = || {
        "write it as https://media.example.com, with a path to start from if need be".to_string()
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at).ok_or_else(form)?;
    if !is_authority(authority) {
        return Err(form());
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(authority) => {}
        "http" => return Err("write https: http is for this machine alone (localhost)".to_string()),
        _ => return Err(form()),
    }
    if !path.is_empty() {
        CanonicalPath::parse(path).map_err(|error| format!("the path {error}"))?;
    }
    Ok(text.strip_suffix('/').unwrap_or(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn bucket() -> Variables {
        Variables {
            media: Binding::Right,
            playgate_keys: Some(KEYS.into()),
            ..Variables::default()
        }
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
        assert!(!config.is_public("/"));
    }

    #[test]
    fn every_error_is_named_at_once() {
        let variables = Variables {
            allow_origins: Some("https://a.example/".into()),
            audience: Some("a b".into()),
            forward_params: Some("v,a=b".into()),
            leeway: Some("1h".into()),
            max_lifetime: Some("0".into()),
            media: Binding::Absent,
            origin: None,
            playgate_keys: Some("main:short".into()),
            public: Some("/a, b".into()),
            unsigned_params: Some("pg".into()),
            unreadable: Vec::new(),
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        let names: Vec<_> =
            broken.errors.iter().map(|error| error.split(':').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "ALLOW_ORIGINS",
                "AUDIENCE",
                "FORWARD_PARAMS",
                "LEEWAY",
                "MAX_LIFETIME",
                "PUBLIC",
                "UNSIGNED_PARAMS",
                "PLAYGATE_KEYS",
                "MEDIA"
            ]
        );
        assert_eq!(broken.origins, Origins::None);
    }

    #[test]
    fn a_secret_is_never_repeated() {
        let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
        let variables = Variables {
            allow_origins: Some(secret.into()),
            audience: Some(format!("{secret}!")),
            forward_params: Some(format!("{secret}&")),
            leeway: Some(secret.into()),
            max_lifetime: Some(secret.into()),
            media: Binding::Absent,
            origin: Some(secret.into()),
            playgate_keys: Some(format!("main:{secret}")),
            public: Some(secret.into()),
            unsigned_params: Some(format!("{secret}&")),
            unreadable: Vec::new(),
        };
        let Err(broken) = Config::read(&variables) else { panic!("taken") };
        assert_eq!(broken.errors.len(), 9);
        assert!(!format!("{broken:?}").contains(secret), "{broken:?}");
    }

    #[test]
    fn keys() {
        wrong(
            Variables { playgate_keys: None, ..bucket() },
            "PLAYGATE_KEYS: is not set; make a key with `playgate keygen` and store it with \
             `wrangler secret put PLAYGATE_KEYS`",
        );
        wrong(
            Variables { playgate_keys: Some(format!("{KEYS},{KEYS}")), ..bucket() },
            "PLAYGATE_KEYS: key ring, entry 2: the key id stands in the ring twice",
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
            "ORIGIN: is set although MEDIA is bound; the gate takes one of them",
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
            assert_eq!(config.store, Store::Server(base.into()));
        }
        let form = "ORIGIN: write it as https://media.example.com, with a path to start from if \
                    need be";
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
                "ORIGIN: write https: http is for this machine alone (localhost)",
            );
        }
        wrong(
            server("https://media.example.com//a"),
            "ORIGIN: the path has two slashes in a row; write one",
        );
    }

    #[test]
    fn public_prefixes_end_at_segments() {
        let variables = Variables { public: Some("/public, /a%7e/".into()), ..bucket() };
        let Ok(config) = Config::read(&variables) else { panic!("refused") };
        for path in ["/public", "/public/", "/public/a", "/a~/", "/a~/b"] {
            assert!(config.is_public(path), "{path}");
        }
        for path in ["/", "/public-not", "/publi", "/PUBLIC", "/a~", "/a~b", "/b/public"] {
            assert!(!config.is_public(path), "{path}");
        }
        wrong(
            Variables { public: Some("/a\n/".into()), ..bucket() },
            "PUBLIC: entry 2: / would open everything; name the directories",
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
                "ALLOW_ORIGINS: entry 1: write an origin as browsers do, scheme and host in lower \
                 case without a path, like https://www.example.com, or * alone for all",
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
    }
}
