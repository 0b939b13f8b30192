//! What holds for every timed HMAC, not just for those of the vectors.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use core::time::Duration;
use hmac::{Hmac, KeyInit as _, Mac as _};
use playgate::{
    KeyRing, ParamNames, Placement, Refusal, Request, Signer, TimedHmac, UnixTime, Verifier,
};
use proptest::prelude::*;
use sha2::Sha256;

use crate::links::{self, BEFORE_THE_TERMS, HOST, change, every_change};
use crate::native::{path, query};

/// The key `cf` of the vectors.
const SECRET: &str = "a development secret of 43 letters and more";
const NOW: u64 = 1_767_225_000;

fn ring() -> KeyRing {
    KeyRing::parse(&format!("timed-hmac/cf:{}", URL_SAFE_NO_PAD.encode(SECRET))).unwrap()
}

#[derive(Clone, Debug)]
struct Terms {
    path: String,
    query: Option<String>,
    param: &'static str,
    ttl: u64,
    issued: u64,
    url_safe: bool,
}

prop_compose! {
    fn terms()(
        path in path(),
        query in query(),
        param in prop::sample::select(&["verify", "token", "t-1"][..]),
        (ttl, age) in (1_u64..10_000_000).prop_flat_map(|ttl| (Just(ttl), 0..ttl)),
        url_safe: bool,
    ) -> Terms {
        Terms { path, query, param, ttl, issued: NOW - age, url_safe }
    }
}

impl Terms {
    fn format(&self) -> TimedHmac {
        TimedHmac::new(Duration::from_secs(self.ttl))
            .param(self.param)
            .unwrap()
            .url_safe(self.url_safe)
    }

    /// A link to `path`, up to the tag.
    fn untagged(&self, path: &str) -> String {
        let Self { param, issued, .. } = self;
        match &self.query {
            None => format!("{HOST}{path}?{param}={issued:010}-"),
            Some(query) => format!("{HOST}{path}?{query}&{param}={issued:010}-"),
        }
    }

    /// The tag of a link to `path`: the HMAC of what is sent, without the separator.
    fn tag(&self, path: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(path.as_bytes());
        if let Some(query) = &self.query {
            mac.update(format!("?{query}").as_bytes());
        }
        mac.update(format!("{:010}", self.issued).as_bytes());
        let tag = mac.finalize().into_bytes();
        if self.url_safe { URL_SAFE_NO_PAD.encode(tag) } else { STANDARD.encode(tag) }
    }
}

/// The escapes of `+`, `/` and `=`.
const ESCAPES: [(&str, &str); 6] =
    [("+", "%2B"), ("/", "%2F"), ("=", "%3D"), ("+", "%2b"), ("/", "%2f"), ("=", "%3d")];

/// A tag with some of its `+`, `/` and `=` percent-encoded, in upper or lower case.
fn spelled(tag: &str, style: u64) -> String {
    let mut spelled = String::new();
    for (n, character) in tag.char_indices() {
        let character = character.to_string();
        let spelling = (style >> (n % 60)) as usize % 4;
        let mut escapes = ESCAPES.iter().filter(|(plain, _)| *plain == character);
        match (spelling, escapes.next(), escapes.next()) {
            (0, Some((_, upper)), _) => spelled += upper,
            (1, _, Some((_, lower))) => spelled += lower,
            _ => spelled += &character,
        }
    }
    spelled
}

/// A tag without percent-encoding.
fn plain(tag: &str) -> String {
    ESCAPES.iter().fold(tag.to_owned(), |tag, (plain, escape)| tag.replace(escape, plain))
}

proptest! {
    #[test]
    fn a_link_is_signed_as_the_oracle_says(terms in terms()) {
        let (ring, format) = (ring(), terms.format());
        let canonical = links::canonical(&terms.path).unwrap();
        let tag = terms.tag(&canonical);
        let expected = terms.untagged(&canonical) + &spelled(&tag, 0);
        let query = terms.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let url = [HOST, &terms.path, &query].concat();
        let signer = Signer::new(ring.clone());
        let lifetime = terms.issued + terms.ttl - NOW;
        let link = signer.link(&url).timed_hmac(format.clone()).expires_in(Duration::from_secs(lifetime));
        let link = link.sign(UnixTime::from_secs(NOW)).unwrap();
        prop_assert_eq!(link.as_str(), expected);
    }

    /// Also if its path is not in canonical spelling: the path as it is sent is what is signed.
    #[test]
    fn a_link_is_admitted_until_its_ttl_has_passed_however_its_tag_is_spelled(
        terms in terms(),
        style: u64,
    ) {
        let (ring, format) = (ring(), terms.format());
        let verifier = Verifier::new(&ring).timed_hmac(Some(&format));
        let link = terms.untagged(&terms.path) + &spelled(&terms.tag(&terms.path), style);
        let verify = |secs| verifier.verify(&Request::new(&link), UnixTime::from_secs(secs));
        let (issued, end) = (terms.issued, terms.issued + terms.ttl);
        let verified = verify(NOW).unwrap();
        prop_assert_eq!((verified.kid(), verified.placement()), ("cf", Placement::Query));
        let canonical = links::canonical(&terms.path).unwrap();
        prop_assert_eq!(verified.path().to_string(), canonical.clone());
        prop_assert_eq!(verified.clean_query(ParamNames::default()), terms.query.clone());
        let query = terms.query.map(|query| format!("?{query}")).unwrap_or_default();
        prop_assert_eq!(verified.scope().to_string(), canonical + &query);
        let grant = verified.grant();
        let times = [grant.issued(), grant.not_before(), Some(grant.expires())];
        prop_assert_eq!(times.map(|time| time.map(UnixTime::as_secs)), [issued, issued, end].map(Some));
        prop_assert!(verify(issued).is_ok());
        prop_assert_eq!(verify(issued - 1).unwrap_err().code(), "not_yet_valid");
        prop_assert!(verify(end - 1).is_ok());
        prop_assert_eq!(verify(end).unwrap_err().code(), "expired");
    }

    /// Any changed byte after the host is refused, and any that is percent-encoded or decoded. Only the `+`, `/` and `=`
    /// of the tag may be spelled in another way.
    #[test]
    fn any_changed_byte_is_refused(terms in terms(), style: u64, change in change()) {
        let (ring, format) = (ring(), terms.format());
        let verifier = Verifier::new(&ring).timed_hmac(Some(&format));
        let (untagged, tag) = (terms.untagged(&terms.path), terms.tag(&terms.path));
        let link = untagged.clone() + &spelled(&tag, style);
        let changed = links::changed(&link, &link[untagged.len()..], change);
        prop_assume!(changed != link);
        let is_same = changed
            .strip_prefix(&untagged)
            .is_some_and(|changed| !terms.url_safe && plain(changed) == tag);
        let asked = Request::new(&changed);
        match verifier.verify(&asked, UnixTime::from_secs(NOW)) {
            Ok(verified) => {
                prop_assert!(is_same, "{}", changed);
                prop_assert_eq!(verified.grant().expires().as_secs(), terms.issued + terms.ttl);
                prop_assert_eq!(verified.path().to_string(), links::canonical(&terms.path).unwrap());
                prop_assert_eq!(verified.clean_query(ParamNames::default()), terms.query);
            }
            Err(refusal) => {
                prop_assert!(!is_same, "{}: {}", changed, refusal);
                prop_assert!(BEFORE_THE_TERMS.contains(&refusal.code()), "{}: {}", changed, refusal);
            }
        }
    }
}

/// A link survives another spelling of the `+`, `/` and `=` of its tag, and nothing else. The links are those of the
/// vectors.
#[test]
fn these_changes_are_admitted_and_no_others() {
    let (ring, format) = (ring(), TimedHmac::new(Duration::from_secs(10_800)));
    let url_safe = format.clone().url_safe(true);
    let admitted = |format: &TimedHmac, tag: &str| {
        let verifier = Verifier::new(&ring).timed_hmac(Some(format));
        let link = format!("{HOST}/odd/7.ts?verify=1767225000-{tag}");
        let is_admitted = |link: &String| {
            let verdict = verifier.verify(&Request::new(link), UnixTime::from_secs(NOW)).map(drop);
            let code = verdict.err().map(Refusal::code);
            assert!(code.is_none_or(|code| BEFORE_THE_TERMS.contains(&code)), "{link}: {code:?}");
            code.is_none()
        };
        assert!(is_admitted(&link), "{link}");
        every_change(&link).filter(is_admitted).collect::<Vec<_>>()
    };
    let tag = "0cDqa%2BdQz9968MpF%2BbZT2J5c%2Bj4e%2F9xmGxFDQ0ogo%2FY%3D";
    let expected = [
        "0cDqa%2bdQz9968MpF%2BbZT2J5c%2Bj4e%2F9xmGxFDQ0ogo%2FY%3D",
        "0cDqa%2BdQz9968MpF%2bbZT2J5c%2Bj4e%2F9xmGxFDQ0ogo%2FY%3D",
        "0cDqa%2BdQz9968MpF%2BbZT2J5c%2bj4e%2F9xmGxFDQ0ogo%2FY%3D",
        "0cDqa%2BdQz9968MpF%2BbZT2J5c%2Bj4e%2f9xmGxFDQ0ogo%2FY%3D",
        "0cDqa%2BdQz9968MpF%2BbZT2J5c%2Bj4e%2F9xmGxFDQ0ogo%2fY%3D",
        "0cDqa%2BdQz9968MpF%2BbZT2J5c%2Bj4e%2F9xmGxFDQ0ogo%2FY%3d",
    ];
    let links =
        |tags: [&str; 6]| tags.map(|tag| format!("{HOST}/odd/7.ts?verify=1767225000-{tag}"));
    assert_eq!(admitted(&format, tag), links(expected));
    let tag = "0cDqa+dQz9968MpF+bZT2J5c+j4e/9xmGxFDQ0ogo/Y=";
    let expected = [
        "0cDqa%2BdQz9968MpF+bZT2J5c+j4e/9xmGxFDQ0ogo/Y=",
        "0cDqa+dQz9968MpF%2BbZT2J5c+j4e/9xmGxFDQ0ogo/Y=",
        "0cDqa+dQz9968MpF+bZT2J5c%2Bj4e/9xmGxFDQ0ogo/Y=",
        "0cDqa+dQz9968MpF+bZT2J5c+j4e%2F9xmGxFDQ0ogo/Y=",
        "0cDqa+dQz9968MpF+bZT2J5c+j4e/9xmGxFDQ0ogo%2FY=",
        "0cDqa+dQz9968MpF+bZT2J5c+j4e/9xmGxFDQ0ogo/Y%3D",
    ];
    assert_eq!(admitted(&format, tag), links(expected));
    let none: [String; 0] = [];
    assert_eq!(admitted(&url_safe, "0cDqa-dQz9968MpF-bZT2J5c-j4e_9xmGxFDQ0ogo_Y"), none);
}
