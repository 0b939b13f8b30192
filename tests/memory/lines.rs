//! A playlist that comes line by line takes memory for one line, however many there are.

use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use playgate_manifest::{HlsRewriter, Rewriter};

use crate::gauge::{Taken, measure};

/// A development key: the bytes 0 to 31.
const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

fn rewriter(preview: bool) -> Rewriter {
    let ring = KeyRing::parse(KEYS).unwrap();
    let signer = Signer::new(ring.clone());
    let link = signer.link("https://cdn.example.com/videos/42/a.m3u8").directory(2).in_query();
    let link = if preview { link.preview(1_000_000_000) } else { link };
    let link = link.sign(NOW).unwrap();
    let verifier = Verifier::new(&ring);
    let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
    Rewriter::new(&verifier, &verified, NOW).unwrap()
}

/// The most bytes held at once for a playlist of so many segments, one of them with a long address.
fn peak(rewriter: &Rewriter, segments: usize, longest: usize) -> usize {
    let long = format!("https://cdn.example.com/videos/42/%62/{}.ts\n", "a".repeat(longest));
    let mut out = String::with_capacity(16 * 1024 + longest);
    let ((), taken) = measure(|| {
        let mut hls = HlsRewriter::new(rewriter);
        let mut line = |line: &str| {
            out.clear();
            hls.line(line, &mut out).unwrap();
            out.len()
        };
        line("#EXTM3U\n");
        line("#EXT-X-MAP:URI=\"init.mp4\"\n");
        for n in 0..segments {
            line("#EXTINF:6.0,\n");
            let address =
                if n == segments / 2 { &long } else { "https://cdn.example.com/videos/42/1.ts\n" };
            assert!(line(address) > address.len());
        }
        line("#EXT-X-ENDLIST\n");
    });
    taken.peak
}

#[test]
fn the_gauge_sees_what_is_held() {
    let held = |_| drop(core::hint::black_box(vec![0_u8; 5000]));
    let ((), taken) = measure(|| (0..3).for_each(held));
    assert_eq!(taken, Taken { peak: 5000, total: 15_000 });
}

#[test]
fn memory_grows_with_the_longest_line_and_not_with_the_playlist() {
    for preview in [false, true] {
        let rewriter = rewriter(preview);
        let few = peak(&rewriter, 1_000, 100);
        assert_eq!(peak(&rewriter, 10_000, 100), few, "preview: {preview}");
        assert!(few < 4096, "{few} bytes");
        let long = peak(&rewriter, 1_000, 7000);
        assert!(long < few + 10 * 7000, "{long} bytes, preview: {preview}");
    }
}

#[test]
fn what_a_manifest_grows_to_is_bounded() {
    use playgate::{Jwt, JwtRules};
    use playgate_manifest::{Kind, MAX_LEN, ManifestError};
    let ring = KeyRing::parse(KEYS).unwrap();
    let jwt = Jwt::new().claim("vid", "42").claim("fill", "x".repeat(2900));
    let url = "https://cdn.example.com/videos/42/a.mpd";
    let link = Signer::new(ring.clone()).link(url).jwt(jwt).in_query().sign(NOW).unwrap();
    let rules = JwtRules::new("/videos/{vid}/").unwrap();
    let verifier = Verifier::new(&ring).jwt(Some(&rules));
    let verified = verifier.verify(&Request::new(link.as_str()), NOW).unwrap();
    let rewriter = Rewriter::new(&verifier, &verified, NOW).unwrap();
    let segments = "<SegmentURL media=\"a\"/>".repeat(80_000);
    let mpd = format!(
        "<MPD><Period><AdaptationSet><Representation id=\"1\"><SegmentList>{segments}</SegmentList></Representation></AdaptationSet></Period></MPD>"
    );
    let hls = format!("#EXTM3U\n{}", "a\n".repeat(1_000_000));
    for (kind, manifest) in [(Kind::Dash, mpd), (Kind::Hls, hls)] {
        let (result, Taken { peak, .. }) = measure(|| rewriter.rewrite(kind, &manifest));
        assert_eq!(result, Err(ManifestError::TooLarge));
        eprintln!("{kind:?} {} -> peak {} MiB", manifest.len(), peak >> 20);
        assert!(peak < 4 * MAX_LEN, "{kind:?} {peak}");
    }
}
