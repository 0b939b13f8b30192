//! The program's commands: what they print, and how they end.

use crate::program::{NOW, Run, folder, program, run};

const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";
const LINK: &str = "https://cdn.example.com/videos/42/film.mp4\
    ?pg=1&exp=1767225600&kid=main&sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";

#[test]
fn alone_it_prints_its_help_and_ends_with_2() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    run(&[]).is(2, "", &help.stdout);
    run(&["--version"]).is(0, concat!("playgate ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

#[test]
fn every_help_has_examples_and_exit_codes() {
    for command in [
        "keygen",
        "sign",
        "verify",
        "inspect",
        "rewrite",
        "revoke",
        "revocations",
        "playbacks",
        "sessions",
        "serve",
    ] {
        let help = run(&[command, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{command}");
        for part in ["EXAMPLE", "\nEXIT CODES:\n  0  ", "--help"] {
            assert!(help.stdout.contains(part), "{command}: no {part} in\n{}", help.stdout);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_examples_of_the_help_work() {
    let help = run(&["--help"]).stdout;
    let examples = help.split_once("EXAMPLES:\n").unwrap().1.split_once("\nKEYS:").unwrap().0;
    let commands = examples.lines().filter(|line| line.starts_with("    "));
    let commands = commands
        .filter(|line| ![" serve ", " revoke "].iter().any(|other| line.contains(other)))
        .collect::<Vec<_>>()
        .join("\n");
    let sign = "playgate sign --keys keys.txt https://cdn.example.com/videos/42/film.mp4";
    assert!(commands.contains(sign), "{commands}");
    let commands = commands
        .replace(sign, &format!("{sign} > link.txt"))
        .replace("'https://cdn.example.com/...'", "\"$(cat link.txt)\"");
    let folder = folder("examples");
    std::fs::write(folder.join("urls.txt"), format!("{FILM}\n")).unwrap();
    let output = std::process::Command::new("sh")
        .args([
            "-euc",
            &format!("playgate() {{ '{}' \"$@\"; }}\n{commands}", env!("CARGO_BIN_EXE_playgate")),
        ])
        .current_dir(folder)
        .output();
    let run = Run::from(output.unwrap());
    let told: Vec<_> = run.stderr.lines().collect();
    assert_eq!((run.code, told.len()), (Some(0), 2), "{}", run.stderr);
    assert!(told[0].contains("a link to a playlist opens its directory, here /videos/42/"));
    assert!(told[1].contains("a link to a playlist has its token in the path"));
    assert!(run.stdout.contains("\nallow  kid=main expires="), "{}", run.stdout);
}

#[test]
fn keygen_makes_a_new_key_each_time() {
    let keys: Vec<_> = [&["keygen"][..], &["keygen"], &["keygen", "--id", "next_1-a"]]
        .map(|arguments| {
            let run = run(arguments);
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
            run.stdout
        })
        .into();
    assert_ne!(keys[0], keys[1]);
    for (key, id) in keys.iter().zip(["main:", "main:", "next_1-a:"]) {
        assert_eq!(key.len(), id.len() + 43 + 1, "{key}");
        assert!(key.starts_with(id) && key.ends_with('\n'), "{key}");
    }
    let run: Run =
        program().args(["sign", FILM]).env("PLAYGATE_KEYS", &keys[0]).output().unwrap().into();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    self::run(&["keygen", "--id", "a b"])
        .fails(2, "--id: the key id is not 1 to 32 of A-Z a-z 0-9 _ -");
}

#[test]
fn what_is_signed_is_admitted() {
    run(&["sign", NOW, FILM]).is(0, &format!("{LINK}\n"), "");
    run(&["verify", NOW, LINK]).is(
        0,
        "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/film.mp4\n",
        "",
    );
    run(&["verify", NOW, "--json", LINK]).is(
        0,
        "{\"verdict\":\"allow\",\"kid\":\"main\",\"expires\":1767225600,\
         \"scope\":\"/videos/42/film.mp4\",\"clean_url\":\"https://cdn.example.com/videos/42/film.mp4\"}\n",
        "",
    );
    run(&["sign", NOW, "--json", FILM]).is(
        0,
        &format!(
            "{{\"link\":\"{LINK}\",\"expires\":1767225600,\"scope\":\"/videos/42/film.mp4\"}}\n"
        ),
        "",
    );
}

#[test]
fn several_urls_are_signed_in_order_or_not_at_all() {
    let other = "https://cdn.example.com/b.mp4";
    let both = run(&["sign", NOW, FILM, other]);
    let links: Vec<_> = both.stdout.lines().collect();
    assert_eq!((both.code, links.len(), links[0]), (Some(0), 2, LINK));
    assert!(links[1].starts_with(other));
    run(&["sign", NOW, FILM, "https://cdn.example.com/a b", other])
        .fails(2, "URL 2: the path has a space; write https://cdn.example.com/a%20b");
}

#[test]
fn times_and_lengths_can_be_written_in_two_ways() {
    for terms in [
        &["--expires-in=600"][..],
        &["--expires-in=10m"],
        &["--expires-at=1767225600"],
        &["--expires-at=2026-01-01T00:00:00Z"],
    ] {
        run(&[&["sign", NOW, FILM], terms].concat()).is(0, &format!("{LINK}\n"), "");
    }
    run(&["sign", "--now=2025-12-31T23:50:00Z", FILM]).is(0, &format!("{LINK}\n"), "");
}

#[test]
fn refusals_end_with_1_and_say_why() {
    let other = LINK.replace("film", "other");
    run(&["verify", NOW, &other]).is(
        1,
        "deny  bad_signature: the signature does not match this request\n",
        "",
    );
    run(&["verify", "--now=1767225600", LINK]).is(1, "deny  expired: the link has expired\n", "");
    run(&["verify", "--now=1767225600", "--leeway=1s", LINK]).is(
        0,
        "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/film.mp4\n",
        "",
    );
    run(&["verify", NOW, "--max-lifetime=5m", LINK]).is(
        1,
        "deny  lifetime_too_long: the link lasts longer than this gate allows\n",
        "",
    );
    run(&["verify", NOW, "--json", FILM]).is(
        1,
        "{\"verdict\":\"deny\",\"reason\":\"missing\",\"status\":401}\n",
        "",
    );
    run(&["verify", NOW, "--json", &format!("{LINK}x")]).is(
        1,
        "{\"verdict\":\"deny\",\"reason\":\"malformed\",\"status\":403,\"field\":\"sig\"}\n",
        "",
    );
}

#[test]
fn help_is_a_command_too() {
    let help = run(&["help", "sign"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    assert_eq!(help.stdout, run(&["sign", "--help"]).stdout);
}

#[test]
fn a_fragment_does_not_reach_the_gate() {
    let link = format!("{LINK}#t=30");
    run(&["verify", NOW, &link]).is(
        0,
        "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/film.mp4\n",
        "",
    );
    assert_eq!(run(&["inspect", NOW, &link]).code, Some(0));
}

#[test]
fn what_is_not_given_is_not_another() {
    let said = |terms: &str, options: &[&str]| {
        let link = run(&["sign", NOW, terms, FILM]).stdout;
        let link = link.trim_end();
        let verdict = run(&[&["verify", NOW, link], options].concat());
        let report = run(&[&["inspect", NOW, link], options].concat());
        assert_eq!((verdict.code, report.code), (Some(1), Some(1)));
        assert_eq!(report.stdout.lines().next(), Some(verdict.stdout.trim_end()));
        verdict.stdout
    };
    assert_eq!(
        said("--ip=203.0.113.9", &[]),
        "deny  wrong_network: the link is for a network; the client's address is unknown here\n"
    );
    assert_eq!(
        said("--ip=203.0.113.9", &["--client-ip=192.0.2.1"]),
        "deny  wrong_network: the link is for another network\n"
    );
    assert_eq!(
        said("--audience=edge-1", &[]),
        "deny  wrong_audience: the link has an audience; this gate's name is unknown here\n"
    );
    assert_eq!(
        said("--audience=edge-1", &["--audience=edge-2"]),
        "deny  wrong_audience: the link is for another deployment\n"
    );
    assert_eq!(
        said("--country=PT", &[]),
        "deny  wrong_country: the link is for countries; the client's is unknown here\n"
    );
}

#[test]
fn headers_may_be_copied_with_their_names() {
    let token = LINK.split_once('?').unwrap().1;
    for header in [
        format!("--cookie={token}"),
        format!("--cookie=Cookie: {token}"),
        format!("--cookie=cookie:a=b; {token}"),
        format!("--cookie=Set-Cookie: {token}; Path=/; Secure"),
        format!("--authorization=Bearer {token}"),
        format!("--authorization=Authorization: Bearer {token}"),
    ] {
        assert_eq!(run(&["verify", NOW, &header, FILM]).code, Some(0), "{header}");
        assert_eq!(run(&["inspect", NOW, &header, FILM]).code, Some(0), "{header}");
    }
}

#[test]
fn a_link_that_is_too_long_is_measured() {
    let long = format!("{LINK}&a={}", "b".repeat(9000));
    let said = format!(
        "deny  malformed: the link has {} bytes, but a gate reads at most 8192",
        long.len()
    );
    run(&["verify", NOW, &long]).is(1, &format!("{said}\n"), "");
    let report = run(&["inspect", NOW, &long]);
    assert_eq!((report.code, report.stdout.lines().next()), (Some(1), Some(said.as_str())));
}

#[test]
fn a_file_with_run_is_told_what_the_gate_does() {
    let told = "playgate: with --run, a link to a file must be opened before it expires; the gate \
                then redirects to a link that lasts for --run\n";
    for urls in [&[FILM][..], &[FILM, FILM]] {
        let run = run(&[&["sign", NOW, "--run=4h"], urls].concat());
        assert_eq!(
            (run.code, run.stderr.as_str(), run.stdout.lines().count()),
            (Some(0), told, urls.len())
        );
    }
    let list =
        run(&["sign", NOW, "--run=4h", "--exact", "https://cdn.example.com/videos/42/a.m3u8"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""));
}

#[test]
fn names_are_encoded_where_asked_for() {
    let sign = |name: &str| {
        let link = run(&["sign", NOW, "--encode", &format!("https://cdn.example.com/{name}")]);
        assert_eq!((link.code, link.stderr.as_str()), (Some(0), ""), "{name}");
        assert_eq!(run(&["verify", NOW, link.stdout.trim_end()]).code, Some(0), "{name}");
        link.stdout
    };
    for (name, encoded) in [
        ("C# lesson.mp4", "C%23%20lesson.mp4"),
        ("100%.mp4", "100%25.mp4"),
        ("a%20b.mp4", "a%2520b.mp4"),
        ("what?pg=1.mp4", "what%3Fpg=1.mp4"),
        ("a;b.mp4", "a%3Bb.mp4"),
        ("f\u{fc}\u{df}e.mp4", "f%C3%BC%C3%9Fe.mp4"),
    ] {
        let link = sign(name);
        assert!(link.starts_with(&format!("https://cdn.example.com/{encoded}?pg=1&")), "{link}");
    }
    let path = run(&["sign", NOW, "--place", "path", FILM]).stdout;
    let jwt = ["sign", NOW, "--format=jwt", "--claim=vid=42"];
    let token = run(&[&jwt[..], &[FILM]].concat()).stdout;
    let signed = "the URL already has a token; sign it without";
    for link in [LINK, path.trim_end()] {
        run(&["sign", "--encode", link]).fails(2, signed);
        run(&[&jwt[..], &["--encode", link]].concat()).fails(2, signed);
    }
    run(&[&jwt[..], &["--encode", token.trim_end()]].concat()).fails(2, signed);
    run(&["sign", "--encode", "https://cdn.example.com/a\\b"])
        .fails(2, "the path has %2F or %5C; a slash in a file name cannot be signed");
}

#[test]
fn inspect_explains() {
    let admitted = run(&["inspect", NOW, LINK]);
    assert_eq!((admitted.code, admitted.stderr.as_str()), (Some(0), ""));
    assert!(admitted.stdout.starts_with("allow"), "{}", admitted.stdout);

    let other = LINK.replace("film", "other");
    let refused = run(&["inspect", NOW, &other]);
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), ""));
    assert!(refused.stdout.starts_with("deny  bad_signature: "), "{}", refused.stdout);
    assert!(!refused.stdout.contains("REksvdGh"), "{}", refused.stdout);

    let json = run(&["inspect", NOW, "--json", &other]);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &report["reason"]), (Some(1), &"bad_signature".into()));
    assert_eq!(json.stdout.lines().count(), 1);

    let moving = run(&["inspect", NOW, "--cookie=pg=1&exp=\u{1b}[2J", FILM]);
    assert_eq!(moving.code, Some(1));
    assert!(moving.stdout.contains("\u{fffd}[2J") && !moving.stdout.contains('\u{1b}'));
}

#[test]
fn options_of_links() {
    let sign = |options: &[&str], url: &str| run(&[&["sign", NOW], options, &[url]].concat());
    let fields = |options: &[&str]| {
        let link = sign(options, FILM);
        assert_eq!(link.code, Some(0), "{}", link.stderr);
        let (_, token) = link.stdout.split_once("?pg=1&").unwrap();
        token.split_once("&sig=").unwrap().0.to_owned()
    };
    assert_eq!(fields(&["--sub", "v7"]), "exp=1767225600&kid=main&iat=1767225000&sub=v7");
    assert_eq!(fields(&["--sub", "v7", "--no-iat"]), "exp=1767225600&kid=main&sub=v7");
    assert_eq!(
        fields(&["--ip", "203.0.113.7", "--ip", "2001:db8::1", "--ip", "203.0.113.9"]),
        "exp=1767225600&kid=main&ip=cb007100-24.20010db8000000000000000000000000-64"
    );
    assert_eq!(fields(&["--inline", "Film"]), "exp=1767225600&kid=main&dl=inline.RmlsbQ");
    assert_eq!(
        fields(&["--round", "15m", "--sub", "v7", "--expires-in", "7m"]),
        "exp=1767225600&kid=main&iat=1767224281&sub=v7"
    );

    sign(&["--ip", ""], FILM)
        .fails(2, "--ip: not a network; write 203.0.113.0/24 or 2001:db8::/64");
    let five = ["1.0.0.0/8", "2.0.0.0/8", "3.0.0.0/8", "4.0.0.0/8", "5.0.0.0/8"];
    let five: Vec<_> = five.iter().flat_map(|network| ["--ip", network]).collect();
    sign(&five, FILM).fails(2, "--ip: has too many values; at most four are possible");
    sign(&["--expires-at", "1767224999", "--round", "1h"], FILM)
        .fails(2, "--expires-at: the link would expire before it is signed");
    sign(&["--not-before", "1767225700", "--expires-in", "100", "--round", "1h"], FILM)
        .fails(2, "--not-before: not-before is not earlier than the expiry");
}

#[test]
fn the_cookie_of_a_directory() {
    let sign = |options: &[&str]| run(&[&["sign", NOW, "--cookie"], options, &[FILM]].concat());
    let cookie = sign(&["--dir", "2"]).stdout;
    let (token, attributes) = cookie.split_once("; ").unwrap();
    assert!(token.starts_with("Set-Cookie: pg=1&exp=1767225600&kid=main&dir=2&sig="), "{cookie}");
    assert_eq!(
        attributes,
        "Path=/videos/42/; Max-Age=600; Secure; HttpOnly; SameSite=None; Partitioned\n"
    );
    let json = sign(&["--dir", "2", "--json"]).stdout;
    let value = cookie.trim_end().strip_prefix("Set-Cookie: ").unwrap();
    assert!(json.contains(&format!("\"cookie\":\"{value}\"")), "{json}");
    sign(&[]).fails(2, "--cookie: a cookie needs a directory: sign with `dir`");
    sign(&["--format", "jwt", "--claim", "vid=42"])
        .fails(2, "--cookie: a cookie is only for native links");
}
