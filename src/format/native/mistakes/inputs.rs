//! The signing inputs that mistaken signers make, and those of links that were changed on their way.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::replaced;
use super::spellings::spellings;
use crate::format::UnverifiedToken;
use crate::redact::redacted_path;

/// The most parameters whose order is tried: 24 orders.
const MOST_SHUFFLED: usize = 4;

/// What may have been signed for a token, each with what is wrong with it. The first is what should have
/// been, and nothing is wrong with it.
pub(super) fn inputs(token: &UnverifiedToken<'_>) -> Vec<(String, String)> {
    let scope = token.scope.to_string();
    let text = token.input().text();
    let mut inputs = Vec::from([(String::new(), token.input().to_string())]);
    for (mistake, other) in scopes(token, &scope) {
        let said = format!("it fits the scope `{}`: {mistake}", redacted_path(&other));
        inputs.push((said, format!("{other}\n{text}")));
    }
    for (difference, other) in spellings(&scope) {
        let said = if difference.contains("another way") {
            format!(
                "it fits the scope `{}`, which arrived as `{}`: {difference}",
                redacted_path(&other),
                redacted_path(&scope)
            )
        } else {
            format!("it fits the scope `{}`: {difference}", redacted_path(&other))
        };
        inputs.push((said, format!("{other}\n{text}")));
    }
    if let Some(n) = token.grant.directory() {
        for other in neighbours(n) {
            if let Some(directory) = token.path.directory(other) {
                let signed = replaced(text, &format!("&dir={n}"), &format!("&dir={other}"));
                let said =
                    format!("it fits `dir={other}`: the token was changed after it was signed");
                inputs.push((said, format!("{directory}\n{signed}")));
            }
        }
    }
    let exp = token.grant.expires().as_secs();
    let in_millis = replaced(text, &format!("exp={exp}"), &format!("exp={exp}000"));
    let base = token.base;
    for (mistake, input) in [
        ("without the line feed between scope and token", format!("{scope}{text}")),
        ("with CR LF between scope and token: write LF", format!("{scope}\r\n{text}")),
        ("with `\\n` written out for the line feed", format!("{scope}\\n{text}")),
        ("with a second line feed at the end", format!("{scope}\n{text}\n")),
        ("with CR LF between scope and token, and at the end", format!("{scope}\r\n{text}\r\n")),
        ("with `?` for the line feed", format!("{scope}?{text}")),
        ("with `&` for the line feed", format!("{scope}&{text}")),
        ("with `&sig=` at the end of the token", format!("{scope}\n{text}&sig=")),
        ("with the token before the scope", format!("{text}\n{scope}")),
        ("the token without the scope", text.to_owned()),
        ("the scope without the token", scope.clone()),
        ("the link as a whole: sign scope, line feed and token", format!("{base}{scope}?{text}")),
        ("with `exp` in milliseconds", format!("{scope}\n{in_millis}")),
    ] {
        inputs.push((format!("it fits {mistake}"), input));
    }
    // One hint for one input: the first.
    let mut seen = BTreeSet::new();
    inputs.retain(|(_, input)| seen.insert(input.clone()));
    inputs
}

fn neighbours(n: u8) -> [u8; 2] {
    [n.saturating_sub(1), n.saturating_add(1)]
}

/// Other scopes, each with its mistake.
fn scopes(token: &UnverifiedToken<'_>, scope: &str) -> Vec<(String, String)> {
    let path = token.path.to_string();
    let host = token.base.split('/').nth(2).unwrap_or_default();
    let mut tried = Vec::new();
    let mut push = |mistake: &str, other: String| tried.push((mistake.to_owned(), other));

    if let Some((path, query)) = scope.split_once('?') {
        push("the query was left out", path.to_owned());
        let params: Vec<_> = query.split('&').collect();
        for (place, param) in params.iter().enumerate() {
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
    push("the host was included", format!("{host}{scope}"));
    push("scheme and host were included", format!("{}{scope}", token.base));
    push("the first slash was left out", scope.trim_start_matches('/').to_owned());
    tried
}

fn with_query(path: &str, params: &[&str]) -> String {
    if params.is_empty() { path.to_owned() } else { format!("{path}?{}", params.join("&")) }
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
