//! The settings of a gate: from options, the environment and a TOML file. They are checked together.

use core::net::SocketAddr;
use std::collections::BTreeSet;
use std::env::{self, VarError};
use std::path::{Path, PathBuf};

use http::HeaderName;
use ipnet::IpNet;
use playgate_edge::{Binding, Config, Setting, Variables};
use playgate_server::{Proxy, RedisAddress, TrustedProxies};
use toml::{Table, Value};
use zeroize::Zeroizing;

use crate::calls::gate;
use crate::exit::Failure;
use crate::keys::{self, SecretFile};
use crate::listener;

use super::Gate;

/// The head of a message with faults.
pub(super) const WRONG: &str = "these settings are wrong:";

/// Where the gate listens, unless something else is set.
const LISTEN: &str = "127.0.0.1:8787";

/// Where it keeps state, unless something else is set.
const STATE: &str = "playgate.db";

/// The most replicas that may have to confirm a change.
const MAX_REPLICAS: u32 = 9;

const CONFIG_FILE: SecretFile = SecretFile {
    source: "the file in --config",
    advice: "write settings into it, like ORIGIN = \"https://media.example.com\"",
    takes: "--config takes a path",
};

/// Where the state of a gate is.
#[derive(PartialEq, Eq)]
pub(super) enum StateSetting {
    /// In a file.
    File(PathBuf),
    /// In a Redis at this address, of which so many replicas have to confirm each change.
    Redis(Zeroizing<String>, u32),
    /// Another gate keeps the denylist: its address, and the secret of both.
    Leader(String, Zeroizing<String>),
}

/// The settings of a gate, checked.
pub(super) struct Settings {
    pub(super) config: Config,
    /// The directory with the media, if there is no media server.
    pub(super) media: Option<PathBuf>,
    /// Where the state is, if the gate keeps any.
    pub(super) state: Option<StateSetting>,
    pub(super) listen: SocketAddr,
    pub(super) status: Option<SocketAddr>,
    pub(super) proxies: TrustedProxies,
    /// The proxy that delivers the media, if the gate does not.
    pub(super) forward_auth: Option<Proxy>,
}

impl Settings {
    /// Reads and checks all settings.
    pub(super) fn read(options: &Gate) -> Result<Self, Failure> {
        let source = Source::read(options)?;
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        let mut text = |name: &'static str| {
            names.insert(name);
            match source.setting(name) {
                Setting::Text(text) => Some(text).filter(|text| !text.trim().is_empty()),
                Setting::Unset => None,
                Setting::Unreadable => {
                    errors.push(format!("{name}: is not text; write it in quotes"));
                    None
                }
            }
        };
        let [media, state, admin_secret] = ["MEDIA", "STATE", "ADMIN_SECRET"].map(&mut text);
        let (leader, events) = (text("DENYLIST"), text("EVENTS_URL"));
        let replicas = text("STATE_REPLICAS");
        let [listen, status] = ["LISTEN", "STATUS"].map(&mut text);
        let forward_auth = text("FORWARD_AUTH");
        let [networks, country] = ["TRUSTED_PROXIES", "COUNTRY_HEADER"].map(&mut text);
        let mut note = |name: &str, error: &str| errors.push(format!("{name}: {error}"));
        let listen = address("LISTEN", listen.as_deref().or(Some(LISTEN)), &mut note);
        let status = address("STATUS", status.as_deref(), &mut note);
        let forward_auth = forward_auth.as_deref().map(str::trim).map(str::parse::<Proxy>);
        if let Some(Err(error)) = &forward_auth {
            note("FORWARD_AUTH", error);
        }
        let forward_auth = forward_auth.and_then(Result::ok);
        let own = [("TRUSTED_PROXIES", &networks), ("COUNTRY_HEADER", &country)];
        for (name, text) in own.into_iter().filter(|_| forward_auth.is_some()) {
            if text.is_some() {
                note(
                    name,
                    "does not apply with FORWARD_AUTH, whose proxy is always trusted; remove it",
                );
            }
        }
        let proxies = proxies(networks.as_deref(), country.as_deref(), &mut note);
        for (name, text) in
            [("STATE", &state), ("STATE_REPLICAS", &replicas), ("DENYLIST", &leader)]
        {
            if text.is_some() && admin_secret.is_none() {
                note(
                    name,
                    "applies only with ADMIN_SECRET, the secret of the calls that revoke; set it",
                );
            }
        }
        if state.is_some() && leader.is_some() {
            note("STATE", "is set, but DENYLIST is set too; use only one of them");
        }
        if leader.is_some() && events.is_some() {
            note("EVENTS_URL", "applies at the gate that keeps the denylist; remove it");
        }
        if let Some(Err(error)) = leader.as_deref().map(gate) {
            note("DENYLIST", error);
        }
        let replicas = replicas_in(replicas.as_deref(), state.as_deref(), &mut note);
        let binding = |is_there| if is_there { Binding::Right } else { Binding::Absent };
        let (bucket, keeps_state) = (binding(media.is_some()), binding(admin_secret.is_some()));
        // The records of another gate are out of reach.
        let records = if leader.is_some() { Binding::Absent } else { keeps_state };
        let variables = Variables::read(bucket, keeps_state, records, |name| {
            names.insert(name);
            source.setting(name)
        });
        let variables = if forward_auth.is_some() { variables.for_proxy() } else { variables };
        let config = Config::read(&variables);
        errors.extend(source.unknown(&names));
        let media = media.map(PathBuf::from);
        let state = admin_secret.map(|secret| match leader {
            Some(leader) => StateSetting::Leader(leader, secret.into()),
            None => match state {
                Some(url) if RedisAddress::is_meant(&url) => {
                    StateSetting::Redis(url.into(), replicas)
                }
                state => StateSetting::File(state.unwrap_or_else(|| STATE.into()).into()),
            },
        });
        let file = match &state {
            Some(StateSetting::File(file)) => Some(file.clone()),
            _ => None,
        };
        let files = [&options.config, &options.keys, &file];
        if let Some(root) = &media
            && root.is_dir()
            && let Some(file) = files.into_iter().flatten().find(|file| is_inside(root, file))
        {
            let file = file.display();
            errors.push(format!(
                "MEDIA: would serve {file}, which is in it; put that file elsewhere"
            ));
        }
        match config {
            Ok(config) if errors.is_empty() => match listen {
                Some(listen) => {
                    Ok(Self { config, media, state, listen, status, proxies, forward_auth })
                }
                None => Err(wrong(&errors)),
            },
            Ok(_) => Err(wrong(&errors)),
            Err(broken) => {
                errors.extend(broken.errors.into_iter().map(of_this_gate));
                errors.dedup();
                Err(wrong(&errors))
            }
        }
    }
}

/// All faults, one in a line.
fn wrong(errors: &[String]) -> Failure {
    Failure::usage(format_args!("{WRONG}\n  {}", errors.join("\n  ")))
}

/// Where settings come from.
struct Source {
    options: Vec<(&'static str, String)>,
    keys: Option<Zeroizing<String>>,
    file: Table,
}

impl Source {
    fn read(options: &Gate) -> Result<Self, Failure> {
        if options.root.as_ref().is_some_and(|path| path.to_str().is_none()) {
            return Err(Failure::usage("the path in --root is not UTF-8; rename it"));
        }
        let path = |path: &Option<PathBuf>| path.as_ref()?.to_str().map(String::from);
        let address = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let given = [
            ("MEDIA", path(&options.root)),
            ("ORIGIN", options.origin.clone()),
            ("FORWARD_AUTH", options.forward_auth.map(|proxy| proxy.name().into())),
            ("STATE", options.state.clone()),
            ("LISTEN", address(options.listen)),
            ("STATUS", address(options.status)),
            ("TRUSTED_PROXIES", options.trusted_proxies.clone()),
            ("COUNTRY_HEADER", options.country_header.clone()),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let keys = options.keys.as_deref().map(keys::text).transpose()?;
        let file = match &options.config {
            None => Table::new(),
            Some(file) => {
                let text = keys::read_file(file, &CONFIG_FILE)?;
                // The parser's message shows the line, which may be a secret's.
                text.parse().map_err(|error: toml::de::Error| {
                    let at = error.span().map_or(0, |span| span.start);
                    let before = text.get(..at).unwrap_or_default();
                    let line = before.matches('\n').count().saturating_add(1);
                    if error.message().starts_with("duplicate key") {
                        return Failure::usage(format_args!(
                            "the file in --config, line {line}: this setting is there twice; remove one"
                        ));
                    }
                    Failure::usage(format_args!(
                        "the file in --config, line {line}: is not TOML; write settings like ORIGIN = \"https://media.example.com\""
                    ))
                })?
            }
        };
        Ok(Self { options: given, keys, file })
    }

    fn setting(&self, name: &str) -> Setting {
        if let Some((_, text)) = self.options.iter().find(|(known, _)| *known == name) {
            return Setting::Text(text.clone());
        }
        // Of these, an option chooses one.
        const MEDIA: [&str; 3] = ["FORWARD_AUTH", "MEDIA", "ORIGIN"];
        if MEDIA.contains(&name) && self.options.iter().any(|(known, _)| MEDIA.contains(known)) {
            return Setting::Unset;
        }
        if let Some(keys) = self.keys.as_ref().filter(|_| name == "PLAYGATE_KEYS") {
            return Setting::Text(keys.to_string());
        }
        match env::var(name) {
            Ok(text) if !text.trim().is_empty() => return Setting::Text(text),
            Err(VarError::NotUnicode(_)) => return Setting::Unreadable,
            Ok(_) | Err(VarError::NotPresent) => {}
        }
        match self.file.get(name) {
            None => Setting::Unset,
            Some(Value::String(text)) => Setting::Text(text.clone()),
            Some(Value::Integer(number)) if *number >= 0 => Setting::Text(number.to_string()),
            Some(Value::Boolean(switch)) => Setting::Text(switch.to_string()),
            Some(_) => Setting::Unreadable,
        }
    }

    /// The names in the file that are no settings.
    fn unknown(&self, names: &BTreeSet<&'static str>) -> Vec<String> {
        let unknown = self.file.keys().filter(|name| !names.contains(name.as_str()));
        // A name is never a secret, but a line that lacks its name may be.
        unknown
            .map(|name| {
                let name = playgate::redacted(name);
                format!("{name}: there is no such setting; docs/deploy.md lists them")
            })
            .collect()
    }
}

fn address(
    name: &str,
    text: Option<&str>,
    note: &mut impl FnMut(&str, &str),
) -> Option<SocketAddr> {
    match listener::address(text?) {
        Ok(address) => Some(address),
        Err(error) => {
            note(name, error);
            None
        }
    }
}

/// How many replicas have to confirm a change. Checks the address of the Redis, too, if there is one.
fn replicas_in(
    replicas: Option<&str>,
    state: Option<&str>,
    note: &mut impl FnMut(&str, &str),
) -> u32 {
    let url = state.filter(|state| RedisAddress::is_meant(state));
    if let Some(Err(error)) = url.map(str::parse::<RedisAddress>) {
        note("STATE", error);
    }
    let Some(replicas) = replicas else { return 0 };
    if url.is_none() {
        note("STATE_REPLICAS", "applies only with a Redis in STATE; remove it");
    }
    match replicas.trim().parse() {
        Ok(replicas) if replicas <= MAX_REPLICAS => replicas,
        _ => {
            note(
                "STATE_REPLICAS",
                "write a whole number from 0 to 9; docs/native-gate.md says which",
            );
            0
        }
    }
}

fn proxies(
    networks: Option<&str>,
    country: Option<&str>,
    note: &mut impl FnMut(&str, &str),
) -> TrustedProxies {
    let mut read = Vec::new();
    for text in
        networks.unwrap_or_default().split(',').map(str::trim).filter(|text| !text.is_empty())
    {
        // An address is a network of one.
        let network = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse().ok().map(|address: core::net::IpAddr| IpNet::from(address)));
        match network {
            Some(network) => read.push(network),
            None => note("TRUSTED_PROXIES", "write networks like 10.0.0.0/8, separated by commas"),
        }
    }
    let name = country.map(str::trim).map(HeaderName::try_from);
    match &name {
        Some(Err(_)) => {
            note("COUNTRY_HEADER", "write the name of a header field, like CF-IPCountry")
        }
        Some(Ok(_)) if read.is_empty() => {
            note(
                "COUNTRY_HEADER",
                "applies only with TRUSTED_PROXIES; any client could set the field",
            );
        }
        _ => {}
    }
    TrustedProxies::new(read, name.and_then(Result::ok))
}

/// What to say where a fault is one of this gate's, and not of the Worker's.
fn of_this_gate(error: String) -> String {
    if error.starts_with("MEDIA: is not bound") {
        return "MEDIA: is not set; name the directory with --root, a media server with --origin, or a proxy with --forward-auth".into();
    }
    error.replace(
        " and store it with `wrangler secret put PLAYGATE_KEYS`",
        ", and name its file with --keys",
    )
}

/// Whether a file is in a directory. A file that does not exist yet is where its folder is.
fn is_inside(root: &Path, file: &Path) -> bool {
    let Ok(root) = root.canonicalize() else { return false };
    let folder = || {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).canonicalize()
    };
    let file = file.canonicalize().or_else(|_| folder());
    file.is_ok_and(|file| file.starts_with(&root))
}
