//! The exchange: for a token that says when a playback starts, one that says how long it lasts.

use alloc::string::String;

use crate::format::native::{self, Stamp};
use crate::grant::{Countries, DownloadName, Grant, MAX_NUMBER, Text};
use crate::key::Entry;
use crate::sign::{CheckedTerms, Terms};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

/// What goes on from an admitted request of directory scope into the addresses of its manifest.
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
    /// The token that the addresses of a manifest carry: that of the request, or where it has `run` one that
    /// ends so many seconds from now, and never later than `exp` and these. It keeps every binding and the
    /// scope, and has no `run`, so that nobody can exchange it again. `None` where the scope is exact: there
    /// is nothing that it could open beside the manifest.
    ///
    /// The operator's cap on lifetimes holds for it too. The first key of the ring that outlasts it signs it;
    /// where there is none, or it does not fit, the key of the request.
    pub(crate) fn pass(&self, verified: &Verified<'_>, now: UnixTime) -> Option<Pass> {
        let grant = verified.grant();
        let n = grant.directory()?;
        let expires = match grant.run() {
            None => grant.expires(),
            Some(secs) => {
                let secs = self.max_lifetime.map_or(secs, |most| secs.min(most));
                let end = now.min(grant.expires()).saturating_add(secs);
                end.min(UnixTime::from_secs(MAX_NUMBER))
            }
        };
        let own = self.ring.find(verified.kid()).ok()?;
        let itself = |expires| Pass {
            token: verified.named_token(self),
            expires,
            exchanged: false,
            stamp: None,
        };
        if grant.run().is_none() && grant.preview().is_none() {
            return Some(itself(expires));
        }
        let download = grant.download().map(DownloadName::decode);
        let [token_id, session, subject] =
            [grant.token_id(), grant.session(), grant.subject()].map(|id| id.map(Text::to_cow));
        let terms = Terms {
            token_id: token_id.as_deref(),
            session: session.as_deref(),
            subject: subject.as_deref(),
            ..terms(grant, download.as_deref())
        };
        if !self.rules.native || native::check(&terms).is_err() {
            // What cannot be said in a native token, or is not read here as one, goes on as it came.
            return Some(itself(grant.expires()));
        }
        let checked = |entry: &Entry| {
            let checked = CheckedTerms { terms: &terms, entry, expires };
            let token = checked.token(verified.scope(), n).ok()?;
            let stamp = grant.preview().map(|_| Stamp::new(&checked));
            Some(Pass { token, expires, exchanged: grant.run().is_some(), stamp })
        };
        let first = self.ring.entries().find(|entry| !entry.is_retired(expires));
        let pass = first.and_then(checked).or_else(|| checked(own))?;
        Some(if pass.exchanged { pass } else { Pass { token: itself(expires).token, ..pass } })
    }
}

/// Every binding of a grant but its ids. Its times and its scope are not among them.
fn terms<'a>(grant: &Grant<'a>, download: Option<&'a str>) -> Terms<'a> {
    Terms {
        audience: grant.audience(),
        countries: grant.countries().map(Countries::as_str),
        download,
        network: grant.network(),
        not_before: grant.not_before(),
        preview: grant.preview(),
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
            "pg=1&exp=1767239500&kid=main&aud=edge&cc=PT.ES&dir=2&dl=U8Ojby5tcDQ&ip=cb007100-24&jti=j\
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
        assert_eq!(pass.expires.as_secs(), MAX_NUMBER);
    }

    #[test]
    fn the_first_key_signs_it_that_outlasts_it() {
        let swapped = KEYS.split(',').rev().collect::<alloc::vec::Vec<_>>().join(",");
        let pass = passed(|terms| edge(terms).run(60), &swapped, None, NOW).unwrap();
        assert!(pass.token.contains("&kid=next&"), "{}", pass.token);
        for (retires, kid) in
            [(NOW, "main"), (NOW + 59, "main"), (NOW + 60, "main"), (NOW + 61, "next")]
        {
            let retired = swapped.replacen(',', &alloc::format!("@{retires},"), 1);
            let pass = passed(|terms| edge(terms).run(60), &retired, None, NOW).unwrap();
            assert!(
                pass.token.contains(&alloc::format!("&kid={kid}&")),
                "{retires} {}",
                pass.token
            );
        }
        let all = alloc::format!("{KEYS}@1767225010").replacen(',', "@1767225010,", 1);
        let pass = passed(|terms| edge(terms).run(60), &all, None, NOW).unwrap();
        assert!(pass.token.contains("&kid=main&"), "{}", pass.token);
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
    fn nothing_goes_on_from_an_exact_scope() {
        assert!(passed(|terms| edge(terms).exact().run(60), KEYS, None, NOW).is_none());
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
        let signer = Signer::new(ring(KEYS));
        let link = more(signer.link(MASTER).jwt(Jwt::new().claim("vid", 42).issuer("joe")));
        let link = link.sign(UnixTime::from_secs(NOW)).unwrap();
        let (ring, now) = (ring(KEYS), UnixTime::from_secs(now));
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
                    "pg=1&exp={exp}&kid=main&aud=edge&dir=2&jti=j&nbf=1767224940&sid=s&sub=v"
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
