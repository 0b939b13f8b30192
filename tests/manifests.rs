//! Manifests of other people's packagers, rewritten: `tests/manifests/README.md` says whose.
//!
//! Parsers that know nothing of Playgate read them before and after, the `url` crate resolves every address
//! in them, and both readings have to agree once the token is taken out again.

#![allow(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use playgate::manifest::Kind;
use url::Url;

use crate::asked::{Asked, Led, PLACES, Place, changes, lead};

#[path = "manifests/asked.rs"]
mod asked;
#[path = "manifests/mpd.rs"]
mod mpd;
#[path = "manifests/playlist.rs"]
mod playlist;

/// The manifests in a folder, by name.
fn fixtures(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

/// Checks one address before and after: it leads to the same place, and with the token exactly where the
/// token opens that. `Led` of the address before.
#[track_caller]
fn carried(asked: &Asked, place: Place, [before, after]: [(&Url, &str); 2]) -> Option<Led> {
    let (base, before) = before;
    let (rewritten_base, after) = after;
    let was = lead(base, before);
    let is = lead(rewritten_base, after);
    let (Some(was), Some(is)) = (was, is) else {
        assert_eq!(before, after, "it cannot be resolved");
        return None;
    };
    assert_eq!(was.to, is.to, "{before} leads elsewhere: {after}");
    if is.in_scope {
        let carrier = asked.carrier();
        let token = is.token.as_deref().unwrap_or_default();
        assert_eq!(token, carrier.token(), "the token of {after}, that was {before}");
        let address = rewritten_base.join(after).unwrap();
        assert_eq!(asked.refusal(&address), None, "{address}");
    } else if place == Place::Query || !base.path().starts_with("/pg=") {
        assert_eq!(is.token, None, "{after}");
    }
    if was.token.is_some() || !is.in_scope {
        assert_eq!(before, after, "it could have stayed");
    }
    Some(was)
}

#[test]
fn playlists_keep_every_line_and_lead_where_they_led() {
    for (name, before) in fixtures("hls") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let after = asked.carrier().rewrite(Kind::Hls, &before).unwrap();
            let base = asked.address();
            let mut found = 0;
            let variables = playlist::variables(&before);
            assert_eq!(before.lines().count(), after.lines().count());
            for (before, after) in playlist::lines(&before).zip(playlist::lines(&after)) {
                assert_eq!(before.around, after.around);
                for (before, after) in before.addresses.iter().zip(&after.addresses) {
                    let expanded = playlist::expand(before, &variables);
                    let after_expanded = playlist::expand(after, &variables);
                    if before == after && expanded != *before {
                        carried(&asked, place, [(&base, &expanded), (&base, &after_expanded)]);
                    } else if expanded != *before {
                        let [was, is] =
                            [&expanded, &after_expanded].map(|at| lead(&base, at).unwrap());
                        assert_eq!((was.to, true), (is.to, is.token.is_some()), "{before}");
                    } else {
                        carried(&asked, place, [(&base, before), (&base, after)]);
                    }
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
            let after = asked.carrier().rewrite(Kind::Hls, &before).unwrap();
            let base = asked.address();
            let variables = playlist::variables(&before);
            let read = |text: &str| {
                let mut addresses = Vec::new();
                let shape = playlist::read(text, &mut |address| {
                    let led = lead(&base, &playlist::expand(address, &variables));
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
            let after = asked.carrier().rewrite(Kind::Dash, &before).unwrap();
            let (was, is) = (mpd::read(&before), mpd::read(&after));
            assert_eq!(was.shape, is.shape);
            let address = asked.address();
            let addresses = [&was, &is].map(|mpd| mpd.addresses(&address));
            assert!(!addresses[0].is_empty(), "{name} has no address");
            assert_eq!(addresses[0].len(), addresses[1].len());
            for (was, is) in addresses[0].iter().zip(&addresses[1]) {
                let [was_led, is_led] = [was, is].map(|at| lead(&at.base, &at.reference));
                assert_eq!(
                    was_led.as_ref().map(|led| &led.to),
                    is_led.as_ref().map(|led| &led.to),
                    "{was:?} {is:?}"
                );
                let Some(led) = is_led else { continue };
                let token = led.in_scope.then(|| asked.carrier().token().to_owned());
                assert_eq!(led.token, token, "{is:?}, that was {was:?}");
            }
        }
    }
}

#[test]
fn presentations_keep_every_byte_around_their_addresses() {
    for (name, before) in fixtures("dash") {
        for place in PLACES {
            println!("{name}, {place:?}");
            let asked = Asked::new(&name, place, None);
            let after = asked.carrier().rewrite(Kind::Dash, &before).unwrap();
            let token = asked.carrier().token().to_owned();
            let spelled = [token.clone(), token.replace('&', "&amp;")];
            for (old, new) in changes(&before, &after) {
                let path = new.trim().strip_prefix('/').unwrap_or_default();
                assert!(spelled.iter().any(|token| path.starts_with(token)), "{old} became {new}");
                assert!(path.contains("/videos/42/"), "{old} became {new}");
            }
        }
    }
}

/// What another parser has no name for.
#[test]
fn a_steering_server_gets_the_token_and_a_comment_does_not() {
    let fixtures = fixtures("dash");
    for place in PLACES {
        let asked = Asked::new("several_base_urls.mpd", place, None);
        let carrier = asked.carrier();
        let after = carrier.rewrite(Kind::Dash, &fixtures["several_base_urls.mpd"]).unwrap();
        let token = carrier.token().replace('&', "&amp;");
        assert!(after.contains(&format!(">/{token}/videos/42/steering.json<")), "{after}");
        let after = carrier.rewrite(Kind::Dash, &fixtures["entities.mpd"]).unwrap();
        let comment = "a comment with <BaseURL>https://cdn.example.com/videos/42/</BaseURL> -->";
        assert!(after.contains(comment), "{after}");
    }
}

#[test]
fn rewritten_once_is_rewritten() {
    for (folder, kind) in [("hls", Kind::Hls), ("dash", Kind::Dash)] {
        for (name, before) in fixtures(folder) {
            for place in PLACES {
                let carrier = Asked::new(&name, place, None).carrier();
                let once = carrier.rewrite(kind, &before).unwrap();
                assert_eq!(carrier.rewrite(kind, &once).unwrap(), once, "{name}, {place:?}");
            }
        }
    }
}
