//! Playlists through m3u8-rs.

use m3u8_rs::{ExtTag, MediaPlaylist, Playlist, QuotedOrUnquoted, SessionDataField};

use crate::playlist::{ATTRIBUTES, split};

/// The playlist as m3u8-rs reads it, without its addresses; each of them is handed to `found`.
pub fn read(playlist: &str, found: &mut dyn FnMut(&str)) -> String {
    let (_, mut playlist) = m3u8_rs::parse_playlist(playlist.as_bytes()).unwrap();
    let mut take = |address: &mut String| found(&core::mem::take(address));
    match &mut playlist {
        Playlist::MasterPlaylist(master) => {
            master.variants.iter_mut().for_each(|variant| take(&mut variant.uri));
            master
                .alternatives
                .iter_mut()
                .filter_map(|media| media.uri.as_mut())
                .for_each(&mut take);
            master.session_key.iter_mut().filter_map(|key| key.0.uri.as_mut()).for_each(&mut take);
            for data in &mut master.session_data {
                if let SessionDataField::Uri(address) = &mut data.field {
                    take(address);
                }
            }
            master.unknown_tags.iter_mut().for_each(|tag| take_tag(tag, &mut take));
        }
        Playlist::MediaPlaylist(media) => take_media(media, &mut take),
    }
    // Attributes are kept in maps without an order.
    let mut shape: Vec<_> =
        format!("{playlist:#?}").lines().map(|line| line.trim().to_owned()).collect();
    shape.sort_unstable();
    shape.join("\n")
}

fn take_media(media: &mut MediaPlaylist, take: &mut dyn FnMut(&mut String)) {
    media.unknown_tags.iter_mut().for_each(|tag| take_tag(tag, take));
    for segment in &mut media.segments {
        take(&mut segment.uri);
        if let Some(address) = segment.key.as_mut().and_then(|key| key.uri.as_mut()) {
            take(address);
        }
        if let Some(map) = &mut segment.map {
            take(&mut map.uri);
        }
        let attributes = segment.daterange.as_mut().and_then(|range| range.x_prefixed.as_mut());
        let mut attributes: Vec<_> = attributes.into_iter().flatten().collect();
        attributes.sort_unstable_by_key(|(name, _)| name.to_owned());
        for (name, value) in attributes {
            if let QuotedOrUnquoted::Quoted(address) = value
                && ATTRIBUTES.contains(&name.as_str())
            {
                take(address);
            }
        }
        segment.unknown_tags.iter_mut().for_each(|tag| take_tag(tag, take));
    }
}

fn take_tag(tag: &mut ExtTag, take: &mut dyn FnMut(&mut String)) {
    let line = format!("#EXT-{}:{}", tag.tag, tag.rest.as_deref().unwrap_or_default());
    let line = split(&line);
    line.addresses.iter().for_each(|address| take(&mut (*address).to_owned()));
    tag.rest = Some(line.around.join("*"));
}
