//! Runs the built program.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A development key: the bytes 0 to 31.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// 2025-12-31T23:50:00Z: ten minutes before the links of these tests end.
pub(crate) const NOW: &str = "--now=1767225000";

pub(crate) fn ring() -> String {
    format!("main:{KEY}")
}

/// The program, without keys and secrets of the environment that the tests run in.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_playgate"));
    for name in ["ADMIN_SECRET", "PLAYGATE_KEYS", "PLAYGATE_SECRET"] {
        program.env_remove(name);
    }
    program
}

/// The program, with the development key.
pub(crate) fn keyed() -> Command {
    let mut program = program();
    program.env("PLAYGATE_KEYS", ring());
    program
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The exit code and all that was printed, in this order: code, stdout, stderr.
    #[track_caller]
    pub(crate) fn is(self, code: i32, stdout: &str, stderr: &str) {
        let expected = (Some(code), stdout.to_owned(), stderr.to_owned());
        assert_eq!((self.code, self.stdout, self.stderr), expected);
    }

    /// A failure before anything was printed on stdout.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, stderr: &str) {
        self.is(code, "", &format!("playgate: {stderr}\n"));
    }
}

impl From<Output> for Run {
    /// No run of the program shows the key.
    #[track_caller]
    fn from(output: Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        for text in [&stdout, &stderr] {
            assert!(!text.contains("AAECAwQF"), "the key was printed: {text}");
        }
        Self { code: output.status.code(), stdout, stderr }
    }
}

/// Runs the program with the development key.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Run {
    keyed().args(arguments).stdin(Stdio::null()).output().unwrap().into()
}

/// Runs the program with the development key, and with `input` on its stdin.
#[track_caller]
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Run {
    feed(keyed().args(arguments), input)
}

/// Runs a command with `input` on its stdin.
#[track_caller]
pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Run {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside reading, so that neither waits for the other. The program may stop before the end.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

/// An empty folder for one test.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file that its owner alone can read.
pub(crate) fn private_file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path.to_str().unwrap().to_owned()
}
