//! `playgate rewrite`: manifests as the gate would serve them.

use std::fs;

use serde_json::Value;

use crate::program::{NOW, Run, folder, private_file, ring, run, run_with_input};

const MANIFEST: &str = "https://cdn.example.com/videos/42/master.m3u8";
const PLAYLIST: &str = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"/videos/42/key\"\n#EXTINF:4,\n\
    1.ts\n#EXTINF:4,\nhttps://other.example/2.ts\n#EXTINF:4,\n/videos/43/3.ts\n#EXT-X-ENDLIST\n";

/// A link to [`MANIFEST`], made by the program.
fn link(more: &[&str]) -> String {
    link_to(MANIFEST, more)
}

fn link_to(url: &str, more: &[&str]) -> String {
    let run = run(&[&["sign", NOW, url], more].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout.trim_end().to_owned()
}

/// The token of a link that has it in its path.
fn token(link: &str) -> &str {
    link.split('/').find(|segment| segment.starts_with("pg=1&")).unwrap()
}

fn rewrite(link: &str, more: &[&str], manifest: &str) -> Run {
    run_with_input(&[&["rewrite", NOW, link], more].concat(), manifest.as_bytes())
}

/// What `--json` prints, as line, address, written and why.
#[track_caller]
fn list(link: &str, more: &[&str], manifest: &str) -> Vec<(u64, String, String, String)> {
    let run = rewrite(link, &[&["--json"], more].concat(), manifest);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    assert!(!run.stdout.contains("sig="), "{}", run.stdout);
    let list: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    list.iter()
        .map(|entry| {
            assert_eq!(entry.as_object().unwrap().len(), 4);
            let line = entry["line"].as_u64().unwrap();
            (line, text(entry, "address"), text(entry, "written"), text(entry, "why"))
        })
        .collect()
}

fn entry(line: u64, address: &str, written: &str, why: &str) -> (u64, String, String, String) {
    (line, address.into(), written.into(), why.into())
}

#[test]
fn a_playlist_by_path() {
    let link = link(&[]);
    let expected = PLAYLIST.replace("\"/videos", &format!("\"/{}/videos", token(&link)));
    rewrite(&link, &[], PLAYLIST).is(0, &expected, "");
    rewrite(&link, &["-"], PLAYLIST).is(0, &expected, "");
    let file = folder("rewrite").join("list.txt");
    fs::write(&file, PLAYLIST).unwrap();
    run(&["rewrite", NOW, &link, file.to_str().unwrap()]).is(0, &expected, "");
    let keys = private_file(&folder("rewrite_keys"), "keys.txt", &ring());
    let keyed = ["rewrite", NOW, "--keys", &keys, &link, file.to_str().unwrap()];
    run(&keyed).is(0, &expected, "");
}

#[test]
fn why_each_address_is_as_it_is() {
    let key = |written| entry(2, "/videos/42/key", written, "token");
    let others = [
        entry(6, "https://other.example/2.ts", "https://other.example/2.ts", "other_host"),
        entry(8, "/videos/43/3.ts", "/videos/43/3.ts", "outside_directory"),
    ];
    let by_path = [key("/TOKEN/videos/42/key"), entry(4, "1.ts", "1.ts", "inherits")];
    assert_eq!(list(&link(&[]), &[], PLAYLIST), [&by_path[..], &others].concat());
    let by_query =
        [key("/TOKEN/videos/42/key"), entry(4, "1.ts", "/TOKEN/videos/42/1.ts", "token")];
    let query = link(&["--place", "query"]);
    assert_eq!(list(&query, &[], PLAYLIST), [&by_query[..], &others].concat());
    let public = ["--public-extensions", "ts"];
    assert_eq!(list(&query, &public, PLAYLIST)[1], entry(4, "1.ts", "1.ts", "public"));
    let public = ["--public", "/videos/42/"];
    assert_eq!(list(&query, &public, PLAYLIST)[1], entry(4, "1.ts", "1.ts", "public"));
    let run = link(&["--run", "4h"]);
    assert_eq!(list(&run, &[], PLAYLIST), [&by_query[..], &others].concat());
    let odd = "#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"a\"\n#EXTINF:4,\n{$a}.ts\n#EXTINF:4,\na//b.ts\n\
               #EXTINF:4,\n/pg=1&exp=1&kid=old&sig=x/videos/42/c.ts\n#EXT-X-KEY:URI=\"skd://k\"\n";
    let mut odd = list(&query, &[], odd);
    assert_eq!(odd.remove(0), entry(4, "{$a}.ts", "{$a}.ts", "unknown"));
    assert_eq!(odd.remove(0), entry(6, "a//b.ts", "a//b.ts", "unreadable"));
    let signed = "/TOKEN/videos/42/c.ts";
    assert_eq!(
        odd,
        [entry(8, signed, signed, "has_token"), entry(9, "skd://k", "skd://k", "other_host")]
    );
}

#[test]
fn public_lists_are_read_as_at_the_gate() {
    let link = link(&["--place", "query"]);
    let why = |more: &[&str]| list(&link, more, PLAYLIST)[1].3.clone();
    assert_eq!(why(&["--public", "/other, /videos/%34%32/"]), "public");
    assert_eq!(why(&["--public", "/other", "--public", "/videos"]), "public");
    assert_eq!(why(&["--public-extensions", "m4s, TS"]), "public");
    for (option, list, message) in [
        ("--public", "/", "entry 1: / would open everything; name the directories"),
        ("--public", "/a,videos", "entry 2: the path does not start with a slash"),
        ("--public-extensions", ".ts", "entry 1: write extensions without their dot: \"m4s, ts\""),
        ("--public-extensions", "key", "entry 1: playlists and keys are what the gate is for"),
    ] {
        rewrite(&link, &[option, list], PLAYLIST).fails(2, &format!("{option}: {message}"));
    }
}

#[test]
fn a_preview() {
    let link = link(&["--preview", "6"]);
    let playlist =
        "#EXTM3U\n#EXTINF:4,\n1.ts\n#EXTINF:4,\n2.ts\n#EXTINF:4,\n3.ts\n#EXT-X-ENDLIST\n";
    let signed =
        |line, file: &str| entry(line, file, &format!("/TOKEN/videos/42/{file}"), "signed");
    assert_eq!(list(&link, &[], playlist), [signed(3, "1.ts"), signed(5, "2.ts")]);
    let output = rewrite(&link, &[], playlist);
    assert_eq!((output.code, output.stdout.contains("3.ts")), (Some(0), false));
    for line in output.stdout.lines().filter(|line| line.starts_with('/')) {
        let verified = run(&["verify", NOW, &format!("https://cdn.example.com{line}")]);
        assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    }
    let message = "playgate: the gate refuses the manifest: no_preview: ";
    let public = rewrite(&link, &["--public-extensions", "ts"], playlist);
    assert_eq!((public.code, public.stdout.as_str()), (Some(1), ""));
    assert!(public.stderr.starts_with(message), "{}", public.stderr);
}

#[test]
fn an_mpd() {
    let link = link_to("https://cdn.example.com/videos/42/a.mpd", &["--place", "query"]);
    let mpd = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">\n<BaseURL>https://other.example/</BaseURL>\n\
               <BaseURL>v/</BaseURL>\n<Period/></MPD>\n";
    let found = list(&link, &[], mpd);
    assert_eq!(
        found,
        [
            entry(2, "https://other.example/", "https://other.example/", "other_host"),
            entry(3, "v/", "https://cdn.example.com/TOKEN/videos/42/v/", "token"),
        ]
    );
    let output = rewrite(&link, &[], mpd);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.contains("<BaseURL>https://cdn.example.com/pg=1&amp;"),
        "{}",
        output.stdout
    );
    let path = link.strip_prefix("https://cdn.example.com").unwrap();
    rewrite(path, &[], mpd).fails(2, "the link has no scheme and host; write https://host/path");
}

#[test]
fn a_link_that_carries_nothing() {
    let exact = link(&["--exact"]);
    let says = "playgate: nothing is rewritten: the link opens this one address, and no segment; sign it for a directory\n";
    rewrite(&exact, &[], PLAYLIST).is(0, PLAYLIST, says);
    rewrite(&exact, &["--json"], PLAYLIST).is(0, "[]\n", says);
    let path = link(&[]);
    let cookie = format!("--cookie=pg={}", token(&path));
    // The value of a cookie may be the token as it is in a path.
    let run = rewrite(MANIFEST, &[&cookie.replace("pg=pg=", "pg=")], PLAYLIST);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), PLAYLIST), "{}", run.stderr);
    assert!(run.stderr.contains("cookies"), "{}", run.stderr);
}

#[test]
fn what_the_gate_refuses() {
    let forged = link(&[]).replace("/videos/42/", "/videos/43/");
    let refused = rewrite(&forged, &[], PLAYLIST);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.starts_with("playgate: the gate refuses the link: bad_signature: "));
    assert!(refused.stderr.ends_with("; `playgate inspect` says more\n"), "{}", refused.stderr);
    let json = rewrite(&forged, &["--json"], PLAYLIST);
    let verdict: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &verdict["reason"]), (Some(1), &"bad_signature".into()));
    rewrite(&link(&[]), &[], "<html>").fails(
        1,
        "the gate refuses the manifest: bad_manifest: the manifest cannot be read; it was read as a \
         playlist, and --kind chooses otherwise",
    );
    let complex = format!("#EXTM3U\n{}", "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"\"\n".repeat(1001));
    let complex = rewrite(&link(&[]), &["--json"], &complex);
    assert_eq!((complex.code, complex.stdout.as_str()), (Some(1), ""));
    assert!(complex.stderr.contains(": manifest_too_complex: "), "{}", complex.stderr);
}

#[test]
fn what_it_is_written_in() {
    let link =
        link_to("https://cdn.example.com/videos/42/live", &["--dir", "2", "--place", "query"]);
    for (more, manifest, code) in [
        (&[][..], "\u{feff}#EXTM3U\n1.ts\n", 0),
        (&[], " <MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>", 0),
        (&["--kind", "hls"], "1.mp3\n", 0),
        (&["--kind=mpd"], "<MPD/>", 0),
        (&["--kind", "hls"], "<MPD/>", 1),
    ] {
        let run = rewrite(&link, more, manifest);
        assert_eq!(run.code, Some(code), "{manifest}: {}", run.stderr);
    }
    rewrite(&link, &[], "1.mp3\n")
        .fails(2, "nothing says what the manifest is; add --kind hls or --kind mpd");
    let file = folder("rewrite_kind").join("list.M3U");
    fs::write(&file, "1.mp3\n").unwrap();
    assert_eq!(run(&["rewrite", NOW, &link, file.to_str().unwrap()]).code, Some(0));
    // The link's name comes before that of the file, which no gate sees.
    let mpd = link_to("https://cdn.example.com/videos/42/film.mpd", &[]);
    let told = run(&["rewrite", NOW, &mpd, file.to_str().unwrap()]);
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("it was read as an MPD"), "{}", told.stderr);
    let hls = ["rewrite", NOW, &mpd, file.to_str().unwrap(), "--kind", "hls"];
    assert_eq!(run(&hls).code, Some(0));
    let wrong = rewrite(&mpd, &[], PLAYLIST);
    assert_eq!(wrong.code, Some(1));
    let says = "; it was read as an MPD, and --kind chooses otherwise\n";
    assert!(wrong.stderr.ends_with(says), "{}", wrong.stderr);
    assert!(!rewrite(&mpd, &["--kind", "mpd"], PLAYLIST).stderr.contains("--kind"));
}

#[test]
fn what_cannot_be_read() {
    let link = link(&[]);
    let missing = run(&["rewrite", NOW, &link, "no/such/file.m3u8"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(3), ""));
    assert!(missing.stderr.starts_with("playgate: cannot read no/such/file.m3u8: "));
    run_with_input(&["rewrite", NOW, &link], b"#EXTM3U\n\xff\n")
        .fails(3, "standard input is not UTF-8, as manifests are");
    let swapped = run(&["rewrite", NOW, "list.m3u8", &link]);
    swapped.fails(2, "FILE is a link; write the link first, then the file");
    let path = link.replace("https://cdn.example.com", "");
    let relative = run(&["rewrite", NOW, "list.m3u8", &path]);
    assert_eq!(relative.code, Some(3));
    assert!(!relative.stderr.contains(&token(&link)[60..]), "{}", relative.stderr);
    for empty in ["", " \r\n", "\u{feff}\n"] {
        let message = "is empty; give the manifest as the media server has it";
        rewrite(&link, &[], empty).fails(2, &format!("standard input {message}"));
        let exact = self::link(&["--exact"]);
        rewrite(&exact, &[], empty).fails(2, &format!("standard input {message}"));
        let file = folder("rewrite_empty").join("list.m3u8");
        fs::write(&file, empty).unwrap();
        let file = file.to_str().unwrap();
        run(&["rewrite", NOW, &link, file]).fails(2, &format!("{file} {message}"));
    }
    let large = vec![b'\n'; (8 << 20) + 1];
    run_with_input(&["rewrite", NOW, &link], &large)
        .fails(3, "standard input is larger than 8 MiB, and no gate reads such a manifest");
    let both = run_with_input(&["rewrite", NOW, "--keys", "-", &link], b"");
    assert_eq!((both.code, both.stdout.as_str()), (Some(2), ""));
}

#[test]
fn a_live_playlist_that_is_exchanged() {
    let link = link(&["--run", "4h"]);
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n1.ts\n";
    let run = rewrite(&link, &[], live);
    assert!(run.stdout.starts_with("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH="), "{}", run.stdout);
    let says =
        "playgate: a live playlist is answered with one that names it; see it without --json\n";
    rewrite(&link, &["--json"], live).is(0, "[]\n", says);
}
