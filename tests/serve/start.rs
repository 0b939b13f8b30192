//! `playgate serve`: what it needs to start.

use crate::program::{KEY, Run, folder, keyed, private_file, program};
use crate::server::{SECRET, Server, run_in_vain};

const JSON: &str = "Content-Type: application/json";
const ONE: &[u8] = br#"{"url": "https://cdn.example.com/a.mp4"}"#;

/// Starts with the development key, these options and this secret.
fn start(options: &[&str], secret: Option<&str>) -> Run {
    let mut program = keyed();
    program.args(["serve", "--listen=127.0.0.1:0"]).args(options);
    if let Some(secret) = secret {
        program.env("PLAYGATE_SECRET", secret);
    }
    run_in_vain(&mut program)
}

#[test]
fn it_does_not_start_without_a_secret() {
    start(&[], None).fails(
        2,
        "no secret for callers to show; put one of 16 characters or more into PLAYGATE_SECRET or a \
         file for --secret-file (or try it with --dev)",
    );
    for short in ["", "0123456789abcde", " 0123456789abcde\n"] {
        let message = "the secret is too short; make one with `openssl rand -hex 32`";
        start(&[], Some(short)).fails(2, message);
    }
    start(&["--secret-file=nowhere.txt"], Some(SECRET))
        .fails(3, "there is no file nowhere.txt; put there the secret that callers send");
    for secret in [KEY, "correct-horse-battery-staple", "0123456789abcdef"] {
        start(&["--secret-file", secret], None)
            .fails(3, "there is no such file; --secret-file takes a path, not the secret");
    }
}

#[test]
fn it_does_not_start_without_keys() {
    let mut program = program();
    let run = run_in_vain(program.arg("serve").env("PLAYGATE_SECRET", SECRET));
    assert_eq!((run.code, run.stderr.starts_with("playgate: no keys; ")), (Some(3), true));
}

#[test]
fn development_stays_on_this_machine() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8788"] {
        run_in_vain(keyed().args(["serve", "--dev", "--listen", address]))
            .fails(2, "--dev gives the keys to whoever asks; listen on 127.0.0.1 or [::1]");
    }
    start(&["--now=1"], Some(SECRET)).fails(2, "--now is for tests; use it with --dev");
    for options in [&["--www=."][..], &["--edge=http://localhost"], &["--dev", "--secret-file=x"]] {
        let run = start(options, Some(SECRET));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{options:?}");
    }
}

#[test]
fn the_secret_of_a_file_wins() {
    let file = private_file(&folder("secret"), "secret.txt", "fedcba9876543210\n");
    let mut program = keyed();
    program.env("PLAYGATE_SECRET", SECRET).args(["serve", "--secret-file", &file]);
    let server = Server::spawn(&mut program);
    assert_eq!(server.mint("[]").status, 401);
    let secret = "Authorization: Bearer fedcba9876543210";
    assert_eq!(server.ask("POST /links", &[JSON, secret], ONE).status, 200);
}

#[test]
fn localhost_is_this_machine_and_other_names_are_none() {
    let mut program = keyed();
    program.env("PLAYGATE_SECRET", SECRET).args(["serve", "--listen", "LocalHost:0"]);
    let mut child = program.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let stderr = child.stderr.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stderr), &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("playgate: listening on http://127.0.0.1:"), "{line}");
    for address in ["8788", ":8788", "localhost", "example.com:80", "127.0.0.1", "*:80"] {
        run_in_vain(keyed().args(["serve", "--listen", address])).fails(
            2,
            &format!(
                "invalid value '{address}' for '--listen <ADDRESS>': write an IP address and a port, like \
                 127.0.0.1:8788 or [::1]:8788, or 0.0.0.0:8788 for all addresses of this machine\n\nFor more information, \
                 try '--help'."
            ),
        );
    }
}

#[test]
fn an_address_of_another_machine_is_told() {
    // For documentation (RFC 5737): no machine has it.
    let address = "192.0.2.1:8788";
    let mut program = keyed();
    program.args(["serve", "--listen", address]).env("PLAYGATE_SECRET", SECRET);
    run_in_vain(&mut program).fails(
        3,
        &format!("{address} is not an address of this machine; choose another with --listen"),
    );
}

#[test]
fn an_address_in_use_is_told_in_one_sentence() {
    let server = Server::start();
    let mut second = keyed();
    second.args(["serve", "--listen", &server.host]).env("PLAYGATE_SECRET", SECRET);
    run_in_vain(&mut second)
        .fails(3, &format!("{} is in use; choose another port with --listen", server.host));
}
