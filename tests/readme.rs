//! The README's commands give what it says they give, and its snippets are those of the repository.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// Every `$ command` of the `console` blocks, with the lines that follow it.
fn commands() -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), String::new())),
                None => {
                    let (_, output) = commands.last_mut().unwrap();
                    output.push_str(line);
                    output.push('\n');
                }
            }
        }
    }
    commands
}

#[test]
fn commands_print_what_the_readme_shows() {
    let program = Path::new(env!("CARGO_BIN_EXE_playgate"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,\
                next:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    let commands = commands();
    assert!(commands.len() >= 3, "only {} commands", commands.len());
    for (command, expected) in commands {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(&command)
            .env("PATH", &path)
            .env("PLAYGATE_KEYS", keys)
            .output();
        let output = shell.unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: String =
            printed.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        assert_eq!(printed, expected, "$ {command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn python_snippet_is_the_one_that_the_tests_run() {
    let snippet = README.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(include_str!("../www/signers/sign.py").contains(snippet));
}
