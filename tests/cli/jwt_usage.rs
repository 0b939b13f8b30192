//! What the program says to arguments about JSON Web Tokens that it cannot use.

use crate::jwt_links::{FILM, MORE, PATH, at_gate, link, sign, token};
use crate::program::{NOW, run, run_with_input};

#[test]
fn options_that_a_jwt_has_no_claim_for() {
    for option in
        ["--country=PT", "--ip=203.0.113.9", "--download=a", "--preview=30s", "--dir=2", "--exact"]
    {
        let name = option.split('=').next().unwrap();
        sign(&["--claim=vid=42", option], FILM)
            .fails(2, &format!("{name}: is not available in this format; use a native link"));
    }
    let lines = run_with_input(&["sign", "--format=jwt", "--dir=2", "--stdin"], b"/a\n");
    lines.fails(2, "--dir: is not available in this format; use a native link");
}

#[test]
fn options_that_are_for_jwts_alone() {
    for option in ["--claim=vid=42", "--issuer=me", "--jwt-name=access"] {
        let name = option.split('=').next().unwrap();
        for format in [&[][..], &["--format=native"]] {
            run(&[&["sign", NOW, option, FILM], format].concat())
                .fails(2, &format!("{name}: is only for JWTs; set the format to jwt"));
        }
    }
    for option in [PATH, "--issuer=me", "--jwt-name=access"] {
        let name = option.split('=').next().unwrap();
        for (command, format) in
            [("verify", &[][..]), ("inspect", &[]), ("verify", &["--format=native"])]
        {
            run(&[&[command, NOW, option, FILM], format].concat()).fails(
                2,
                &format!(
                    "{name}: applies only to JWTs, which are not read; add jwt to the formats"
                ),
            );
        }
    }
}

#[test]
fn values_that_cannot_be_used() {
    for claim in ["vid", "", "=42", "="] {
        let message = "write a name and a value, such as vid=42";
        sign(&["--claim", claim], FILM).fails(
            2,
            &format!("invalid value '{claim}' for '--claim <NAME=VALUE>': {message}{MORE}"),
        );
    }
    let taken = "--claim: a claim is given twice, or is one of aud, exp, iat, iss, jti, max, nbf, reval, run, sid, \
                 sub and uses, which have options of their own";
    sign(&["--claim=vid="], FILM).fails(2, "--claim: is empty");
    sign(&["--claim=exp=1"], FILM).fails(2, taken);
    sign(&["--claim=a=1", "--claim=a=2"], FILM).fails(2, taken);
    sign(&["--claim=a b=1"], FILM).fails(2, "--claim: has a character that is not allowed");
    sign(&["--issuer="], FILM).fails(2, "--issuer: is empty");
    sign(&["--run=0"], FILM).fails(2, "--run: is out of range");
    sign(&["--expires-in=0"], FILM)
        .fails(2, "--expires-in: the link would expire before it is signed");
    sign(&["--claim", &format!("a={}", "x".repeat(4096))], FILM)
        .fails(2, "the token would be longer than gates accept; put less into it");
    sign(&[], "https://cdn.example.com/a?token=x")
        .fails(2, "the URL already has a token; sign it without");
    // The spelling that it would have is none to sign.
    sign(&[], "https:/cdn.example.com/a?token=x")
        .fails(2, "not an absolute URL; write https://host/path");
    sign(&[], "https://cdn.example.com/a b")
        .fails(2, "the path has a space; write https://cdn.example.com/a%20b");

    let name =
        "--jwt-name: write 1 to 64 of A-Z a-z 0-9 - _ . and not pg, the name of native tokens";
    for option in ["--jwt-name=pg", "--jwt-name=", "--jwt-name=a b"] {
        sign(&[option], FILM).fails(2, name);
        at_gate("verify", &[option], FILM).fails(2, name);
    }
    at_gate("verify", &["--issuer="], FILM)
        .fails(2, "--issuer: is empty; name an issuer, or leave it out");
    let formats = "--format: write one or more of native, jwt, timed-hmac, separated by commas";
    for format in ["", "JWT", "jwt,jwt", "native,jwt,", "jose"] {
        run(&["verify", "--format", format, PATH, FILM]).fails(2, formats);
    }
    run(&["sign", "--format=jose", FILM]).fails(
        2,
        &format!("invalid value 'jose' for '--format <native|jwt|timed-hmac>'\n  [possible values: native, jwt, timed-hmac]{MORE}"),
    );
}

/// Without a directory that a claim opens there is no gate, and no input is read.
#[test]
fn a_gate_without_a_template_is_none() {
    let missing =
        "--jwt-path: is missing; write the directory that a claim allows, like /videos/{vid}/";
    for command in ["verify", "inspect"] {
        for format in ["--format=jwt", "--format=native,jwt"] {
            run(&[command, NOW, format, &link()]).fails(2, missing);
        }
    }
    run_with_input(&["verify", "--format=jwt", "--stdin"], b"/a\n").fails(2, missing);
    let template = |template: &str, message: &str| {
        run(&["verify", "--format=jwt", "--jwt-path", template, FILM])
            .fails(2, &format!("--jwt-path: {message}"));
    };
    template("", "write a directory with one claim as a segment, like /videos/{vid}/");
    template("/videos/", "write a directory with one claim as a segment, like /videos/{vid}/");
    template("/videos/{vid}/a", "a directory must end with a slash");
    template(
        "/{exp}/",
        "the claim is not 1 to 64 of A-Z a-z 0-9 - _ . or is one of aud, exp, iat, iss, max, nbf, reval, run, \
         uses, which are reserved",
    );
}

#[test]
fn no_token_and_no_long_claim_is_repeated_by_what_parses_arguments() {
    let token = token();
    for arguments in [
        &["sign", "--claim", &token, "/a"][..],
        &["sign", "--format", &token, "/a"],
        &["verify", "/a", &token],
        &["verify", &format!("--token={token}"), "/a"],
    ] {
        let run = run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(!run.stderr.contains("eyJ"), "{}", run.stderr);
    }
}

#[test]
fn help_names_every_option() {
    for (command, options) in [
        (
            "sign",
            &["--format <native|jwt|timed-hmac>", "--claim <NAME=VALUE>", "--issuer", "--jwt-name"]
                [..],
        ),
        ("verify", &["--format <FORMATS>", "--jwt-path", "--jwt-name", "--issuer"]),
        ("inspect", &["--format <FORMATS>", "--jwt-path", "--jwt-name", "--issuer"]),
    ] {
        let help = run(&[command, "--help"]).stdout;
        for option in options.iter().chain(&["  playgate ", " --format jwt "]) {
            assert!(help.contains(option), "{command}: no {option} in\n{help}");
        }
    }
}
