//! `playgate inspect` on JSON Web Tokens.

use crate::jwt_links::{BODY, FILM, TAG, at_gate, link, sign};
use crate::program::{NOW, run};

#[test]
fn inspect_explains_what_is_admitted() {
    at_gate("inspect", &[], &link()).is(
        0,
        &format!(
            "allow\n\
             \n  1 placement  passed   the token is in the query\
             \n  2 grammar    passed   the token and the address are well formed\
             \n  3 key        passed   the ring has a key `main`\
             \n  4 signature  passed   it fits the signing input\
             \n  5 times      passed   valid until 2026-01-01T00:00:00Z, 10 min 0 s left\
             \n  6 bindings   passed   the client is one that the token is for\
             \n  7 state      skipped  revocation is known only at the edge\
             \n\
             \n  path           /videos/42/film.mp4\
             \n  scope          /videos/42/\
             \n  signing input  {BODY}\
             \n  clean url      {FILM}\
             \n\
             \n  alg=HS256      the algorithm; it has to be HS256\
             \n  typ=JWT        the kind of the token\
             \n  kid=main       signed with the key `main`\
             \n  vid=42         a claim\
             \n  exp=1767225600 expires 2026-01-01T00:00:00Z\
             \n  sig=..         the signature; it has 43 of 43 characters\n"
        ),
        "",
    );
}

#[test]
fn inspect_explains_what_is_refused() {
    let refused = |options: &[&str], url: &str, parts: &[&str]| {
        let report = at_gate("inspect", options, url);
        assert_eq!((report.code, report.stderr.as_str()), (Some(1), ""));
        for part in parts {
            assert!(report.stdout.contains(part), "no {part} in\n{}", report.stdout);
        }
        assert!(!report.stdout.contains(&TAG[..8]), "{}", report.stdout);
    };
    refused(
        &[],
        &link().replace("/42/", "/43/"),
        &[
            "deny  outside_scope: the path is not below the directory of the token\n",
            "  1 placement  passed   the token is in the query\n",
            "  2 grammar    FAILED   the path is not below the directory of the token\n",
            "  4 signature  passed   it fits the signing input\n",
            "  vid=42         a claim\n",
            "perhaps:\n  it opens /videos/42/, and nothing else\n",
        ],
    );
    refused(
        &["--issuer=me"],
        &link(),
        &[
            "deny  wrong_issuer: the link is of another issuer\n",
            "  4 signature  passed   it fits the signing input\n",
            "  6 bindings   FAILED   the link is of another issuer\n",
        ],
    );
    refused(
        &[],
        &link().replace(TAG, &["A", &TAG[1..]].concat()),
        &[
            "deny  bad_signature: the signature does not fit this request\n",
            "  4 signature  FAILED   the signature does not fit this request\n",
            "  5 times      passed   valid until ",
            "perhaps:\n  a back end that signs with the text of its secret needs the base64url",
        ],
    );

    let other = run(&["inspect", NOW, "--format=jwt", "--jwt-path=/{film}/", &link()]);
    assert!(other.stdout.starts_with("deny  missing_claim: "), "{other:?}");
    let hint = "the gate makes a directory of the claim `film`, and the token has vid, exp\n";
    assert!(other.stdout.ends_with(hint), "{other:?}");

    let json = at_gate("inspect", &["--json"], &link().replace("/42/", "/43/"));
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, json.stdout.lines().count()), (Some(1), 1));
    assert_eq!(
        (&report["reason"], &report["status"], &report["placement"]),
        (&"outside_scope".into(), &403.into(), &"query".into())
    );
    let names: Vec<_> =
        report["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["alg", "typ", "kid", "vid", "exp", "sig"]);
    assert_eq!(report["fields"][5]["value"], "..");
}

#[test]
fn a_signature_in_another_spelling_is_named() {
    let hints = |sig: &str| {
        let report = at_gate("inspect", &["--json"], &link().replace(TAG, sig));
        assert_eq!(report.code, Some(1), "{sig}");
        assert!(!report.stdout.contains(&TAG[..16]), "{}", report.stdout);
        let report: serde_json::Value = serde_json::from_str(&report.stdout).unwrap();
        assert_eq!(report["reason"], "malformed");
        let hints = report["hints"].as_array().unwrap().iter();
        hints.map(|hint| hint.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, TAG);
    let hex: String = bytes.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hints(&hex), ["the signature fits in hex: write its bytes in base64url"]);
    let standard = "the signature fits in standard base64: write - for +, _ for /, and no =";
    let padded = format!("{}=", TAG.replace('-', "+").replace('_', "/"));
    assert_eq!(hints(&padded), [standard]);
    let no_padding =
        "the parts of a JWT have no `=` at their ends: write base64url without padding";
    assert_eq!(hints(&format!("{TAG}=")), [format!("{no_padding}; then the link fits")]);
    assert_eq!(hints(&format!("{TAG}%3D")), [format!("{no_padding}; then the link fits")]);
    assert_eq!(
        hints(&TAG[..40]),
        ["the signature fits but is clipped: it has 43 characters, here are 40"]
    );
    assert_eq!(
        hints(&TAG.replace('_', "%5F")),
        ["the signature fits, but its `-` or `_` was percent-encoded: write it as it is"]
    );
    let odd = ["A", &TAG[1..40]].concat();
    assert!(hints(&odd).is_empty());
    // The other parts too.
    let padded = format!("{FILM}?token={}=.{TAG}", BODY.replace('.', "=."));
    let report = at_gate("inspect", &[], &padded);
    assert!(report.stdout.contains(no_padding), "{}", report.stdout);
}

/// The claims of a stranger's token hold what they like; a report is one all the same.
#[test]
fn a_claim_moves_no_cursor_and_adds_no_line() {
    let odd = "a\n\nallow\n\u{1b}[2J\u{202e}b\u{2028}c";
    let link = sign(&["--claim=vid=43", &format!("--claim=name={odd}")], FILM).stdout;
    let report = at_gate("inspect", &[], link.trim_end());
    assert_eq!(report.code, Some(1));
    let line = "  name=a\u{fffd}\u{fffd}allow\u{fffd}\u{fffd}[2J\u{fffd}b\u{fffd}c a claim\n";
    assert!(report.stdout.contains(line), "{}", report.stdout);
    assert!(!report.stdout.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{}", report.stdout);
    assert_eq!(report.stdout.matches("\nallow").count(), 0);

    // In what is tried for an explanation too.
    let link = sign(&["--claim=vid=\u{202e}4\n2"], FILM).stdout;
    let report = at_gate("inspect", &[], link.trim_end());
    assert!(report.stdout.starts_with("deny  malformed: `claim` "), "{}", report.stdout);
    assert!(!report.stdout.contains(['\u{202e}']) && !report.stdout.contains("4\n2"));
}
