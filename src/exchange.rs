//! The exchange: replaces a token that limits when a playback starts with one that limits how long it lasts.

use core::fmt;
use core::time::Duration;

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::Mint;
pub use crate::format::SegmentSigner;
use crate::grant::{Claims, Countries, DownloadName, Grant, MAX_NUMBER, Networks, Text};
use crate::key::Entry;
use crate::options::{CheckedOptions, LinkOptions};
use crate::time::UnixTime;
use crate::verify::{Verified, Verifier};

/// The token that a gate passes on from an admitted request, in the addresses of its manifest or in its own. `Debug`
/// does not print the token, as it is a credential.
#[derive(Clone)]
pub struct ExchangedToken {
    token: String,
    expires: UnixTime,
    is_new: bool,
    segment_signer: Option<SegmentSigner>,
}

impl ExchangedToken {
    /// The token with its name, as in a path or a cookie.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.token
    }

    /// When it expires.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Whether it differs from the token of the request.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Signs the single addresses in the manifest of a preview. `None` if it is not a preview.
    #[must_use]
    pub const fn segment_signer(&self) -> Option<&SegmentSigner> {
        self.segment_signer.as_ref()
    }
}

impl fmt::Debug for ExchangedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangedToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Verifier<'_> {
    /// The token to pass on: that of the request, or, if it [starts a playback](Grant::starts_playback), a new one. If
    /// it has `run`, the new one expires `run` seconds from now, but no later than `exp` plus `run`. It keeps the scope
    /// and every binding, but neither `run` nor `uses`. `None` if the scope is exact, unless it has `run`, or `max` and no
    /// `sid`: the token would allow only the requested address.
    ///
    /// The operator's limits on `run` and on lifetimes apply to it. The key of the request signs it, and it expires
    /// when that key retires, so retiring a key also ends the tokens that came from its links. If that key is bound
    /// to another format, the first key for the gate's own tokens signs, and the token expires when the earlier of
    /// the two keys retires. A gate with state does not do so, because revoking the key of the request must end the
    /// exchanged token as well.
    #[must_use]
    pub fn exchange(&self, verified: &Verified<'_>, now: UnixTime) -> Option<ExchangedToken> {
        let grant = verified.grant();
        let n = grant.directory();
        if n.is_none() && grant.run().is_none() && !grant.needs_session() {
            return None;
        }
        let own = ExchangedToken {
            token: self.named_token(verified)?,
            expires: verified.expires(),
            is_new: false,
            segment_signer: None,
        };
        if !grant.starts_playback() && grant.preview().is_none() {
            return Some(own);
        }
        let Some((mint, key)) = self.mint(verified, now) else { return Some(own) };
        let download = grant.download().map(DownloadName::decode);
        // Those of another format may be too long. They restrict nothing.
        let claims = verified.claims().filter(|claims| Claims::check(claims).is_ok());
        // The new token is for the same deployment. A verifier of another one makes none.
        let audience = match (grant.audience(), self.rules.audience) {
            (None, _) => None,
            (Some(audience), Some(name)) if audience.contains(name) => Some(name),
            (Some(_), _) => return Some(own),
        };
        let mut options = LinkOptions {
            audience,
            claims: claims.as_deref(),
            ..options(grant, download.as_deref())
        };
        options.session = options.session.or(self.playback);
        if mint.check(&options).is_err() {
            // A grant that the gate's own tokens cannot express keeps its original token.
            return Some(own);
        }
        let expires = self.ends(verified, key, now);
        let checked =
            CheckedOptions { options: &options, entry: key, expires, issued: grant.issued(), now };
        let unsigned_params = self.rules.unsigned_params;
        let segment_signer =
            grant.preview().map(|_| mint.segment_signer(&checked, unsigned_params));
        if !grant.starts_playback() {
            return Some(ExchangedToken { expires, segment_signer, ..own });
        }
        match mint.token(&checked, verified.scope(), n) {
            Ok(token) => Some(ExchangedToken { token, expires, is_new: true, segment_signer }),
            // With the id of a playback, it would be too long. A preview must be cut all the same.
            Err(_) => Some(ExchangedToken { segment_signer, ..own }),
        }
    }

    /// When a token that `key` signs for an admitted request expires.
    fn ends(&self, verified: &Verified<'_>, key: &Entry, now: UnixTime) -> UnixTime {
        let grant = verified.grant();
        let expires = match grant.run() {
            None => grant.expires(),
            Some(length) => {
                let length = length.min(self.max_run);
                let length = length.min(self.max_lifetime.unwrap_or(Duration::MAX));
                now.min(grant.expires()).saturating_add(length)
            }
        };
        let expires = expires.min(verified.key().retires()).min(key.retires());
        expires.min(UnixTime::from_secs(MAX_NUMBER))
    }

    /// How this gate makes the token to pass on, and the key that signs it: that of the request if it serves the
    /// format, otherwise the first that does. `None` if there is no such key or format.
    fn mint<'k>(
        &'k self,
        verified: &Verified<'k>,
        now: UnixTime,
    ) -> Option<(&'static dyn Mint, &'k Entry)> {
        let (own, mint) = (verified.key(), self.rules.mint()?);
        if own.serves(mint.name()) {
            return Some((mint, own));
        }
        // Who revokes the key of a token ends the tokens that were exchanged for it, too.
        if self.state.is_some() {
            return None;
        }
        let mut others = self.ring.serving(mint.name());
        Some((mint, others.find(|entry| !entry.is_retired(now))?))
    }

    /// The address of an admitted request with an exchanged token, and when that expires, if it lasts longer than its own,
    /// or has an id for the playback that its own lacks. `None` if there is no such token, or the token is not in the
    /// address.
    #[must_use]
    pub fn lasting_address(
        &self,
        verified: &Verified<'_>,
        now: UnixTime,
    ) -> Option<(String, UnixTime)> {
        // Avoids signing a token that is not used.
        let grant = verified.grant();
        let starts = grant.run().is_some() || grant.needs_session();
        let (_, key) = self.mint(verified, now).filter(|_| starts && verified.is_in_address())?;
        if self.ends(verified, key, now) <= grant.expires() && !grant.needs_session() {
            return None;
        }
        let pass = self.exchange(verified, now).filter(ExchangedToken::is_new)?;
        Some((verified.address_with(&pass.token)?, pass.expires))
    }
}

/// Every binding of a grant except its audience. Omits its times, its scope and its claims.
fn options<'a>(grant: &'a Grant<'_>, file: Option<&'a str>) -> LinkOptions<'a> {
    // Each by name: a new binding must not be dropped silently.
    let Grant {
        expires: _,
        audience: _,
        // The caller has decoded them.
        claims: _,
        countries,
        directory: _,
        download,
        generation,
        issued: _,
        networks,
        token_id,
        max_playbacks,
        // No gate serves anything for it.
        new_session: _,
        not_before: _,
        preview,
        revalidate,
        run: _,
        session,
        subject,
        // The exchange redeemed it.
        uses: _,
    } = grant;
    LinkOptions {
        countries: countries.map(Countries::as_str),
        download: file,
        generation: *generation,
        max_playbacks: *max_playbacks,
        inline: download.is_some_and(DownloadName::is_inline),
        networks: networks.iter().copied().flat_map(Networks::iter).collect::<Vec<_>>(),
        not_before: grant.not_before(),
        preview: *preview,
        revalidate: *revalidate,
        session: session.as_ref().map(Text::as_str),
        subject: subject.as_ref().map(Text::as_str),
        token_id: token_id.as_ref().map(Text::as_str),
        ..LinkOptions::default()
    }
}

#[cfg(feature = "jwt")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StateError;
    use crate::format::jwt::{Jwt, JwtRules};
    use crate::key::KeyRing;
    use crate::request::Request;
    use crate::sign::{Builder, Signer};
    use crate::state::{PresentedToken, State};
    use alloc::string::ToString as _;

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                        next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    const NOW: u64 = 1_767_225_000;
    const MASTER: &str = "https://cdn.example.com/videos/42/master.m3u8";

    type Built<'a> = Builder<'a, &'a str>;

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(text).unwrap()
    }

    /// The token that is passed on from a link signed for ten minutes, at a gate with these keys and this limit.
    fn passed(
        link: impl for<'a> FnOnce(Built<'a>) -> Built<'a>,
        keys: &str,
        most: Option<u64>,
        now: u64,
    ) -> Option<ExchangedToken> {
        let signer = Signer::new(ring(KEYS));
        let signed = UnixTime::from_secs(NOW);
        let link = link(signer.link(MASTER)).sign(signed).unwrap();
        let ring = ring(keys);
        let verifier = Verifier::new(&ring)
            .audience(Some("edge"))
            .leeway(Duration::from_secs(300))
            .max_lifetime(most.map(Duration::from_secs));
        let mut request = Request::new(link.as_str());
        request.client_ip = Some("203.0.113.9".parse().unwrap());
        request.client_country = Some("PT");
        let now = UnixTime::from_secs(now);
        verifier.exchange(&verifier.verify(&request, now).unwrap(), now)
    }

    fn edge<'a>(link: Built<'a>) -> Built<'a> {
        link.audience("edge")
    }

    #[test]
    fn the_new_token_has_every_binding_and_no_run() {
        let pass = passed(
            |link| {
                edge(link)
                    .countries("PT.ES")
                    .download("S\u{e3}o.mp4")
                    .network("203.0.113.0/24".parse().unwrap())
                    .network("2001:db8::/32".parse().unwrap())
                    .token_id("j")
                    .not_before(UnixTime::from_secs(NOW - 60))
                    .run(Duration::from_secs(14_400))
                    .session("s")
                    .subject("v")
            },
            KEYS,
            None,
            NOW + 100,
        )
        .unwrap();
        assert!(pass.is_new && pass.segment_signer.is_none());
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
        // Within the leeway, after the first token has expired.
        let pass =
            passed(|link| edge(link).run(Duration::from_secs(60)), KEYS, None, NOW + 800).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 600 + 60);
        let pass =
            passed(|link| edge(link).run(Duration::from_secs(60)), KEYS, Some(700), NOW).unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 60);
        let pass = passed(|link| edge(link).run(Duration::from_secs(14_400)), KEYS, Some(700), NOW)
            .unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + 700, "the operator's cap");
        let pass = passed(|link| edge(link).run(Duration::from_secs(MAX_NUMBER)), KEYS, None, NOW)
            .unwrap();
        assert_eq!(pass.expires.as_secs(), NOW + Verifier::DEFAULT_MAX_RUN.as_secs());
    }

    /// The key that signed the exchanged token, and when that token expires.
    fn signed_by(pass: &ExchangedToken) -> (&str, u64) {
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
            let pass =
                passed(|link| edge(link).run(Duration::from_secs(60)), &keys, None, NOW).unwrap();
            assert_eq!(signed_by(&pass), ("main", expires), "{retires}");
            let pass = passed(|link| edge(link).preview(Duration::from_secs(30)), &keys, None, NOW)
                .unwrap();
            assert_eq!(pass.expires.as_secs(), retires, "so do the pieces of a preview");
            let pass = passed(edge, &keys, None, NOW).unwrap();
            assert_eq!(pass.expires.as_secs(), retires, "and what was not exchanged");
        }
        let keys = alloc::format!("{next}@{},{main}", NOW - 1);
        let pass =
            passed(|link| edge(link).run(Duration::from_secs(60)), &keys, None, NOW).unwrap();
        assert_eq!(signed_by(&pass), ("main", NOW + 60));
    }

    #[test]
    fn a_key_of_another_format_signs_no_native_token() {
        let (main, next) = KEYS.split_once(',').unwrap();
        let signed_by = |keys: &str| {
            let pass = of_jwt_with(keys, |link| link.run(Duration::from_secs(60)), true, None, NOW);
            pass.is_new.then(|| {
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
        let day =
            passed(|link| edge(link).run(Duration::from_secs(86_401)), KEYS, None, NOW).unwrap();
        assert_eq!(day.expires.as_secs(), NOW + 86_400);
        let signer = Signer::new(ring(KEYS));
        let link = signer
            .link(MASTER)
            .run(Duration::from_secs(60))
            .sign(UnixTime::from_secs(NOW))
            .unwrap();
        let ring = ring(KEYS);
        let verifier = Verifier::new(&ring).max_run(Duration::from_secs(7));
        let now = UnixTime::from_secs(NOW);
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        assert_eq!(verifier.exchange(&verified, now).unwrap().expires.as_secs(), NOW + 7);
    }

    #[test]
    fn a_verifier_of_another_deployment_exchanges_nothing() {
        let ring = ring(KEYS);
        let signer = Signer::new(ring.clone());
        let link = edge(signer.link(MASTER)).run(Duration::from_secs(60));
        let link = link.sign(UnixTime::from_secs(NOW)).unwrap();
        let now = UnixTime::from_secs(NOW);
        let verifier = Verifier::new(&ring).audience(Some("edge"));
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        assert!(verifier.exchange(&verified, now).unwrap().is_new());
        for other in [None, Some("other")] {
            let token = verifier.audience(other).exchange(&verified, now).unwrap();
            assert!(!token.is_new() && token.as_str().contains("&aud=edge&"));
        }
    }

    #[test]
    fn without_run_it_is_the_same_token() {
        let pass = passed(edge, KEYS, None, NOW).unwrap();
        assert!(!pass.is_new && pass.segment_signer.is_none());
        assert_eq!(pass.expires.as_secs(), NOW + 600);
        assert!(pass.token.starts_with("pg=1&exp=1767225600&kid=main&aud=edge&dir=2&sig="));
        let preview =
            passed(|link| edge(link).preview(Duration::from_secs(30)), KEYS, None, NOW).unwrap();
        assert!(!preview.is_new && preview.segment_signer.is_some());
        assert!(preview.token.contains("&dir=2&pre=30&sig="));
    }

    #[test]
    fn of_an_exact_scope_nothing_goes_on_but_a_run() {
        assert!(passed(|link| edge(link).exact(), KEYS, None, NOW).is_none());
        let pass = passed(|link| edge(link).exact().run(Duration::from_secs(60)), KEYS, None, NOW)
            .unwrap();
        assert!(pass.token.starts_with("pg=1&exp=1767225060&kid=main&aud=edge&sig="));
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

    /// The token that a gate which counts passes on at the playback `p1`, up to its signature, and whether it is new.
    /// `None` if it passes none on.
    fn counted(link: impl for<'a> FnOnce(Built<'a>) -> Built<'a>) -> Option<(String, bool)> {
        let (signer, now) = (Signer::new(ring(KEYS)), UnixTime::from_secs(NOW));
        let link = link(signer.link(MASTER).issued_at(None)).sign(now).unwrap();
        let (ring, now) = (ring(KEYS), UnixTime::from_secs(NOW + 100));
        let verifier = Verifier::new(&ring).state(Some(&Counting)).playback(Some("p1"));
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        let pass = verifier.exchange(&verified, now)?;
        assert_eq!(pass.token == link.token(), !pass.is_new);
        let (fields, _) = pass.token.split_once("&sig=").unwrap();
        Some((fields.strip_prefix("pg=1&exp=").unwrap().into(), pass.is_new))
    }

    #[track_caller]
    fn counts(link: impl for<'a> FnOnce(Built<'a>) -> Built<'a>, (fields, is_new): (&str, bool)) {
        assert_eq!(counted(link), Some((fields.into(), is_new)));
    }

    #[test]
    fn uses_are_redeemed_and_playbacks_still_counted() {
        counts(
            |link| {
                let link = link.token_id("j").uses(1).subject("v").max_playbacks(2);
                link.run(Duration::from_secs(14_400))
            },
            ("1767239500&kid=main&dir=2&jti=j&max=2&sid=p1&sub=v", true),
        );
        // Without `run`, it expires when the link does.
        counts(|link| link.token_id("j").uses(3), ("1767225600&kid=main&dir=2&jti=j&sid=p1", true));
        counts(
            |link| link.token_id("j").uses(3).session("s"),
            ("1767225600&kid=main&dir=2&jti=j&sid=s", true),
        );
    }

    #[test]
    fn a_playback_that_is_counted_gets_its_own_id() {
        counts(
            |link| link.subject("v").max_playbacks(2),
            ("1767225600&kid=main&dir=2&max=2&sid=p1&sub=v", true),
        );
        // One that has an id is that playback already.
        counts(
            |link| link.subject("v").max_playbacks(2).session("s"),
            ("1767225600&kid=main&dir=2&max=2&sid=s&sub=v", false),
        );
        counts(
            |link| link.subject("v").session("s").run(Duration::from_secs(60)).max_playbacks(2),
            ("1767225160&kid=main&dir=2&max=2&sid=s&sub=v", true),
        );
        counts(|link| link.subject("v"), ("1767225600&kid=main&dir=2&sub=v", false));
    }

    #[test]
    fn a_single_use_of_one_address_stays_with_its_token() {
        assert_eq!(counted(|link| link.exact().token_id("j").uses(1)), None);
        assert_eq!(
            counted(|link| link.exact().subject("v").max_playbacks(1).token_id("j").uses(1)),
            None
        );
        counts(
            |link| link.exact().subject("v").max_playbacks(1),
            ("1767225600&kid=main&max=1&sid=p1&sub=v", true),
        );
        counts(
            |link| link.exact().token_id("j").uses(1).run(Duration::from_secs(60)),
            ("1767225160&kid=main&jti=j&sid=p1", true),
        );
    }

    #[test]
    fn the_segments_of_a_counted_preview_are_signed() {
        let (signer, now) = (Signer::new(ring(KEYS)), UnixTime::from_secs(NOW));
        let link = signer.link(MASTER).preview(Duration::from_secs(30)).token_id("j").uses(1);
        let link = link.sign(now).unwrap();
        let ring = ring(KEYS);
        let verifier = Verifier::new(&ring).state(Some(&Counting)).playback(Some("p1"));
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        let pass = verifier.exchange(&verified, now).unwrap();
        assert!(pass.is_new && pass.segment_signer.is_some());
        assert!(pass.token.contains("&dir=2&jti=j&pre=30&sid=p1&sig="), "{}", pass.token);
    }

    #[test]
    fn a_jwt_that_is_counted_is_exchanged() {
        let (signer, now) = (Signer::new(ring(KEYS)), UnixTime::from_secs(NOW));
        let ring = ring(KEYS);
        let rules = JwtRules::new("/videos/{vid}/").unwrap();
        let verifier = Verifier::new(&ring).jwt(Some(&rules)).state(Some(&Counting));
        let verifier = verifier.playback(Some("p1"));
        let passed = |more: fn(Built<'_>) -> Built<'_>| {
            let link = signer.link(MASTER).jwt(Jwt::new().claim("vid", 42)).issued_at(None);
            let link = more(link).sign(now).unwrap();
            let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
            let pass = verifier.exchange(&verified, now).unwrap();
            let fields = pass.token.split_once("&sig=").map(|(fields, _)| fields.to_string());
            assert_eq!(fields.is_some(), pass.is_new);
            fields
        };
        assert_eq!(
            passed(|link| link.token_id("j").uses(1).subject("v").max_playbacks(2)).as_deref(),
            Some("pg=1&exp=1767225600&kid=main&dir=2&jti=j&max=2&sid=p1&sub=v")
        );
        assert_eq!(passed(|link| link.subject("v").max_playbacks(2).session("s")), None);
        assert_eq!(
            passed(|link| link.token_id("a.b").uses(1)),
            None,
            "no native token has this id"
        );
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
        let signed = |link: Builder<'_, &str>| {
            String::from(link.run(Duration::from_secs(700)).sign(now).unwrap())
        };
        for (link, expected) in [
            (signed(signer.link(url)), "/a/b%20c.mp4?v=1&TOKEN"),
            (signed(signer.link(url)) + "&utm_source=x", "/a/b%20c.mp4?v=1&TOKEN&utm_source=x"),
            (signed(signer.link(url).directory(1)), "/a/b%20c.mp4?v=1&TOKEN&dir=1"),
            (signed(signer.link(url).in_path()), "/TOKEN/a/b%20c.mp4?v=1"),
            (signed(signer.link(url).in_path()) + "&CMCD=x", "/TOKEN/a/b%20c.mp4?v=1&CMCD=x"),
        ] {
            assert_eq!(exchanged(link).as_deref(), Some(expected));
        }
        let link = signer.link(url).in_path().run(Duration::from_secs(700)).sign(now).unwrap();
        let cookie = link.token();
        let mut request = Request::new(url);
        request.cookie = Some(cookie);
        let verified = verifier.verify(&request, now).unwrap();
        assert!(verifier.lasting_address(&verified, now).is_none());
        for run in [1, 60, 600] {
            assert_eq!(
                exchanged(String::from(
                    signer.link(url).run(Duration::from_secs(run)).sign(now).unwrap()
                )),
                None
            );
        }
    }

    #[test]
    fn it_is_admitted_as_any_other() {
        let pass = passed(|link| edge(link).run(Duration::from_secs(60)), KEYS, None, NOW).unwrap();
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

    /// The token that is passed on from a JWT for ten minutes, at a gate that reads JWTs and perhaps native tokens.
    fn of_jwt(
        more: impl for<'a> FnOnce(Built<'a>) -> Built<'a>,
        native: bool,
        audience: Option<&str>,
        now: u64,
    ) -> ExchangedToken {
        of_jwt_with(KEYS, more, native, audience, now)
    }

    /// [`of_jwt`] at a gate with these keys.
    fn of_jwt_with(
        keys: &str,
        more: impl for<'a> FnOnce(Built<'a>) -> Built<'a>,
        native: bool,
        audience: Option<&str>,
        now: u64,
    ) -> ExchangedToken {
        let signer = Signer::new(ring(KEYS));
        let link = more(signer.link(MASTER).jwt(Jwt::new().claim("vid", 42).issuer("joe")));
        let link = link.sign(UnixTime::from_secs(NOW)).unwrap();
        let (ring, now) = (ring(keys), UnixTime::from_secs(now));
        let rules = JwtRules::new("/videos/{vid}/").unwrap().issuer("joe");
        let verifier = Verifier::new(&ring).native(native).jwt(Some(&rules)).audience(audience);
        let verifier = verifier.leeway(Duration::from_secs(300));
        let verified = verifier.verify(&Request::new(link.as_str()), now).unwrap();
        let pass = verifier.exchange(&verified, now).unwrap();
        let own = ["token=", link.token()].concat();
        assert_eq!(pass.token == own, !pass.is_new, "{}", pass.token);
        assert!(pass.segment_signer.is_none());
        pass
    }

    #[test]
    fn a_jwt_is_exchanged_for_a_native_token() {
        fn more<'a>(link: Built<'a>) -> Built<'a> {
            let link = link
                .audience("edge")
                .token_id("j")
                .session("s")
                .subject("v")
                .run(Duration::from_secs(60));
            link.not_before(UnixTime::from_secs(NOW - 60))
        }
        for (now, exp) in [(NOW, NOW + 60), (NOW + 599, NOW + 659), (NOW + 800, NOW + 660)] {
            let pass = of_jwt(more, true, Some("edge"), now);
            assert!(pass.is_new);
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
        let stays = |more: fn(Built<'_>) -> Built<'_>, native, audience| {
            let pass = of_jwt(more, native, audience, NOW);
            assert!(!pass.is_new);
            assert_eq!(pass.expires.as_secs(), NOW + 600);
        };
        stays(|link| link, true, None);
        stays(|link| link.run(Duration::from_secs(60)), false, None);
        stays(|link| link.run(Duration::from_secs(14_400)).subject("auth0|7"), true, None);
        stays(|link| link.run(Duration::from_secs(14_400)).token_id("a.b"), true, None);
        stays(|link| link.run(Duration::from_secs(14_400)).session("a b"), true, None);
        stays(
            |link| link.run(Duration::from_secs(14_400)).subject("7&exp=9007199254740991"),
            true,
            None,
        );
        let url = "https://edge.example.com/";
        stays(
            |link| link.run(Duration::from_secs(14_400)).audience("https://edge.example.com/"),
            true,
            Some(url),
        );
    }
}
