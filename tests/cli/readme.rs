//! The README and the manual are true: their commands print what they show, their snippets are those of the
//! repository, and their links lead somewhere.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A page: its path from the root of the repository, and its text.
type Page = (PathBuf, String);

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The README, and every page of the manual.
fn pages() -> Vec<Page> {
    let manual = fs::read_dir(root().join("docs")).unwrap();
    let mut paths: Vec<_> =
        manual.map(|page| Path::new("docs").join(page.unwrap().file_name())).collect();
    paths.push("README.md".into());
    paths.sort();
    assert!(paths.len() > 10, "only {} pages", paths.len());
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Page {
    let text = fs::read_to_string(root().join(&path)).unwrap();
    (path, text)
}

/// The blocks of a page in this language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("\n```{language}\n");
    page.split(&start).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// Every `$ command` of the `console` blocks, with the lines that follow it.
fn commands(page: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in blocks(page, "console").into_iter().flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), String::new())),
            None => {
                let (_, output) = commands.last_mut().unwrap();
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    commands
}

#[test]
fn commands_print_what_the_pages_show() {
    let program = Path::new(env!("CARGO_BIN_EXE_playgate"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    let pages = pages();
    let commands: Vec<_> = pages
        .iter()
        .flat_map(|(page, text)| commands(text).into_iter().map(move |command| (page, command)))
        .collect();
    assert!(commands.len() >= 10, "only {} commands", commands.len());
    for (page, (command, expected)) in commands {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(&command)
            .env("PATH", &path)
            .env("PLAYGATE_KEYS", keys)
            .current_dir(root())
            .output();
        let output = shell.unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: String =
            printed.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(printed, expected, "{}: $ {command}\n{error}", page.display());
    }
}

#[test]
fn python_snippets_are_those_that_the_tests_run() {
    let pages = pages();
    let snippets: Vec<_> = pages.iter().flat_map(|(_, text)| blocks(text, "python")).collect();
    assert!(!snippets.is_empty());
    for snippet in snippets {
        assert!(include_str!("../../www/signers/sign.py").contains(snippet), "{snippet}");
    }
}

/// `cargo test --doc` runs the Rust of the pages that the library includes.
#[test]
fn rust_blocks_are_tested() {
    let library = include_str!("../../src/lib.rs");
    for (page, text) in pages() {
        let included = library.contains(&format!("include_str!(\"../{}\")", page.display()));
        let has_rust = !blocks(&text, "rust").is_empty();
        assert_eq!(has_rust, included, "{}", page.display());
    }
}

/// Lines outside code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|text| text.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect())
        .collect()
}

#[test]
fn versions_agree() {
    for (file, many) in [("package.json", 1), ("package-lock.json", 2)] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let head: Vec<_> = text.lines().take(12).collect();
        let version = format!("\"version\": \"{}\",", env!("CARGO_PKG_VERSION"));
        let found = head.iter().filter(|line| line.trim() == version).count();
        assert_eq!(found, many, "{file}");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut pages: HashMap<_, _> = pages().into_iter().collect();
    pages.extend(["SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|page| read(page.into())));
    let of_page = |(page, text): (&'_ _, &'_ String)| -> Vec<(PathBuf, String)> {
        let links = prose(text).flat_map(|line| line.split("](").skip(1));
        let links = links.map(|rest| rest.split(')').next().unwrap().to_owned());
        links.map(|link| (PathBuf::clone(page), link)).collect()
    };
    let links: Vec<_> = pages.iter().flat_map(of_page).collect();
    let is_ours = |link: &&(PathBuf, String)| !link.1.starts_with("https://");
    let ours: Vec<_> = links.iter().filter(is_ours).collect();
    assert!(ours.len() > 50, "only {} links", ours.len());
    for (page, link) in ours {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let mut target = page.clone();
        if !file.is_empty() {
            target.pop();
            for part in file.split('/') {
                if part == ".." {
                    assert!(target.pop(), "{link}");
                } else {
                    target.push(part);
                }
            }
        }
        assert!(root().join(&target).exists(), "{}: {link}", page.display());
        let leads = anchor.is_empty() || anchors(&pages[&target]).iter().any(|one| one == anchor);
        assert!(leads, "{}: {link}", page.display());
    }
}

/// What is quoted in the first function of this head.
fn quoted<'a>(code: &'a str, head: &str) -> Vec<&'a str> {
    let body = code.split(head).nth(1).unwrap().split("\n    }").next().unwrap();
    body.split('"').skip(1).step_by(2).collect()
}

#[test]
fn every_reason_is_explained() {
    let page = include_str!("../../docs/troubleshooting.md");
    let errors = include_str!("../../src/error.rs");
    let heads = ["impl ParseError {", "impl PolicyError {", "impl StateError {", "impl Refusal {"];
    let mut reasons: Vec<_> = heads
        .iter()
        .flat_map(|head| quoted(errors.split(head).nth(1).unwrap(), "fn code(self)"))
        .collect();
    reasons.extend(quoted(include_str!("../../crates/edge/src/answer.rs"), "fn reason(self)"));
    // The feature that some depend on.
    reasons.retain(|reason| *reason != "jwt");
    assert!(reasons.len() > 30, "{reasons:?}");
    for reason in reasons {
        assert!(page.contains(&format!("\n| `{reason}` | ")), "{reason}");
    }
}

#[test]
fn every_variable_is_explained() {
    let page = include_str!("../../docs/deploy.md");
    let variables =
        quoted(include_str!("../../crates/edge/src/config.rs"), "pub fn read(\n        media");
    assert!(variables.len() > 15, "{variables:?}");
    for variable in variables {
        assert!(page.contains(&format!("\n| `{variable}` | ")), "{variable}");
    }
}

#[test]
fn every_setting_of_the_native_gate_is_explained() {
    let page = include_str!("../../docs/native-gate.md");
    let source = include_str!("../../crates/cli/src/gate/settings.rs");
    // Names of settings are the only texts in upper case.
    let is_name = |text: &&str| {
        text.len() > 4 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let settings: Vec<_> =
        quoted(source, "fn read(options: &Gate)").into_iter().filter(is_name).collect();
    assert!(settings.len() > 6, "{settings:?}");
    let others = include_str!("../../docs/deploy.md");
    for setting in settings {
        let row = format!("\n| `{setting}` | ");
        assert!(page.contains(&row) || others.contains(&row), "{setting}");
    }
}

#[test]
fn examples_use_options_that_exist() {
    let help =
        Command::new(env!("CARGO_BIN_EXE_playgate")).args(["gate", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for example in [
        include_str!("../../examples/playgate.service"),
        include_str!("../../examples/Containerfile"),
    ] {
        let start = example.lines().find(|line| {
            line.contains("playgate") && line.contains("gate") && line.contains("--listen")
                || line.starts_with("ExecStart=")
        });
        let options: Vec<_> =
            start.unwrap().split([' ', '"', ',']).filter(|word| word.starts_with("--")).collect();
        assert!(!options.is_empty());
        for option in options {
            assert!(help.contains(&format!("{option} <")), "{option}");
        }
    }
}
