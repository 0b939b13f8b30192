//! What the program says to arguments that it cannot use.

use crate::program::{NOW, ring, run};

/// What `playgate sign` says to one option, or to a URL.
#[track_caller]
fn says(argument: &str, message: &str) {
    let url = "https://cdn.example.com/videos/42/film.mp4";
    let arguments = if argument.starts_with("--") {
        vec!["sign", NOW, argument, url]
    } else {
        vec!["sign", NOW, argument]
    };
    run(&arguments).fails(2, message);
}

#[test]
fn urls_that_cannot_be_signed() {
    says("", "the URL is empty");
    says("film.mp4", "not an absolute URL; write https://host/path");
    says(
        "https://cdn.example.com/a b.mp4",
        "the path has a space; write https://cdn.example.com/a%20b.mp4",
    );
    says(
        "https://cdn.example.com/ü",
        "the path has a non-ASCII character; write https://cdn.example.com/%C3%BC",
    );
    says("https://ü.example/a", "not an absolute URL; write https://xn--tda.example/a");
    says("HTTPS://CDN.example.com/a", "not an absolute URL; write https://cdn.example.com/a");
    says(
        "https://cdn.example.com",
        "the path does not start with a slash; write https://cdn.example.com/",
    );
    says(
        "https://cdn.example.com/a/../b",
        "the path has a segment . or ..; write https://cdn.example.com/b",
    );
    says(
        "https://cdn.example.com/C# lesson.mp4",
        "the URL has a #; if that is part of a name, write https://cdn.example.com/C%23%20lesson.mp4; \
         append a #fragment to the signed link",
    );
    says(
        "https://cdn.example.com/a#t=9",
        "the URL has a #; if that is part of a name, write https://cdn.example.com/a%23t=9; append a \
         #fragment to the signed link",
    );
    says(
        "/a#t=9",
        "the URL has a #; write %23 in a name, and append a #fragment to the signed link",
    );
    for list in ["master.m3u8", "a.MPD", "%6Daster.m3u8?a=b"] {
        says(
            &format!("https://cdn.example.com/{list}"),
            "the playlist has no directory, or more than 64; move it, or sign it as exact",
        );
    }
    for url in ["https:///a.mp4", "https:///cdn.example.com/a.mp4", "https://?a", "http://:80/a"] {
        says(url, "the URL has no host; write https://host/path");
    }
    says("https://user@/a", "the URL has no host; write https://host/path");
    let long = |len: usize| format!("https://cdn.example.com/{}", "a".repeat(len - 24));
    says(&long(9000), "the link would have at least 9000 bytes, but a gate reads at most 8192");
    says(&long(8192), "the link would have at least 8269 bytes, but a gate reads at most 8192");
    says(
        "https://cdn.example.com/a%2Fb",
        "the path has %2F or %5C; a slash in a file name cannot be signed",
    );
    says(
        "https://cdn.example.com/a?pg=1&exp=1&kid=main&sig=x",
        "the URL already has a token; sign it without",
    );
}

#[test]
fn options_that_cannot_be_signed() {
    says("--expires-at=1767225000", "--expires-at: the link would expire before it is signed");
    says(
        "--expires-at=1767225600000",
        "--expires-at: the link would last over 100 years; give the expiry in seconds, not milliseconds",
    );
    for round in ["--round=200y", "--round=9007199254740991"] {
        says(round, "--round: after rounding, the link would last over 100 years; round less");
    }
    says("--expires-in=0", "--expires-in: the link would expire before it is signed");
    says("--not-before=1767225600", "--not-before: not-before is not earlier than the expiry");
    says("--dir=3", "--dir: the path has too few directories; the text after its last / is a file");
    says("--kid=next", "--kid: the key id is not in the key ring");
    says("--audience=a b", "--audience: has a character other than A-Z a-z 0-9 - _ .");
    for (country, message) in [
        ("pt", "`pt` is not an ISO 3166-1 country code; write PT"),
        ("UK", "`UK` is not an ISO 3166-1 country code; write GB"),
        ("PT,uk", "`uk` is not an ISO 3166-1 country code; write GB"),
        ("EL", "`EL` is not an ISO 3166-1 country code; write GR"),
        ("EU", "`EU` is not an ISO 3166-1 country code; it is a union: list its countries"),
        ("ZZ", "`ZZ` is not an ISO 3166-1 country code"),
        ("PRT", "is not a list of two-letter countries, like PT and ES"),
        ("P1", "is not a list of two-letter countries, like PT and ES"),
        ("", "is not a list of two-letter countries, like PT and ES"),
    ] {
        says(&format!("--country={country}"), &format!("--country: {message}"));
    }
    says("--download=", "--download: is empty");
    says("--ip=203.0.113.300", "--ip: not a network; write 203.0.113.0/24 or 2001:db8::/64");
    let id =
        "has a character other than A-Z a-z 0-9 - _; write the base64url of the id or its hash";
    says("--jti=a.b", &format!("--jti: {id}"));
    says("--sub=anna@example.com", &format!("--sub: {id}"));
    says("--sub=auth0|8731", &format!("--sub: {id}"));
    let long = "is longer than 64 characters; write the base64url of its hash";
    says(&format!("--sid={}", "a".repeat(65)), &format!("--sid: {long}"));
    says("--run=0", "--run: is out of range");
    says("--max=2", "--max: needs the viewer's id, `sub`");
    says("--sid=", "--sid: is empty");
    says("--sub=ü", &format!("--sub: {id}"));
}

#[test]
fn arguments_that_are_none() {
    const MORE: &str = "\n\nFor more information, try '--help'.";
    run(&["open"])
        .fails(2, &format!("unrecognized subcommand 'open'\n\nUsage: playgate <COMMAND>{MORE}"));
    says(
        "--expires-in=10x",
        &format!(
            "invalid value '10x' for '--expires-in <LENGTH>': not a duration; write seconds, or text like 10m, 2h, 1h 30m{MORE}"
        ),
    );
    for option in ["max", "uses"] {
        for (count, message) in [
            ("0", "0 is not in 1..=1000"),
            ("1001", "1001 is not in 1..=1000"),
            ("65537", "65537 is not in 1..=1000"),
            ("two", "invalid digit found in string"),
        ] {
            says(
                &format!("--{option}={count}"),
                &format!("invalid value '{count}' for '--{option} <COUNT>': {message}{MORE}"),
            );
        }
    }
    for length in ["10M", "1M", "1h 30M"] {
        says(
            &format!("--expires-in={length}"),
            &format!(
                "invalid value '{length}' for '--expires-in <LENGTH>': M is ambiguous: minutes or months? write 10m for minutes, or 10months{MORE}"
            ),
        );
    }
    says(
        "--expires-at=tomorrow",
        &format!(
            "invalid value 'tomorrow' for '--expires-at <TIME>': not a time; write unix seconds, or text like 2026-01-01T00:00:00Z{MORE}"
        ),
    );
    for length in [&["--expires-in", "-5m"][..], &["--expires-in=-5m"], &["--expires-in", "-5"]] {
        let value = length[length.len() - 1].trim_start_matches("--expires-in=");
        run(&[&["sign"], length, &["/a"]].concat()).fails(
            2,
            &format!(
                "invalid value '{value}' for '--expires-in <LENGTH>': a duration cannot be \
                 negative; write seconds, or text like 10m, 2h, 1h 30m{MORE}"
            ),
        );
    }
    for option in ["--leeway", "--max-lifetime"] {
        let run = run(&["verify", option, "-5s", "/a"]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains("a duration cannot be negative"), "{}", run.stderr);
    }
    run(&["sign", "--dir", "-1", "/a"])
        .fails(2, &format!("invalid value '-1' for '--dir <N>': -1 is not in 1..=64{MORE}"));
    says("--dir=65", &format!("invalid value '65' for '--dir <N>': 65 is not in 1..=64{MORE}"));
    run(&["sign", "--expires-in=1", "--expires-at=1", "/a"]).fails(
        2,
        &format!("the argument '--expires-in <LENGTH>' cannot be used with '--expires-at <TIME>'\n\nUsage: playgate sign --expires-in <LENGTH> <URL>...{MORE}"),
    );
    for command in ["sign", "verify", "inspect"] {
        let none = run(&[command]);
        assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""), "{command}");
        assert!(none.stderr.contains("the following required arguments were not provided"));
    }
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    let key = ring();
    for arguments in [
        &["keygen", &key][..],
        &["verify", "/a", &key],
        &["sign", "--key", &key, "/a"],
        &["sign", &format!("--key={key}"), "/a"],
        &["sign", &key],
        &["sign", "--expires-in", &key, "/a"],
        &["sign", "--dir", &key, "/a"],
        &["sign", "--kid", &key, "/a"],
        &["serve", "--listen", &key],
        &["serve", "--secret", &key],
        &[&key],
    ] {
        // That the key is not printed is asserted for every run.
        let run = run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
    }
}
