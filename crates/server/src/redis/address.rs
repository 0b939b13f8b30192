//! Where Redis is: one server, or the primary that sentinels name.

use core::fmt;
use core::str::FromStr;

use redis::sentinel::SentinelNodeConnectionInfo;
use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, TlsMode};

/// The port of a sentinel, if an address says none.
const SENTINEL_PORT: u16 = 26_379;

/// The address of a Redis, or of the sentinels that watch one:
///
/// ```text
/// redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE]
/// redis+sentinel://[USER][:PASSWORD@]HOST[:PORT],HOST[:PORT],.../NAME[/DATABASE]
/// ```
///
/// With `rediss` instead of `redis`, connections are encrypted. `NAME` is what the sentinels call the primary. User and
/// password are those of the primary; the sentinels have none.
#[derive(Clone)]
pub struct RedisAddress(pub(super) Place);

/// What an address says.
#[derive(Clone)]
pub(super) enum Place {
    Server(ConnectionInfo),
    Sentinels(Vec<ConnectionInfo>, String, SentinelNodeConnectionInfo),
}

impl RedisAddress {
    /// Whether a text is meant to be one, and not the name of a file: it may have a password.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let text = text.trim().to_ascii_lowercase();
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        text.contains("://")
            || scheme
                .is_some_and(|scheme| scheme.starts_with("redis") || scheme.starts_with("valkey"))
    }
}

impl FromStr for RedisAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write redis://HOST:6379, with a password redis://:PASSWORD@HOST:6379";
        let (scheme, rest) = text.trim().split_once("://").ok_or(FORM)?;
        let scheme = &*scheme.to_ascii_lowercase();
        let (scheme, has_sentinels) = match scheme.strip_suffix("+sentinel") {
            Some(scheme) => (scheme, true),
            None => (scheme, false),
        };
        if !matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys") {
            return Err(FORM);
        }
        if !has_sentinels {
            return Ok(Self(Place::Server(server(scheme, rest).ok_or(FORM)?)));
        }
        sentinels(scheme, rest).map(Self).ok_or(
            "write redis+sentinel://HOST:26379,HOST:26379/NAME, where NAME is what the sentinels call the primary",
        )
    }
}

/// Shows no password.
impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisAddress").finish_non_exhaustive()
    }
}

/// One server. News comes by the third version of the protocol.
fn server(scheme: &str, rest: &str) -> Option<ConnectionInfo> {
    // What could follow would be ignored, or would take away the checks of certificates.
    if rest.contains(['?', '#']) {
        return None;
    }
    let info = [scheme, "://", rest].concat().into_connection_info().ok()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Some(info.set_redis_settings(settings))
}

fn sentinels(scheme: &str, rest: &str) -> Option<Place> {
    let (authority, path) = rest.split_once('/')?;
    let (name, database) = path.split_once('/').unwrap_or((path, ""));
    // In a password, a slash is written as %2F: what follows it here would be sent to a name server.
    if name.is_empty() || name.contains(['@', ',', ':', ' ']) || database.contains('@') {
        return None;
    }
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => ([user, "@"].concat(), hosts),
        None => (String::new(), authority),
    };
    // The crate reads user, password and database. Who the primary is, the sentinels say.
    let node = server(scheme, &[&user, "primary/", database].concat())?;
    let mut info = SentinelNodeConnectionInfo::default()
        .set_redis_connection_info(node.redis_settings().clone());
    if matches!(scheme, "rediss" | "valkeys") {
        info = info.set_tls_mode(TlsMode::Secure);
    }
    let watcher = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let port = if has_port { String::new() } else { format!(":{SENTINEL_PORT}") };
        let address = [scheme, "://", host, &port].concat();
        (!host.is_empty()).then(|| address.into_connection_info().ok()).flatten()
    };
    let sentinels = hosts.split(',').map(watcher).collect::<Option<Vec<_>>>()?;
    Some(Place::Sentinels(sentinels, name.into(), info))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redis::ConnectionAddr;

    fn read(text: &str) -> Option<RedisAddress> {
        text.parse().ok()
    }

    #[test]
    fn addresses_are_read() {
        let Some(RedisAddress(Place::Server(info))) = read("redis://u:p%40@h:7000/3") else {
            panic!()
        };
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("h".into(), 7000));
        let settings = info.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("u"), Some("p@")));
        assert_eq!((settings.db(), settings.protocol()), (3, ProtocolVersion::RESP3));
        assert!(read("valkeys://h").is_some());
    }

    #[test]
    fn sentinels_are_read() {
        let text = "redis+sentinel://:p@a,b:1,[::1]/film/2";
        let Some(RedisAddress(Place::Sentinels(sentinels, name, _))) = read(text) else { panic!() };
        let addresses: Vec<_> = sentinels.iter().map(|info| info.addr().clone()).collect();
        let tcp = |host: &str, port| ConnectionAddr::Tcp(host.into(), port);
        assert_eq!(addresses, [tcp("a", 26_379), tcp("b", 1), tcp("::1", 26_379)]);
        assert!(sentinels.iter().all(|info| info.redis_settings().password().is_none()));
        assert_eq!(name, "film");
        let is_encrypted = |text: &str| match read(text) {
            Some(RedisAddress(Place::Sentinels(sentinels, _, node))) => {
                // The crate tells this only so.
                let says = format!("{node:?}").contains("tls_mode: Some(Secure)");
                let is_tls = matches!(sentinels[0].addr(), ConnectionAddr::TcpTls { .. });
                assert_eq!(says, is_tls);
                says
            }
            _ => panic!("{text}"),
        };
        assert!(
            !is_encrypted("redis+sentinel://a/film") && is_encrypted("rediss+sentinel://a/film")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "redis",
            "redis:",
            "http://h",
            "redis://",
            "redis://h?db=1",
            "rediss://h#insecure",
            "redis://h/x",
            "redis+sentinel://a",
            "redis+sentinel://a/",
            "redis+sentinel:///film",
            "redis+sentinel://a,/film",
            "redis+sentinel://hush/1@h:1/2",
            "redis+sentinel://h/a b",
            "redis+sentinel://a/film/x",
            "redis+cluster://a",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_may_have_a_password_is_no_file() {
        for text in [
            "redis://h",
            " REDIS://:hush@h",
            "redis:hush@h",
            "tls://h",
            "unix:///s",
            "rediss:h",
            "Valkey:h",
        ] {
            assert!(RedisAddress::is_meant(text), "{text}");
        }
        for text in ["playgate.db", "/srv/redis/state.db", "redis.db", "C:\\state.db"] {
            assert!(!RedisAddress::is_meant(text), "{text}");
        }
        assert!(read(" REDIS://h ").is_some());
    }

    #[test]
    fn no_password_is_shown() {
        let address = read("redis://:hush@h").map(|address| format!("{address:?}"));
        assert_eq!(address.as_deref(), Some("RedisAddress { .. }"));
    }
}
