//! Manifests of other people's packagers, rewritten: `tests/manifests/README.md` says whose.
//!
//! Parsers that know nothing of Playgate read them before and after, the `url` crate resolves
//! every address in them, and both readings have to agree once the token is taken out again.

use std::fs;
use std::path::Path;

use playgate_manifest::Kind;

use crate::asked::{Address, Asked, PLACES, Place, changes, lead};
use crate::playlist::{self, Variables};
use crate::{m3u8, mpd};

/// The manifests in a folder, by name.
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/manifests").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let mut fixtures: Vec<_> = files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read_to_string(file.path()).unwrap())
        })
        .collect();
    fixtures.sort_unstable();
    fixtures
}

/// Presentations in which an address cannot get the token that came in the query, so that a player
/// has to be given it in the path. One that gets it all the same fails here as well.
const OUT_OF_REACH: [&str; 2] = [
    // One template is relative to two bases, and only one of them is in the manifest.
    "mixed_levels.mpd",
    // The packager escapes the slashes of a base, which a path may not have.
    "shaka_escaped_base_url.mpd",
];

/// A presentation whose `Location` is on another host: there players that start from it would lose the token
/// that they inherit, so addresses that could have stayed do not.
const ELSEWHERE: &str = "located_elsewhere.mpd";

/// Checks one address before and after: it leads to the same place, and has the token exactly
/// where the token opens that. What could have stayed has.
#[track_caller]
fn check(asked: &Asked, place: Place, was: &Address, is: &Address) {
    let could_stay = check_token(asked, place, was, is);
    assert!(!could_stay || was.reference == is.reference, "it could have stayed: {is:?}");
}

/// The same of where it leads and its token. Whether it could have stayed.
#[track_caller]
fn check_token(asked: &Asked, place: Place, was: &Address, is: &Address) -> bool {
    let (Some(before), Some(after)) = (was.lead(), is.lead()) else {
        return true;
    };
    assert_eq!(before.to, after.to, "{was:?} leads elsewhere: {is:?}");
    if after.in_scope {
        let rewriter = asked.rewriter();
        let token = after.token.as_deref().unwrap_or_default();
        assert_eq!(token, rewriter.token(), "the token of {is:?}, that was {was:?}");
        assert_eq!(asked.refusal(&is.resolved().unwrap()), None, "{is:?}");
    } else if place == Place::Query {
        assert_eq!(after.token, None, "{is:?}");
    }
    before.token.is_some() || !after.in_scope
}

#[test]
fn playlists_keep_every_line_and_lead_where_they_led() {
    for (name, text) in fixtures("hls") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let rewritten = asked.rewriter().rewrite(Kind::Hls, &text).unwrap();
            assert_eq!(text.lines().count(), rewritten.lines().count());
            let mut variables = Variables::default();
            let mut found = 0;
            for (before, after) in playlist::lines(&text).zip(playlist::lines(&rewritten)) {
                variables.take(before.text);
                assert_eq!(before.around, after.around);
                assert_eq!(before.addresses.len(), after.addresses.len());
                for (before, after) in before.addresses.iter().zip(&after.addresses) {
                    let [was, is] = [before, after].map(|address| Address {
                        base: asked.address(),
                        reference: variables.expand(address),
                    });
                    check(&asked, place, &was, &is);
                    found += 1;
                }
            }
            assert!(found > 0, "{name} has no address");
        }
    }
}

#[test]
fn playlists_are_the_same_to_another_parser() {
    for (name, before) in fixtures("hls") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let after = asked.rewriter().rewrite(Kind::Hls, &before).unwrap();
            let base = asked.address();
            let mut variables = Variables::default();
            before.lines().for_each(|line| variables.take(line));
            let read = |text: &str| {
                let mut addresses = Vec::new();
                let shape = m3u8::read(text, &mut |address| {
                    let led = lead(&base, &variables.expand(address));
                    addresses.push(led.map(|led| led.to));
                });
                (shape, addresses)
            };
            let (before, after) = (read(&before), read(&after));
            assert!(!before.1.is_empty(), "{name} has no address");
            assert_eq!(before, after);
        }
    }
}

#[test]
fn presentations_are_the_same_to_another_parser_and_lead_where_they_led() {
    for (name, before) in fixtures("dash") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let after = asked.rewriter().rewrite(Kind::Dash, &before).unwrap();
            let (was, is) = (mpd::read(&before), mpd::read(&after));
            assert_eq!(was.shape, is.shape);
            let address = asked.address();
            let addresses = [&was, &is].map(|mpd| mpd.addresses(&address));
            assert!(!addresses[0].is_empty(), "{name} has no address");
            assert_eq!(addresses[0].len(), addresses[1].len());
            let mut bare = 0;
            for (was, is) in addresses[0].iter().zip(&addresses[1]) {
                if OUT_OF_REACH.contains(&name.as_str()) && was.reference == is.reference {
                    bare +=
                        u32::from(is.lead().is_some_and(|led| led.in_scope && led.token.is_none()));
                } else if name == ELSEWHERE {
                    check_token(&asked, place, was, is);
                } else {
                    check(&asked, place, was, is);
                }
            }
            let addresses = [&was, &is].map(|mpd| mpd.by_location(&address));
            assert_eq!(addresses[0].len(), addresses[1].len());
            for (was, is) in addresses[0].iter().zip(&addresses[1]) {
                // It leads where it led, or where the standard has it.
                if was.reference == is.reference {
                    check(&asked, place, was, is);
                } else {
                    assert_eq!(asked.refusal(&is.resolved().unwrap()), None, "{is:?}");
                }
            }
            let is_out_of_reach = OUT_OF_REACH.contains(&name.as_str()) && place == Place::Query;
            assert_eq!(bare > 0, is_out_of_reach, "{bare} addresses have no token");
        }
    }
}

#[test]
fn presentations_keep_every_byte_around_their_addresses() {
    for (name, before) in fixtures("dash") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let after = asked.rewriter().rewrite(Kind::Dash, &before).unwrap();
            let token = asked.rewriter().token().to_owned();
            let spelled = [token.clone(), token.replace('&', "&amp;")];
            for (old, new) in changes(&before, &after) {
                let host = new.trim().split_once("://").map(|(_, rest)| rest).unwrap_or_default();
                let path = host.strip_prefix("cdn.example.com/").unwrap_or_default();
                assert!(spelled.iter().any(|token| path.starts_with(token)), "{old} became {new}");
                assert!(path.contains("/videos/42/"), "{old} became {new}");
            }
        }
    }
}

#[test]
fn a_comment_keeps_its_address() {
    let comment = "a comment with <BaseURL>https://cdn.example.com/videos/42/</BaseURL> -->";
    let fixtures = fixtures("dash");
    let (name, before) = fixtures.iter().find(|(_, before)| before.contains(comment)).unwrap();
    for place in PLACES {
        let after = Asked::new(name, place, None).rewriter().rewrite(Kind::Dash, before).unwrap();
        assert!(after.contains(comment), "{after}");
    }
}

/// With a token that is exchanged, every address of the scope has the new one, relative ones as
/// well.
#[test]
fn exchanged_tokens_reach_every_address() {
    for place in PLACES {
        for (name, before) in fixtures("hls") {
            println!("{name}, {place:?}");
            let asked = Asked::exchanged(&name, place, 14_400);
            let rewriter = asked.rewriter();
            assert!(!asked.link.contains(rewriter.token()));
            let after = rewriter.rewrite(Kind::Hls, &before).unwrap();
            let mut variables = Variables::default();
            let mut found = 0;
            for line in playlist::lines(&after) {
                variables.take(line.text);
                for address in line.addresses {
                    let Some(led) = lead(&asked.address(), &variables.expand(address)) else {
                        continue;
                    };
                    let token = led.token.as_deref().unwrap_or_default();
                    assert!(
                        !led.in_scope || token == rewriter.token(),
                        "{address} leads to {led:?}"
                    );
                    found += 1;
                }
            }
            assert!(found > 0);
            let is_live = before.contains("#EXTINF") && !before.contains("#EXT-X-ENDLIST");
            let own = format!("\n/{}/videos/42/set/{name}\n", rewriter.token());
            assert_eq!(after.contains(&own), is_live, "{after}");
        }
        for (name, before) in fixtures("dash") {
            println!("{name}, {place:?}");
            let asked = Asked::exchanged(&name, place, 14_400);
            let rewriter = asked.rewriter();
            let after = rewriter.rewrite(Kind::Dash, &before).unwrap();
            if OUT_OF_REACH.contains(&name.as_str()) {
                continue;
            }
            for address in mpd::read(&after).addresses(&asked.address()) {
                let Some(led) = address.lead() else { continue };
                let token = led.token.as_deref().unwrap_or_default();
                assert!(!led.in_scope || token == rewriter.token(), "{address:?} leads to {led:?}");
            }
            let own = format!("/{}/videos/42/set/{name}</", rewriter.token().replace('&', "&amp;"));
            let is_located = before.contains("\"dynamic\"") && name != ELSEWHERE;
            assert_eq!(after.contains(&own), is_located, "{after}");
        }
    }
}

#[test]
fn rewritten_once_is_rewritten() {
    for (folder, kind) in [("hls", Kind::Hls), ("dash", Kind::Dash)] {
        for (name, before) in fixtures(folder) {
            for place in PLACES {
                let rewriter = Asked::new(&name, place, None).rewriter();
                let once = rewriter.rewrite(kind, &before).unwrap();
                assert_eq!(rewriter.rewrite(kind, &once).unwrap(), once, "{name}, {place:?}");
            }
        }
    }
}
