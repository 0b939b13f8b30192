//! JSON Web Tokens, through the program: what it signs, admits and refuses.

use crate::jwt_links::{FILM, PATH, TAG, at_gate, link, sign, token};
use crate::program::{NOW, run, run_with_input};

#[test]
fn what_is_signed_is_admitted() {
    let link = link();
    sign(&["--claim=vid=42"], FILM).is(0, &format!("{link}\n"), "");
    sign(&["--json", "--claim", "vid=42"], FILM).is(
        0,
        &format!("{{\"link\":\"{link}\",\"expires\":1767225600}}\n"),
        "",
    );
    let allow = "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/\n";
    at_gate("verify", &[], &link).is(0, allow, "");
    at_gate("verify", &["--json"], &link).is(
        0,
        &format!(
            "{{\"verdict\":\"allow\",\"kid\":\"main\",\"expires\":1767225600,\
             \"scope\":\"/videos/42/\",\"clean_url\":\"{FILM}\"}}\n"
        ),
        "",
    );
    for (option, value) in [
        ("--cookie", format!("theme=dark; token={}", token())),
        ("--authorization", format!("Bearer {}", token())),
    ] {
        at_gate("verify", &[option, &value], FILM).is(0, allow, "");
    }
}

#[test]
fn a_gate_reads_the_formats_that_it_is_told() {
    let (jwt, native) = (link(), run(&["sign", NOW, FILM]).stdout);
    let native = native.trim_end();
    for (options, reads_native, reads_jwt) in [
        (&[][..], true, false),
        (&["--format=native"], true, false),
        (&["--format=jwt", PATH], false, true),
        (&["--format=native,jwt", PATH], true, true),
        (&["--format", "jwt, native", PATH], true, true),
    ] {
        for (link, is_read) in [(&jwt[..], reads_jwt), (native, reads_native)] {
            let verdict = run(&[&["verify", NOW, link], options].concat());
            assert_eq!(verdict.code, Some(i32::from(!is_read)), "{options:?} {verdict:?}");
            assert!(is_read || verdict.stdout.starts_with("deny  missing: "), "{verdict:?}");
        }
    }
    let two = format!("{native}&token={}", token());
    let both = run(&["verify", NOW, "--format=native,jwt", PATH, &two]);
    both.is(1, "deny  ambiguous: the request carries two tokens\n", "");
}

#[test]
fn all_that_a_jwt_says() {
    let options = [
        "--claim=vid=42",
        "--claim=plan=a=b",
        "--issuer=https://id.example.com",
        "--audience=edge-1",
        "--sub=v7",
        "--jti=j1",
        "--sid=s1",
        "--not-before=1767224000",
        "--run=4h",
        "--kid=main",
        "--place=path",
        "--jwt-name=access",
    ];
    let signed = sign(&options, FILM);
    let told = "playgate: with --run a link to a file must be opened before it expires; the gate then \
                redirects to a link that lasts for --run\n";
    assert_eq!((signed.code, signed.stderr.as_str()), (Some(0), told));
    let link = signed.stdout.trim_end();
    assert!(link.starts_with("https://cdn.example.com/access=eyJ") && link.ends_with("/film.mp4"));
    let gate = ["--jwt-name=access", "--issuer=https://id.example.com", "--audience=edge-1"];
    let report = at_gate("inspect", &gate, link);
    assert_eq!(report.code, Some(0), "{report:?}");
    let fields = report.stdout.split("\n\n").nth(3).unwrap();
    let fields: Vec<_> =
        fields.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "alg=HS256",
            "typ=JWT",
            "kid=main",
            "vid=42",
            "plan=a=b",
            "iss=https://id.example.com",
            "sub=v7",
            "aud=edge-1",
            "exp=1767225600",
            "iat=1767225000",
            "nbf=1767224000",
            "jti=j1",
            "sid=s1",
            "run=14400",
            "sig=.."
        ]
    );
    let refused = |change: usize, to: &str, reason: &str| {
        let mut gate = gate;
        gate[change] = to;
        let verdict = at_gate("verify", &gate, link);
        assert_eq!(verdict.code, Some(1));
        assert!(verdict.stdout.starts_with(&format!("deny  {reason}: ")), "{verdict:?}");
    };
    refused(0, "--jwt-name=token", "missing");
    refused(1, "--issuer=https://id.example.org", "wrong_issuer");
    refused(2, "--audience=edge-2", "wrong_audience");
}

#[test]
fn what_is_chosen_for_a_playlist_is_told() {
    let list = "https://cdn.example.com/videos/42/master.m3u8";
    let told =
        "playgate: a link to a playlist has its token in the path; --place chooses otherwise\n";
    let link = format!("https://cdn.example.com/token={}/videos/42/master.m3u8\n", token());
    sign(&["--claim=vid=42"], list).is(0, &link, told);
    sign(&["--claim=vid=42", "--place=path"], list).is(0, &link, "");
    let in_query = format!("{list}?token={}\n", token());
    sign(&["--claim=vid=42", "--place=query"], list).is(0, &in_query, "");
    let twice = run(&["sign", NOW, "--format=jwt", "--claim=vid=42", list, list]);
    twice.is(0, &link.repeat(2), told);
}

/// What is told of native links is what no option asked for, and that alone.
#[test]
fn what_is_chosen_for_a_native_playlist_is_told() {
    let list = "/videos/42/master.m3u8";
    let tells = |options: &[&str], url: &str, place: Option<&str>| {
        let run = run(&[&["sign", NOW], options, &[url]].concat());
        let told = place.map(|place| {
            format!(
                "playgate: a link to a playlist opens its directory, here /videos/42/, with the token in \
                 the {place}; --exact, --dir and --place choose otherwise\n"
            )
        });
        assert_eq!(
            (run.code, run.stderr),
            (Some(0), told.unwrap_or_default()),
            "{options:?} {url}"
        );
    };
    tells(&[], list, Some("path"));
    tells(&["--dir=2"], list, Some("path"));
    tells(&["--place=path"], list, Some("path"));
    tells(&["--place=query"], list, Some("query"));
    tells(&["--place=query"], "/videos/42/master.m3u8?to=/", Some("query"));
    for options in [&["--dir=2", "--place=path"][..], &["--exact"], &["--exact", "--place=path"]] {
        tells(options, list, None);
    }
    for url in
        ["/videos/42/film.mp4", "/videos/42/", "/videos/42/?to=/", "/videos/42/film.mp4?to=/"]
    {
        tells(&[], url, None);
        tells(&["--place=path"], url, None);
        tells(&["--place=query"], url, None);
        tells(&["--dir=1"], url, None);
    }
}

#[test]
fn every_line_has_its_link_and_its_verdict() {
    let link = link();
    let input = format!("{FILM}\n\nhttps://cdn.example.com/a b\n{FILM}\n");
    let options = ["sign", NOW, "--stdin", "--format=jwt", "--claim=vid=42"];
    run_with_input(&options, input.as_bytes()).is(
        2,
        &format!("{link}\n\n\n{link}\n"),
        "playgate: line 2: the URL is empty\n\
         playgate: line 3: the path has a space; write https://cdn.example.com/a%20b\n",
    );
    let lines = [
        link.clone(),
        link.replace("/42/", "/43/"),
        link.replace(TAG, &TAG.replace('5', "6")),
        link.replace(TAG, ""),
        FILM.to_owned(),
    ]
    .join("\n");
    let verify = ["verify", NOW, "--stdin", "--format=native,jwt", PATH];
    run_with_input(&verify, lines.as_bytes()).is(
        1,
        "allow  kid=main expires=2026-01-01T00:00:00Z scope=/videos/42/\n\
         deny  outside_scope: the path is not below the directory of the token\n\
         deny  bad_signature: the signature does not fit this request\n\
         deny  malformed: `sig` is empty\n\
         deny  missing: the request carries no token\n",
        "",
    );
    run_with_input(&[&verify[..], &["--json"]].concat(), lines.as_bytes()).is(
        1,
        &format!(
            "{{\"verdict\":\"allow\",\"kid\":\"main\",\"expires\":1767225600,\
             \"scope\":\"/videos/42/\",\"clean_url\":\"{FILM}\"}}\n\
             {{\"verdict\":\"deny\",\"reason\":\"outside_scope\",\"status\":403}}\n\
             {{\"verdict\":\"deny\",\"reason\":\"bad_signature\",\"status\":403}}\n\
             {{\"verdict\":\"deny\",\"reason\":\"malformed\",\"status\":403,\"field\":\"sig\"}}\n\
             {{\"verdict\":\"deny\",\"reason\":\"missing\",\"status\":401}}\n"
        ),
        "",
    );
}
