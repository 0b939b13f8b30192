//! What a rewriter must never do, whatever it is given. Each check panics where it does.

use playgate_manifest::{Kind, Rewriter};

use crate::asked::{Address, Asked, HOST, changes};
use crate::mpd;
use crate::playlist::{self, Variables};

/// A playlist: the token goes into addresses of its own scope alone, which lead where they led;
/// what is around them stays; and to rewrite it again changes nothing.
#[track_caller]
pub fn playlist(asked: &Asked, rewriter: &Rewriter, text: &str) {
    let Ok(rewritten) = rewriter.rewrite(Kind::Hls, text) else { return };
    let mut left = rewritten.matches(rewriter.token()).count();
    let mut variables = Variables::default();
    let [mut before, mut after] = [text, &rewritten].map(playlist::lines);
    loop {
        let (before, after) = match (before.next(), after.next()) {
            (Some(before), Some(after)) => (before, after),
            (before, after) => break assert!(before.is_none() && after.is_none()),
        };
        variables.take(before.text);
        assert_eq!(before.around, after.around);
        assert_eq!(before.addresses.len(), after.addresses.len());
        for (before, after) in before.addresses.iter().zip(&after.addresses) {
            let [was, is] = [before, after].map(|address| Address {
                base: asked.address(),
                reference: variables.expand(address),
            });
            check_host(rewriter, &is);
            if before != after {
                check_new(asked, rewriter, after, false);
                left -= 1;
                // What is not known here has been defined in another way.
                if !was.reference.contains("{$") {
                    check_way(&was, &is);
                }
            }
        }
    }
    assert_eq!(left, 0, "a token is no part of an address: {rewritten}");
    // In a malformed list, an address that may lead to another host leaves the rest of the list unchanged. With the
    // token it leads to this host, so a second pass may write what follows.
    let is_whole = |line: &str| {
        line.matches('"').count().is_multiple_of(2)
            && line.rfind(['#', '\\']).is_none_or(|at| at == 0)
    };
    if text.lines().all(is_whole) {
        assert_eq!(rewriter.rewrite(Kind::Hls, &rewritten).as_ref(), Ok(&rewritten));
    }
}

/// The same for a presentation; that what is around addresses stays is checked by [`surroundings`].
#[track_caller]
pub fn presentation(asked: &Asked, rewriter: &Rewriter, text: &str) {
    let Ok(rewritten) = rewriter.rewrite(Kind::Dash, text) else { return };
    let escaped = rewriter.token().replace('&', "&amp;");
    for token in [rewriter.token(), &escaped] {
        for (at, _) in rewritten.match_indices(token) {
            let ends = ['"', '\'', '<', '>'];
            let start = rewritten[..at].rfind(ends).map_or(0, |end| end + 1);
            let end = rewritten[at..].find(ends).map_or(rewritten.len(), |end| at + end);
            let text = unescaped(&rewritten[start..end]);
            // Of several addresses with blanks between them, the one with the token.
            let before = unescaped(&rewritten[start..at]).len();
            let first = text[..before].rfind(' ').map_or(0, |blank| blank + 1);
            let last = text[before..].find(' ').map_or(text.len(), |blank| before + blank);
            let address = text[first..last].trim();
            // Only attributes are templates: the text of an element is sent as it is.
            let is_attribute = rewritten[..start].ends_with(['"', '\'']);
            let address = if is_attribute { mpd::fill(address) } else { address.to_owned() };
            check_new(asked, rewriter, &address, true);
        }
    }
    if let [Some(was), Some(is)] = [text, &rewritten].map(mpd::try_read) {
        let [was, is] = [was, is].map(|mpd| mpd.addresses(&asked.address()));
        assert_eq!(was.len(), is.len());
        for (was, is) in was.iter().zip(&is) {
            check_host(rewriter, is);
            check_way(was, is);
        }
    }
    if let Some(is) = mpd::try_read(&rewritten) {
        is.by_location(&asked.address()).iter().for_each(|address| check_host(rewriter, address));
    }
    assert_eq!(rewriter.rewrite(Kind::Dash, &rewritten).as_ref(), Ok(&rewritten));
}

/// Every byte of a well-formed MPD around its addresses stays.
#[track_caller]
pub fn surroundings(rewriter: &Rewriter, text: &str) {
    let Ok(rewritten) = rewriter.rewrite(Kind::Dash, text) else { return };
    let token = format!("://{HOST}/{}/", rewriter.token().replace('&', "&amp;"));
    for (old, new) in changes(text, &rewritten) {
        let new = new.trim_start();
        let rest = ["https", "http"].iter().find_map(|scheme| new.strip_prefix(scheme));
        assert!(rest.is_some_and(|rest| rest.starts_with(&token)), "{old} became {new}");
    }
}

/// A preview: what is open from it is on this host and in the scope, and a media file has a token
/// of its own.
#[track_caller]
pub fn preview(asked: &Asked, kind: Kind, rewritten: &str) {
    let base = asked.address();
    let address = |reference: &&str| Address { base: base.clone(), reference: (*reference).into() };
    let addresses = match (kind, mpd::try_read(rewritten)) {
        (Kind::Dash, Some(mpd)) => mpd.addresses(&base),
        (Kind::Dash, None) => Vec::new(),
        _ => {
            let addresses = playlist::lines(rewritten).flat_map(|line| line.addresses);
            addresses.map(|reference| address(&reference)).collect()
        }
    };
    for address in addresses {
        let Some(url) = address.resolved() else { continue };
        if url == base || asked.refusal(&url).is_some() {
            continue;
        }
        let led = address.lead().unwrap();
        assert_eq!(url.host_str(), Some(HOST), "{address:?}");
        assert!(led.in_scope, "{address:?} leads to {}", led.to);
        let path = url.path().to_ascii_lowercase();
        let is_manifest = [".m3u8", ".mpd"].iter().any(|end| path.ends_with(end));
        let token = led.token.unwrap_or_default();
        assert!(is_manifest || !token.contains("&dir="), "{token} opens more than {address:?}");
    }
}

/// An address that a token was put into starts with it, or with scheme and host and it, and leads into the
/// scope on this host. In a presentation it always has both.
#[track_caller]
fn check_new(asked: &Asked, rewriter: &Rewriter, address: &str, is_full: bool) {
    let hosts = ["https", "http"].map(|scheme| format!("{scheme}://{HOST}"));
    let host = hosts.iter().find_map(|host| address.strip_prefix(host.as_str()));
    assert!(!is_full || host.is_some(), "{address} has no host");
    let rest = host.unwrap_or(address).strip_prefix('/');
    let own = rest.is_some_and(|rest| rest.starts_with(rewriter.token()));
    assert!(own, "the token is not at the start of {address}");
    let address = Address { base: asked.address(), reference: address.to_owned() };
    let led = address.lead().unwrap();
    assert_eq!(address.resolved().unwrap().host_str(), Some(HOST));
    assert_eq!(led.token.as_deref(), Some(rewriter.token()));
    assert!(led.in_scope, "{address:?} leads to {}", led.to);
}

/// No address with the token goes to another host, however the token came to be there.
#[track_caller]
fn check_host(rewriter: &Rewriter, address: &Address) {
    let Some(url) = address.resolved() else { return };
    if url.path().contains(rewriter.token()) {
        assert_eq!(url.host_str(), Some(HOST), "{address:?}");
    }
}

/// An address leads where it led before.
#[track_caller]
fn check_way(was: &Address, is: &Address) {
    let [before, after] = [was, is].map(|address| address.lead().map(|led| led.to));
    assert_eq!(before, after, "{was:?} became {is:?}");
}

/// The text that an escaped one stands for.
fn unescaped(text: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}
