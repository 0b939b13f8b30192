//! The program `playgate gate`. What it answers to viewers is for the suite of tests/edge; here are its settings, its
//! signals, its log, its status, and its state.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod settings;
mod signals;
mod state;
mod status;

#[path = "../common/program.rs"]
mod program;
#[path = "../common/server.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use program::{keyed, program};
use server::{Answer, Server};

/// A folder with media, and room for other files.
struct Place(TempDir);

const FILM: &[u8] = b"0123456789";

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        fs::create_dir_all(place.path("media/videos/42")).unwrap();
        fs::write(place.path("media/videos/42/film.mp4"), FILM).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that nobody else may read.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// `playgate gate` in this folder, with the development key.
    fn gate(&self) -> Command {
        let mut gate = keyed();
        gate.current_dir(self.0.path()).arg("gate").stdout(Stdio::null());
        gate
    }

    fn start(&self, more: impl FnOnce(&mut Command)) -> Server {
        let mut gate = self.gate();
        gate.args(["--root", "media"]);
        more(&mut gate);
        Server::spawn(&mut gate)
    }
}

/// A link to the film, by the development key or that of a file.
fn link(options: &[&str], keys: Option<&Path>) -> String {
    let mut sign = if keys.is_some() { program() } else { keyed() };
    sign.arg("sign");
    if let Some(keys) = keys {
        sign.arg("--keys").arg(keys);
    }
    sign.args(options).arg("https://h/videos/42/film.mp4");
    let signed = sign.output().unwrap();
    let link = String::from_utf8(signed.stdout).unwrap();
    link.trim().strip_prefix("https://h").unwrap().into()
}

fn get(server: &Server, target: &str, headers: &[&str]) -> Answer {
    server.ask(&format!("GET {target}"), headers, b"")
}

/// Why the film is refused; nothing if it is served.
fn reason(server: &Server, target: &str, headers: &[&str]) -> Option<String> {
    let answer = get(server, target, headers);
    if answer.status == 200 {
        assert_eq!(answer.body.as_bytes(), FILM);
        return None;
    }
    Some(answer.header("playgate-reason").unwrap_or("no reason").into())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
