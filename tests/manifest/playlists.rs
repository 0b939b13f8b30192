//! Playlists that were reported or thought of, each as three players' requests have it: with the token in
//! the query, in the path, and to be exchanged. The `url` crate resolves, and a small player of the test
//! replaces variables.

use playgate::{KeyRing, Request, Signer, UnixTime, Verifier};
use playgate_manifest::{Kind, ManifestError, PublicPaths, Rewriter};
use url::Url;

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);
const FOLDER: &str = "https://cdn.example.com/videos/42/";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Query,
    Path,
    RunByQuery,
    RunByPath,
}

const WAYS: [Way; 4] = [Way::Query, Way::Path, Way::RunByQuery, Way::RunByPath];

/// A request for a playlist: its address, and what carries its token.
struct Asked {
    url: Url,
    rewriter: Rewriter,
}

impl Asked {
    fn new(url: &str, way: Way) -> Self {
        Self::with(url, way, None)
    }

    fn with(url: &str, way: Way, preview: Option<u64>) -> Self {
        let ring = KeyRing::parse(KEYS).unwrap();
        let signer = Signer::new(ring.clone());
        let link = signer.link(url).directory(2);
        let is_path = matches!(way, Way::Path | Way::RunByPath);
        let link = if is_path { link.in_path() } else { link.in_query() };
        let is_run = matches!(way, Way::RunByQuery | Way::RunByPath);
        let link = if is_run { link.run(14_400) } else { link };
        let link = preview.into_iter().fold(link, |link, secs| link.preview(secs));
        Self::of(link.sign(NOW).unwrap().as_str())
    }

    /// A player that found an address in another playlist.
    fn of(link: &str) -> Self {
        let ring = KeyRing::parse(KEYS).unwrap();
        let verifier = Verifier::new(&ring);
        let verified = verifier.verify(&Request::new(link), NOW).unwrap();
        let rewriter = Rewriter::new(&verifier, &verified, NOW).unwrap();
        Self { url: Url::parse(link).unwrap(), rewriter }
    }

    fn rewrite(&self, playlist: &str) -> String {
        self.rewriter.rewrite(Kind::Hls, playlist).unwrap()
    }
}

fn is_admitted(url: &Url) -> bool {
    let ring = KeyRing::parse(KEYS).unwrap();
    let url = url.as_str().split('#').next().unwrap();
    Verifier::new(&ring).verify(&Request::new(url), NOW).is_ok()
}

/// The variables of a playlist, with those that it imports from `imported`.
fn variables(playlist: &str, imported: &[(String, String)]) -> Vec<(String, String)> {
    let quoted = |list: &str, name: &str| {
        let (_, value) = list.split_once(&format!("{name}=\""))?;
        value.split_once('"').map(|(value, _)| value.to_owned())
    };
    let lists = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-DEFINE:"));
    let define = |list| match (quoted(list, "NAME"), quoted(list, "IMPORT")) {
        (Some(name), _) => Some((name, quoted(list, "VALUE").unwrap())),
        (None, Some(name)) => imported.iter().find(|(known, _)| *known == name).cloned(),
        _ => None,
    };
    lists.filter_map(define).collect()
}

/// The addresses that have a line, as a player resolves them.
fn addresses(playlist: &str, base: &Url, imported: &[(String, String)]) -> Vec<Url> {
    let variables = variables(playlist, imported);
    let lines = playlist.lines().map(|line| line.trim_matches(['\u{feff}', ' ']));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let text = variables.iter().fold(line.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{${name}}}"), value)
            });
            base.join(&text).unwrap()
        })
        .collect()
}

/// The path without the token.
fn file(url: &Url) -> &str {
    let path = url.path();
    path.strip_prefix("/pg=1").and_then(|rest| rest.split_once('/')).map_or(path, |(_, file)| file)
}

/// Every address of a playlist is admitted, in every way to ask for it.
#[track_caller]
fn plays(playlist: &str, files: &[&str]) {
    for way in WAYS {
        let asked = Asked::new(&format!("{FOLDER}a.m3u8"), way);
        let rewritten = asked.rewrite(playlist);
        let found = addresses(&rewritten, &asked.url, &[]);
        assert_eq!(found.iter().map(file).collect::<Vec<_>>(), files, "{way:?}");
        for url in &found {
            assert!(is_admitted(url), "{way:?}: {url}");
        }
        if rewritten.starts_with("#EXTM3U") || playlist.starts_with('\u{feff}') {
            assert_eq!(rewritten.lines().count(), playlist.lines().count());
        }
        assert_eq!(asked.rewrite(&rewritten), rewritten, "twice is once");
    }
}

#[test]
fn a_byte_order_mark_stays() {
    let playlist = "\u{feff}#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n#EXT-X-ENDLIST\n";
    plays(playlist, &["videos/42/1.ts"]);
    let asked = Asked::new(&format!("{FOLDER}a.m3u8"), Way::Query);
    assert!(asked.rewrite(playlist).starts_with("\u{feff}#EXTM3U\n"));
}

#[test]
fn a_list_of_a_radio_station() {
    plays("one.mp3\ntwo.mp3\n", &["videos/42/one.mp3", "videos/42/two.mp3"]);
    plays("#EXTINF:-1,One\r\none.mp3\r\n\r\n", &["videos/42/one.mp3"]);
}

#[test]
fn https_in_a_playlist_that_came_by_http() {
    let playlist = format!("#EXTM3U\n#EXTINF:4,\n{FOLDER}1.ts\n#EXT-X-ENDLIST\n");
    for way in WAYS {
        let asked = Asked::new("http://cdn.example.com/videos/42/a.m3u8", way);
        let found = addresses(&asked.rewrite(&playlist), &asked.url, &[]);
        assert_eq!(found[0].scheme(), "https");
        assert!(is_admitted(&found[0]), "{}", found[0]);
    }
}

const MULTIVARIANT: &str = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-DEFINE:NAME=\"folder\",VALUE=\"FOLDER\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=900000\nhls/media.m3u8\n";
const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:4\n\
    #EXT-X-DEFINE:IMPORT=\"folder\"\n#EXTINF:4,\n{$folder}/1.ts\n#EXT-X-ENDLIST\n";

/// A player opens the multivariant playlist, and then what that names.
#[test]
fn a_variable_that_is_imported() {
    for (folder, led) in [
        ("/videos/42/hd", "videos/42/hd/1.ts"),
        ("https://cdn.example.com/videos/42/hd", "videos/42/hd/1.ts"),
        ("//cdn.example.com/videos/42/hd", "videos/42/hd/1.ts"),
        ("hd", "videos/42/hls/hd/1.ts"),
        ("../hd", "videos/42/hd/1.ts"),
        (".", "videos/42/hls/1.ts"),
    ] {
        for way in WAYS {
            let asked = Asked::new(&format!("{FOLDER}master.m3u8"), way);
            let multivariant = asked.rewrite(&MULTIVARIANT.replace("FOLDER", folder));
            let exported = variables(&multivariant, &[]);
            let variant = &addresses(&multivariant, &asked.url, &[])[0];
            assert!(is_admitted(variant), "{variant}");
            let media = Asked::of(variant.as_str());
            let found = addresses(&media.rewrite(MEDIA), &media.url, &exported);
            assert_eq!(file(&found[0]), led, "{folder}, {way:?}");
            assert!(is_admitted(&found[0]), "{folder}, {way:?}: {}", found[0]);
            // A media playlist that was opened by a link of its own.
            if folder.contains('/') && !folder.starts_with('.') {
                let media = Asked::new(&format!("{FOLDER}hls/media.m3u8"), way);
                let found = addresses(&media.rewrite(MEDIA), &media.url, &exported);
                assert!(is_admitted(&found[0]), "{folder}, {way:?}: {}", found[0]);
            }
        }
    }
}

/// No playlist of another host, and no address there, gets to know the token by a variable.
#[test]
fn a_variable_takes_no_token_to_another_host() {
    let other = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"folder\",VALUE=\"/videos/42/hd\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://other.example/media.m3u8\n";
    for way in WAYS {
        let asked = Asked::new(&format!("{FOLDER}master.m3u8"), way);
        let exported = variables(&asked.rewrite(other), &[]);
        let base = Url::parse("https://other.example/media.m3u8").unwrap();
        for url in addresses(MEDIA, &base, &exported) {
            assert!(!url.as_str().contains("sig="), "{url}");
        }
        let media = Asked::new(&format!("{FOLDER}media.m3u8"), way);
        for both in [
            MEDIA.replace("{$folder}/1", "https://other.example{$folder}/1"),
            MEDIA.replace("#EXT-X-E", "https://other.example/?from={$folder}\n#EXT-X-E"),
        ] {
            let result = media.rewriter.rewrite(Kind::Hls, &both);
            assert_eq!(result, Err(ManifestError::Malformed), "{both}");
        }
    }
}

/// The token in the value of a variable goes to no address of another host in the same playlist.
#[test]
fn an_address_of_another_host_gets_no_value_with_the_token() {
    let session = |uri: &str| format!("#EXT-X-SESSION-KEY:METHOD=AES-128,URI={uri}\n");
    let folder = "#EXT-X-DEFINE:NAME=\"folder\",VALUE=\"/videos/42/hd\"\n";
    for more in [
        session("\"https://other.example/k?for={$folder}\""),
        session("\"//other.example{$folder}/k\""),
        session("\"\\\\other.example\\{$folder}/k\""),
        session("https://other.example/k?for={$folder}"),
        session("'https://other.example/k?for={$folder}'"),
        "#EXT-X-SESSION-KEY:METHOD=AES-128;URI=\"https://other.example/{$folder}\"\n".into(),
        "#EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example{$folder}/d.json\"\n".into(),
        "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"see https://other.example/{$folder}\"\n".into(),
        "#EXT-X-VENDOR:https://other.example{$folder}/d.json\n".into(),
        "##EXT-X-SESSION-DATA:DATA-ID=\"a\",URI=\"https://other.example{$folder}/d.json\"\n".into(),
        "#EXT-X-DEFINE:NAME=\"b\",VALUE=\"https://other.example/?{$folder}\"\n#EXT-X-A:{$b}\n"
            .into(),
        "#EXT-X-DEFINE:NAME=\"b\",VALUE=\"x{$folder}\"\n".to_owned()
            + &session("\"https://other.example/{$b}\""),
        "#EXT-X-DEFINE:NAME=\"host\",VALUE=\"https://other.example\"\n".into(),
        session("\"{$later}{$folder}\"") + "#EXT-X-DEFINE:NAME=\"later\",VALUE=\"//b.example\"\n",
    ] {
        let stream = "#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n";
        for (lines, in_order) in
            [([folder, &more].concat(), true), ([&more, folder].concat(), false)]
        {
            let playlist = ["#EXTM3U\n", &lines, stream].concat();
            for way in WAYS {
                let asked = Asked::new(&format!("{FOLDER}master.m3u8"), way);
                match asked.rewriter.rewrite(Kind::Hls, &playlist) {
                    Ok(text) => assert!(text.contains(folder) && text.contains(&more), "{text}"),
                    Err(error) => {
                        assert!(!in_order && error == ManifestError::Malformed, "{playlist}");
                    }
                }
            }
        }
    }
    // What other addresses use has no token, and takes it from no other variable.
    for more in [
        session("\"https://other.example/k?for={$id}\""),
        session("\"{$folder}/k\""),
        "# {$folder} is for media playlists\n".into(),
    ] {
        let id = "#EXT-X-DEFINE:NAME=\"id\",VALUE=\"7\"\n";
        let stream = "#EXT-X-STREAM-INF:BANDWIDTH=1\nmedia.m3u8\n";
        let playlist = ["#EXTM3U\n", id, folder, &more, stream].concat();
        for way in WAYS {
            let rewritten = Asked::new(&format!("{FOLDER}master.m3u8"), way).rewrite(&playlist);
            assert!(!rewritten.contains(folder), "{way:?}: {rewritten}");
            assert!(rewritten.contains(id), "{way:?}: {rewritten}");
        }
    }
}

/// Whatever an address says, and whatever the player knows that the gate does not, the token goes to the
/// host that the playlist came from, by whichever name a player knows that.
#[test]
fn a_path_does_not_leave_its_host() {
    let pieces = [
        "a.ts",
        "/videos/42/a.ts",
        "//other.example/",
        "//cdn.example.com/",
        "https://other.example/",
        "https://cdn.example.com/videos/42/",
        "https:",
        "/",
        "\\",
        "..",
        "../../..",
        "@",
        ":8443",
        "?",
        "#",
        "%2f",
        "{$v}",
        "{$w}",
        "\t",
        "data:,",
        "",
    ];
    let values = [
        "//other.example",
        "https://other.example",
        "\\\\other.example",
        "@other.example",
        "/",
        ":",
        "",
    ];
    for way in WAYS {
        let asked = Asked::new(&format!("{FOLDER}set/a.m3u8"), way);
        let hosts = [asked.url.clone(), {
            let mut proxy = asked.url.clone();
            proxy.set_host(Some("proxy.example")).unwrap();
            proxy
        }];
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let address = [first, second, third].concat();
                    let import = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"v\"\n#EXT-X-DEFINE:NAME=\"w\",VALUE=\"//b.example/\"\n";
                    let playlist = [import, "#EXTINF:4,\n", &address, "\n"].concat();
                    let Ok(rewritten) = asked.rewriter.rewrite(Kind::Hls, &playlist) else {
                        continue;
                    };
                    let line = rewritten.lines().last().unwrap();
                    if !line.contains("sig=") {
                        continue;
                    }
                    for value in values {
                        let line = line.replace("{$v}", value);
                        for base in &hosts {
                            let Ok(led) = base.join(&line) else { continue };
                            let named = line.starts_with("https:") || line.starts_with("http:");
                            let host = if named { asked.url.host_str() } else { base.host_str() };
                            assert_eq!(led.host_str(), host, "{address} became {line}");
                            assert_eq!(led.port(), None, "{address} became {line}");
                        }
                    }
                }
            }
        }
        // Against an address without a host it leads nowhere.
        let data = Url::parse("data:application/vnd.apple.mpegurl,x").unwrap();
        assert!(data.join("/pg=1&sig=x/videos/42/a.ts").is_err());
    }
}

#[test]
fn a_preview_names_what_it_admits_or_is_none() {
    let variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000\nLevel(500000)/List(format=hls)\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900000\nhigh/list.m3u\n";
    for way in WAYS {
        let asked = Asked::with(&format!("{FOLDER}a.m3u8"), way, Some(6));
        let rewritten = asked.rewriter.rewrite(Kind::Hls, variants);
        assert_eq!(rewritten, Err(ManifestError::NoPreview));
        let named = variants.replace("List(format=hls)", "list.m3u8").replace(".m3u\n", ".m3u8\n");
        let rewritten = asked.rewrite(&named);
        for url in addresses(&rewritten, &asked.url, &[]) {
            assert!(is_admitted(&url), "{url}");
        }
    }
}

/// An address may stay as it is, but never vanishes, whatever is public.
#[test]
fn no_address_becomes_an_empty_line() {
    let pieces =
        ["a", "{$known}", "{$none}", "{$far}", "{$query}", "/videos/42/", "?p=", "#", ".ts", "%2e"];
    let define = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"known\",VALUE=\"b\"\n#EXT-X-DEFINE:IMPORT=\"far\"\n\
        #EXT-X-DEFINE:NAME=\"empty\",VALUE=\"\"\n#EXT-X-DEFINE:QUERYPARAM=\"query\"\n";
    let mut lines = vec!["{$empty}".to_owned(), "segment.ts?p={$far}".to_owned()];
    for first in pieces.iter().filter(|piece| **piece != "#") {
        for second in pieces {
            lines.extend(pieces.iter().map(|third| [first, second, *third].concat()));
        }
    }
    for way in WAYS {
        for query in ["", "?query=hd", "?query="] {
            for public in [vec![], vec!["ts".to_owned()]] {
                let asked = Asked::new(&format!("{FOLDER}set/a.m3u8{query}"), way);
                let public = PublicPaths::new(vec![], public);
                let rewriter = asked.rewriter.public_paths(public);
                for line in &lines {
                    let tag = format!("#EXT-X-MAP:URI=\"{line}\"\n");
                    let playlist = [define, &tag, "#EXTINF:4,\n", line, "\n"].concat();
                    // Refused where nobody can tell which host an imported variable goes to.
                    let Ok(rewritten) = rewriter.rewrite(Kind::Hls, &playlist) else {
                        assert!(line.contains("{$far}") && *line != lines[1], "{line}");
                        continue;
                    };
                    if rewritten.contains("EXT-X-STREAM-INF") {
                        continue;
                    }
                    assert_eq!(rewritten.lines().count(), playlist.lines().count());
                    let last = rewritten.lines().last().unwrap();
                    assert!(!last.trim().is_empty(), "{way:?}: {line}");
                    assert!(!rewritten.contains("URI=\"\""), "{way:?}: {line}");
                }
            }
        }
    }
}
