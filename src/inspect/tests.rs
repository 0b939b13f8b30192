//! Damaged links, and the hints for them.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use proptest::prelude::*;

use super::{Outcome, Report};
use crate::error::StateError;
use crate::key::KeyRing;
use crate::query::ParamNames;
use crate::request::Request;
use crate::sign::Signer;
use crate::time::UnixTime;
use crate::verify::Verifier;

const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                    next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const TAG: &str = "REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";
const LINK: &str = "https://cdn.example.com/videos/42/film.mp4?pg=1&exp=1767225600&kid=main\
                    &sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";

fn inspect(request: &Request<'_>) -> Report {
    let ring = KeyRing::parse(KEYS).unwrap();
    let report = Verifier::new(&ring).inspect(request, ParamNames::default(), NOW);
    let text = format!("{report}{report:?}");
    let windows = TAG.as_bytes().windows(16).map(|part| core::str::from_utf8(part).unwrap());
    assert!(windows.into_iter().all(|part| !text.contains(part)), "{text}");
    report
}

#[track_caller]
fn says(url: &str, hint: &str) {
    let report = inspect(&Request::new(url));
    assert!(report.refusal.is_some(), "{url} is admitted");
    assert!(report.hints.iter().any(|said| said == hint), "{url}\n{:#?}", report.hints);
}

/// The start of the hint for a link that verifies once its damage is undone.
#[track_caller]
fn mends(url: &str, start: &str) {
    let report = inspect(&Request::new(url));
    let hint = report.hints.first().cloned().unwrap_or_default();
    assert!(hint.starts_with(start) && hint.ends_with("; then it verifies"), "{url}\n{hint:?}");
    assert_eq!(report.hints.len(), 1, "{:#?}", report.hints);
}

fn signed(url: &str) -> String {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    signer.link(url).sign(NOW).unwrap().to_string()
}

fn in_path(url: &str) -> String {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    signer.link(url).in_path().sign(NOW).unwrap().to_string()
}

#[test]
fn escapes_of_what_carries_a_link_are_named() {
    let html = "the link is HTML-encoded";
    for and in ["&amp;", "&#38;", "&#x26;", "&AMP;", "&#038;", "%26amp;", "&amp%3B"] {
        mends(&LINK.replace('&', and), html);
    }
    mends(&LINK.replace('&', "&amp;").replace("g=1", "g&#61;1"), html);
    let json = "the link is escaped as in JSON";
    for and in ["\\u0026", "\\x26", "\\&", "%5Cu0026"] {
        mends(&LINK.replace('&', and), json);
    }
    mends(&LINK.replace('&', "\\u0026").replace('=', "\\u003D"), json);
    mends(&LINK.replace('/', "\\/"), json);
    let quoted = "the link is quoted-printable";
    mends(&LINK.replace('=', "=3D"), quoted);
    mends(&LINK.replace('=', "=3D").replace("kid", "=\r\nkid").replace("iP3", "iP=\n3"), quoted);
    mends(&LINK.replace('&', ";"), "`;` separates the fields");
    mends(&LINK.replace('&', "%26"), "the token was percent-encoded");
    mends(&LINK.replace('&', "%26").replace('=', "%3d"), "the token was percent-encoded");
    mends(
        &LINK
            .replace(':', "%3A")
            .replace('/', "%2F")
            .replace('?', "%3F")
            .replace('&', "%26")
            .replace('=', "%3D"),
        "the whole link was percent-encoded",
    );
}

#[test]
fn what_is_around_a_link_in_a_text_is_named() {
    let tail = "the end of the link is from the text around it";
    for more in [
        ".",
        ",",
        ")",
        "]",
        ">",
        "\"",
        "'",
        "\u{2026}",
        "...",
        ").",
        "\u{201d}",
        "%22",
        "%29.",
        "%E2%80%A6",
        ";",
        "!",
        "*",
        "`",
    ] {
        mends(&format!("{LINK}{more}"), tail);
        mends(&format!("{}{more}", in_path("https://cdn.example.com/videos/42/film.mp4")), tail);
    }
    let before = "there is text or another address before the link";
    mends(&format!("https://web.archive.org/web/2026/{LINK}"), before);
    mends(&format!("https://urldefense.com/v3/__{LINK}__;!!Abc123!x$"), before);
    let encoded = LINK
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('?', "%3F")
        .replace('&', "%26")
        .replace('=', "%3D");
    for wrapper in [
        "https://nam01.safelinks.protection.outlook.com/?url=URL&data=05%7C02&reserved=0",
        "https://www.google.com/url?q=URL&sa=D&source=editors",
        "https://l.facebook.com/l.php?u=URL&h=AT0",
    ] {
        mends(&wrapper.replace("URL", &encoded), "the link is a parameter of another address");
    }
}

#[test]
fn characters_that_are_not_seen_are_named() {
    let line = "there is a line break in the link";
    for more in ["\n", "\r\n", "%0A", "%0D%0A"] {
        mends(&LINK.replace("iP3", &format!("iP{more}3")), line);
        mends(&LINK.replace("&kid", &format!("{more}&kid")), line);
    }
    let space = "there is a space in the link";
    for more in [" ", "%20", "+"] {
        mends(&LINK.replace("&kid", &format!("{more}&kid")), space);
    }
    let spaced = signed("https://cdn.example.com/a%20b/%C3%BC.mp4");
    let plain = "a space or another character is not encoded";
    mends(&spaced.replace("%20", " "), plain);
    mends(&spaced.replace("%C3%BC", "\u{fc}"), plain);
    let unseen = "there is an invisible character in the link";
    for more in ["\u{200b}", "\u{ad}", "%E2%80%8B", "%C2%AD", "\u{feff}", "\u{2060}"] {
        mends(&LINK.replace("iP3", &format!("iP{more}3")), unseen);
        mends(&format!("{LINK}{more}"), unseen);
    }
    mends(&LINK.replace("=main", "=main&").replace("&&", "&\u{200c}"), unseen);
}

#[test]
fn tokens_out_of_place_are_named() {
    let question = "there is a second `?` before the token";
    let with_query = signed("https://cdn.example.com/videos/42/film.mp4?a=1");
    mends(&with_query.replace("a=1&pg", "a=1?pg"), question);
    mends(
        &format!("{}&a=1", with_query.replace("?a=1&pg=1", "?pg=1")),
        "the token is before other parameters that were signed",
    );
    let list = signed("https://cdn.example.com/videos/42/master.m3u8");
    mends(
        &list.replace(".com/", ".com/cdn/"),
        "the token is not the first segment of the path: remove",
    );
    let below = signed("https://cdn.example.com/cdn/videos/42/master.m3u8");
    mends(
        &below.replace(".com/", ".com/cdn/").replace("/cdn/videos", "/videos"),
        "the token is not the first segment of the path: put",
    );
    let sorted = "the fields of the token were reordered";
    mends(&LINK.replace("pg=1&exp=1767225600&kid=main", "exp=1767225600&kid=main&pg=1"), sorted);
    let (start, sig) = with_query.rsplit_once("&sig=").unwrap();
    mends(
        &format!(
            "{}&sig={sig}",
            start.replace("a=1&pg=1&", "a=1&").replace("kid=main", "kid=main&pg=1")
        ),
        sorted,
    );
    mends(&LINK.replace("?pg", "?token=pg"), "the token is the value of another parameter");
    mends(&LINK.replace("/42/", "//42/"), "there are two slashes");
    mends(
        &LINK.replace("pg=", "PG=").replace("exp=", "Exp="),
        "the fields of the token are in uppercase",
    );
    says(&LINK.replace("pg=1&", ""), "the token does not start with `pg=1`");
    says(
        &LINK[..LINK.find("&exp").unwrap()],
        "the link ends after `pg=1`: quote it, or the shell cuts it at `&`",
    );
}

#[test]
fn added_parameters_are_named() {
    let said = "the parameter `utm_source` was added to the link: sign it, or list it in UNSIGNED_PARAMS (--unsigned-params)";
    says(&format!("{LINK}&utm_source=x"), said);
    says(&LINK.replace("?pg", "?utm_source=x&pg"), said);
    says(&format!("{}?utm_source=x", in_path("https://cdn.example.com/videos/42/film.mp4")), said);
    let two = inspect(&Request::new(&format!("{LINK}&a=1&fbclid=IwAR0abcdefghijklmnopqrstuvwx")));
    assert_eq!(two.hints.len(), 2, "{:?}", two.hints);
}

#[test]
fn an_address_in_another_spelling_is_shown_beside_the_signed_one() {
    let arrives = |signed_as: &str, arrived: &str, difference: &str| {
        let link = signed(&format!("https://cdn.example.com{signed_as}"));
        says(
            &link.replace(signed_as, arrived),
            &format!(
                "signed for `{signed_as}`, which arrived as `{arrived}`: {difference} encoded differently"
            ),
        );
    };
    let (encoded, plain) = ("/v/My%20Film%20%281%29.mp4", "/v/My%20Film%20(1).mp4");
    arrives(encoded, plain, "`(` `)`");
    arrives(plain, encoded, "`(` `)`");
    arrives("/v/a,b=c.mp4", "/v/a%2Cb%3Dc.mp4", "`,` `=`");
    arrives("/v/a%2Cb%3Dc.mp4", "/v/a,b%3Dc.mp4", "`,`");
    arrives("/v/a%40b%28c%29%2Cd.mp4", "/v/a@b(c),d.mp4", "`@` `(` `)` `,`");
    arrives("/v/film.mp4?t=a%2Cb", "/v/film.mp4?t=a,b", "`,`");
    arrives("/v/film.mp4?t=a%3Db", "/v/film.mp4?t=a=b", "`=`");
    arrives("/v/film.mp4?u=%2Fa%2Fb", "/v/film.mp4?u=/a/b", "`/`");
    let scope = |signed_as: &str, arrived: &str, mistake: &str| {
        let link = signed(&format!("https://cdn.example.com{signed_as}"));
        says(&link.replace(signed_as, arrived), &format!("signed for `{signed_as}`: {mistake}"));
    };
    scope("/v/a%20b.mp4", "/v/a%2520b.mp4", "it was encoded again in transit");
    scope("/v/a%20b.mp4", "/v/a+b.mp4", "the space became `+`");
    scope("/v/a+b.mp4", "/v/a%20b.mp4", "`+` instead of a space");
    scope("/v/film.mp4?t=a+b", "/v/film.mp4?t=a%20b", "`+` instead of a space");
    scope("/v/film.mp4?t=a%20b", "/v/film.mp4?t=a+b", "the space became `+`");
    scope("/v/film.mp4?a=1&b=2&c=3", "/v/film.mp4?c=3&a=1&b=2", "the parameters were reordered");
    scope("/v/film.mp4", "/V/Film.mp4", "in lowercase");
}

#[test]
fn times_in_other_units_are_named() {
    for (exp, unit) in [
        ("1767225600000", "milliseconds"),
        ("1767225600000000", "microseconds"),
        ("1767225600000000000", "nanoseconds"),
        ("639028224000000000", "ticks of .NET"),
    ] {
        says(
            &LINK.replace("1767225600", exp).replace("&kid=main", "&kid=gone"),
            &format!("`exp` looks like {unit}: in seconds it is 1767225600, 2026-01-01T00:00:00Z"),
        );
    }
}

#[test]
fn a_binding_that_nothing_is_known_of_is_told_so() {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let url = "https://cdn.example.com/a.mp4";
    let detail = |link: &crate::Link| {
        let report = inspect(&Request::new(link.as_str()));
        (report.refusal.unwrap().code(), report.detail.unwrap())
    };
    let network = signer.link(url).network("203.0.113.0/24".parse().unwrap()).sign(NOW).unwrap();
    let said = "the link is for a network; the client's address is unknown here";
    assert_eq!(detail(&network), ("wrong_network", said.to_owned()));
    let mut request = Request::new(network.as_str());
    request.client_ip = Some([192, 0, 2, 1].into());
    assert_eq!(inspect(&request).detail.unwrap(), "the link is for another network");
    let country = signer.link(url).countries("PT").sign(NOW).unwrap();
    let said = "the link is for countries; the client's is unknown here";
    assert_eq!(detail(&country), ("wrong_country", said.to_owned()));
    let audience = signer.link(url).audience("edge-1").sign(NOW).unwrap();
    let said = "the link has an audience; this gate's name is unknown here";
    assert_eq!(detail(&audience), ("wrong_audience", said.to_owned()));
}

#[test]
fn tokens_under_another_name_are_named() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJ2aWQiOiI0MiJ9.50d4YyhKi_Swy5wDhJg5yKR1V8VGjiMYC4mgIqDEyCo";
    let film = "https://cdn.example.com/videos/42/film.mp4";
    let only = "but this gate does not read JWTs";
    for name in ["token", "jwt", "access_token"] {
        says(
            &format!("{film}?a=1&{name}={jwt}"),
            &format!("a JWT is in the parameter `{name}`, {only}"),
        );
    }
    says(
        &format!("https://cdn.example.com/token={jwt}/a.mp4"),
        &format!("a JWT is in the parameter `token`, {only}"),
    );
    let bearer = format!("Bearer {jwt}");
    let mut request = Request::new(film);
    request.authorization = Some(&bearer);
    assert_eq!(inspect(&request).hints, [format!("a JWT is in the header Authorization, {only}")]);
    let cookie = format!("a=b; session={jwt}");
    let mut request = Request::new(film);
    request.cookie = Some(&cookie);
    assert_eq!(inspect(&request).hints, [format!("a JWT is in the cookie `session`, {only}")]);
}

/// The hints for a link, and the reason for its refusal.
fn told(request: &Request<'_>) -> (&'static str, alloc::vec::Vec<String>) {
    let report = inspect(request);
    (report.refusal.map_or("", |refusal| refusal.code()), report.hints)
}

#[test]
fn what_does_not_fit_is_not_guessed() {
    let signed_by_others = LINK.replace("sig=R", "sig=S");
    for link in [
        signed_by_others.replace("film", "fi;lm"),
        signed_by_others.replace("/42/", "//42/"),
        signed_by_others.replace("&kid", "&foo=bar&kid").replace("foo=bar", "dir=2"),
        format!("{signed_by_others}&"),
    ] {
        let (reason, hints) = told(&Request::new(&link));
        assert!(!reason.is_empty() && hints.is_empty(), "{link}: {hints:?}");
    }
}

#[test]
fn marks_without_a_parameter_are_named() {
    let said = "there is an extra `&` or `?`";
    let path = in_path("https://cdn.example.com/videos/42/film.mp4");
    for link in [
        format!("{LINK}&"),
        format!("{LINK}&&"),
        LINK.replace("?pg", "?&pg"),
        format!("{path}?"),
        format!("{path}?&"),
        format!("{path}&"),
    ] {
        mends(&link, said);
    }
    for link in [format!("{LINK}&"), format!("{path}?"), format!("{path}?&")] {
        let detail = inspect(&Request::new(&link)).detail;
        assert_eq!(detail.as_deref(), Some("the query has an extra `&` or `?`"), "{link}");
    }
}

#[test]
fn what_html_leaves_behind_is_no_parameter() {
    let tail = "the end of the link is from the text around it";
    let path = in_path("https://cdn.example.com/videos/42/film.mp4?a=1");
    for more in ["&gt;", "&quot;", "&quot;&gt;", "&apos;", "&#39;", "&nbsp;", "&quot;."] {
        mends(&format!("{LINK}{more}"), tail);
        mends(&format!("{path}{more}"), tail);
    }
    let html = "the link is HTML-encoded, with `&amp;` for `&`: decode it before use";
    for link in [
        format!("{LINK}&amp;utm_source=x"),
        format!("{path}&amp;utm_source=x"),
        format!("{LINK}&amp;a=1&amp;b=2"),
        format!("{LINK}&quot;target=x"),
    ] {
        assert_eq!(told(&Request::new(&link)), ("unsigned_parameter", [html.to_owned()].into()));
    }
    let (_, hints) = told(&Request::new(&LINK.replace('&', "&amp;").replace("sig=R", "sig=S")));
    assert_eq!(hints, [html]);
}

#[test]
fn fields_that_no_token_has_are_named() {
    let added = "an unknown field was added to the token after signing";
    mends(&LINK.replace("&kid", "&foo=bar&kid"), added);
    mends(&LINK.replace("&sig", "&user=7&sig"), added);
    let own = LINK.replace("&sig=R", "&user=7&sig=S");
    let report = inspect(&Request::new(&own));
    assert_eq!(report.detail.as_deref(), Some("the token has an unknown field `user`"));
    assert_eq!(
        report.hints,
        [
            "`user` is not a field of a token: put your own parameters before `pg`, where they are signed with the address"
        ]
    );
    for name in ["signature", "hmac", "Sign", "MAC", "hash"] {
        mends(
            &LINK.replace("&sig=", &format!("&{name}=")),
            "the signature has another name: write `sig=`",
        );
    }
    let other = "a field of the token has another name: write `exp=` for the expiry";
    mends(&LINK.replace("&exp=", "&expires="), other);
    mends(&LINK.replace("&kid=", "&key_id="), other);
}

#[test]
fn every_name_may_be_in_upper_case() {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let link = signer.link("https://cdn.example.com/videos/42/film.mp4").directory(2).audience("a");
    let link =
        link.claims("{}").countries("PT").download("f").network("203.0.113.0/24".parse().unwrap());
    let link = link
        .token_id("j")
        .max_playbacks(2)
        .not_before(NOW)
        .preview(Duration::from_secs(60))
        .revalidate(Duration::from_secs(10))
        .run(Duration::from_secs(3600))
        .session("s")
        .subject("v")
        .uses(1);
    let link = link.sign(NOW).unwrap().to_string();
    // Links to media have neither of these.
    let of_sessions = |field: &crate::Field| matches!(field.name(), "gen" | "ses");
    for field in crate::format::native_fields().filter(|field| !of_sessions(field)) {
        let named = [field.name(), "="].concat();
        let upper = link.replace(&named, &named.to_ascii_uppercase());
        assert_ne!(upper, link, "{named}");
        mends(&upper, "the fields of the token are in uppercase");
    }
}

/// The outcomes and details of the checks of a report.
fn checks(report: &Report) -> alloc::vec::Vec<(&'static str, Outcome, &str)> {
    report.checks.iter().map(|check| (check.name, check.outcome, check.detail.as_str())).collect()
}

const REFERENCE: &str = "pg=ref.Ab-9_zAb-9_zAb-9_zAb-9_zAb-9_zAb-9_zAb-9_zx";

#[test]
fn a_reference_is_called_one() {
    let said = "the link has a reference; its token is in the store of a gate, and only that gate can read it";
    let film = "https://cdn.example.com/videos/42/film.mp4";
    let url = format!("{film}?{REFERENCE}&a=1");
    let path = format!("https://cdn.example.com/{REFERENCE}/videos/42/film.mp4");
    let bearer = format!("Bearer {REFERENCE}");
    let (mut in_cookie, mut in_header) = (Request::new(film), Request::new(film));
    in_cookie.cookie = Some(REFERENCE);
    in_header.authorization = Some(&bearer);
    for (request, place) in [
        (Request::new(&url), "the token is in the query"),
        (Request::new(&path), "the token is in the path"),
        (in_cookie, "the token is in the cookie"),
        (in_header, "the token is in the header Authorization"),
    ] {
        let report = inspect(&request);
        assert_eq!(report.refusal, Some(StateError::Required.into()));
        assert_eq!(report.detail.as_deref(), Some(said));
        let skipped = "the token is only in the gate's store";
        assert_eq!(
            checks(&report),
            [
                ("placement", Outcome::Passed, place),
                ("grammar", Outcome::Passed, "the reference and the address are well formed"),
                ("key", Outcome::Skipped, skipped),
                ("signature", Outcome::Skipped, skipped),
                ("times", Outcome::Skipped, skipped),
                ("bindings", Outcome::Skipped, skipped),
                ("state", Outcome::Failed, said),
            ]
        );
        let [field] = &report.fields[..] else { panic!("{:?}", report.fields) };
        assert_eq!((field.name.as_str(), field.value.as_str()), ("pg", "ref..."));
        assert_eq!(field.meaning, "a reference; its token is only in the gate's store");
        assert_eq!(report.hints, [""; 0]);
        let shown = format!("{report}{report:?}");
        assert!(!shown.contains(&REFERENCE[7..15]), "{shown}");
    }
}

#[test]
fn a_damaged_reference_is_mended() {
    let film = "https://cdn.example.com/videos/42/film.mp4";
    for (damaged, start) in [
        (REFERENCE.replace('=', "%3D"), "the token was percent-encoded"),
        (REFERENCE.replace('=', "=3D"), "the link is quoted-printable"),
        (REFERENCE.replace('.', "%2E"), "the token was percent-encoded"),
        (format!("{REFERENCE}%0A"), "there is a line break in the link"),
    ] {
        let (reason, hints) = told(&Request::new(&format!("{film}?{damaged}")));
        assert!(["malformed", "missing"].contains(&reason), "{damaged}: {reason}");
        // Nobody here can tell whether it is then admitted.
        assert!(hints.len() == 1 && hints[0].starts_with(start), "{damaged}: {hints:?}");
        assert!(!hints[0].contains("verifies"), "{hints:?}");
    }
    let short = inspect(&Request::new(&format!("{film}?{}", &REFERENCE[..49])));
    assert_eq!(short.detail.as_deref(), Some("`pg` has the wrong length"));
    assert!(!format!("{short}{short:?}").contains(&REFERENCE[7..15]));
}

#[test]
fn counts_are_described() {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let meanings = |most, uses| {
        let link = signer.link("https://cdn.example.com/a.mp4").token_id("j").subject("v");
        let link = link.max_playbacks(most).uses(uses).sign(NOW).unwrap();
        let report = inspect(&Request::new(link.as_str()));
        assert_eq!(report.refusal, Some(StateError::Required.into()));
        let said = "the link needs a gate that keeps state, and this gate does not";
        assert_eq!(checks(&report)[6], ("state", Outcome::Failed, said));
        assert_eq!(report.hints, [""; 0]);
        let counts = report.fields.into_iter().filter(|f| ["max", "uses"].contains(&&*f.name));
        counts.map(|field| field.meaning).collect::<alloc::vec::Vec<_>>()
    };
    assert_eq!(
        meanings(1, 1),
        ["for one playback of the viewer at a time", "for single use: by one client"]
    );
    assert_eq!(
        meanings(2, 1000),
        ["for at most 2 playbacks of the viewer at once", "for at most 1000 clients"]
    );
}

#[test]
fn addresses_without_a_scheme_are_named() {
    let said = "the link has no scheme: write https:// before the host";
    let path = in_path("https://cdn.example.com/videos/42/film.mp4");
    for link in [LINK, &path] {
        mends(link.strip_prefix("https:").unwrap(), said);
        mends(link.strip_prefix("https://").unwrap(), said);
    }
    let wrong = LINK.strip_prefix("https://").unwrap().replace("sig=R", "sig=S");
    assert_eq!(told(&Request::new(&wrong)), ("malformed", [said.to_owned()].into()));
    let (reason, hints) = told(&Request::new("https:///videos/42/film.mp4"));
    assert_eq!((reason, hints.len()), ("malformed", 0));
}

#[test]
fn semicolons_in_a_path_are_named() {
    let encoded = signed("https://cdn.example.com/a%3Bb.mp4");
    mends(&encoded.replace("%3B", ";"), "a `;` in the path is not encoded: write %3B");
    mends(
        &LINK.replace("film.mp4", "film.mp4;jsessionid=7F"),
        "a server added a parameter to the path, after a `;`",
    );
}

#[test]
fn cookies_are_looked_at_like_links() {
    let token = LINK.split_once('?').unwrap().1;
    let encoded = token.replace('&', "%26").replace('=', "%3D");
    let said = |cookie: &str| {
        let mut request = Request::new("https://cdn.example.com/videos/42/film.mp4");
        request.cookie = Some(cookie);
        let hints = inspect(&request).hints;
        assert_eq!(hints.len(), 1, "{cookie}: {hints:?}");
        hints.into_iter().next().unwrap()
    };
    let percent = "the token was percent-encoded: insert it as it is, including `=` and `&`; then it verifies";
    assert_eq!(said(&encoded), percent);
    assert_eq!(said(&encoded.replacen("%3D", "=", 1)), percent);
    assert_eq!(said(&format!("a=b; {encoded}; c=d")), percent);
    assert!(
        said(&format!("pg={token}"))
            .starts_with("the token is the value of another parameter or cookie")
    );
    let hex = "signed with the key `next`, but the token has `kid=main`";
    let next = signed_with("next").replace("kid=next", "kid=main");
    assert_eq!(said(next.split_once('?').unwrap().1), hex);
}

fn signed_with(kid: &str) -> String {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let link = signer.link("https://cdn.example.com/videos/42/film.mp4").key(kid);
    link.sign(NOW).unwrap().to_string()
}

#[test]
fn an_expiry_that_is_no_moment_is_named() {
    for (exp, hint) in [
        (
            "600",
            "`exp` looks like a duration: write the time of expiry as a Unix time in seconds, like 1767225600",
        ),
        ("1767225600.5", "`exp` has a fraction: write whole seconds, 1767225600"),
        ("2026-01-01T00:00:00Z", "`exp` is a Unix time in seconds: write it like 1767225000"),
    ] {
        let (_, hints) = told(&Request::new(&LINK.replace("1767225600", exp)));
        assert_eq!(hints, [hint], "{exp}");
    }
}

/// Ways to damage a link.
fn mangled() -> impl Strategy<Value = String> {
    let pairs = prop::sample::select(
        &[
            ("&", "&amp;"),
            ("&", ";"),
            ("&", "%26"),
            ("=", "%3D"),
            ("=", "=3D"),
            ("=", ":"),
            ("sig", "SIG"),
            ("sig", "sub"),
            ("sig", "jti"),
            ("sig", "kid"),
            ("kid=main&sig=", "kid="),
            ("sig=", "/"),
            ("sig=", ""),
            ("?", "/"),
            ("?", "#"),
            ("-", "%2D"),
            ("_", "%5F"),
            ("_", "/"),
            ("%", "%25"),
            ("&sig", ""),
            ("pg=1&", ""),
            ("exp", "dl"),
            ("=main", ""),
            ("https://", ""),
            ("&", "\n"),
            ("&", ""),
            ("?", "?x="),
        ][..],
    );
    let cut = (any::<prop::sample::Index>(), "[ -~]{0,3}");
    (prop::collection::vec(pairs, 0..4), cut, any::<bool>()).prop_map(
        |(pairs, (at, more), twice)| {
            let mut link = LINK.to_owned();
            for (from, to) in pairs {
                link = link.replace(from, to);
            }
            let at = at.index(link.len() + 1);
            if link.is_char_boundary(at) {
                link.insert_str(at, &more);
            }
            if twice { format!("{link}&{link}") } else { link }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However a link is damaged and wherever its tag is, nothing of the tag is shown.
    #[test]
    fn no_tag_is_shown(link in mangled()) {
        inspect(&Request::new(&link));
        let mut request = Request::new("/videos/42/film.mp4");
        request.cookie = Some(&link);
        inspect(&request);
        request.authorization = Some(&link);
        inspect(&request);
        let query = link.split_once('?').map_or(link.as_str(), |(_, query)| query);
        let header = format!("Bearer {query}");
        request.authorization = Some(&header);
        inspect(&request);
        request.cookie = Some(query);
        inspect(&request);
    }
}
