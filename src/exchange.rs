//! The exchange: for a token that says when a playback starts, one that says how long it lasts.

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::{Mint, Stamp};
use crate::grant::{Countries, DownloadName, Grant, MAX_NUMBER, Networks, Text};
use crate::key::Entry;
use crate::terms::{CheckedTerms, Terms};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

/// What goes on from an admitted request, into the addresses of its manifest or into its own.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) token: String,
    pub(crate) expires: UnixTime,
    /// Whether the token is another than the request's.
    pub(crate) exchanged: bool,
    /// Signs addresses one by one, for a preview.
    pub(crate) stamp: Option<Stamp>,
}

impl Verifier<'_> {
    /// The token that goes on: that of the request, or where it has `run` one that ends so many seconds from
    /// now, and never later than `exp` and these. It keeps every binding and the scope, and has no `run`,
    /// so that nobody can exchange it again. `None` where the scope is exact and there is no `run`: it
    /// could open nothing but what was asked for.
    ///
    /// The operator's caps on `run` and on lifetimes hold for it. The key of the request signs it, and it
    /// ends when that key retires: a key that goes takes along what came of its links. Where that key is
    /// bound to another format, the first key for the gate's own tokens signs, and the token ends with the
    /// earlier of the two.
    pub(crate) fn pass(&self, verified: &Verified<'_>, now: UnixTime) -> Option<Pass> {
        let grant = verified.grant();
        let n = grant.directory();
        if n.is_none() && grant.run().is_none() {
            return None;
        }
        let itself = || Pass {
            token: verified.named_token(),
            expires: verified.expires(),
            exchanged: false,
            stamp: None,
        };
        if grant.run().is_none() && grant.preview().is_none() {
            return Some(itself());
        }
        let Some((mint, key)) = self.mint(verified, now) else { return Some(itself()) };
        let download = grant.download().map(DownloadName::decode);
        // The token is for this gate: that was checked.
        let terms = Terms { audience: self.rules.audience, ..terms(grant, download.as_deref()) };
        if mint.check(&terms).is_err() {
            // What cannot be said in a token of the gate's own goes on as it came.
            return Some(itself());
        }
        let expires = self.ends(verified, key, now);
        let checked =
            CheckedTerms { terms: &terms, entry: key, expires, issued: grant.issued(), now };
        let stamp = grant.preview().map(|_| mint.stamp(&checked));
        if grant.run().is_none() {
            return Some(Pass { expires, stamp, ..itself() });
        }
        let token = mint.token(&checked, verified.scope(), n).ok()?;
        Some(Pass { token, expires, exchanged: true, stamp })
    }

    /// When the token ends that `key` signs for an admitted request.
    fn ends(&self, verified: &Verified<'_>, key: &Entry, now: UnixTime) -> UnixTime {
        let grant = verified.grant();
        let expires = match grant.run() {
            None => grant.expires(),
            Some(secs) => {
                let secs = secs.min(self.max_run).min(self.max_lifetime.unwrap_or(u64::MAX));
                now.min(grant.expires()).saturating_add(secs)
            }
        };
        let expires = expires.min(verified.key().retires()).min(key.retires());
        expires.min(UnixTime::from_secs(MAX_NUMBER))
    }

    /// How this gate makes the token that goes on, and the key that signs it: that of the request, if it serves the
    /// format, else the first that does. `None` where there is none, or where no such format is read here.
    fn mint<'k>(
        &'k self,
        verified: &Verified<'k>,
        now: UnixTime,
    ) -> Option<(&'static dyn Mint, &'k Entry)> {
        let (own, mint) = (verified.key(), self.rules.mint()?);
        if own.serves(mint.name()) {
            return Some((mint, own));
        }
        let mut others = self.ring.serving(mint.name());
        Some((mint, others.find(|entry| !entry.is_retired(now))?))
    }

    /// The address of an admitted request with an exchanged token that lasts longer than its own, and when that
    /// one ends. `None` where there is none, or the token is not in the address.
    #[cfg(any(feature = "worker", test))]
    pub(crate) fn lasting_address(
        &self,
        verified: &Verified<'_>,
        now: UnixTime,
    ) -> Option<(String, UnixTime)> {
        // Nothing is signed that is not used.
        let (_, key) = self.mint(verified, now).filter(|_| verified.grant().run().is_some())?;
        if self.ends(verified, key, now) <= verified.grant().expires() || !verified.is_in_address()
        {
            return None;
        }
        let pass = self.pass(verified, now).filter(|pass| pass.exchanged)?;
        Some((verified.address_with(&pass.token)?, pass.expires))
    }
}

/// Every binding of a grant but its audience. Its times and its scope are not among them.
fn terms<'a>(grant: &'a Grant<'_>, download: Option<&'a str>) -> Terms<'a> {
    Terms {
        countries: grant.countries().map(Countries::as_str),
        download,
        inline: grant.download().is_some_and(DownloadName::is_inline),
        networks: grant.networks().into_iter().flat_map(Networks::iter).collect::<Vec<_>>(),
        not_before: grant.not_before(),
        preview: grant.preview(),
        session: grant.session().map(Text::as_str),
        subject: grant.subject().map(Text::as_str),
        token_id: grant.token_id().map(Text::as_str),
        ..Terms::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::jwt::{Jwt, JwtRules};
    use crate::key::KeyRing;
    use crate::request::Request;
    use crate::sign::{Builder, Signer};
    use alloc::string::ToString as _;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                        next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    const NOW: u64 = 1_767_225_000;
    const MASTER: &str = "https://cdn.example.com/videos/42/master.m3u8";

    type Terms<'a> = Builder<'a, &'a str>;

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(text).unwrap()
    }

    /// What goes on from a link that was signed for ten minutes, at a gate with these keys and this cap.
    fn passed(
        terms: impl for<'a> FnOnce(Terms<'a>) -> Terms<'a>,
        keys: &str,
        most: Option<u64>,
        now: u64,
    ) -> Option<Pass> {
        let signer = Signer::new(ring(KEYS));
        let signed = UnixTime::from_secs(NOW);
        let link = terms(signer.link(MASTER)).sign(signed).unwrap();
        let ring = ring(keys);
        let verifier = Verifier::new(&ring).audience(Some("edge")).leeway(300).max_lifetime(most);
        let mut request = Request::new(link.as_str());
        request.client_ip = Some("203.0.113.9".parse().unwrap());
        request.client_country = Some("PT");
        let now = UnixTime::from_secs(now);
        verifier.pass(&verifier.verify(&request, now).unwrap(), now)
    }

    fn edge<'a>(terms: Terms<'a>) -> Terms<'a> {
        terms.audience("edge")
    }

    #[test]
    fn the_new_token_has_every_binding_and_no_run() {
        let pass = passed(
            |terms| {
                edge(terms)
                    .countries("PT.ES")
                    .download("S\u{e3}o.mp4")
                    .network("203.0.113.0/24".parse().unwrap())
                    .network("2001:db8::/32".parse().unwrap())
                    .token_id("j")
                    .not_before(UnixTime::from_secs(NOW - 60))
                    .run(14_400)
                    .session("s")
                    .subject("v")
            },
            KEYS,
            None,
            NOW + 100,
        )
        .unwrap();
        assert!(pass.exchanged && pass.stamp.is_none());
        assert_eq!(pass.expires.as_secs(), NOW + 100 + 14_400);
        let (fields, _) = pass.token.split_once("&sig=").unwrap();
        assert_eq!(
            fields,
            "pg=1&exp=1767239500&kid=main&aud=edge&cc=PT.ES&dir=2&dl=U8Ojby5tcDQ&iat=1767225000\
             &ip=cb007100-24.20010db8000000000000000000000000-32&jti=j\
             &nbf=1767224940&sid=s&sub=v"
        );
    }

    #[test]
    fn it_ends_no_later_than_the_first_and_its_run() {
        // Within the leeway, at a time when the first token is over.
        let pass = passed(|terms| edge(terms).run(60), KEYS, None, NOW + 800).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 600 + 60);
        let pass = passed(|terms| edge(terms).run(60), KEYS, Some(700), NOW).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 60);
        let pass = passed(|terms| edge(terms).run(14_400), KEYS, Some(700), NOW).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 700, "the operator's cap");
        let pass = passed(|terms| edge(terms).run(MAX_NUMBER), KEYS, None, NOW).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + Verifier::DEFAULT_MAX_RUN);
    }

    /// The key that signed the exchanged token, and when this ends.
    fn signed_by(pass: &Pass) -> (&str, u64) {
        let (_, rest) = pass.token.split_once("&kid=").unwrap();
        (rest.split('&').next().unwrap(), pass.expires.as_secs())
    }

    #[test]
    fn the_key_of_the_request_signs_it_and_takes_it_along() {
        let next = KEYS.split_once(',').unwrap().1;
        let main = KEYS.split_once(',').unwrap().0;
        for (retires, expires) in
            [(NOW + 30, NOW + 30), (NOW + 59, NOW + 59), (NOW + 60, NOW + 60), (NOW + 99, NOW + 60)]
        {
            let keys = alloc::format!("{next},{main}@{retires}");
            let pass = passed(|terms| edge(terms).run(60), &keys, None, NOW).unwrap();
            assert_eq!(signed_by(&pass), ("main", expires), "{retires}");
            let pass = passed(|terms| edge(terms).preview(30), &keys, None, NOW).unwrap();
            assert_eq!(pass.expires.as_secs(), retires, "so do the pieces of a preview");
            let pass = passed(edge, &keys, None, NOW).unwrap();
            assert_eq!(pass.expires.as_secs(), retires, "and what was not exchanged");
        }
        let keys = alloc::format!("{next}@{},{main}", NOW - 1);
        let pass = passed(|terms| edge(terms).run(60), &keys, None, NOW).unwrap();
        assert_eq!(signed_by(&pass), ("main", NOW + 60));
    }

    #[test]
    fn a_key_of_another_format_signs_no_native_token() {
        let (main, next) = KEYS.split_once(',').unwrap();
        let signed_by = |keys: &str| {
            let pass = of_jwt_with(keys, |terms| terms.run(60), true, None, NOW);
            pass.exchanged.then(|| {
                let (kid, expires) = signed_by(&pass);
                (String::from(kid), expires)
            })
        };
        let with = |kid: &str, expires| Some((kid.into(), expires));
        assert_eq!(signed_by(&alloc::format!("{main},{next}")), with("main", NOW + 60));
        assert_eq!(signed_by(&alloc::format!("jwt/{main},{next}")), with("next", NOW + 60));
        assert_eq!(
            signed_by(&alloc::format!("jwt/{main},native/{next}@{}", NOW + 9)),
            with("next", NOW + 9)
        );
        assert_eq!(
            signed_by(&alloc::format!("jwt/{main}@{},native/{next}", NOW + 8)),
            with("next", NOW + 8)
        );
        for none in ["jwt/", "native/"] {
            let keys = alloc::format!("jwt/{main},{none}{next}@{NOW}");
            assert_eq!(signed_by(&keys), None, "{none}: the JWT goes on as it is");
        }
    }

    #[test]
    fn a_run_has_a_cap() {
        let day = passed(|terms| edge(terms).run(86_401), KEYS, None, NOW).unwrap();
        assert_eq!(day.expires.as_secs(), NOW + 86_400);
        let signer = Signer::new(ring(KEYS));
        let link = signer.link(MASTER).run(60).sign(UnixTime::from_secs(NOW)).unwrap();
        let ring = ring(KEYS);
        let verifier = Verifier::new(&ring).max_run(7);
        let now = UnixTime::from_secs(NOW);
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        assert_eq!(verifier.pass(&verified, now).unwrap().expires.as_secs(), NOW + 7);
    }

    #[test]
    fn without_run_it_is_the_same_token() {
        let pass = passed(edge, KEYS, None, NOW).unwrap();
        assert!(!pass.exchanged && pass.stamp.is_none());
        assert_eq!(pass.expires.as_secs(), NOW + 600);
        assert!(pass.token.starts_with("pg=1&exp=1767225600&kid=main&aud=edge&dir=2&sig="));
        let preview = passed(|terms| edge(terms).preview(30), KEYS, None, NOW).unwrap();
        assert!(!preview.exchanged && preview.stamp.is_some());
        assert!(preview.token.contains("&dir=2&pre=30&sig="));
    }

    #[test]
    fn of_an_exact_scope_nothing_goes_on_but_a_run() {
        assert!(passed(|terms| edge(terms).exact(), KEYS, None, NOW).is_none());
        let pass = passed(|terms| edge(terms).exact().run(60), KEYS, None, NOW).unwrap();
        assert!(pass.token.starts_with("pg=1&exp=1767225060&kid=main&aud=edge&sig="));
    }

    #[test]
    fn an_address_goes_on_with_the_exchanged_token() {
        let (ring, now) = (ring(KEYS), UnixTime::from_secs(NOW));
        let verifier = Verifier::new(&ring).unsigned_params(crate::ParamNames::new("utm_*"));
        let signer = Signer::new(ring.clone());
        let exchanged = |link: String| {
            let verified = verifier.verify(&Request::new(&link), now).unwrap();
            let (address, expires) = verifier.lasting_address(&verified, now)?;
            assert_eq!(expires.as_secs(), NOW + 700);
            let again = verifier.verify(&Request::new(&address), now).unwrap();
            assert_eq!(again.path().to_string(), "/a/b%20c.mp4");
            let none = crate::ParamNames::default();
            assert_eq!(again.clean_query(none), verified.clean_query(none));
            assert_eq!(again.scope().to_string(), verified.scope().to_string());
            assert!(verifier.lasting_address(&again, now).is_none(), "only once");
            let (before, rest) = address.split_once("pg=1&exp=1767225700&kid=main").unwrap();
            let (fields, after) = rest.split_once("&sig=").unwrap();
            Some([before, "TOKEN", fields, after.get(43..).unwrap()].concat())
        };
        let url = "https://cdn.example.com/a/b%20c.mp4?v=1";
        let signed = |link: Builder<'_, &str>| String::from(link.run(700).sign(now).unwrap());
        for (link, expected) in [
            (signed(signer.link(url)), "/a/b%20c.mp4?v=1&TOKEN"),
            (signed(signer.link(url)) + "&utm_source=x", "/a/b%20c.mp4?v=1&TOKEN&utm_source=x"),
            (signed(signer.link(url).directory(1)), "/a/b%20c.mp4?v=1&TOKEN&dir=1"),
            (signed(signer.link(url).in_path()), "/TOKEN/a/b%20c.mp4?v=1"),
            (signed(signer.link(url).in_path()) + "&CMCD=x", "/TOKEN/a/b%20c.mp4?v=1&CMCD=x"),
        ] {
            assert_eq!(exchanged(link).as_deref(), Some(expected));
        }
        let link = signer.link(url).in_path().run(700).sign(now).unwrap();
        let cookie = link.token();
        let mut request = Request::new(url);
        request.cookie = Some(cookie);
        let verified = verifier.verify(&request, now).unwrap();
        assert!(verifier.lasting_address(&verified, now).is_none());
        for run in [1, 60, 600] {
            assert_eq!(exchanged(String::from(signer.link(url).run(run).sign(now).unwrap())), None);
        }
    }

    #[test]
    fn it_is_admitted_as_any_other() {
        let pass = passed(|terms| edge(terms).run(60), KEYS, None, NOW).unwrap();
        let url = ["https://cdn.example.com/", &pass.token, "/videos/42/1.m4s"].concat();
        let ring = ring(KEYS);
        let verifier = Verifier::new(&ring).audience(Some("edge"));
        let verify = |url: &str, at: u64| {
            let verified = verifier.verify(&Request::new(url), UnixTime::from_secs(at));
            verified.map(|verified| verified.scope().to_string()).map_err(|refusal| refusal.code())
        };
        assert_eq!(verify(&url, NOW + 59), Ok("/videos/42/".into()));
        assert_eq!(verify(&url, NOW + 60), Err("expired"));
        assert_eq!(verify(&url.replace("/42/", "/43/"), NOW), Err("bad_signature"));
    }

    /// What goes on from a JWT for ten minutes at a gate that reads JWTs, and native tokens or not.
    fn of_jwt(
        more: impl for<'a> FnOnce(Terms<'a>) -> Terms<'a>,
        native: bool,
        audience: Option<&str>,
        now: u64,
    ) -> Pass {
        of_jwt_with(KEYS, more, native, audience, now)
    }

    /// [`of_jwt`] at a gate with these keys.
    fn of_jwt_with(
        keys: &str,
        more: impl for<'a> FnOnce(Terms<'a>) -> Terms<'a>,
        native: bool,
        audience: Option<&str>,
        now: u64,
    ) -> Pass {
        let signer = Signer::new(ring(KEYS));
        let link = more(signer.link(MASTER).jwt(Jwt::new().claim("vid", 42).issuer("joe")));
        let link = link.sign(UnixTime::from_secs(NOW)).unwrap();
        let (ring, now) = (ring(keys), UnixTime::from_secs(now));
        let rules = JwtRules::new("/videos/{vid}/").unwrap().issuer("joe");
        let verifier = Verifier::new(&ring).native(native).jwt(Some(&rules)).audience(audience);
        let verifier = verifier.leeway(300);
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        let pass = verifier.pass(&verified, now).unwrap();
        let own = ["token=", link.token()].concat();
        assert_eq!(pass.token == own, !pass.exchanged, "{}", pass.token);
        assert!(pass.stamp.is_none());
        pass
    }

    #[test]
    fn a_jwt_is_exchanged_for_a_native_token() {
        fn more<'a>(terms: Terms<'a>) -> Terms<'a> {
            let terms = terms.audience("edge").token_id("j").session("s").subject("v").run(60);
            terms.not_before(UnixTime::from_secs(NOW - 60))
        }
        for (now, exp) in [(NOW, NOW + 60), (NOW + 599, NOW + 659), (NOW + 800, NOW + 660)] {
            let pass = of_jwt(more, true, Some("edge"), now);
            assert!(pass.exchanged);
            assert_eq!(pass.expires.as_secs(), exp);
            let (fields, _) = pass.token.split_once("&sig=").unwrap();
            assert_eq!(
                fields,
                alloc::format!(
                    "pg=1&exp={exp}&kid=main&aud=edge&dir=2&iat=1767225000&jti=j&nbf=1767224940&sid=s&sub=v"
                )
            );
        }
    }

    #[test]
    fn without_run_or_a_native_form_the_jwt_goes_on() {
        let stays = |more: fn(Terms<'_>) -> Terms<'_>, native, audience| {
            let pass = of_jwt(more, native, audience, NOW);
            assert!(!pass.exchanged);
            assert_eq!(pass.expires.as_secs(), NOW + 600);
        };
        stays(|terms| terms, true, None);
        stays(|terms| terms.run(60), false, None);
        stays(|terms| terms.run(14_400).subject("auth0|7"), true, None);
        stays(|terms| terms.run(14_400).token_id("a.b"), true, None);
        stays(|terms| terms.run(14_400).session("a b"), true, None);
        stays(|terms| terms.run(14_400).subject("7&exp=9007199254740991"), true, None);
        let url = "https://edge.example.com/";
        stays(|terms| terms.run(14_400).audience("https://edge.example.com/"), true, Some(url));
    }
}
