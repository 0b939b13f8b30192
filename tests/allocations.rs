//! `verify` allocates nothing for native tokens, whatever it decides: every allocation of this process is counted.

#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is handed on as it came")]
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "tests")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

#[cfg(feature = "jwt")]
use playgate::{Jwt, JwtRules};
use playgate::{KeyRing, ParamNames, Placement, Request, Signer, UnixTime, Verifier};

struct Counter;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTER: Counter = Counter;

/// Development keys: the bytes 0 to 31, and the same for a key that retired in 1970.
const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                    old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8@1";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";

/// The reason of the verdict, or the placement of an admitted token. Panics where it took an allocation.
#[track_caller]
fn verdict(verifier: &Verifier<'_>, request: &Request<'_>) -> &'static str {
    verdict_with(0, verifier, request)
}

/// The same, where it takes so many allocations.
#[track_caller]
fn verdict_with(most: usize, verifier: &Verifier<'_>, request: &Request<'_>) -> &'static str {
    let before = ALLOCATIONS.get();
    let verdict = verifier.verify(request, NOW);
    assert_eq!(ALLOCATIONS.get(), before + most, "allocations to verify {}", request.url);
    verdict.map_or_else(|refusal| refusal.code(), |verified| verified.placement().name())
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(core::hint::black_box(Box::new(1)));
    assert_eq!(ALLOCATIONS.get(), before + 1);
}

#[test]
fn an_admitted_link_takes_no_allocation_in_any_placement() {
    let ring = KeyRing::parse(KEYS).unwrap();
    let verifier =
        Verifier::new(&ring).audience(Some("cdn")).unsigned_params(ParamNames::new("utm_source"));
    let signer = Signer::new(ring.clone());
    let network = "203.0.113.0/24".parse().unwrap();
    let bound = |url| {
        signer
            .link(url)
            .audience("cdn")
            .countries("PT.ES")
            .download("Der Film – 1080p.mp4")
            .network(network)
            .token_id("a")
            .not_before(NOW)
            .run(14_400)
            .session("0d3e9b2c4a1e")
            .subject("viewer-8731")
    };
    let longest = format!("{FILM}?{}", "q".repeat(7000));
    let odd = "https://cdn.example.com/b%c3%bccher/%7efilm.mp4?a=b&c";
    for url in [FILM, &longest, odd] {
        let client = |mut request: Request<'_>| {
            request.client_ip = Some([203, 0, 113, 9].into());
            request.client_country = Some("ES");
            verdict(&verifier, &request)
        };
        let in_query = bound(url).sign(NOW).unwrap();
        assert_eq!(client(Request::new(in_query.as_str())), Placement::Query.name());
        let more = format!("{}&CMCD=a&utm_source=b", in_query.as_str());
        assert_eq!(client(Request::new(&more)), Placement::Query.name());
        let below = bound(url).directory(1).sign(NOW).unwrap();
        assert_eq!(client(Request::new(below.as_str())), Placement::Query.name());

        let in_path = bound(url).in_path().sign(NOW).unwrap();
        assert_eq!(client(Request::new(in_path.as_str())), Placement::Path.name());

        let cookie = format!("theme=dark; {}; a=b", in_path.token());
        let mut request = Request::new(url);
        request.cookie = Some(&cookie);
        assert_eq!(client(request), Placement::Cookie.name());

        let bearer = format!("bearer {}", in_path.token());
        let mut request = Request::new(url);
        request.authorization = Some(&bearer);
        assert_eq!(client(request), Placement::Bearer.name());
    }
}

#[cfg(feature = "jwt")]
#[test]
fn a_jwt_of_usual_length_takes_one_allocation_for_each_text_and_two_for_names() {
    /// `aud`, `iss`, `jti`, `sid` and `sub`: they are decoded, so no request has them as they are. The names of the
    /// header and of the payload are kept in a list each.
    const MOST: usize = 5 + 2;
    let ring = KeyRing::parse(KEYS).unwrap();
    let rules = JwtRules::new("/videos/{vid}/").unwrap().issuer("https://www.example.com");
    let gate = Verifier::new(&ring).audience(Some("edge")).jwt(Some(&rules));
    let signer = Signer::new(ring.clone());
    let jwt = Jwt::new().claim("vid", "42").issuer("https://www.example.com");
    let link = signer.link(FILM).jwt(jwt).audience("edge").subject("viewer-8731").session("s");
    let link = link.token_id("0d3e9b2c").not_before(NOW).run(14_400).sign(NOW).unwrap();
    assert_eq!(verdict_with(MOST, &gate, &Request::new(link.as_str())), Placement::Query.name());
    let outside = link.as_str().replacen("/42/", "/43/", 1);
    assert_eq!(verdict_with(MOST, &gate, &Request::new(&outside)), "outside_scope");
    let elsewhere = gate.audience(Some("other"));
    assert_eq!(verdict_with(MOST, &elsewhere, &Request::new(link.as_str())), "wrong_audience");
}

#[test]
fn no_refusal_takes_an_allocation() {
    let ring = KeyRing::parse(KEYS).unwrap();
    let gate = Verifier::new(&ring);
    let signer = Signer::new(ring.clone());
    let link = String::from(signer.link(FILM).sign(NOW).unwrap());
    let refused = |gate: Verifier<'_>, url: &str, reason: &str| {
        assert_eq!(verdict(&gate, &Request::new(url)), reason, "{url}");
    };
    let replaced = |from: &str, to: &str, reason: &str| {
        assert!(link.contains(from), "{from}");
        refused(gate, &link.replacen(from, to, 1), reason);
    };

    // 1
    refused(gate, FILM, "missing");
    refused(gate, &link.replace(".com/", ".com/pg=1/"), "ambiguous");
    // 2
    replaced("https://", "", "malformed");
    replaced("&sig=", "&sig=A", "malformed");
    replaced("pg=1", "pg=2", "unsupported_version");
    replaced("&sig=", "&geo=PT&sig=", "unknown_field");
    replaced("/42/", "/42//", "path_not_canonical");
    refused(gate, &format!("{link}&a=b"), "unsigned_parameter");
    replaced("&sig=", "&dir=3&sig=", "outside_scope");
    // 3
    replaced("kid=main", "kid=next", "unknown_key");
    replaced("kid=main", "kid=old", "retired_key");
    // 4
    replaced("film.mp4", "film.mp3", "bad_signature");
    replaced("film.mp4", "%66ilm.mp3", "bad_signature");
    // 5
    let later = signer.link(FILM).not_before(NOW.saturating_add(1)).sign(NOW).unwrap();
    refused(gate, later.as_str(), "not_yet_valid");
    let earlier = signer.link(FILM).expires_in(1).sign(UnixTime::from_secs(1_767_224_999)).unwrap();
    refused(gate, earlier.as_str(), "expired");
    refused(gate.max_lifetime(Some(599)), &link, "lifetime_too_long");
    // 6
    refused(gate.audience(Some("cdn")), &link, "wrong_audience");
    let abroad = signer.link(FILM).countries("PT.ES").sign(NOW).unwrap();
    refused(gate, abroad.as_str(), "wrong_country");
    let elsewhere = signer.link(FILM).network("2001:db8::/64".parse().unwrap()).sign(NOW).unwrap();
    refused(gate, elsewhere.as_str(), "wrong_network");
}

/// To read a JWT takes some. What is no JWT takes none at a gate that reads both.
#[cfg(feature = "jwt")]
#[test]
fn a_gate_that_reads_jwts_too_takes_none_for_others() {
    let ring = KeyRing::parse(KEYS).unwrap();
    let rules = JwtRules::new("/videos/{vid}/").unwrap();
    let gate = Verifier::new(&ring).jwt(Some(&rules));
    let signer = Signer::new(ring.clone());
    for (link, placement) in [
        (signer.link(FILM).sign(NOW), Placement::Query),
        (signer.link(FILM).in_path().sign(NOW), Placement::Path),
    ] {
        let link = String::from(link.unwrap());
        assert_eq!(verdict(&gate, &Request::new(&link)), placement.name());
        assert_eq!(verdict(&gate, &Request::new(&link.replace("film", "other"))), "bad_signature");
        let jwts_alone = gate.native(false);
        assert_eq!(verdict(&jwts_alone, &Request::new(&link)), "missing");
        let joint = if link.contains('?') { '&' } else { '?' };
        let two = format!("{link}{joint}token=e30.e30.");
        assert_eq!(verdict(&gate, &Request::new(&two)), "ambiguous");
    }
    let mut request = Request::new(FILM);
    assert_eq!(verdict(&gate, &request), "missing");
    request.cookie = Some("pg=tossed; token=tossed; pg=1");
    assert_eq!(verdict(&gate, &request), "malformed");
    request.authorization = Some("Bearer opaque");
    request.cookie = Some("tokens=e30.e30.");
    assert_eq!(verdict(&gate, &request), "missing");
}
