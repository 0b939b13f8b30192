//! The signing inputs of incorrect signers, and those of links that were changed in transit.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::replaced;
use super::spellings::spellings;
use crate::format::UnverifiedToken;
use crate::query::push_query;
use crate::redact::redacted_path;

/// The maximum number of parameters that are reordered: 24 orders.
const MOST_SHUFFLED: usize = 4;

/// The maximum number of parameters that are removed one at a time.
const MOST_DROPPED: usize = 64;

/// Incorrect signing inputs: `S` is the scope, `T` the token, `B` scheme and host, `H` the host, `F` the scope
/// without its first slash, and `M` the token with `exp` in milliseconds.
const PATTERNS: &[(&str, &str)] = &[
    ("without the line feed between scope and token", "ST"),
    ("with CR LF between scope and token: write LF", "S\r\nT"),
    ("with a literal `\\n` for the line feed", "S\\nT"),
    ("with a second line feed at the end", "S\nT\n"),
    ("with CR LF between scope and token, and at the end", "S\r\nT\r\n"),
    ("with `?` for the line feed", "S?T"),
    ("with `&` for the line feed", "S&T"),
    ("with `&sig=` at the end of the token", "S\nT&sig="),
    ("with the token before the scope", "T\nS"),
    ("without the scope", "T"),
    ("without the token", "S"),
    ("as a whole link: sign scope, line feed and token", "BS?T"),
    ("with the host before the scope", "HS\nT"),
    ("with scheme and host before the scope", "BS\nT"),
    ("without the first slash of the scope", "F\nT"),
    ("with `exp` in milliseconds", "S\nM"),
];

/// The inputs that may have been signed for a token, each with its mistake. The first is the correct input and
/// has none.
pub(super) fn inputs(token: &UnverifiedToken<'_>) -> Vec<(String, String)> {
    let scope = token.scope().to_string();
    let text = token.signed;
    let mut inputs = Vec::from([(String::new(), token.input().to_string())]);
    let mut push = |said: String, input: String| {
        // Only the first hint for each input.
        if inputs.iter().all(|(_, other)| *other != input) {
            inputs.push((said, input));
        }
    };
    let with_scope = |other: &str| [other, "\n", text].concat();
    let mut scopes = scopes(token, &scope);
    scopes.append(&mut spellings(&scope));
    for (mistake, other) in scopes {
        let arrived = if mistake.ends_with("differently") {
            ["`, which arrived as `", &redacted_path(&scope)].concat()
        } else {
            String::new()
        };
        let shown = redacted_path(&other);
        let said = ["signed for `", &shown, &arrived, "`: ", &mistake].concat();
        push(said, with_scope(&other));
    }
    if let Some(n) = token.grant.directory() {
        for other in neighbours(n) {
            if let Some(directory) = token.path.directory(other) {
                let signed = replaced(text, &format!("&dir={n}"), &format!("&dir={other}"));
                let said =
                    format!("signed with `dir={other}`: the token was changed after signing");
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
        push(["signed ", mistake].concat(), input);
    }
    inputs
}

fn neighbours(n: u8) -> [u8; 2] {
    [n.saturating_sub(1), n.saturating_add(1)]
}

/// Incorrect scopes, each with its mistake.
fn scopes(token: &UnverifiedToken<'_>, scope: &str) -> Vec<(String, String)> {
    let path = token.path.to_string();
    let mut tried = Vec::new();
    let mut push = |mistake: &str, other: String| tried.push((mistake.to_owned(), other));

    if let Some((path, query)) = scope.split_once('?') {
        push("the query is missing", path.to_owned());
        let params: Vec<_> = query.split('&').collect();
        for (place, param) in params.iter().enumerate().take(MOST_DROPPED) {
            let others: Vec<_> =
                params.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, p)| *p).collect();
            let name = crate::redact::redacted(crate::query::name_of(param));
            let mistake = format!("the parameter `{name}` was added after signing");
            push(&mistake, with_query(path, &others));
        }
        for order in orders(&params) {
            push("the parameters were reordered", with_query(path, &order));
        }
    }
    match scope.strip_suffix('/') {
        Some(bare) => push("the trailing slash is missing", bare.to_owned()),
        None => push("a trailing slash was added", format!("{scope}/")),
    }
    if let Some(n) = token.grant.directory() {
        for other in neighbours(n) {
            if let Some(directory) = token.path.directory(other) {
                let mistake = format!("that is `dir={other}`, but the token has `dir={n}`");
                push(&mistake, directory.to_string());
            }
        }
        push("that is the whole path, but the token has `dir`", path);
    } else {
        for n in 1..=8 {
            if let Some(directory) = token.path.directory(n) {
                let mistake = format!("that is a directory, but the token has no `dir={n}`");
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

/// All other orders of a few parameters.
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
