//! Where the program finds its keys, and what it says where it does not.

use crate::program::{KEY, NOW, Run, feed, folder, keyed, private_file, program, ring, run};

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
    feed(program().args(["sign", NOW, "--keys=-", FILM]), ring().as_bytes()).is(
        0,
        &format!("{LINK}\n"),
        "",
    );
    feed(program().args(["sign", NOW, "--keys=-", "--stdin"]), b"")
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
            "entry 2: the key is not base64url without padding (only A-Z a-z 0-9 - _)".to_owned(),
        ),
        (
            &format!("{}, {}", ring(), ring()),
            "entry 2: two entries have the same key id".to_owned(),
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
    // The key itself, with its id, without it, clipped and in other forms.
    let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for key in [&ring(), KEY, &KEY[..16], &format!("{KEY}="), hex, &hex[..32], "secretsecretsecret"]
    {
        run_keys(key).fails(3, "there is no such file; --keys takes a path, not the key");
    }
    run_keys("secrets/playgate-keys").fails(
        3,
        "there is no file secrets/playgate-keys; `playgate keygen` prints a key to put there",
    );
    let folder_of_name = folder.join(&KEY[..20]);
    std::fs::create_dir_all(&folder_of_name).unwrap();
    let run = run_keys(folder_of_name.to_str().unwrap());
    assert_eq!(run.code, Some(3));
    assert!(!run.stderr.contains(&KEY[..16]), "{}", run.stderr);
    let empty: Run =
        program().args(["sign", FILM]).env("PLAYGATE_KEYS", "x:yyyy").output().unwrap().into();
    empty.fails(
        3,
        "PLAYGATE_KEYS, entry 1: the key is not 32 to 256 bytes; make one with `playgate keygen`",
    );
}

#[test]
fn a_key_file_is_read_as_editors_and_shells_write_it() {
    let folder = folder("written");
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    };
    let ring = ring();
    let other = format!("other:{}", KEY.replace('A', "B"));
    let texts = [
        format!("\u{feff}{ring}\r\n").into_bytes(),
        utf16(&format!("\u{feff}{ring}\r\n"), u16::to_le_bytes),
        utf16(&format!("\u{feff}{ring}\n"), u16::to_be_bytes),
        utf16(&ring, u16::to_le_bytes),
        utf16(&ring, u16::to_be_bytes),
        format!("PLAYGATE_KEYS={ring}\n").into_bytes(),
        format!(
            "# development\nORIGIN=https://x/?a=b\nPLAYGATE_KEYS = \"{ring},{other}\"\nA=b:c\n"
        )
        .into_bytes(),
        format!("export PLAYGATE_KEYS='{ring}'\n").into_bytes(),
        format!("$env:PLAYGATE_KEYS = \"{ring}\"\r\n").into_bytes(),
        format!("PLAYGATE_KEYS=\"{ring}\n{other}\"\nA=b:c\n").into_bytes(),
        format!("\"{ring}\"\n").into_bytes(),
        format!("'{ring},{other}'").into_bytes(),
        format!("# ours\n{ring}\n# theirs\n{other}\n").into_bytes(),
    ];
    for text in texts {
        let file = private_file(&folder, "keys.txt", "");
        std::fs::write(&file, &text).unwrap();
        let run: Run =
            program().args(["sign", NOW, "--keys", &file, FILM]).output().unwrap().into();
        run.is(0, &format!("{LINK}\n"), "");
    }
    let quoted = format!("\"{ring}\"");
    let run: Run =
        program().args(["sign", NOW, FILM]).env("PLAYGATE_KEYS", quoted).output().unwrap().into();
    run.is(0, &format!("{LINK}\n"), "");
}

#[test]
fn a_file_that_holds_other_keys_is_named() {
    let folder = folder("others");
    let hex = "the key is in hex; write its bytes in base64url: xxd -r -p | openssl base64 -A | tr '+/' '-_' \
               | tr -d =";
    let base64 = "the key is in standard base64; write - for +, _ for /, and no =";
    let pem =
        "that is a key of an asymmetric algorithm; links need one that `playgate keygen` makes";
    let digits = "0a1b".repeat(16);
    for (text, message) in [
        (digits.clone(), hex),
        (format!("main:{digits}"), hex),
        (format!("PLAYGATE_KEYS=\"main:{digits}\""), hex),
        (format!("main:{KEY}="), base64),
        (format!("{KEY}="), base64),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n".to_owned(), pem),
        (
            "{\"kty\": \"oct\", \"k\": \"AAEC\"}".to_owned(),
            "that is JSON; write id:key, of a JWK its `kid` and its `k`",
        ),
    ] {
        let keys = private_file(&folder, "keys.txt", &text);
        let run: Run = program().args(["sign", "--keys", &keys, FILM]).output().unwrap().into();
        run.fails(3, &format!("{keys}, entry 1: {message}"));
    }
    let keys = private_file(&folder, "keys.txt", "");
    std::fs::write(&keys, b"main:\xff\xfe").unwrap();
    let run: Run = program().args(["sign", "--keys", &keys, FILM]).output().unwrap().into();
    run.fails(3, &format!("{keys} is not text, in UTF-8 or UTF-16"));
}

#[test]
fn a_first_key_that_is_retired_is_told_as_such() {
    let with = |options: &[&str]| -> Run {
        let mut program = program();
        program.env("PLAYGATE_KEYS", format!("{}@1600000000", ring()));
        program.args(["sign", NOW, FILM]).args(options).output().unwrap().into()
    };
    with(&[]).fails(
        2,
        "the ring's first key is retired; put a current key first, or name another key (kid)",
    );
    with(&["--kid=main"]).fails(2, "--kid: the key is retired");
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
    let warning =
        format!("playgate: warning: other users can read {keys}; run `chmod o-rwx` on it\n");
    run.is(0, &format!("{LINK}\n"), &warning);
}
