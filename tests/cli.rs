//! The program's commands: what they print, and how they end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/program.rs"]
mod program;

use program::{NOW, Run, folder, program, run};

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
    for command in ["keygen", "sign", "verify", "inspect", "rewrite", "serve"] {
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
    let commands = commands.filter(|line| !line.contains(" serve ")).collect::<Vec<_>>().join("\n");
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
        "deny  bad_signature: the signature does not fit this request\n",
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
