//! Signing and verifying against a bare HMAC-SHA-256 with a prepared key over the same bytes.
//!
//! ```text
//! cargo bench --bench core
//! ```
//!
//! The table is divan's. The ratios below it are of medians over rounds in which the three take turns,
//! so that a busy machine slows them alike.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

mod turns;

use divan::{Bencher, black_box};
use hmac::{Hmac, KeyInit as _, Mac as _};
use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use sha2::Sha256;

use crate::turns::{medians, time};

const KEY: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

/// Links as they are minted: an asset named by a number, one named by a UUID, and one bound to a viewer.
const NAMES: [&str; 3] = ["short", "uuid", "viewer"];

fn main() {
    divan::main();
    if !std::env::args().any(|arg| arg == "--test" || arg == "--list") {
        NAMES.iter().for_each(|name| Case::new(name).print_ratios());
    }
}

/// One link, and all that it takes to sign and to verify it.
struct Case {
    name: &'static str,
    url: &'static str,
    verifier: Verifier<'static>,
    signer: Signer,
    key: Hmac<Sha256>,
    link: String,
    signing_input: String,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let url = match name {
            "uuid" => {
                "https://cdn.example.com/videos/9b2c4a1e-77d0-4f3b-8f60-2f6a5b1c0d3e/1080p.mp4"
            }
            _ => "https://cdn.example.com/videos/42/film.mp4",
        };
        let ring: &KeyRing = Box::leak(Box::new(KeyRing::parse(KEY).unwrap()));
        let key = Hmac::new_from_slice(&core::array::from_fn::<u8, 32, _>(|n| n as u8)).unwrap();
        let (link, signing_input) = (String::new(), String::new());
        let signer = Signer::new(ring.clone());
        let verifier = Verifier::new(ring);
        let mut case = Self { name, url, verifier, signer, key, link, signing_input };
        case.link = case.mint();
        let (target, token) = case.link.split_once('?').unwrap();
        let path = target.strip_prefix("https://cdn.example.com").unwrap();
        case.signing_input = format!("{path}\n{}", token.split_once("&sig=").unwrap().0);
        assert!(case.verify());
        case
    }

    fn bare_hmac(&self) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(black_box(&self.signing_input).as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn verify(&self) -> bool {
        self.verifier.verify(&Request::new(black_box(&self.link)), NOW).is_ok()
    }

    fn mint(&self) -> String {
        let mut link = self.signer.link(black_box(self.url));
        if self.name == "viewer" {
            link = link.session("0d3e9b2c4a1e").subject("viewer-8731");
        }
        link.sign(NOW).unwrap().into()
    }

    fn print_ratios(&self) {
        let [bare, verify, mint] =
            medians(|| [time(|| self.bare_hmac()), time(|| self.verify()), time(|| self.mint())]);
        println!("{:<7} verify/bare {:.2}  mint/bare {:.2}", self.name, verify / bare, mint / bare);
    }
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn bare_hmac(bencher: Bencher<'_, '_>, name: &'static str) {
    let case = Case::new(name);
    bencher.bench_local(|| case.bare_hmac());
}

// The link is dropped in each call: kept to the end of a sample, it would measure fresh memory.
#[divan::bench(args = NAMES, sample_size = 1000)]
fn mint(bencher: Bencher<'_, '_>, name: &'static str) {
    let case = Case::new(name);
    bencher.bench_local(|| drop(case.mint()));
}

#[divan::bench(args = NAMES, sample_size = 1000)]
fn verify(bencher: Bencher<'_, '_>, name: &'static str) {
    let case = Case::new(name);
    bencher.bench_local(|| case.verify());
}
