//! A token, and the addresses that carry it.

mod mask;
mod write;

use core::fmt;

pub(crate) use self::write::Form;
use crate::address::{Base, ResolvedAddress, Resource, resolve};
use crate::host::{Host, Start, start};
use crate::outcome::AddressOutcome;
use crate::public::PublicPaths;
use playgate::CanonicalPath;
use playgate::Placement;
use playgate::UnixTime;
use playgate::query::{is_player_param, joined, push_query};
use playgate::{ExchangedToken, TokenNames};
use playgate::{Verified, Verifier};

/// A token on its way from an admitted request into the addresses of the manifest that was asked for.
///
/// It is written into the path of an address on the gate's own host, and nowhere else. In an MPD that
/// address always has the scheme and host of the request, as players differ in what they take for a base.
/// In a playlist the path is enough: it has no bases. It prints nothing of itself, as it is a credential.
#[derive(Clone)]
pub struct Rewriter {
    /// The host that the request names; `None` where it names none.
    pub(crate) host: Option<Host>,
    /// The canonical path of the manifest.
    path: String,
    /// The query that the player sent, without a token: `EXT-X-DEFINE:QUERYPARAM` reads it.
    pub(crate) query: String,
    /// The scope.
    directory: String,
    /// The token as the first segment of a path.
    prefix: String,
    token: ExchangedToken,
    /// Whether the request has a token in its path, this one or the one that it was exchanged for: relative
    /// addresses take that along.
    in_path: bool,
    /// Whether the request has a token in its query.
    pub(crate) in_query: bool,
    /// Seconds from the start that may be seen, where it is a preview.
    pub(crate) preview: Option<u64>,
    /// What tokens go by at this gate.
    token_names: TokenNames,
    public: PublicPaths,
    /// Whether somebody asks what became of each address.
    pub(crate) keeps_log: bool,
}

/// The parameter of a native token without which it is none.
const SIGNATURE: &str = "sig";

impl fmt::Debug for Rewriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewriter").field("expires", &self.expires()).finish_non_exhaustive()
    }
}

impl Rewriter {
    /// For the manifest of an admitted request. A token with `run` is exchanged for one that lasts so many
    /// seconds from `now`.
    ///
    /// The request's URL needs the scheme and host that the viewer sees, `https://cdn.example.com/...`:
    /// only addresses there get the token, and an MPD is not rewritten at all without them.
    ///
    /// `None` where every address may stay as it is: the scope is exact, so the token opens nothing beside
    /// the manifest; or the token came as cookie or bearer, which players send along by themselves.
    #[must_use]
    pub fn new(verifier: &Verifier<'_>, verified: &Verified<'_>, now: UnixTime) -> Option<Self> {
        verified.grant().directory()?;
        let token = verifier.exchange(verified, now)?;
        let placement = verified.placement();
        let is_in_address = matches!(placement, Placement::Path | Placement::Query);
        if !(is_in_address || token.is_new() || token.segment_signer().is_some()) {
            return None;
        }
        Some(Self {
            host: Host::parse(verified.base()),
            path: verified.path().to_string(),
            query: joined(verified.query_params()).unwrap_or_default(),
            directory: verified.scope().to_string(),
            prefix: ["/", token.as_str()].concat(),
            token,
            in_path: placement == Placement::Path,
            in_query: placement == Placement::Query,
            preview: verified.grant().preview(),
            token_names: verifier.token_names(),
            public: PublicPaths::default(),
            keeps_log: false,
        })
    }

    /// Paths that need no token, and so get none: every cache may share them.
    #[must_use]
    pub fn public_paths(mut self, public: PublicPaths) -> Self {
        self.public = public;
        self
    }

    /// When the token ends that the addresses carry.
    #[must_use]
    pub const fn expires(&self) -> UnixTime {
        self.token.expires()
    }

    /// The token that they carry: to be sent as a cookie, say.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.as_str()
    }

    /// Whether the token was exchanged for a longer one just now.
    #[must_use]
    pub fn is_exchanged(&self) -> bool {
        self.token.is_new()
    }

    /// The directory that it opens.
    #[must_use]
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Whether a canonical path needs no token.
    pub(crate) fn is_public(&self, path: &str) -> bool {
        self.public.contains(path)
    }

    /// Whether what inherits the token stays as it is: nothing loses it, and nothing is signed on its own.
    pub(crate) const fn only_adds(&self) -> bool {
        self.public.is_empty() && self.token.segment_signer().is_none()
    }

    /// The manifest's own address.
    pub(crate) fn base(&self) -> Base {
        Base::Here { path: self.path.clone(), inherits: self.inherits() }
    }

    /// The parameters that a player finds in the manifest's address, and that have the token in them or what no
    /// token goes without.
    pub(crate) fn secret_params(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        if self.in_query {
            secrets.extend(self.token_names.iter().map(String::from));
            secrets.push(SIGNATURE.to_owned());
        }
        secrets
    }

    /// Whether addresses that are relative to the manifest have this token.
    pub(crate) const fn inherits(&self) -> bool {
        self.in_path && !self.token.is_new()
    }

    /// The base of addresses below `reference`, which is itself relative to `base`: the `BaseURL` of a
    /// DASH manifest, as [`Rewriter::write`] wrote it.
    pub(crate) fn enter(&self, base: &Base, reference: &str) -> Base {
        if reference.is_empty() {
            return base.clone();
        }
        // What carries this very token leads to where it would without it.
        let path = match start(self.host.as_ref(), reference) {
            Some(Start::Host(_, path)) => Some(path),
            Some(Start::Root(path)) if *base != Base::Foreign => Some(path),
            _ => None,
        };
        if let Some(path) = path.and_then(|path| path.strip_prefix(&self.prefix))
            && path.starts_with('/')
        {
            return match self.target(&self.base(), path, false) {
                Some(ResolvedAddress { path, .. }) => Base::Here { path, inherits: true },
                None => Base::Foreign,
            };
        }
        match self.target(base, reference, false) {
            Some(ResolvedAddress { path, inherits, .. }) => Base::Here { path, inherits },
            None => Base::Foreign,
        }
    }

    /// What becomes of an address that [`Rewriter::write`] writes.
    pub(crate) fn outcome(
        &self,
        base: &Base,
        reference: &str,
        resource: Resource,
        template: bool,
    ) -> AddressOutcome {
        let Some(target) = resolve(self.host.as_ref(), base, reference, template) else {
            return match start(self.host.as_ref(), reference.trim_matches(' ')) {
                Some(Start::Host(..)) => AddressOutcome::Unreadable,
                Some(_) if *base != Base::Foreign => AddressOutcome::Unreadable,
                _ => AddressOutcome::OtherHost,
            };
        };
        if self.is_signed(&target) {
            AddressOutcome::HasToken
        } else if self.public.contains(&target.path) {
            AddressOutcome::Public
        } else if !target.path.starts_with(&self.directory) {
            AddressOutcome::OutsideDirectory
        } else if self.token.segment_signer().is_some() && resource == Resource::Media {
            AddressOutcome::Signed
        } else if target.inherits {
            AddressOutcome::Inherits
        } else {
            AddressOutcome::Token
        }
    }

    /// Whether an address leads to what is named like a manifest, which is all that the token of a preview
    /// opens.
    pub(crate) fn is_manifest(&self, base: &Base, reference: &str) -> bool {
        let target = resolve(self.host.as_ref(), base, reference, false);
        target.is_some_and(|target| {
            CanonicalPath::parse(&target.path).is_ok_and(CanonicalPath::is_manifest)
        })
    }

    /// Whether a text names this host, and nothing after it.
    pub(crate) fn is_own_host(&self, text: &str) -> bool {
        let start = start(self.host.as_ref(), text);
        matches!(start, Some(Start::Host(_, "/"))) && !text.ends_with('/')
    }

    /// Whether the request had the token in its path.
    pub(crate) const fn token_is_in_path(&self) -> bool {
        self.in_path
    }

    /// The manifest's own address with the token in its path, from the slash on: where a player that
    /// reloads it should do so from now on. Its query is what the player sent, less what it adds by itself
    /// to each request.
    pub(crate) fn own_address(&self) -> String {
        let mut address = [self.prefix.as_str(), &self.path].concat();
        push_query(&mut address, self.own_params());
        address
    }

    /// What the player sent as the query of the manifest, less its token and what it adds by itself to each
    /// request, parameter by parameter.
    pub(crate) fn own_params(&self) -> impl Iterator<Item = &str> {
        self.query.split('&').filter(|param| !param.is_empty() && !is_player_param(param))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Resource;
    use playgate::KeyRing;
    use playgate::Request;
    use playgate::Signer;
    use playgate::{Jwt, JwtRules};

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
    const MANIFEST: &str = "https://cdn.example.com/videos/42/hls/master.m3u8";

    fn ring() -> KeyRing {
        KeyRing::parse(KEYS).unwrap()
    }

    /// The rewriter of a link to [`MANIFEST`] for /videos/42/.
    fn rewriter(in_path: bool) -> Rewriter {
        let signer = Signer::new(ring());
        let link = signer.link(MANIFEST).directory(2);
        let link = if in_path { link.in_path() } else { link.in_query() }.sign(NOW).unwrap();
        of(link.as_str()).unwrap()
    }

    fn of(link: &str) -> Option<Rewriter> {
        let ring = ring();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link), NOW).unwrap();
        Rewriter::new(&verifier, &verified, NOW)
    }

    /// Writes a reference in the manifest; the token is written as `TOKEN`.
    fn written(rewriter: &Rewriter, reference: &str, template: bool) -> String {
        let mut out = String::new();
        let is_other =
            rewriter.write(&rewriter.base(), reference, Resource::Media, template, &mut out);
        assert_eq!(is_other, out != reference, "{reference}");
        out.replace(rewriter.token(), "TOKEN")
    }

    #[test]
    fn relative_addresses_of_a_link_in_the_query_get_the_token() {
        let rewriter = rewriter(false);
        for (reference, expected) in [
            ("a.ts", "/TOKEN/videos/42/hls/a.ts"),
            ("b/a.ts", "/TOKEN/videos/42/hls/b/a.ts"),
            ("../a.ts", "/TOKEN/videos/42/a.ts"),
            ("./a.ts", "/TOKEN/videos/42/hls/a.ts"),
            ("%2e%2E/./b/../a.ts", "/TOKEN/videos/42/a.ts"),
            ("..", "/TOKEN/videos/42/"),
            ("a.ts?x=1&y#z", "/TOKEN/videos/42/hls/a.ts?x=1&y#z"),
            ("a b\u{e9}.ts?q='\u{e9}'", "/TOKEN/videos/42/hls/a%20b%C3%A9.ts?q=%27%C3%A9%27"),
            ("%7ea.ts", "/TOKEN/videos/42/hls/~a.ts"),
            ("a=b.ts", "/TOKEN/videos/42/hls/a=b.ts"),
            (" a.ts ", "/TOKEN/videos/42/hls/a.ts"),
            ("?x=1", "/TOKEN/videos/42/hls/master.m3u8?x=1"),
        ] {
            assert_eq!(written(&rewriter, reference, false), expected, "{reference}");
        }
    }

    #[test]
    fn absolute_addresses_within_the_scope_get_the_token() {
        for rewriter in [rewriter(false), rewriter(true)] {
            for reference in [
                "/videos/42/a.ts",
                "https://cdn.example.com/videos/42/a.ts",
                "HTTPS://CDN.example.COM/videos/42/a.ts",
                "https://cdn.example.com:443/videos/42/a.ts",
                "//cdn.example.com/videos/42/a.ts",
                "/videos/43/../42/a.ts",
                "/../videos/42/a.ts",
            ] {
                assert_eq!(written(&rewriter, reference, false), "/TOKEN/videos/42/a.ts");
            }
        }
    }

    #[test]
    fn an_address_keeps_https_and_never_falls_back_to_http() {
        for rewriter in [rewriter(false), rewriter(true)] {
            for reference in [
                "http://cdn.example.com/videos/42/a.ts",
                "HTTP://cdn.example.com:80/videos/42/./a.ts",
            ] {
                assert_eq!(written(&rewriter, reference, false), "/TOKEN/videos/42/a.ts");
            }
        }
        let http = MANIFEST.replace("https", "http");
        let link = Signer::new(ring()).link(&http).directory(2).in_query().sign(NOW).unwrap();
        let http = of(link.as_str()).unwrap();
        for (reference, expected) in [
            (
                "https://cdn.example.com/videos/42/a.ts",
                "https://cdn.example.com/TOKEN/videos/42/a.ts",
            ),
            ("http://cdn.example.com/videos/42/a.ts", "/TOKEN/videos/42/a.ts"),
            ("//cdn.example.com/videos/42/a.ts", "/TOKEN/videos/42/a.ts"),
            ("a.ts", "/TOKEN/videos/42/hls/a.ts"),
        ] {
            assert_eq!(written(&http, reference, false), expected);
        }
    }

    #[test]
    fn the_full_form_has_scheme_and_host() {
        let [query, path] = [rewriter(false), rewriter(true)];
        let full = |rewriter: &Rewriter, base: &Base, reference: &str| {
            let mut out = String::new();
            rewriter.write_as(Form::Full, base, reference, Resource::Media, true, &mut out);
            out.replace(rewriter.token(), "TOKEN")
        };
        let here = "https://cdn.example.com/TOKEN/videos/42/a$Number$.ts";
        for (reference, expected) in [
            ("../a$Number$.ts", here),
            ("/videos/42/a$Number$.ts", here),
            ("//cdn.example.com/videos/42/a$Number$.ts", here),
            ("https://cdn.example.com/videos/42/a$Number$.ts", here),
            ("http://cdn.example.com/videos/42/a$Number$.ts", here),
        ] {
            assert_eq!(full(&query, &query.base(), reference), expected);
            let is_relative = reference.starts_with('.');
            let inherited = if is_relative { reference } else { expected };
            assert_eq!(full(&path, &path.base(), reference), inherited);
            let is_absolute = reference.contains("//");
            let foreign = if is_absolute { expected } else { reference };
            assert_eq!(full(&query, &Base::Foreign, reference), foreign);
            assert_eq!(full(&path, &Base::Foreign, reference), foreign);
        }
        let plain = "https://cdn.example.com/TOKEN/videos/42/hls/a.ts";
        assert_eq!(full(&query, &query.base(), "a.ts"), plain);
    }

    #[test]
    fn an_address_that_no_request_may_have_stays() {
        let rewriter = rewriter(false);
        let long = ["/videos/42/b/../", &"a".repeat(8192)].concat();
        assert_eq!(written(&rewriter, &long, false), long);
    }

    #[test]
    fn all_others_stay() {
        for rewriter in [rewriter(false), rewriter(true)] {
            for reference in [
                "",
                "#fragment",
                "../../a.ts",
                "/videos/42",
                "/videos/421/a.ts",
                "/videos/43/a.ts",
                "/videos/42/../43/a.ts",
                "/videos/42/%2e%2e/43/a.ts",
                "/videos/42//a.ts",
                "/videos/42/a%2Fb.ts",
                "/videos/42/a%zz.ts",
                "/videos/42/a\\b.ts",
                "/videos/42/\ta.ts",
                "https://cdn.example.com.evil/videos/42/a.ts",
                "https://cdn.example.com:8443/videos/42/a.ts",
                "https://cdn.example.com:80/videos/42/a.ts",
                "//cdn.example.com:80/videos/42/a.ts",
                "https://cdn.example.com@evil/videos/42/a.ts",
                "https://evil@cdn.example.com/videos/42/a.ts",
                "https:/videos/42/a.ts",
                "//evil/videos/42/a.ts",
                "///cdn.example.com/videos/42/a.ts",
                "ftp://cdn.example.com/videos/42/a.ts",
                "data:text/plain,a",
                "skd://key",
                "urn:mpeg:dash:resolve-to-zero:2013",
                "a:b.ts",
                "/pg=1&exp=1&kid=old&sig=x/videos/42/a.ts",
                "a.ts?pg=1&exp=1",
            ] {
                assert_eq!(written(&rewriter, reference, false), reference);
            }
        }
    }

    #[test]
    fn a_request_without_a_host_knows_no_host_as_its_own() {
        let link = Signer::new(ring()).link(MANIFEST).directory(2).in_query().sign(NOW).unwrap();
        let rewriter = of(link.as_str().strip_prefix("https://cdn.example.com").unwrap()).unwrap();
        assert_eq!(written(&rewriter, "/videos/42/a.ts", false), "/TOKEN/videos/42/a.ts");
        for reference in
            ["https:///videos/42/a.ts", "///videos/42/a.ts", "https:///videos/42/a=b.ts"]
        {
            assert_eq!(written(&rewriter, reference, false), reference);
        }
    }

    #[test]
    fn a_token_in_the_path_is_inherited() {
        let rewriter = rewriter(true);
        for reference in ["a.ts", "../a.ts", "b/%7ea.ts?x=1", "..", "?x=1", "../../43/a.ts"] {
            assert_eq!(written(&rewriter, reference, false), reference);
        }
        // One `..` too many takes the token away, and the path is that of the root.
        assert_eq!(
            written(&rewriter, "../../../../videos/42/a.ts", false),
            "/TOKEN/videos/42/a.ts"
        );
    }

    #[test]
    fn rewriting_again_changes_nothing() {
        for rewriter in [rewriter(false), rewriter(true)] {
            let mut out = String::new();
            for reference in ["/videos/42/a.ts", "/videos/42/a.ts?x=1"] {
                out.clear();
                assert!(rewriter.write(
                    &rewriter.base(),
                    reference,
                    Resource::Media,
                    false,
                    &mut out
                ));
                let again = out.clone();
                assert!(!rewriter.write(
                    &rewriter.base(),
                    &again,
                    Resource::Media,
                    false,
                    &mut out
                ));
            }
        }
    }

    #[test]
    fn templates_keep_their_identifiers() {
        let rewriter = rewriter(false);
        for (reference, expected) in [
            ("s_$Number%05d$.m4s", "/TOKEN/videos/42/hls/s_$Number%05d$.m4s"),
            (
                "$RepresentationID$/$Time$.m4s?b=$Bandwidth$",
                "/TOKEN/videos/42/hls/$RepresentationID$/$Time$.m4s?b=$Bandwidth$",
            ),
            ("../a$$b.m4s", "/TOKEN/videos/42/a$$b.m4s"),
        ] {
            assert_eq!(written(&rewriter, reference, true), expected);
        }
        for reference in ["s_$Number%05e$.m4s", "s_$Number.m4s", "s_$Num/ber$.m4s"] {
            assert_eq!(written(&rewriter, reference, true), reference);
        }
    }

    #[test]
    fn public_paths_need_no_token_and_lose_it() {
        let public = PublicPaths::new(vec!["/posters".into()], vec!["m4s".into()]);
        let query = rewriter(false).public_paths(public.clone());
        for reference in ["a.m4s", "/videos/42/a.m4s", "/posters/42.jpg"] {
            assert_eq!(written(&query, reference, false), reference);
        }
        assert_eq!(written(&query, "key.bin", false), "/TOKEN/videos/42/hls/key.bin");
        let path = rewriter(true).public_paths(public);
        assert_eq!(written(&path, "../a.m4s?x#y", false), "/videos/42/a.m4s?x#y");
        assert_eq!(written(&path, "a_$Number%03d$.m4s", true), "/videos/42/hls/a_$Number%03d$.m4s");
        assert_eq!(written(&path, "/videos/42/a.m4s", false), "/videos/42/a.m4s");
        assert_eq!(written(&path, "key.bin", false), "key.bin");
    }

    #[test]
    fn bases_are_entered_as_they_are_written() {
        let rewriter = rewriter(false);
        let enter = |reference: &str| {
            let mut out = String::new();
            rewriter.write(&rewriter.base(), reference, Resource::Media, false, &mut out);
            rewriter.enter(&rewriter.base(), &out)
        };
        let here = |path: &str, inherits| Base::Here { path: path.into(), inherits };
        assert_eq!(enter("video/"), here("/videos/42/hls/video/", true));
        assert_eq!(enter("../../"), here("/videos/", false));
        assert_eq!(enter("https://cdn.example.com/"), here("/", false));
        assert_eq!(enter("https://cdn.example.com"), here("/", false));
        assert_eq!(enter("https://other.example/videos/42/"), Base::Foreign);
        assert_eq!(enter("/pg=1&exp=1&kid=old&sig=x/videos/42/"), Base::Foreign);
        assert_eq!(enter(""), rewriter.base());
        let mut out = String::new();
        let above = here("/", false);
        assert!(rewriter.write(&above, "videos/42/a.ts", Resource::Media, false, &mut out));
        out.clear();
        assert!(!rewriter.write(
            &Base::Foreign,
            "videos/42/a.ts",
            Resource::Media,
            false,
            &mut out
        ));
        assert!(!rewriter.write(
            &Base::Foreign,
            "/videos/42/a.ts",
            Resource::Media,
            false,
            &mut out
        ));
    }

    #[test]
    fn nothing_is_carried_from_an_exact_scope_or_a_header() {
        let signer = Signer::new(ring());
        assert!(of(signer.link(MANIFEST).exact().sign(NOW).unwrap().as_str()).is_none());
        let link = signer.link(MANIFEST).directory(2).sign(NOW).unwrap();
        let header = std::format!("Bearer {}", link.token());
        let mut request = Request::new(MANIFEST);
        request.authorization = Some(&header);
        let ring = ring();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&request, NOW).unwrap();
        assert!(Rewriter::new(&verifier, &verified, NOW).is_none());
    }

    #[test]
    fn a_preview_signs_media_one_by_one() {
        let signer = Signer::new(ring());
        let link = signer.link(MANIFEST).directory(2).preview(30).subject("v7").sign(NOW).unwrap();
        let rewriter = of(link.as_str()).unwrap();
        assert_eq!(rewriter.preview, Some(30));
        let mut out = String::new();
        assert!(!rewriter.write(&rewriter.base(), "a.m3u8", Resource::Manifest, false, &mut out));
        out.clear();
        assert!(rewriter.write(
            &rewriter.base(),
            "a.ts?x=1&CMCD=2",
            Resource::Media,
            false,
            &mut out
        ));
        let ring = ring();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(&out), NOW).unwrap();
        assert_eq!(verified.scope().to_string(), "/videos/42/hls/a.ts?x=1");
        let grant = verified.grant();
        assert_eq!((grant.directory(), grant.preview()), (None, None));
        assert_eq!(grant.subject().unwrap().to_string(), "v7");
        assert_eq!(grant.expires(), link.expires());
        let refused = |url: &str| verifier.verify(&Request::new(url), NOW).unwrap_err().code();
        assert_eq!(refused(&out.replace("a.ts", "b.ts")), "bad_signature");
        assert_eq!(refused(&link.as_str().replace("master.m3u8", "a.ts")), "outside_preview");
    }

    #[test]
    fn own_address_keeps_the_query_and_drops_directives() {
        let link = Signer::new(ring()).link(MANIFEST).directory(2).in_query().sign(NOW).unwrap();
        let rewriter = of(&std::format!("{link}&_HLS_msn=7&a=b&CMCD=x")).unwrap();
        assert_eq!(rewriter.query, "_HLS_msn=7&a=b&CMCD=x");
        assert_eq!(
            rewriter.own_address().replace(rewriter.token(), "TOKEN"),
            "/TOKEN/videos/42/hls/master.m3u8?a=b"
        );
    }

    /// The rewriter of a JWT for /videos/42/ at a gate where it goes by `name`.
    fn jwt_carrier(name: &str, native: bool, in_path: bool) -> Rewriter {
        let signer = Signer::new(ring());
        let jwt = Jwt::new().claim("vid", "42").name(name).unwrap();
        let link = signer.link(MANIFEST).jwt(jwt);
        let link = if in_path { link.in_path() } else { link.in_query() }.sign(NOW).unwrap();
        let (ring, rules) = (ring(), JwtRules::new("/videos/{vid}/").unwrap().name(name).unwrap());
        let verifier = Verifier::new(&ring).native(native).jwt(Some(&rules));
        let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
        let rewriter = Rewriter::new(&verifier, &verified, NOW).unwrap();
        assert_eq!(rewriter.token(), [name, "=", link.token()].concat());
        assert_eq!(rewriter.directory(), "/videos/42/");
        rewriter
    }

    #[test]
    fn a_jwt_is_carried_as_any_token() {
        for (name, native) in [("token", true), ("token", false), ("a.b", true)] {
            let query = jwt_carrier(name, native, false);
            for (reference, expected) in [
                ("a.ts", "/TOKEN/videos/42/hls/a.ts"),
                ("/videos/42/a.ts?v=1", "/TOKEN/videos/42/a.ts?v=1"),
                ("https://cdn.example.com/videos/42/a=b.ts", "/TOKEN/videos/42/a=b.ts"),
                ("?x=1", "/TOKEN/videos/42/hls/master.m3u8?x=1"),
            ] {
                assert_eq!(written(&query, reference, false), expected);
            }
            let path = jwt_carrier(name, native, true);
            for reference in ["a.ts", "../a.ts", "?x=1"] {
                assert_eq!(written(&path, reference, false), reference);
            }
            assert_eq!(written(&path, "/videos/42/a.ts", false), "/TOKEN/videos/42/a.ts");
            let own = [&query.prefix, "/videos/42/"].concat();
            let base = Base::Here { path: "/videos/42/".into(), inherits: true };
            assert_eq!(query.enter(&query.base(), &own), base);
            for rewriter in [query, path] {
                for reference in ["/videos/43/a.ts", "/videos/42/../43/a.ts", "//other/videos/42/a"]
                {
                    assert_eq!(written(&rewriter, reference, false), reference);
                }
            }
        }
    }

    #[test]
    fn what_has_a_token_of_either_format_stays() {
        let [native, jwt] = [rewriter(false), jwt_carrier("token", true, false)];
        for reference in [
            "a.ts?pg=1",
            "a.ts?v=1&pg",
            "/pg=1&exp=1/videos/42/a.ts",
            "//cdn.example.com/pg=/videos/42/a",
        ] {
            assert_eq!(written(&native, reference, false), reference);
            assert_eq!(written(&jwt, reference, false), reference);
        }
        for reference in ["a.ts?token=x", "a.ts?v=1&token", "/videos/42/a.ts?token=x&v"] {
            assert_ne!(written(&native, reference, false), reference, "a parameter like any other");
            assert_eq!(written(&jwt, reference, false), reference);
        }
        for reference in
            ["/token=x/videos/42/a.ts", "https://cdn.example.com/%74oken=x/videos/42/a"]
        {
            assert_eq!(written(&jwt, reference, false), reference);
        }
        for reference in ["a.ts?tokens=x", "a.ts?v=token=x", "/videos/42/token=x/a.ts"] {
            assert_ne!(written(&jwt, reference, false), reference);
        }
    }
}
