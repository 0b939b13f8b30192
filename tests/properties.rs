//! What holds for every link, not just for those of the vectors.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use playgate::{CanonicalPath, KeyRing, Network, ParamNames, Request, Signer, UnixTime, Verifier};
use proptest::prelude::*;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                    next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

/// A segment that a signer takes: unreserved characters, sub-delims and escapes of anything harmless.
fn segment() -> impl Strategy<Value = String> {
    let plain = "[A-Za-z0-9._~!$&'()*+,;=:@-]";
    let escape =
        "%(2[0-9A-E]|[3-4][0-9A-Fa-f]|5[0-9ABD-Fabd-f]|[6-7][0-9A-Ea-e]|[89A-Fa-f][0-9A-Fa-f])";
    proptest::string::string_regex(&format!("({plain}|{escape}){{1,12}}")).unwrap().prop_filter(
        "a dot segment, or a token",
        |segment| {
            let decoded = segment.replace("%2e", ".").replace("%2E", ".");
            decoded != "." && decoded != ".." && !segment.starts_with("pg=")
        },
    )
}

fn path() -> impl Strategy<Value = String> {
    (prop::collection::vec(segment(), 1..6), any::<bool>()).prop_map(|(segments, slash)| {
        format!("/{}{}", segments.join("/"), if slash { "/" } else { "" })
    })
}

fn query() -> impl Strategy<Value = Option<String>> {
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
    network: bool,
    download: Option<String>,
    subject: Option<String>,
}

prop_compose! {
    fn terms()(
        path in path(),
        query in query(),
        lifetime in 1_u64..10_000_000,
        directory in prop::option::of(1_u8..6),
        in_path: bool,
        second_key: bool,
        audience in prop::option::of("[A-Za-z0-9._-]{1,64}"),
        network: bool,
        download in prop::option::of("[^\\x00-\\x1f\\x7f]{1,40}"),
        subject in prop::option::of("[A-Za-z0-9_-]{1,64}"),
    ) -> Terms {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let directories = path.matches('/').count() - 1;
        let directory = directory.filter(|n| usize::from(*n) <= directories);
        let url = format!("https://cdn.example.com{path}{query}");
        Terms { url, lifetime, directory, in_path, second_key, audience, network, download, subject }
    }
}

fn sign(terms: &Terms, ring: &KeyRing) -> String {
    let signer = Signer::new(ring.clone());
    let mut link = signer.link(&terms.url).expires_in(terms.lifetime);
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
    if terms.network {
        link = link.network(Network::new("203.0.113.77".parse().unwrap(), 24).unwrap());
    }
    if let Some(name) = &terms.download {
        link = link.download(name);
    }
    if let Some(id) = &terms.subject {
        link = link.subject(id);
    }
    link.sign(NOW).unwrap().into()
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
        let link = sign(&terms, &ring);
        let verifier = Verifier::new(&ring).audience(terms.audience.as_deref());
        let verified = verifier.verify(&request(&link), NOW).unwrap();
        prop_assert_eq!(verified.kid(), if terms.second_key { "next" } else { "main" });
        prop_assert_eq!(verified.grant().download().map(|name| name.decode()), terms.download);
        let last = NOW.saturating_add(terms.lifetime - 1);
        prop_assert!(verifier.verify(&request(&link), last).is_ok());
        let refusal = verifier.verify(&request(&link), last.saturating_add(1)).unwrap_err();
        prop_assert_eq!(refusal.code(), "expired");
    }

    #[test]
    fn the_clean_url_is_the_canonical_form_of_what_was_signed(terms in terms()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = sign(&terms, &ring);
        let verifier = Verifier::new(&ring).audience(terms.audience.as_deref());
        let clean = verifier.verify(&request(&link), NOW).unwrap().clean_url(ParamNames::default());
        let (target, query) = match terms.url.split_once('?') {
            Some((target, query)) => (target, Some(query)),
            None => (terms.url.as_str(), None),
        };
        let path = target.strip_prefix("https://cdn.example.com").unwrap();
        let mut expected = format!("https://cdn.example.com{}", CanonicalPath::parse(path).unwrap());
        if let (Some(query), None) = (query, terms.directory) {
            expected.push('?');
            expected.push_str(query);
        }
        prop_assert_eq!(clean, expected);
    }

    /// Any one byte of a link changed, dropped or added is refused. The host is not signed, so the
    /// change is behind it.
    #[test]
    fn any_changed_byte_is_refused(
        terms in terms(),
        at in any::<prop::sample::Index>(),
        byte in 0x21_u8..0x7f,
        how in 0_u8..3,
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = sign(&terms, &ring);
        let host = "https://cdn.example.com".len();
        let at = host + at.index(link.len() - host);
        let mut bytes = link.clone().into_bytes();
        match how {
            0 => bytes[at] = byte,
            1 => { bytes.remove(at); }
            _ => bytes.insert(at, byte),
        }
        let changed = String::from_utf8(bytes).unwrap();
        let verifier = Verifier::new(&ring).audience(terms.audience.as_deref());
        if let Ok(verified) = verifier.verify(&request(&changed), NOW) {
            // What is still admitted asks for the same signed bytes: another spelling of the same path,
            // another file in the same directory, or another unsigned parameter beside a directory.
            let first = verifier.verify(&request(&link), NOW).unwrap();
            prop_assert_eq!(verified.scope().to_string(), first.scope().to_string());
            prop_assert_eq!(verified.grant(), first.grant());
            if terms.directory.is_none() {
                let clean = ParamNames::default();
                prop_assert_eq!(verified.path().to_string(), first.path().to_string());
                prop_assert_eq!(verified.clean_query(clean), first.clean_query(clean));
            }
        }
    }

    #[test]
    fn the_canonical_form_is_canonical(text in "/[ -~]{0,40}") {
        if let Ok(path) = CanonicalPath::parse(&text) {
            let once = path.to_string();
            let again = CanonicalPath::parse(&once).unwrap().to_string();
            prop_assert_eq!(&once, &again);
            prop_assert!(!once.contains("//") && !once.contains("/../") && !once.contains("/./"));
        }
    }

    #[test]
    fn nothing_that_is_sent_panics(url in "\\PC{0,300}", cookie in "\\PC{0,80}", bearer in "\\PC{0,80}") {
        let ring = KeyRing::parse(KEYS).unwrap();
        for url in [url.clone(), format!("https://h/{url}"), format!("/a?pg=1&{url}"), format!("/pg=1&{url}")] {
            let mut request = Request::new(&url);
            request.cookie = Some(&cookie);
            request.authorization = Some(&bearer);
            let verifier = Verifier::new(&ring);
            let verdict = verifier.verify(&request, NOW);
            prop_assert!(verdict.is_err());
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
