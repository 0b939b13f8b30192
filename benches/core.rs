//! Signing and verifying against a bare HMAC-SHA-256 with a prepared key over the same bytes.
//!
//! ```text
//! cargo bench --bench core
//! ```

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use divan::{Bencher, black_box};
use hmac::{Hmac, KeyInit as _, Mac as _};
use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use sha2::Sha256;

const KEY: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

/// Links as they are minted: an asset named by a number, one named by a UUID, and one bound to a viewer.
const URLS: [(&str, &str); 3] = [
    ("short", "https://cdn.example.com/videos/42/film.mp4"),
    ("uuid", "https://cdn.example.com/videos/9b2c4a1e-77d0-4f3b-8f60-2f6a5b1c0d3e/1080p.mp4"),
    ("viewer", "https://cdn.example.com/videos/42/film.mp4"),
];

fn main() {
    divan::main();
}

fn sign(signer: &Signer, name: &str, url: &str) -> String {
    let link = signer.link(url);
    let link =
        if name == "viewer" { link.subject("viewer-8731").session("0d3e9b2c4a1e") } else { link };
    link.sign(NOW).unwrap().into()
}

fn signing_input(link: &str) -> String {
    let (target, token) = link.split_once('?').unwrap();
    let path = target.strip_prefix("https://cdn.example.com").unwrap();
    format!("{path}\n{}", token.split_once("&sig=").unwrap().0)
}

#[divan::bench(args = URLS.map(|(name, _)| name))]
fn bare_hmac(bencher: Bencher<'_, '_>, name: &str) {
    let url = URLS.iter().find(|(n, _)| *n == name).unwrap().1;
    let input = signing_input(&sign(&Signer::new(KeyRing::parse(KEY).unwrap()), name, url));
    let key =
        Hmac::<Sha256>::new_from_slice(&core::array::from_fn::<u8, 32, _>(|n| n as u8)).unwrap();
    bencher.bench_local(|| {
        let mut mac = key.clone();
        mac.update(black_box(&input).as_bytes());
        mac.finalize().into_bytes()
    });
}

#[divan::bench(args = URLS.map(|(name, _)| name))]
fn verify(bencher: Bencher<'_, '_>, name: &str) {
    let url = URLS.iter().find(|(n, _)| *n == name).unwrap().1;
    let ring = KeyRing::parse(KEY).unwrap();
    let link = sign(&Signer::new(ring.clone()), name, url);
    let verifier = Verifier::new(&ring);
    bencher.bench_local(|| verifier.verify(&Request::new(black_box(&link)), NOW).is_ok());
    assert!(verifier.verify(&Request::new(&link), NOW).is_ok());
}

#[divan::bench(args = URLS.map(|(name, _)| name))]
fn mint(bencher: Bencher<'_, '_>, name: &str) {
    let url = URLS.iter().find(|(n, _)| *n == name).unwrap().1;
    let signer = Signer::new(KeyRing::parse(KEY).unwrap());
    bencher.bench_local(|| sign(&signer, name, black_box(url)));
}
