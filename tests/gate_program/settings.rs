//! Where settings come from, and what is wrong with them.

use crate::program::{KEY, program};
use crate::server::{Server, run_in_vain};
use crate::{Place, get, link, reason};

#[test]
fn options_come_before_the_environment_and_that_before_the_file() {
    let place = Place::new();
    place.write(
        "gate.toml",
        "PUBLIC = \"/videos/\"\nAUDIENCE = \"file\"\nMAX_LIFETIME = 60\nSET_COOKIE = true\n",
    );
    let server = place.start(|gate| {
        gate.args(["--config", "gate.toml"]).env("PUBLIC", "/other/");
    });
    assert_eq!(reason(&server, "/videos/42/film.mp4", &[]).as_deref(), Some("missing"));
    assert_eq!(
        reason(&server, &link(&["--audience", "file", "--expires-in", "50s"], None), &[]),
        None
    );
    assert_eq!(
        reason(&server, &link(&["--audience", "file"], None), &[]).as_deref(),
        Some("lifetime_too_long")
    );
    // An option instead of what the file says.
    place.write(
        "origin.toml",
        "ORIGIN = \"https://media.example.com\"\nORIGIN_SECRET = \"0123456789abcdef\"\n",
    );
    let failed = run_in_vain(place.gate().args(["--root", "media", "--config", "origin.toml"]));
    assert!(failed.stderr.contains("ORIGIN_SECRET: applies only with ORIGIN"), "{failed:?}");
}

#[test]
fn every_fault_is_reported_at_once_and_no_secret() {
    let place = Place::new();
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
    place.write(
        "gate.toml",
        &format!(
            "LEEWAY = \"1h\"\nFORWRAD_PARAMS = \"v\"\nLISTEN = \"nowhere\"\nPUBLIC = []\nADMIN_SECRET = \"short\"\n\
             COUNTRY_HEADER = \"CF-IPCountry\"\nPLAYGATE_KEYS = \"{secret}\"\n{secret} = \"x\"\n"
        ),
    );
    let failed =
        run_in_vain(program().current_dir(place.path("")).args(["gate", "--config", "gate.toml"]));
    assert_eq!(failed.code, Some(2), "{failed:?}");
    for fault in [
        "LEEWAY: write a number of seconds",
        "FORWRAD_PARAMS: there is no such setting",
        "LISTEN: write an IP address and a port",
        "PUBLIC: is not text; write it in quotes",
        "ADMIN_SECRET: write 16 to 256 characters",
        "COUNTRY_HEADER: applies only with TRUSTED_PROXIES",
        "PLAYGATE_KEYS: ",
        "MEDIA: is not set; name the directory",
    ] {
        let lines = failed.stderr.lines().filter(|line| line.trim().starts_with(fault));
        assert_eq!(lines.count(), 1, "{fault}: {}", failed.stderr);
    }
    assert!(!failed.stderr.contains(secret));
}

#[test]
fn a_file_that_is_no_toml_is_named_by_its_line() {
    let place = Place::new();
    place.write("gate.toml", &format!("LEEWAY = 5\nPLAYGATE_KEYS = main:{KEY}\n"));
    let failed = run_in_vain(place.gate().args(["--root", "media", "--config", "gate.toml"]));
    assert_eq!(failed.code, Some(2));
    assert!(failed.stderr.contains("line 2: is not TOML"), "{failed:?}");
    let failed = run_in_vain(place.gate().args(["--root", "media", "--config", "none.toml"]));
    assert_eq!(failed.code, Some(3));
    assert!(failed.stderr.contains("there is no file none.toml"), "{failed:?}");
    let failed = run_in_vain(place.gate().args(["--root", "none"]));
    assert_eq!(failed.code, Some(3));
    assert!(failed.stderr.contains("cannot open the directory none"), "{failed:?}");
}

#[test]
fn what_is_secret_is_not_served() {
    let place = Place::new();
    let keys = place.write("media/keys.txt", &format!("main:{KEY}\n"));
    let failed = run_in_vain(
        program().current_dir(place.path("")).args(["gate", "--root", "media", "--keys"]).arg(keys),
    );
    assert!(failed.stderr.contains("MEDIA: would serve"), "{failed:?}");
    let failed =
        run_in_vain(place.gate().args(["--root", "."]).env("ADMIN_SECRET", "0123456789abcdef"));
    assert!(failed.stderr.contains("MEDIA: would serve playgate.db"), "{failed:?}");
    // A file with settings may hold them, too.
    place.write("media/gate.toml", "");
    let failed =
        run_in_vain(place.gate().args(["--root", "media", "--config", "media/../media/gate.toml"]));
    assert!(failed.stderr.contains("MEDIA: would serve"), "{failed:?}");
}

#[test]
fn an_address_of_a_redis_is_checked_and_not_shown() {
    let place = Place::new();
    let secret = "hush-hush";
    let fails = |state: &str, replicas: &str| {
        let settings =
            [("ADMIN_SECRET", "0123456789abcdef"), ("STATE", state), ("STATE_REPLICAS", replicas)];
        let failed = run_in_vain(place.gate().args(["--root", "media"]).envs(settings));
        assert!(!failed.stderr.contains(secret), "{failed:?}");
        (failed.code, failed.stderr)
    };
    let form = "STATE: write redis://HOST:6379, with a password redis://:PASSWORD@HOST:6379";
    for (state, replicas, fault) in [
        ("redis://:hush-hush@", "", form),
        ("redis://:hush-hush@h/films", "", form),
        ("rediss://:hush-hush@h#insecure", "", form),
        ("redis+cluster://:hush-hush@h", "", form),
        ("redis+sentinel://:hush-hush@h", "", "STATE: write redis+sentinel://HOST:26379"),
        ("redis://:hush-hush@h", "many", "STATE_REPLICAS: write a whole number from 0 to 9"),
        ("playgate.db", "1", "STATE_REPLICAS: applies only with a Redis in STATE"),
    ] {
        let (code, stderr) = fails(state, replicas);
        assert_eq!(code, Some(2), "{state}");
        assert!(stderr.contains(fault), "{state}: {stderr}");
    }
}

#[test]
fn settings_that_do_not_go_together() {
    let place = Place::new();
    for (options, fault) in [
        (&["--root", "media", "--state", "x.db"][..], "STATE: applies only with ADMIN_SECRET"),
        (
            &["--forward-auth", "nginx", "--trusted-proxies", "10.0.0.0/8"],
            "TRUSTED_PROXIES: does not apply",
        ),
        (
            &["--root", "media", "--trusted-proxies", "10.0.0.0/99"],
            "TRUSTED_PROXIES: write networks",
        ),
        (
            &["--root", "media", "--trusted-proxies", "::1", "--country-header", "a b"],
            "COUNTRY_HEADER: write the name",
        ),
    ] {
        let failed = run_in_vain(place.gate().args(options));
        assert_eq!(failed.code, Some(2), "{failed:?}");
        assert!(failed.stderr.contains(fault), "{failed:?}");
    }
}

#[test]
fn a_proxy_says_who_the_client_is_only_if_it_is_trusted() {
    let place = Place::new();
    let of_viewer = link(&["--ip", "203.0.113.7"], None);
    let forwarded = ["X-Forwarded-For: 192.0.2.1, 203.0.113.7"];
    let open = place.start(|_| {});
    assert_eq!(reason(&open, &of_viewer, &forwarded).as_deref(), Some("wrong_network"));
    let trusting = place.start(|gate| {
        gate.args(["--trusted-proxies", "127.0.0.0/8", "--country-header", "X-Country"]);
    });
    assert_eq!(reason(&trusting, &of_viewer, &forwarded), None);
    assert_eq!(
        reason(&trusting, &of_viewer, &["X-Forwarded-For: 203.0.113.7, 192.0.2.1"]).as_deref(),
        Some("wrong_network")
    );
    let of_country = link(&["--country", "PT"], None);
    assert_eq!(reason(&trusting, &of_country, &["X-Country: PT"]), None);
    for headers in [&["X-Country: ES"][..], &[], &["X-Country: pt"]] {
        assert_eq!(reason(&trusting, &of_country, headers).as_deref(), Some("wrong_country"));
    }
    assert_eq!(reason(&open, &of_country, &["X-Country: PT"]).as_deref(), Some("wrong_country"));
}

#[test]
fn a_host_that_is_none_is_refused() {
    let place = Place::new();
    let server: Server = place.start(|_| {});
    let target = link(&[], None);
    for host in ["Host: a/b", "Host: ", "Host: me@a", "Host: a\r\nHost: b"] {
        let answer = get(&server, &target, &[host]);
        assert_eq!(
            (answer.status, answer.header("playgate-reason")),
            (400, Some("bad_request")),
            "{host}"
        );
    }
}
