//! The signing inputs that mistaken signers make, and those of links that were changed on their way.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::replaced;
use super::spellings::spellings;
use crate::format::UnverifiedToken;
use crate::query::push_query;
use crate::redact::redacted_path;

/// The most parameters whose order is tried: 24 orders.
const MOST_SHUFFLED: usize = 4;

/// The most parameters of which each is left out.
const MOST_DROPPED: usize = 64;

/// What is signed by mistake: `S` is the scope, `T` the token, `B` scheme and host, `H` the host and `F` the
/// scope without its first slash.
const PATTERNS: &[(&str, &str)] = &[
    ("without the line feed between scope and token", "ST"),
    ("with CR LF between scope and token: write LF", "S\r\nT"),
    ("with `\\n` written out for the line feed", "S\\nT"),
    ("with a second line feed at the end", "S\nT\n"),
    ("with CR LF between scope and token, and at the end", "S\r\nT\r\n"),
    ("with `?` for the line feed", "S?T"),
    ("with `&` for the line feed", "S&T"),
    ("with `&sig=` at the end of the token", "S\nT&sig="),
    ("with the token before the scope", "T\nS"),
    ("the token without the scope", "T"),
    ("the scope without the token", "S"),
    ("the link as a whole: sign scope, line feed and token", "BS?T"),
    ("with the host before the scope", "HS\nT"),
    ("with scheme and host before the scope", "BS\nT"),
    ("without the first slash of the scope", "F\nT"),
    ("with `exp` in milliseconds", "S\nM"),
];

/// What may have been signed for a token, each with what is wrong with it. The first is what should have
/// been, and nothing is wrong with it.
pub(super) fn inputs(token: &UnverifiedToken<'_>) -> Vec<(String, String)> {
    let scope = token.scope().to_string();
    let text = token.signed;
    let mut inputs = Vec::from([(String::new(), token.input().to_string())]);
    let mut push = |said: String, input: String| {
        // One hint for one input: the first.
        if inputs.iter().all(|(_, other)| *other != input) {
            inputs.push((said, input));
        }
    };
    let with_scope = |other: &str| [other, "\n", text].concat();
    let mut scopes = scopes(token, &scope);
    scopes.append(&mut spellings(&scope));
    for (mistake, other) in scopes {
        let arrived = if mistake.ends_with("another way") {
            ["`, which arrived as `", &redacted_path(&scope)].concat()
        } else {
            String::new()
        };
        let shown = redacted_path(&other);
        let said = ["it fits the scope `", &shown, &arrived, "`: ", &mistake].concat();
        push(said, with_scope(&other));
    }
    if let Some(n) = token.grant.directory() {
        for other in neighbours(n) {
            if let Some(directory) = token.path.directory(other) {
                let signed = replaced(text, &format!("&dir={n}"), &format!("&dir={other}"));
                let said =
                    format!("it fits `dir={other}`: the token was changed after it was signed");
                push(said, [&directory.to_string(), "\n", &signed].concat());
            }
        }
    }
    let exp = format!("exp={}", token.grant.expires().as_secs());
    let millis = replaced(text, &exp, &[&exp, "000"].concat());
    let host = token.located.base.split('/').nth(2).unwrap_or_default();
    for (mistake, pattern) in PATTERNS {
        let mut input = String::new();
        for c in pattern.chars() {
            match c {
                'S' => input.push_str(&scope),
                'T' => input.push_str(text),
                'B' => input.push_str(token.located.base),
                'H' => input.push_str(host),
                'F' => input.push_str(scope.get(1..).unwrap_or_default()),
                'M' => input.push_str(&millis),
                other => input.push(other),
            }
        }
        push(["it fits ", mistake].concat(), input);
    }
    inputs
}

fn neighbours(n: u8) -> [u8; 2] {
    [n.saturating_sub(1), n.saturating_add(1)]
}

/// Other scopes, each with its mistake.
fn scopes(token: &UnverifiedToken<'_>, scope: &str) -> Vec<(String, String)> {
    let path = token.path.to_string();
    let mut tried = Vec::new();
    let mut push = |mistake: &str, other: String| tried.push((mistake.to_owned(), other));

    if let Some((path, query)) = scope.split_once('?') {
        push("the query was left out", path.to_owned());
        let params: Vec<_> = query.split('&').collect();
        for (place, param) in params.iter().enumerate().take(MOST_DROPPED) {
            let others: Vec<_> =
                params.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, p)| *p).collect();
            let name = crate::redact::redacted(crate::query::name_of(param));
            let mistake = format!("the parameter `{name}` was added after it was signed");
            push(&mistake, with_query(path, &others));
        }
        for order in orders(&params) {
            push("the parameters arrived in another order", with_query(path, &order));
        }
    }
    match scope.strip_suffix('/') {
        Some(bare) => push("the trailing slash was left out", bare.to_owned()),
        None => push("a trailing slash was added", format!("{scope}/")),
    }
    if let Some(n) = token.grant.directory() {
        for other in neighbours(n) {
            if let Some(directory) = token.path.directory(other) {
                let mistake = format!("that is `dir={other}`, and the token says `dir={n}`");
                push(&mistake, directory.to_string());
            }
        }
        push("that is the whole path, and the token has `dir`", path);
    } else {
        for n in 1..=8 {
            if let Some(directory) = token.path.directory(n) {
                let mistake = format!("that is a directory, and the token has no `dir={n}`");
                push(&mistake, directory.to_string());
            }
        }
    }
    tried
}

fn with_query(path: &str, params: &[&str]) -> String {
    let mut address = String::from(path);
    push_query(&mut address, params.iter().copied());
    address
}

/// The other orders of a few parameters.
fn orders<'a>(params: &[&'a str]) -> Vec<Vec<&'a str>> {
    if params.len() > MOST_SHUFFLED {
        return Vec::new();
    }
    let mut orders = Vec::from([Vec::new()]);
    for param in params {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<&str>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, *param);
                    longer
                })
            })
            .collect();
    }
    orders.retain(|order| order != params);
    orders
}
