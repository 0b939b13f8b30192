//! What holds for every link, not just for those of the vectors.

use core::net::IpAddr;
use core::time::Duration;

use playgate::{
    CanonicalPath, KeyRing, Link, Network, ParamNames, Placement, PresentedToken, Refusal, Request,
    Signer, State, StateError, UnixTime, Verifier,
};
use proptest::prelude::*;

use crate::links::{self, BEFORE_THE_TERMS, HOST, change, every_change, is_explained, text};

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                    next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

/// 100 years in seconds, as a gate counts them.
const CENTURY: u64 = 100 * 365 * 86_400;

/// A segment that a signer takes: unreserved characters, sub-delims but for the semicolon, and escapes of
/// anything harmless.
fn segment() -> impl Strategy<Value = String> {
    let plain = "[A-Za-z0-9._~!$&'()*+,=:@-]";
    let escape = "%(2[0-9A-E]|[3-4][0-9A-Fa-f]|5[0-9ABD-Fabd-f]|[6-7][0-9A-Ea-e]|[89ABDEFabdef][0-9A-Fa-f]|[Cc][2-9A-Fa-f])";
    proptest::string::string_regex(&format!("({plain}|{escape}){{1,12}}")).unwrap().prop_filter(
        "a dot segment, an empty name, or a token",
        |segment| {
            let decoded = segment.to_ascii_uppercase().replace("%2E", ".");
            !is_dot_segment(&decoded) && !decoded.starts_with("%3B") && !segment.starts_with("pg=")
        },
    )
}

/// Whether a segment is `.` or `..` to a server that cuts off parameters, a query or a fragment.
fn is_dot_segment(segment: &str) -> bool {
    let name = segment.split("%3B").next().unwrap().split("%3F").next().unwrap();
    let name = name.split("%23").next().unwrap();
    name == "." || name == ".."
}

pub(crate) fn path() -> impl Strategy<Value = String> {
    (prop::collection::vec(segment(), 1..6), any::<bool>()).prop_map(|(segments, slash)| {
        format!("/{}{}", segments.join("/"), if slash { "/" } else { "" })
    })
}

pub(crate) fn query() -> impl Strategy<Value = Option<String>> {
    prop::option::of("(q|r|s)=[A-Za-z0-9%._~-]{0,8}(&[a-f]{1,4}=[A-Za-z0-9._~+/-]{0,8}){0,3}")
}

#[derive(Clone, Debug)]
struct Terms {
    url: String,
    lifetime: u64,
    directory: Option<u8>,
    in_path: bool,
    second_key: bool,
    audience: Option<String>,
    /// How many networks come before the client's, where the link is bound to any.
    networks: Option<u8>,
    download: Option<String>,
    inline: bool,
    subject: Option<String>,
    session: Option<String>,
    /// How many playbacks there may be, where the link names a viewer.
    max: Option<u16>,
    /// The token's id, and how many clients may use it.
    uses: Option<(String, Option<u16>)>,
    revalidate: Option<u64>,
    no_iat: bool,
    round: u64,
}

prop_compose! {
    fn terms()(
        path in path(),
        query in query(),
        lifetime in prop_oneof![1_u64..10_000_000, CENTURY - 20_000..CENTURY - 10_000],
        directory in prop::option::of(1_u8..6),
        in_path: bool,
        second_key: bool,
        audience in prop::option::of("[A-Za-z0-9._-]{1,64}"),
        networks in prop::option::of(0_u8..4),
        (download, inline) in (prop::option::of("[^\\x00-\\x1f\\x7f]{1,40}"), any::<bool>()),
        subject in prop::option::of("[A-Za-z0-9_-]{1,64}"),
        session in prop::option::of("[A-Za-z0-9_-]{1,64}"),
        (max, uses, revalidate) in (
            prop::option::of(1_u16..=1_000),
            prop::option::of(("[A-Za-z0-9_-]{1,64}", prop::option::of(1_u16..=1_000))),
            prop::option::of(1_u64..1 << 53),
        ),
        (no_iat, round) in (any::<bool>(), 0_u64..10_000),
    ) -> Terms {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let directories = path.matches('/').count() - 1;
        let directory = directory.filter(|n| usize::from(*n) <= directories);
        let url = format!("{HOST}{path}{query}");
        let max = max.filter(|_| subject.is_some());
        Terms {
            url, lifetime, directory, in_path, second_key, audience, networks, download, inline,
            subject, session, max, uses, revalidate, no_iat, round,
        }
    }
}

fn sign(terms: &Terms, ring: &KeyRing) -> Link {
    let signer = Signer::new(ring.clone());
    let mut link = signer.link(&terms.url).expires_in(Duration::from_secs(terms.lifetime));
    if let Some(n) = terms.directory {
        link = link.directory(n);
    }
    if terms.in_path {
        link = link.in_path();
    }
    if terms.second_key {
        link = link.key("next");
    }
    if let Some(name) = &terms.audience {
        link = link.audience(name);
    }
    if let Some(n) = terms.networks {
        let others = ["2001:db8::/64", "198.51.100.0/24", "10.0.0.0/8"];
        for other in others.iter().take(n.into()) {
            link = link.network(other.parse().unwrap());
        }
        link = link.network(Network::new("203.0.113.77".parse().unwrap(), 24).unwrap());
    }
    if let Some(name) = &terms.download {
        link = if terms.inline { link.inline(name) } else { link.download(name) };
    }
    if let Some(id) = &terms.subject {
        link = link.subject(id);
    }
    if let Some(id) = &terms.session {
        link = link.session(id);
    }
    if let Some(most) = terms.max {
        link = link.max_playbacks(most);
    }
    if let Some((id, count)) = &terms.uses {
        link = link.token_id(id);
        if let Some(count) = count {
            link = link.uses(*count);
        }
    }
    if let Some(secs) = terms.revalidate {
        link = link.revalidate(Duration::from_secs(secs));
    }
    if terms.no_iat {
        link = link.issued_at(None);
    }
    if terms.round > 0 {
        link = link.round(Duration::from_secs(terms.round));
    }
    link.sign(NOW).unwrap()
}

/// A state that counts, and admits everything.
#[derive(Debug)]
struct Counting;

impl State for Counting {
    fn admit(&self, _: &PresentedToken<'_>, _: UnixTime) -> Result<(), StateError> {
        Ok(())
    }

    fn counts(&self) -> bool {
        true
    }
}

/// A gate for such links. It keeps state.
fn gate<'a>(terms: &'a Terms, ring: &'a KeyRing) -> Verifier<'a> {
    Verifier::new(ring).audience(terms.audience.as_deref()).state(Some(&Counting))
}

/// What a token opens.
fn scope(terms: &Terms) -> String {
    let (_, path, query) = links::split(&terms.url);
    let path = links::canonical(path).unwrap();
    match (terms.directory, query) {
        (None, None) => path,
        (None, Some(query)) => format!("{path}?{query}"),
        (Some(n), _) => {
            let (end, _) = path.match_indices('/').nth(n.into()).unwrap();
            path[..=end].to_owned()
        }
    }
}

/// The canonical path and the clean query that a changed link opens. `None` if it has to be refused.
///
/// An admitted link has the very token of the link that was signed, in the same place. Of an exact link, only the
/// spelling of the path may have changed: `%c3` and `%C3` are the same, and so are `a` and `%61`. A directory link may
/// have any other valid path in the same directory, and any other valid query.
fn opens(changed: &str, token: &str, terms: &Terms) -> Option<(String, Option<String>)> {
    let (_, path, query) = links::split(changed);
    let (path, before, after) = if terms.in_path {
        (path.strip_prefix('/')?.strip_prefix(token)?, query, None)
    } else {
        let (before, after) = links::around(query?, token)?;
        (path, before, after)
    };
    let is_fine = |query| links::is_fine(query, &["pg"]);
    if path.starts_with("/pg=") || ![before, after].into_iter().flatten().all(is_fine) {
        return None;
    }
    let path = links::canonical(path)?;
    if terms.directory.is_some() {
        return path.starts_with(&scope(terms)).then_some((path, None));
    }
    let (_, signed, signed_query) = links::split(&terms.url);
    let is_same = Some(&path) == links::canonical(signed).as_ref()
        && before == signed_query
        && after.is_none();
    is_same.then(|| (path, signed_query.map(String::from)))
}

/// An address, and a length for its prefix. Few, so that they are often in one network.
fn network() -> impl Strategy<Value = (IpAddr, u8)> {
    let v4 = (0_u32..1 << 10, 18_u8..=32).prop_map(|(bits, prefix)| {
        (core::net::Ipv4Addr::from_bits(0xcb00_7000 | bits).into(), prefix)
    });
    let v6 = (0_u128..1 << 6, 120_u8..=128).prop_map(|(bits, prefix)| {
        (core::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | bits).into(), prefix)
    });
    prop_oneof![v4, v6]
}

/// Whether the first `prefix` bits of two addresses are the same.
fn shares(one: IpAddr, other: IpAddr, prefix: u8) -> bool {
    let prefix = usize::from(prefix);
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            format!("{:032b}", one.to_bits())[..prefix]
                == format!("{:032b}", other.to_bits())[..prefix]
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            format!("{:0128b}", one.to_bits())[..prefix]
                == format!("{:0128b}", other.to_bits())[..prefix]
        }
        _ => false,
    }
}

/// Kinds of cookies, most of which fail.
const COOKIES: [&str; 13] = [
    "another",
    "nameless",
    "malformed",
    "deeper",
    "unknown",
    "tossed",
    "expired",
    "early",
    "audience",
    "good",
    "wider",
    "preview",
    "wider preview",
];

fn cookie(kind: &str, ring: &KeyRing) -> String {
    let signer = Signer::new(ring.clone());
    let link = signer.link("https://cdn.example.com/videos/42/hd/a.ts").directory(2);
    let link = match kind {
        "another" => return "xpg=1".to_owned(),
        "nameless" => return "pg".to_owned(),
        "malformed" => return "pg=nonsense".to_owned(),
        "deeper" => link.directory(3),
        "early" => link.not_before(NOW.saturating_add(Duration::from_secs(1))),
        "audience" => link.audience("another"),
        "good" => link.key("next"),
        "wider" => link.directory(1),
        "preview" => link.preview(Duration::from_secs(10)),
        "wider preview" => link.directory(1).preview(Duration::from_secs(10)),
        _ => link,
    };
    let signed = if kind == "expired" { NOW.as_secs() - 600 } else { NOW.as_secs() };
    let link = link.sign(UnixTime::from_secs(signed)).unwrap();
    match kind {
        "unknown" => link.token().replace("kid=main", "kid=nobody"),
        "tossed" => link.token().replace("exp=1", "exp=2"),
        _ => link.token().to_owned(),
    }
}

/// The number of the check that gives a reason.
fn check_of(refusal: Option<&Refusal>) -> u8 {
    match refusal.copied().map(Refusal::code) {
        None => 0,
        Some("unknown_key") => 3,
        Some("bad_signature") => 4,
        Some("expired" | "not_yet_valid") => 5,
        Some("wrong_audience") => 6,
        Some(_) => 2,
    }
}

fn request<'a>(url: &'a str) -> Request<'a> {
    let mut request = Request::new(url);
    request.client_ip = "203.0.113.9".parse().ok();
    request
}

proptest! {
    #[test]
    fn what_is_signed_is_admitted_until_it_expires(terms in terms()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = String::from(sign(&terms, &ring));
        let verifier = gate(&terms, &ring);
        let verified = verifier.verify(&request(&link), NOW).unwrap();
        prop_assert_eq!(verified.kid(), if terms.second_key { "next" } else { "main" });
        let placement = if terms.in_path { Placement::Path } else { Placement::Query };
        prop_assert_eq!(verified.placement(), placement);
        let grant = verified.grant();
        prop_assert_eq!(grant.directory(), terms.directory);
        prop_assert_eq!(verified.scope().to_string(), scope(&terms));
        let ids = [grant.subject(), grant.session()].map(|id| id.map(|id| id.to_string()));
        prop_assert_eq!(ids, [terms.subject.clone(), terms.session.clone()]);
        let name = grant.download().map(|name| (name.decode(), name.is_inline()));
        prop_assert_eq!(name, terms.download.clone().map(|name| (name, terms.inline)));
        let networks = grant.networks().map_or(0, |networks| networks.iter().count());
        prop_assert_eq!(networks, terms.networks.map_or(0, |n| usize::from(n) + 1));
        prop_assert_eq!(grant.max_playbacks(), terms.max);
        let id = grant.token_id().map(|id| (id.to_string(), grant.uses()));
        prop_assert_eq!(id, terms.uses.clone());
        prop_assert_eq!(grant.revalidate().map(|age| age.as_secs()), terms.revalidate);
        let stateless = verifier.state(None).verify(&request(&link), NOW).map(drop);
        let needs_state = terms.max.is_some() || terms.revalidate.is_some() || grant.uses().is_some();
        let required = Err(StateError::Required.into());
        prop_assert_eq!(stateless, if needs_state { required } else { Ok(()) });
        let step = terms.round.max(1);
        let says_when = !terms.no_iat && (terms.subject.is_some() || terms.session.is_some());
        let wanted = NOW.as_secs() + terms.lifetime;
        let expires = wanted.div_ceil(step) * step;
        prop_assert_eq!(grant.expires().as_secs(), expires);
        // The first second of the window in which links get this expiry.
        let first = (expires + 1).saturating_sub(terms.lifetime + step);
        prop_assert!(first <= NOW.as_secs());
        prop_assert_eq!(grant.issued().map(UnixTime::as_secs), says_when.then_some(first));
        let last = UnixTime::from_secs(expires - 1);
        prop_assert!(verifier.verify(&request(&link), last).is_ok());
        let refusal = verifier.verify(&request(&link), last.saturating_add(Duration::from_secs(1))).unwrap_err();
        prop_assert_eq!(refusal.code(), "expired");
    }

    #[test]
    fn the_clean_url_is_the_canonical_form_of_what_was_signed(terms in terms()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = String::from(sign(&terms, &ring));
        let verifier = gate(&terms, &ring);
        let clean = verifier.verify(&request(&link), NOW).unwrap().clean_url(ParamNames::default());
        let (_, path, query) = links::split(&terms.url);
        let mut expected = HOST.to_owned() + &links::canonical(path).unwrap();
        if let (Some(query), None) = (query, terms.directory) {
            expected.push('?');
            expected.push_str(query);
        }
        prop_assert_eq!(clean, expected);
    }

    /// Any changed byte after the host is refused, except as [`opens`] says.
    #[test]
    fn any_changed_byte_is_refused(terms in terms(), change in change()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = sign(&terms, &ring);
        let changed = links::changed(link.as_str(), link.token(), change);
        prop_assume!(changed != link.as_str());
        let verifier = gate(&terms, &ring);
        let signed = request(link.as_str());
        let signed = verifier.verify(&signed, NOW).unwrap();
        let asked = request(&changed);
        match (verifier.verify(&asked, NOW), opens(&changed, link.token(), &terms)) {
            (Err(refusal), None) => {
                prop_assert!(BEFORE_THE_TERMS.contains(&refusal.code()), "{}: {}", changed, refusal);
            }
            (Ok(verified), Some((path, query))) => {
                prop_assert_eq!(verified.path().to_string(), path);
                prop_assert_eq!(verified.clean_query(ParamNames::default()), query);
                prop_assert_eq!(verified.scope().to_string(), signed.scope().to_string());
                prop_assert_eq!(verified.grant(), signed.grant());
                prop_assert_eq!(verified.kid(), signed.kid());
                prop_assert_eq!(verified.placement(), signed.placement());
            }
            (verdict, expected) => prop_assert!(false, "{changed}: {verdict:?}, not {expected:?}"),
        }
    }

    /// Whatever the rest of the path is: a server may cut off what follows a semicolon.
    #[test]
    fn a_semicolon_in_a_path_is_refused_in_every_placement(
        terms in terms(),
        at in any::<prop::sample::Index>(),
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = String::from(sign(&terms, &ring));
        let host = HOST.len();
        let start = if terms.in_path { host + 1 + link[host + 1..].find('/').unwrap() } else { host };
        let end = link[start..].find('?').map_or(link.len(), |n| start + n);
        let at = start + 1 + at.index(end - start);
        let mut changed = link.clone();
        changed.insert(at, ';');
        let verifier = gate(&terms, &ring);
        let refusal = verifier.verify(&request(&changed), NOW).unwrap_err();
        prop_assert_eq!(refusal.code(), "path_not_canonical");
        prop_assert!(CanonicalPath::parse(&changed[start..=end]).is_err());
    }

    /// The verdicts on each by itself say what the verdict on all of them is.
    #[test]
    fn of_several_cookies_the_first_that_passes_counts(
        kinds in prop::collection::vec(0..COOKIES.len(), 1..12),
        blanks: bool,
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let verifier = Verifier::new(&ring);
        let judge = |cookie: &str| {
            let mut request = Request::new("https://cdn.example.com/videos/42/a.m3u8");
            request.cookie = Some(cookie);
            let verified = verifier.verify(&request, NOW);
            let report = verifier.inspect(&request, ParamNames::default(), NOW);
            assert_eq!(report.refusal, verified.as_ref().err().copied());
            verified.map(|verified| {
                let is_preview = verified.grant().preview().is_some();
                (is_preview, verified.scope().to_string(), verified.kid().to_owned())
            })
        };
        let tokens: Vec<_> = kinds.iter().map(|kind| cookie(COOKIES[*kind], &ring)).collect();
        let verdicts = tokens.iter().filter(|token| token.starts_with("pg=")).take(8);
        let verdicts: Vec<_> = verdicts.map(|token| judge(token)).collect();
        let whole = verdicts.iter().find(|verdict| matches!(verdict, Ok((false, ..))));
        // A preview counts only if nothing else passes.
        let passing = whole.or_else(|| verdicts.iter().find(|verdict| verdict.is_ok()));
        // Of equals `max_by_key` takes the last.
        let furthest = verdicts.iter().rev().max_by_key(|verdict| check_of(verdict.as_ref().err()));
        let expected = passing.or(furthest).cloned().unwrap_or(Err(Refusal::Missing));
        prop_assert_eq!(judge(&tokens.join(if blanks { "; " } else { ";" })), expected);
    }

    /// The oracle compares character by character.
    #[test]
    fn a_star_at_the_end_of_a_name_stands_for_what_follows(
        listed in prop::collection::vec("[ab*]{0,4}", 0..4),
        name in "[ab*]{1,5}",
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let url = "https://cdn.example.com/videos/42/film.mp4";
        let link = String::from(Signer::new(ring.clone()).link(url).sign(NOW).unwrap());
        let names = listed.join(",");
        let is_named = listed.iter().any(|listed| match listed.strip_suffix('*') {
            Some("") => false,
            Some(start) => name.chars().zip(start.chars()).take_while(|(a, b)| a == b).count() == start.len(),
            None => *listed == name,
        });
        let verifier = Verifier::new(&ring).unsigned_params(ParamNames::new(&names));
        let verdict = verifier.verify(&request(&format!("{link}&{name}=1")), NOW).map(drop);
        prop_assert_eq!(verdict.is_ok(), is_named, "{} in {}", name, names);
    }

    #[test]
    fn a_client_in_one_of_the_networks_is_admitted(
        networks in prop::collection::vec(network(), 1..=4),
        client in network(),
        inside in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let signer = Signer::new(ring.clone());
        let url = "https://cdn.example.com/videos/42/film.mp4";
        let mut builder = signer.link(url);
        for (address, prefix) in &networks {
            builder = builder.network(Network::new(*address, *prefix).unwrap());
        }
        let link = String::from(builder.sign(NOW).unwrap());
        let client = inside.map_or(client.0, |which| networks[which.index(networks.len())].0);
        let mut request = Request::new(&link);
        request.client_ip = Some(client);
        let is_inside = networks.iter().any(|(address, prefix)| shares(*address, client, *prefix));
        let verdict = Verifier::new(&ring).verify(&request, NOW).map(drop);
        prop_assert_eq!(verdict.is_ok(), is_inside, "{}", client);
    }

    #[test]
    fn nothing_lasts_longer_than_a_century(
        lifetime in prop_oneof![
            1..CENTURY,
            CENTURY - 3..CENTURY + 4,
            CENTURY..(1 << 53) - 1_767_225_000,
        ],
        leeway: u32,
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let url = "https://cdn.example.com/videos/42/film.mp4";
        // Signed a second before the end, when no end is far.
        let end = UnixTime::from_secs(NOW.as_secs() + lifetime);
        let signer = Signer::new(ring.clone());
        let link = signer.link(url).expires_at(end).sign(UnixTime::from_secs(end.as_secs() - 1));
        let link = String::from(link.unwrap());
        let verdict = Verifier::new(&ring).leeway(Duration::from_secs(leeway.into())).verify(&request(&link), NOW).map(drop);
        match verdict {
            Ok(()) => prop_assert!(lifetime <= CENTURY),
            Err(refusal) => prop_assert_eq!((refusal.code(), lifetime > CENTURY), ("expires_too_far", true)),
        }
        let signed = signer.link(url).expires_in(Duration::from_secs(lifetime)).sign(NOW);
        prop_assert_eq!(signed.is_ok(), lifetime <= CENTURY);
    }

    #[test]
    fn nothing_that_is_sent_panics(
        url in text(300),
        cookie in text(80),
        bearer in text(80),
        is_explained in is_explained(),
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        for url in [url.clone(), format!("https://h/{url}"), format!("/a?pg=1&{url}"), format!("/pg=1&{url}")] {
            let mut request = Request::new(&url);
            request.cookie = Some(&cookie);
            request.authorization = Some(&bearer);
            let verifier = Verifier::new(&ring);
            let verdict = verifier.verify(&request, NOW);
            prop_assert!(verdict.is_err());
            if !is_explained {
                continue;
            }
            let report = verifier.inspect(&request, ParamNames::default(), NOW);
            prop_assert_eq!(report.refusal, verdict.err());
            prop_assert_eq!(report.checks.len(), 7);
        }
    }

    #[test]
    fn networks_parse_what_they_print(bits: u128, prefix in 1_u8..=128, v4: bool) {
        let (address, prefix) = if v4 {
            (core::net::Ipv4Addr::from_bits(bits as u32).into(), (prefix - 1) / 4 + 1)
        } else {
            (core::net::IpAddr::V6(core::net::Ipv6Addr::from_bits(bits | 1 << 127)), prefix)
        };
        let network = Network::new(address, prefix).unwrap();
        prop_assert!(network.contains(address));
        prop_assert_eq!(network.to_cidr().parse::<Network>().unwrap(), network);
    }
}

/// All paths of three of these pieces.
#[test]
fn paths_are_canonical_as_the_oracle_says() {
    const PIECES: &[&str] = &[
        "", "/", ".", "..", "a", "Z", "-", "~", "%2e", "%2E", "%41", "%7e", "%c3%a9", "%2f", "%5C",
        "%3b", "%3B", "%3f", "%3F", "%23", "%00", "%7F", "%C0", "%c1", "%25", "%2", "%zz", ";",
        "\\", "?", "#", " ", "@", "[", "^", "\u{e9}",
    ];
    let (mut valid, mut all) = (0, 0);
    for a in PIECES {
        for b in PIECES {
            for c in PIECES {
                let text = ["/", a, b, c].concat();
                let path = CanonicalPath::parse(&text).ok().map(|path| path.to_string());
                assert_eq!(path, links::canonical(&text), "{text}");
                if let Some(once) = path {
                    assert_eq!(CanonicalPath::parse(&once).unwrap().to_string(), once);
                    valid += 1;
                }
                all += 1;
            }
        }
    }
    assert!(valid > all / 10 && valid < all / 2, "{valid} of {all} are valid");
}

fn plain(url: &str, in_path: bool, directory: Option<u8>) -> Terms {
    Terms {
        url: url.into(),
        lifetime: 600,
        directory,
        in_path,
        second_key: false,
        audience: None,
        networks: None,
        download: None,
        inline: false,
        subject: None,
        session: None,
        max: None,
        uses: None,
        revalidate: None,
        no_iat: false,
        round: 0,
    }
}

/// Those of [`every_change`] that are admitted: exactly those for which [`opens`] says so.
fn admitted_changes(terms: &Terms) -> Vec<String> {
    let ring = KeyRing::parse(KEYS).unwrap();
    let link = sign(terms, &ring);
    let verifier = Verifier::new(&ring);
    let is_admitted = |changed: &String| {
        let verdict = verifier.verify(&Request::new(changed), NOW).map(drop);
        let expected = opens(changed, link.token(), terms).is_some();
        assert_eq!(verdict.is_ok(), expected, "{changed}: {verdict:?}");
        let code = verdict.err().map(Refusal::code);
        assert!(code.is_none_or(|code| BEFORE_THE_TERMS.contains(&code)), "{changed}: {code:?}");
        expected
    };
    every_change(link.as_str()).filter(is_admitted).collect()
}

/// An exact link survives another spelling of its path, and nothing else.
#[test]
fn these_changes_of_an_exact_link_are_admitted_and_no_others() {
    for in_path in [false, true] {
        let terms = plain("https://cdn.example.com/a%C3%BC/%40.mp4?q=%C3", in_path, None);
        let link = String::from(sign(&terms, &KeyRing::parse(KEYS).unwrap()));
        let expected = [
            "/a%c3%BC/%40.mp4",
            "/a%C3%bC/%40.mp4",
            "/a%C3%Bc/%40.mp4",
            "/%61%C3%BC/%40.mp4",
            "/a%C3%BC/%40%2Emp4",
            "/a%C3%BC/%40.%6Dp4",
            "/a%C3%BC/%40.m%704",
            "/a%C3%BC/%40.mp%34",
        ];
        let expected = expected.map(|path| link.replace("/a%C3%BC/%40.mp4", path));
        assert_eq!(admitted_changes(&terms), expected, "{link}");
    }
}

/// A directory link survives changes of the rest of its path and of its query.
#[test]
fn these_changes_of_a_directory_link_are_admitted_and_no_others() {
    for in_path in [false, true] {
        let terms = plain("https://cdn.example.com/a/b/c/%C3.ts?q=1", in_path, Some(2));
        let admitted = admitted_changes(&terms);
        for (part, is_admitted) in [
            ("/a/b/c/%c3.ts?q=1", true),
            ("/a/b/d/%C3.ts?q=1", true),
            ("/a/b/c%%C3.ts?q=1", false),
            ("/a/b/c?%C3.ts?q=1", true),
            ("/a/b//%C3.ts?q=1", false),
            ("/a/b/c/%C3.ts?q=12", true),
            ("/a/b/c/%C3.ts?q=#", false),
            ("/a/B/c/%C3.ts?q=1", false),
            ("/a/bc/%C3.ts?q=1", false),
            ("/a/%62/c/%C3.ts?q=1", true),
            ("/a%2Fb/c/%C3.ts?q=1", false),
        ] {
            assert_eq!(admitted.iter().any(|link| link.contains(part)), is_admitted, "{part}");
        }
    }
}

#[test]
fn a_second_token_is_ambiguous_in_every_placement() {
    let ring = KeyRing::parse(KEYS).unwrap();
    let signer = Signer::new(ring.clone());
    let link = signer.link("https://cdn.example.com/a/b/c.ts").directory(2).sign(NOW).unwrap();
    let verifier = Verifier::new(&ring);
    let judge = |url: &str, cookie: &str, bearer: &str| {
        let [url, cookie, bearer] =
            [url, cookie, bearer].map(|text| text.replace("TOKEN", link.token()));
        let mut request = Request::new(&url);
        request.cookie = Some(&cookie);
        request.authorization = Some(&bearer);
        verifier.verify(&request, NOW).map_or_else(Refusal::code, |_| "admitted")
    };
    for (url, cookie, bearer, expected) in [
        ("/a/b/c.ts?TOKEN", "", "", "admitted"),
        ("/a/b/c.ts?TOKEN&TOKEN", "", "", "ambiguous"),
        ("/a/b/c.ts?TOKEN&a=1&pg", "", "", "ambiguous"),
        ("/a/b/c.ts?TOKEN&pg=2", "", "", "ambiguous"),
        ("/a/b/c.ts?pg&TOKEN", "", "", "malformed"),
        ("/a/b/c.ts?pgx=1&xpg=2&TOKEN&pgx", "", "", "admitted"),
        ("/TOKEN/a/b/c.ts", "", "", "admitted"),
        ("/TOKEN/a/b/c.ts?TOKEN", "", "", "ambiguous"),
        ("/TOKEN/a/b/c.ts?a=1&pg=", "", "", "ambiguous"),
        ("/TOKEN/TOKEN/a/b/c.ts", "", "", "ambiguous"),
        ("/a/b/c.ts", "", "Bearer TOKEN", "admitted"),
        ("/a/b/c.ts?pg", "", "Bearer TOKEN", "ambiguous"),
        ("/a/b/c.ts?TOKEN", "", "Bearer TOKEN", "ambiguous"),
        ("/TOKEN/a/b/c.ts", "", "bearer TOKEN", "ambiguous"),
        ("/a/b/c.ts?TOKEN", "", "Basic TOKEN", "admitted"),
        ("/a/b/c.ts?TOKEN", "TOKEN; pg=1", "", "admitted"),
        ("/a/b/c.ts", "TOKEN", "", "admitted"),
        ("/a/b/c.ts?pg=1", "TOKEN", "", "malformed"),
    ] {
        assert_eq!(judge(url, cookie, bearer), expected, "{url} {cookie} {bearer}");
    }
}
