//! What holds for every JWT, not just for those of the vectors. `serde_json`'s own values are the oracle.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use playgate::{
    Jwt, JwtRules, KeyRing, Link, ParamNames, Placement, Refusal, Request, Signer, UnixTime,
    Verifier,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::forged::{self, Fault, TEMPLATE};
use crate::links::{self, BEFORE_THE_TERMS, HOST, change, every_change, is_explained, text};

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                    next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const NOW: UnixTime = UnixTime::from_secs(forged::NOW);
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const PATH: &str = "/videos/42/set/1080p.mp4";
const CLAIMS: [&str; 13] =
    ["aud", "exp", "iat", "iss", "jti", "max", "nbf", "reval", "run", "sid", "sub", "uses", "vid"];

/// The verdict on a token, wherever it stands: `Ok` with what it says of its viewer.
fn verdict(token: &str) -> Result<Map<String, Value>, Refusal> {
    let ring = KeyRing::parse(KEYS).unwrap();
    let rules = JwtRules::new(TEMPLATE).unwrap();
    let verifier = Verifier::new(&ring).jwt(Some(&rules));
    let judge = |request: &Request<'_>| {
        let verified = verifier.verify(request, NOW)?;
        assert_eq!(verified.path().to_string(), PATH);
        assert_eq!(verified.scope().to_string(), "/videos/42/");
        let grant = verified.grant();
        let ids = [("sub", grant.subject()), ("jti", grant.token_id()), ("sid", grant.session())];
        let ids =
            ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id?.as_str().into())));
        let mut said: Map<_, _> = ids.collect();
        said.insert("exp".into(), grant.expires().as_secs().into());
        if let Some(time) = grant.issued() {
            said.insert("iat".into(), time.as_secs().into());
        }
        if let Some(time) = grant.not_before() {
            said.insert("nbf".into(), time.as_secs().into());
        }
        if let Some(secs) = grant.run() {
            said.insert("run".into(), secs.as_secs().into());
        }
        Ok(said)
    };
    let query = format!("https://cdn.example.com{PATH}?a=1&token={token}&b=2");
    let verdict = judge(&Request::new(&query));
    let mut request = Request::new(PATH);
    let cookie = format!("a=b; token={token}");
    request.cookie = Some(&cookie);
    assert_eq!(judge(&request), verdict, "in the cookie");
    if !token.contains('/') {
        let path = format!("https://cdn.example.com/token={token}{PATH}");
        assert_eq!(judge(&Request::new(&path)), verdict, "in the path");
    }
    // Others are not ours.
    if ["ew", "ey", "e3"].iter().any(|start| token.starts_with(start)) {
        let mut request = Request::new(PATH);
        let bearer = format!("bearer {token}");
        request.authorization = Some(&bearer);
        assert_eq!(judge(&request), verdict, "in the header");
    }
    verdict
}

/// The reason and the field of a refusal.
fn reason(token: &str) -> (&'static str, Option<&'static str>) {
    let refusal = verdict(token).unwrap_err();
    (refusal.code(), refusal.field().map(|field| field.name()))
}

/// Holds the verdict against the oracle.
#[track_caller]
fn check(header: &str, payload: &str) {
    let faults = forged::faults(header, payload).unwrap();
    let first = faults.iter().map(|Fault(check, ..)| check).min();
    match verdict(&forged::token(header, payload)) {
        Ok(said) => {
            assert_eq!(faults, [], "{header} {payload}");
            let payload: Map<String, Value> = serde_json::from_str(payload).unwrap();
            assert_eq!(said, expected(&payload), "{header} {payload:?}");
        }
        Err(refusal) => {
            let field = refusal.field().map(|field| field.name());
            let said = |Fault(check, code, named): &Fault| {
                Some(check) == first && (*code, *named) == (refusal.code(), field)
            };
            assert!(faults.iter().any(said), "{refusal}, not {faults:?}: {header} {payload}");
        }
    }
}

/// What a payload says of its viewer.
fn expected(payload: &Map<String, Value>) -> Map<String, Value> {
    let mut said = Map::new();
    for (name, value) in payload {
        let value = match (name.as_str(), value) {
            ("sub" | "jti" | "sid", Value::Number(number)) => number.to_string().into(),
            ("sub" | "jti" | "sid" | "run", value) => value.clone(),
            ("exp" | "iat", value) => (value.as_f64().unwrap().floor() as u64).into(),
            ("nbf", value) => (value.as_f64().unwrap().ceil() as u64).into(),
            _ => continue,
        };
        said.insert(name.clone(), value);
    }
    said
}

/// Any JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..=1 << 54).prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,4}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Values at the ends of what a claim may be.
fn odd_values() -> Vec<Value> {
    let (now, most) = (forged::NOW, (1_u64 << 53) - 1);
    vec![
        json!(""),
        json!("42"),
        json!("4"),
        json!("4.2"),
        json!("4/2"),
        json!("%34"),
        json!("a".repeat(128)),
        json!("a".repeat(129)),
        json!(0),
        json!(-1),
        json!(-0.0),
        json!(1),
        json!(42),
        json!(1_000),
        json!(1_001),
        json!(65_537),
        json!(42.0),
        json!(0.5),
        json!(now),
        json!(now + 1),
        json!(now as f64 - 0.5),
        json!(now as f64 + 0.5),
        json!(now as f64 + 1.5),
        json!(now + forged::CENTURY),
        json!(now + forged::CENTURY + 1),
        json!((now + forged::CENTURY) as f64 + 0.5),
        json!(now * 1000),
        json!(most),
        json!(most + 1),
        json!(most as f64),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!(["x"]),
        json!(["x", 1]),
        json!([["x"]]),
        json!(true),
        json!(null),
        json!({}),
    ]
}

/// A value that one of the claims may have, or almost.
fn of_a_claim() -> impl Strategy<Value = Value> {
    let now = forged::NOW;
    prop_oneof![
        2 => value(),
        1 => prop::sample::select(odd_values()),
        2 => (now - 2..now + 3).prop_map(Value::from),
        2 => (now - 2..now + 3, 0.01..0.99).prop_map(|(secs, part)| json!(secs as f64 + part)),
    ]
}

fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop::sample::select(vec!["iat", "iss", "jti", "name", "nbf", "run", "sid", "sub"]);
    let fine = (name, prop_oneof!["\\PC{1,12}".prop_map(Value::from), Just(json!(1_767_224_000))])
        .prop_filter("a type", |(name, value)| match *name {
            "iss" => value.is_string(),
            "iat" | "nbf" | "run" => value.is_number(),
            _ => true,
        });
    let other = ("[a-z]{4,8}", value());
    let fine = fine.prop_map(|(name, value)| (name.to_owned(), value));
    let members = prop::collection::vec(prop_oneof![fine, other], 0..6);
    (members, prop_oneof![Just(json!("42")), Just(json!(42))], 1_u64..10_000_000).prop_map(
        |(members, vid, lifetime)| {
            let mut claims: Map<_, _> = members.into_iter().collect();
            claims.insert("vid".into(), vid);
            claims.insert("exp".into(), (forged::NOW + lifetime).into());
            claims
        },
    )
}

/// Members in an order, with blanks wherever JSON allows them, and with any character of a text as an
/// escape.
fn written(members: &[(String, Value)], style: u64) -> String {
    let mut style = style | 1;
    let mut next = move || {
        style =
            style.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        style >> 33
    };
    let blanks = ["", "", " ", "\n", "\t\r\n"];
    let mut text = String::from("{");
    for (n, (name, value)) in members.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        for (piece, mark) in [(&Value::from(name.clone()), ":"), (value, "")] {
            text.push_str(blanks[next() as usize % 5]);
            match piece.as_str() {
                Some(piece) => text.push_str(&escaped(piece, &mut next)),
                None => text.push_str(&piece.to_string()),
            }
            text.push_str(blanks[next() as usize % 5]);
            text.push_str(mark);
        }
    }
    text + blanks[next() as usize % 5] + "}"
}

fn escaped(text: &str, next: &mut impl FnMut() -> u64) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        if next() > (1 << 31) / 3 {
            let plain = Value::from(character.to_string()).to_string();
            out.push_str(&plain[1..plain.len() - 1]);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let digits =
                if next() < 1 << 30 { format!("{unit:04x}") } else { format!("{unit:04X}") };
            out.push_str("\\u");
            out.push_str(&digits);
        }
    }
    out + "\""
}

#[derive(Clone, Debug)]
struct Terms {
    lifetime: u64,
    vid: String,
    number: Option<u64>,
    texts: [Option<String>; 4],
    audience: Option<String>,
    name: String,
    in_path: bool,
    second_key: bool,
    started: Option<u64>,
    run: Option<u64>,
    no_iat: bool,
    round: u64,
}

prop_compose! {
    fn terms()(
        lifetime in 1_u64..10_000_000,
        vid in "[A-Za-z0-9_-]{1,128}",
        number in prop::option::of(0_u64..1 << 53),
        texts in prop::array::uniform4(prop::option::of("\\PC{1,40}")),
        audience in prop::option::of("[A-Za-z0-9._-]{1,64}"),
        name in "[A-Za-oq-z][A-Za-z0-9._-]{0,20}",
        in_path: bool,
        second_key: bool,
        started in prop::option::of(0_u64..1000),
        run in prop::option::of(1_u64..1 << 53),
        (no_iat, round) in (any::<bool>(), 1_u64..10_000),
    ) -> Terms {
        Terms {
            lifetime, vid, number, texts, audience, name, in_path, second_key, started, run, no_iat,
            round,
        }
    }
}

fn sign(terms: &Terms, ring: &KeyRing) -> Link {
    let mut jwt = Jwt::new().claim("vid", terms.vid.as_str()).name(terms.name.as_str()).unwrap();
    if let Some(number) = terms.number {
        jwt = jwt.claim("number", number);
    }
    if let Some(issuer) = &terms.texts[0] {
        jwt = jwt.issuer(issuer.as_str());
    }
    let signer = Signer::new(ring.clone());
    let url = format!("{HOST}/videos/{}/film.mp4?0=1", terms.vid);
    let mut link = signer.link(&url).jwt(jwt).expires_in(Duration::from_secs(terms.lifetime));
    if let Some(text) = &terms.texts[1] {
        link = link.subject(text);
    }
    if let Some(text) = &terms.texts[2] {
        link = link.session(text);
    }
    if let Some(text) = &terms.texts[3] {
        link = link.token_id(text);
    }
    if let Some(name) = &terms.audience {
        link = link.audience(name);
    }
    if terms.in_path {
        link = link.in_path();
    }
    if terms.second_key {
        link = link.key("next");
    }
    if let Some(secs) = terms.started {
        link = link.not_before(UnixTime::from_secs(forged::NOW - secs));
    }
    if let Some(secs) = terms.run {
        link = link.run(Duration::from_secs(secs));
    }
    if terms.no_iat {
        link = link.issued_at(None);
    }
    link = link.round(Duration::from_secs(terms.round));
    link.sign(NOW).unwrap()
}

/// The rules of a gate for such a link.
fn rules(terms: &Terms) -> JwtRules {
    let rules = JwtRules::new(TEMPLATE).unwrap().name(&terms.name).unwrap();
    match &terms.texts[0] {
        Some(issuer) => rules.issuer(issuer),
        None => rules,
    }
}

/// The path that a changed link opens. `None` if it has to be refused.
///
/// An admitted link has the very token of the link that was signed, in the same place. It may have any valid path in the
/// directory of the token, and any valid query.
fn opens(changed: &str, token: &str, terms: &Terms) -> Option<String> {
    let token = format!("{}={token}", terms.name);
    let (_, path, query) = links::split(changed);
    let (path, before, after) = if terms.in_path {
        (path.strip_prefix('/')?.strip_prefix(&token)?, query, None)
    } else {
        let (before, after) = links::around(query?, &token)?;
        (path, before, after)
    };
    let is_fine = |query| links::is_fine(query, &["pg", &terms.name]);
    if ["pg", &terms.name].iter().any(|name| path.starts_with(&format!("/{name}=")))
        || ![before, after].into_iter().flatten().all(is_fine)
    {
        return None;
    }
    let directory = format!("/videos/{}/", terms.vid);
    links::canonical(path).filter(|path| path.starts_with(&directory))
}

proptest! {
    #[test]
    fn what_is_minted_is_admitted_until_it_expires(terms in terms()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = String::from(sign(&terms, &ring));
        let rules = rules(&terms);
        let verifier = Verifier::new(&ring).audience(terms.audience.as_deref());
        let verifier = verifier.jwt(Some(&rules));
        let verified = verifier.verify(&Request::new(&link), NOW).unwrap();
        prop_assert_eq!(verified.kid(), if terms.second_key { "next" } else { "main" });
        let grant = verified.grant();
        let texts = [grant.subject(), grant.session(), grant.token_id()].map(|id| id.map(|id| id.to_string()));
        prop_assert_eq!(&texts[..], &terms.texts[1..]);
        prop_assert_eq!(grant.audience().is_some(), terms.audience.is_some());
        prop_assert!(terms.audience.iter().all(|name| grant.audience().unwrap().contains(name)));
        prop_assert_eq!(grant.run(), terms.run.map(Duration::from_secs));
        let starts = terms.started.map(|secs| forged::NOW - secs);
        prop_assert_eq!(grant.not_before().map(UnixTime::as_secs), starts);
        let placement = if terms.in_path { Placement::Path } else { Placement::Query };
        prop_assert_eq!(verified.placement(), placement);
        let says_when = !terms.no_iat && (terms.texts[1].is_some() || terms.texts[2].is_some());
        let expires = (forged::NOW + terms.lifetime).div_ceil(terms.round) * terms.round;
        // The first second of the window in which links get this expiry.
        let first = (expires + 1).saturating_sub(terms.lifetime + terms.round);
        prop_assert_eq!(grant.issued().map(UnixTime::as_secs), says_when.then_some(first));
        prop_assert_eq!(grant.expires().as_secs(), expires);
        let clean = verified.clean_url(ParamNames::default());
        prop_assert_eq!(clean, format!("https://cdn.example.com/videos/{}/film.mp4", terms.vid));
        let last = UnixTime::from_secs(expires - 1);
        prop_assert!(verifier.verify(&Request::new(&link), last).is_ok());
        let refusal = verifier.verify(&Request::new(&link), last.saturating_add(Duration::from_secs(1))).unwrap_err();
        prop_assert_eq!(refusal.code(), "expired");
        if let Some(secs) = terms.started {
            let before = UnixTime::from_secs(forged::NOW - secs - 1);
            let refusal = verifier.verify(&Request::new(&link), before).unwrap_err();
            prop_assert_eq!(refusal.code(), "not_yet_valid");
        }
    }

    /// It opens its directory, and nothing else.
    #[test]
    fn no_other_claim_opens_the_directory(vid in "\\PC{0,8}", close in "[0-9]{0,3}42[0-9]{0,3}|4|2|") {
        for vid in [vid, close] {
            let payload = json!({"vid": vid, "exp": forged::NOW + 600}).to_string();
            prop_assert_eq!(verdict(&forged::token(HEADER, &payload)).is_ok(), vid == "42");
        }
    }

    /// Any changed character of a token is refused, wherever the token is.
    #[test]
    fn any_changed_character_is_refused(
        claims in claims(),
        at in any::<prop::sample::Index>(),
        by in "[A-Za-z0-9_.=+~-]",
        how in 0_u8..3,
    ) {
        let token = forged::token(HEADER, &Value::Object(claims).to_string());
        prop_assert!(verdict(&token).is_ok());
        let place = at.index(token.len());
        let mut changed = token.clone();
        match how {
            0 => changed.replace_range(place..=place, &by),
            1 => { changed.remove(place); }
            _ => changed.insert_str(at.index(token.len() + 1), &by),
        }
        prop_assume!(changed != token);
        let (code, _) = reason(&changed);
        prop_assert!(BEFORE_THE_TERMS.contains(&code), "{}: {}", changed, code);
    }

    /// Any changed byte of a link after the host is refused, except as [`opens`] says.
    #[test]
    fn any_changed_byte_of_a_link_is_refused(terms in terms(), change in change()) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let link = sign(&terms, &ring);
        let changed = links::changed(link.as_str(), link.token(), change);
        prop_assume!(changed != link.as_str());
        let rules = rules(&terms);
        let verifier = Verifier::new(&ring).audience(terms.audience.as_deref()).jwt(Some(&rules));
        let signed = Request::new(link.as_str());
        let signed = verifier.verify(&signed, NOW).unwrap();
        let asked = Request::new(&changed);
        match (verifier.verify(&asked, NOW), opens(&changed, link.token(), &terms)) {
            (Err(refusal), None) => {
                prop_assert!(BEFORE_THE_TERMS.contains(&refusal.code()), "{}: {}", changed, refusal);
            }
            (Ok(verified), Some(path)) => {
                prop_assert_eq!(verified.path().to_string(), path);
                prop_assert_eq!(verified.clean_query(ParamNames::default()), None);
                prop_assert_eq!(verified.scope().to_string(), format!("/videos/{}/", terms.vid));
                prop_assert_eq!(verified.grant(), signed.grant());
                prop_assert_eq!(verified.kid(), signed.kid());
                prop_assert_eq!(verified.placement(), signed.placement());
            }
            (verdict, expected) => prop_assert!(false, "{changed}: {verdict:?}, not {expected:?}"),
        }
    }

    /// Members in any order, blanks and escapes.
    #[test]
    fn the_same_claims_are_the_same_however_they_are_written(
        (claims, order) in claims().prop_flat_map(|claims| {
            let members: Vec<_> = claims.clone().into_iter().collect();
            (Just(claims), Just(members).prop_shuffle())
        }),
        style: u64,
        header in Just(vec![
            ("alg".to_owned(), json!("HS256")), ("typ".to_owned(), json!("at+jwt")),
            ("kid".to_owned(), json!("main")), ("jku".to_owned(), json!({"a": [null]})),
        ]).prop_shuffle(),
    ) {
        let token = forged::token(&written(&header, style), &written(&order, !style));
        prop_assert_eq!(verdict(&token).unwrap(), expected(&claims));
        let plain = forged::token(HEADER, &Value::Object(claims.clone()).to_string());
        prop_assert_eq!(verdict(&plain).unwrap(), expected(&claims));
    }

    #[test]
    fn no_member_stands_twice(
        claims in claims(),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        same: bool,
        style: u64,
    ) {
        let mut members: Vec<_> = claims.into_iter().collect();
        let (name, value) = members[which.index(members.len())].clone();
        let number = json!(forged::NOW + 1);
        let value = if same || !value.is_number() { value } else { number };
        members.insert(at.index(members.len() + 1), (name, value));
        let token = forged::token(HEADER, &written(&members, style));
        prop_assert_eq!(reason(&token), ("malformed", Some("payload")));
        let alg = ("alg".to_owned(), json!("HS256"));
        let mut header = vec![alg.clone(), ("typ".to_owned(), json!("JWT"))];
        header.insert(at.index(3), alg);
        let token = forged::token(&written(&header, style), r#"{"vid":"42","exp":4102444800}"#);
        prop_assert_eq!(reason(&token), ("malformed", Some("header")));
    }

    #[test]
    fn a_member_more_in_the_header_is_as_the_oracle_says(
        name in prop_oneof![prop::sample::select(vec!["alg", "crit", "cty", "kid", "typ"]), "\\PC{0,4}".prop_map(|name| &*name.leak())],
        value in prop_oneof![
            2 => prop::sample::select(vec![
                json!("HS256"), json!("hs256"), json!("HS384"), json!("none"), json!("JWT"), json!("jWt"),
                json!("main"), json!("next"), json!("Main"), json!(["HS256"]),
            ]),
            1 => value(),
        ],
        first: bool,
    ) {
        let mut members = vec![("alg".to_owned(), json!("HS256"))];
        if name == "alg" {
            members.clear();
        }
        members.insert(if first { 0 } else { members.len() }, (name.to_owned(), value));
        check(&written(&members, 0), r#"{"vid":"42","exp":1767225600}"#);
    }

    #[test]
    fn any_value_of_a_claim_is_as_the_oracle_says(
        values in prop::collection::vec((
            prop::sample::select(&CLAIMS[..]),
            of_a_claim(),
        ), 1..3),
        with_exp: bool,
        with_vid: bool,
        first: bool,
    ) {
        let mut payload = Map::new();
        let given = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        let other = [("exp", with_exp, json!(forged::NOW + 600)), ("vid", with_vid, json!("42"))];
        let other = other.into_iter().filter(|(_, is_there, _)| *is_there);
        let other = other.map(|(name, _, value)| (name.to_owned(), value));
        if first {
            payload.extend(given.chain(other));
        } else {
            payload.extend(other.chain(given));
        }
        check(HEADER, &Value::Object(payload).to_string());
    }

    /// No padding, no other alphabet, no bits behind the end.
    #[test]
    fn base64url_has_one_spelling(claims in claims(), part in 0_usize..3, blanks in 0_usize..3) {
        // In base64url these have a `-` and a `_`, wherever they are.
        let marks = ">>>>>?????";
        let header = json!({"alg": "HS256", "x": marks}).to_string() + &" ".repeat(blanks);
        let mut claims = claims;
        claims.insert("x".into(), marks.into());
        let token = forged::token(&header, &Value::Object(claims).to_string());
        let parts: Vec<_> = token.split('.').collect();
        let with = |text: &str| {
            let mut parts = parts.clone();
            parts[part] = text;
            // It is signed as it stands, so that the signature is not what is wrong.
            let signed = parts[..2].join(".");
            let tag = if part < 2 { forged::tag(&signed, &forged::MAIN) } else { text.to_owned() };
            format!("{signed}.{tag}")
        };
        let field = ["header", "payload", "sig"][part];
        let original = parts[part];
        prop_assert!(verdict(&with(original)).is_ok());
        let mut others = vec![
            format!("{original}="), format!("{original}=="), format!("{original}%3D"),
            format!("{original}A"), format!("={original}"), String::new(),
        ];
        if original.len() % 4 != 0 {
            let mut bytes = original.as_bytes().to_vec();
            let last = bytes.last_mut().unwrap();
            // Zero bits are behind the end, so that the character is at an even place of the alphabet.
            *last += 1;
            others.push(String::from_utf8(bytes).unwrap());
        }
        let swapped = original.replace('-', "+").replace('_', "/");
        prop_assert!(part == 2 || swapped.contains('+') && swapped.contains('/'));
        if swapped != original {
            others.push(swapped);
        }
        for other in others {
            prop_assert_eq!(reason(&with(&other)), ("malformed", Some(field)), "{}", other);
        }
    }

    /// What is no object, and what follows one.
    #[test]
    fn a_part_is_one_object(other in value(), behind in "[ \\n]{0,2}[^ \\n\\t\\r]") {
        let payload = r#"{"vid":"42","exp":4102444800}"#;
        if !other.is_object() {
            let token = forged::token(&other.to_string(), payload);
            prop_assert_eq!(reason(&token), ("malformed", Some("header")));
            let token = forged::token(HEADER, &other.to_string());
            prop_assert_eq!(reason(&token), ("malformed", Some("payload")));
        }
        let token = forged::token(HEADER, &format!("{payload}{behind}"));
        prop_assert_eq!(reason(&token), ("malformed", Some("payload")));
        let token = forged::token(&format!("{HEADER}{behind}"), payload);
        prop_assert_eq!(reason(&token), ("malformed", Some("header")));
    }

    #[test]
    fn what_is_not_utf8_is_refused(byte in 0x80_u8.., at in any::<prop::sample::Index>()) {
        let encode = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.insert(at.index(bytes.len() + 1), byte);
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let payload = r#"{"vid":"42","exp":4102444800,"name":"a"}"#;
        let [header, plain] = [HEADER, payload].map(|text| URL_SAFE_NO_PAD.encode(text));
        for (header, payload, field) in [
            (encode(HEADER), plain, "header"), (header, encode(payload), "payload"),
        ] {
            let signed = format!("{header}.{payload}");
            let token = format!("{signed}.{}", forged::tag(&signed, &forged::MAIN));
            prop_assert_eq!(reason(&token), ("malformed", Some(field)));
        }
    }

    #[test]
    fn nothing_that_is_sent_panics(
        text in text(200),
        parts in "[A-Za-z0-9_.-]{0,300}",
        is_explained in is_explained(),
    ) {
        let ring = KeyRing::parse(KEYS).unwrap();
        let rules = JwtRules::new(TEMPLATE).unwrap();
        let verifier = Verifier::new(&ring).jwt(Some(&rules));
        for text in [text, parts] {
            let (cookie, bearer) = (format!("token={text}"), format!("Bearer ey{text}"));
            for url in [format!("{PATH}?token={text}"), format!("/token={text}{PATH}"), text.clone()] {
                let mut request = Request::new(&url);
                request.cookie = Some(&cookie);
                request.authorization = Some(&bearer);
                let verdict = verifier.verify(&request, NOW);
                prop_assert!(verdict.is_err());
                if !is_explained {
                    continue;
                }
                let report = verifier.inspect(&request, ParamNames::default(), NOW);
                prop_assert_eq!(report.refusal, verdict.err());
            }
        }
    }
}

/// Each of [`every_change`] is admitted exactly if [`opens`] says so.
#[test]
fn every_change_of_a_link_is_as_the_oracle_says() {
    for in_path in [false, true] {
        let terms = Terms {
            lifetime: 600,
            vid: "42".into(),
            number: None,
            texts: [const { None }; 4],
            audience: None,
            name: "token".into(),
            in_path,
            second_key: false,
            started: None,
            run: None,
            no_iat: false,
            round: 1,
        };
        let (ring, rules) = (KeyRing::parse(KEYS).unwrap(), rules(&terms));
        let link = sign(&terms, &ring);
        let verifier = Verifier::new(&ring).jwt(Some(&rules));
        let mut admitted = 0;
        for changed in every_change(link.as_str()) {
            let verdict = verifier.verify(&Request::new(&changed), NOW).map(drop);
            let expected = opens(&changed, link.token(), &terms).is_some();
            assert_eq!(verdict.is_ok(), expected, "{changed}: {verdict:?}");
            let code = verdict.err().map(Refusal::code);
            let is_early = code.is_none_or(|code| BEFORE_THE_TERMS.contains(&code));
            assert!(is_early, "{changed}: {code:?}");
            admitted += u32::from(expected);
        }
        assert!(admitted > 1000, "{admitted}");
    }
}

#[test]
fn odd_values_of_each_claim_are_as_the_oracle_says() {
    for claim in CLAIMS {
        for value in odd_values() {
            let mut payload = json!({"vid": "42", "exp": forged::NOW + 600});
            payload[claim] = value.clone();
            check(HEADER, &payload.to_string());
            // What is counted needs a name.
            let mut payload =
                json!({"vid": "42", "exp": forged::NOW + 600, "jti": "j1", "sub": "v7"});
            payload[claim] = value;
            check(HEADER, &payload.to_string());
        }
    }
}

/// One token, and nothing after it but what belongs to the query. Only cookies may be several.
#[test]
fn a_second_token_is_ambiguous_and_what_follows_a_token_is_no_part_of_it() {
    let token = forged::token(HEADER, r#"{"vid":"42","exp":4102444800}"#);
    let ring = KeyRing::parse(KEYS).unwrap();
    let rules = JwtRules::new(TEMPLATE).unwrap();
    let verifier = Verifier::new(&ring).jwt(Some(&rules));
    let judge = |url: &str, cookie: &str, bearer: &str| {
        let [url, cookie, bearer] =
            [url, cookie, bearer].map(|text| text.replace("JWT", &token).replace("PATH", PATH));
        let mut request = Request::new(&url);
        request.cookie = Some(&cookie);
        request.authorization = Some(&bearer);
        match verifier.verify(&request, NOW) {
            Ok(_) => "admitted".to_owned(),
            Err(refusal) => {
                let field = refusal.field().map(|field| field.name());
                [refusal.code(), field.unwrap_or_default()].join(" ").trim_end().to_owned()
            }
        }
    };
    for (url, cookie, bearer, wanted) in [
        ("PATH?token=JWT", "", "", "admitted"),
        ("PATH?token=JWT&token=JWT", "", "", "ambiguous"),
        ("PATH?token=JWT&a=1&token", "", "", "ambiguous"),
        ("/token=JWT/token=JWTPATH", "", "", "ambiguous"),
        ("/token=JWTPATH?token=JWT", "", "", "ambiguous"),
        ("PATH?token=JWT", "", "Bearer JWT", "ambiguous"),
        ("/token=JWTPATH", "", "Bearer JWT", "ambiguous"),
        ("PATH", "token=JWT; token=JWT", "", "admitted"),
        ("PATH", "token=JWT; pg=1&exp=1", "", "admitted"),
        ("PATH", "pg=1&exp=1; token=x; token=JWT", "", "admitted"),
        ("PATH", "pg=1&exp=x; token=x", "", "malformed exp"),
        ("PATH", "token=x; pg=1&exp=x", "", "malformed header"),
        ("PATH?token=JWT", "token=JWT; token=JWT", "Bearer JWT", "ambiguous"),
        ("PATH?token=JWT&pg=1", "", "", "ambiguous"),
        ("/pg=1PATH?token=JWT", "", "", "ambiguous"),
        ("PATH?token=JWT", "token=x; token=y", "", "admitted"),
        ("PATH?token=JWT", "", "Basic JWT", "admitted"),
        ("PATH?token=JWT", "", "Bearer x", "admitted"),
        ("PATH?token=JWT&b=2", "", "", "admitted"),
        ("PATH?token=JWT&b=%00#", "", "", "malformed url"),
        ("PATH?token=JWT;b=2", "", "", "malformed sig"),
        ("/token=JWT&b=2PATH", "", "", "malformed sig"),
        ("PATH", "token=JWT&b=2", "", "malformed sig"),
        ("PATH", "", "Bearer JWT&b=2", "malformed sig"),
        ("PATH", "", "Bearer JWT ", "malformed sig"),
        // A token that ends early is not read on into what follows.
        ("PATH?token=eyJhbGciOiJIUzI1NiJ9&b=2", "", "", "malformed payload"),
        ("PATH?token=eyJhbGciOiJIUzI1NiJ9.e30&b=2", "", "", "missing_claim exp"),
        ("PATH?token=eyJhbGciOiJIUzI1NiJ9&b=.e30.x", "", "", "malformed payload"),
        ("PATH?token=x&b=2", "", "", "malformed header"),
    ] {
        assert_eq!(judge(url, cookie, bearer), wanted, "{url} {cookie} {bearer}");
    }
}

/// The longest token is one of 4,096 characters.
#[test]
fn a_token_has_its_limit() {
    let of = |len: usize| {
        let name = "x".repeat(len);
        forged::token(
            HEADER,
            &json!({"vid": "42", "exp": 4_102_444_800_u64, "n": name}).to_string(),
        )
    };
    let longest = (2900..).map(of).take_while(|token| token.len() <= 4096).last().unwrap();
    assert!(longest.len() >= 4095);
    assert!(verdict(&longest).is_ok());
    let more = (2900..).map(of).find(|token| token.len() > 4096).unwrap();
    assert_eq!(reason(&more), ("malformed", Some("token")));
}

/// RFC 7515, appendix A.1: its key, and its header with the line break, over claims of our own.
#[test]
fn rfc7515_a1() {
    const HEADER: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    const KEY: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                           c19yb290Ijp0cnVlfQ";
    const TAG: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let key = URL_SAFE_NO_PAD.decode(KEY).unwrap();
    // The oracle makes the published signature, so that what it makes below is worth as much.
    assert_eq!(forged::tag(&format!("{HEADER}.{PAYLOAD}"), &key), TAG);
    let ring = KeyRing::parse(&format!("rfc7515-a1:{KEY}")).unwrap();
    let rules = JwtRules::new(TEMPLATE).unwrap().issuer("joe");
    let verifier = Verifier::new(&ring).jwt(Some(&rules));
    let judge = |payload: &str, tag: &str| {
        let link = format!("{PATH}?token={HEADER}.{payload}.{tag}");
        let verdict = verifier.verify(&Request::new(&link), UnixTime::from_secs(1_300_819_379));
        verdict.map(|verified| verified.kid().to_owned()).map_err(|refusal| refusal.code())
    };
    let claims = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"vid\":\"42\"}";
    let payload = URL_SAFE_NO_PAD.encode(claims);
    let tag = forged::tag(&format!("{HEADER}.{payload}"), &key);
    assert_eq!(judge(&payload, &tag), Ok("rfc7515-a1".to_owned()));
    assert_eq!(judge(&payload, TAG), Err("bad_signature"));
    // It has nothing that a directory could be made of.
    assert_eq!(judge(PAYLOAD, TAG), Err("missing_claim"));
}
