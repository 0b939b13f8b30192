//! Where the program finds its keys, and what it says where it does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "common/program.rs"]
mod program;

use program::{KEY, NOW, Run, folder, keyed, private_file, program, ring, run};

const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";
const LINK: &str = "https://cdn.example.com/videos/42/film.mp4\
    ?pg=1&exp=1767225600&kid=main&sig=REksvdGhg_BiP3UrQfvCau3yJDie26YKJonKWbyzAes";

#[test]
fn keys_come_from_a_file_or_stdin_or_the_environment() {
    let folder = folder("sources");
    let file = private_file(
        &folder,
        "keys.txt",
        &format!("other:{}\n{}\n", KEY.replace('A', "B"), ring()),
    );
    let run: Run =
        program().args(["sign", NOW, "--kid=main", "--keys", &file, FILM]).output().unwrap().into();
    run.is(0, &format!("{LINK}\n"), "");
    // The file wins.
    let run: Run = keyed().args(["verify", NOW, "--keys", &file, LINK]).output().unwrap().into();
    assert_eq!(run.code, Some(0));
    let kid = keyed().args(["sign", NOW, "--keys", &file, FILM]).output().unwrap();
    assert!(Run::from(kid).stdout.contains("&kid=other&"));
    program::feed(program().args(["sign", NOW, "--keys=-", FILM]), ring().as_bytes()).is(
        0,
        &format!("{LINK}\n"),
        "",
    );
    program::feed(program().args(["sign", NOW, "--keys=-", "--stdin"]), b"")
        .fails(2, "with --stdin the keys cannot come from there too; name a file");
}

#[test]
fn keys_that_cannot_be_read_end_with_3() {
    let folder = folder("unreadable");
    let with = |keys: &str| {
        let keys = private_file(&folder, "keys.txt", keys);
        let run: Run = program().args(["verify", "--keys", &keys, LINK]).output().unwrap().into();
        (run, keys)
    };
    for (text, message) in [
        ("", "entry 1: there is no key; make one with `playgate keygen`".to_owned()),
        (KEY, "entry 1: write it as id:key, as `playgate keygen` prints it".to_owned()),
        (
            &format!("{}\nb:{}", ring(), &KEY[1..]),
            "entry 2: the key is not base64url without padding (A-Z a-z 0-9 - _ alone)".to_owned(),
        ),
        (
            &format!("{}, {}", ring(), ring()),
            "entry 2: the key id stands in the ring twice".to_owned(),
        ),
    ] {
        let (run, keys) = with(text);
        run.fails(3, &format!("{keys}, {message}"));
    }
    let (run, keys) = with(&" ".repeat(70_000));
    run.fails(3, &format!("{keys} is too large to be keys"));
    let none: Run = program().args(["sign", FILM]).output().unwrap().into();
    none.fails(
        3,
        "no keys; make one with `playgate keygen > keys.txt`, then name the file with \
         --keys keys.txt, or put its text into PLAYGATE_KEYS",
    );
    run_keys("nowhere.txt")
        .fails(3, "there is no file nowhere.txt; `playgate keygen` prints a key to put there");
    run_keys(&ring())
        .fails(3, "there is no file of that name; `playgate keygen` prints a key to put there");
    let empty: Run =
        program().args(["sign", FILM]).env("PLAYGATE_KEYS", "x:yyyy").output().unwrap().into();
    empty.fails(
        3,
        "PLAYGATE_KEYS, entry 1: the key is not 32 to 256 bytes; make one with `playgate keygen`",
    );
}

fn run_keys(file: &str) -> Run {
    run(&["sign", "--keys", file, FILM])
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let keys = private_file(&folder("open"), "keys.txt", &ring());
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run: Run = program().args(["sign", NOW, "--keys", &keys, FILM]).output().unwrap().into();
    let warning = format!(
        "playgate: warning: other users can read {keys}; take that from them with chmod o-rwx\n"
    );
    run.is(0, &format!("{LINK}\n"), &warning);
}
