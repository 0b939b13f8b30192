//! The name of an object in the bucket, and the type that its name suggests.

use playgate::percent::decode;
use playgate_manifest::Kind;

/// The type of media of which nothing is known.
const UNKNOWN: &str = "application/octet-stream";

/// The longest key of the store, in bytes.
const MAX_KEY_LEN: usize = 1024;

/// The key of a canonical path: without the slash that it starts with, percent-decoded once. `None`
/// where no object can have it.
pub(crate) fn key(path: &str) -> Option<String> {
    let key = decode(path.strip_prefix('/')?)?;
    (1..=MAX_KEY_LEN).contains(&key.len()).then_some(key)
}

/// The type of media by the extension of its path, for objects that were stored without one.
pub(crate) fn media_type(path: &str) -> &'static str {
    let file = path.rsplit('/').next().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "aac" => "audio/aac",
        "avif" => "image/avif",
        "cmfa" | "m4a" => "audio/mp4",
        "cmft" => "application/mp4",
        "cmfv" | "m4s" | "m4v" | "mp4" => "video/mp4",
        "dash" | "mpd" => "application/dash+xml",
        "flac" => "audio/flac",
        "gif" => "image/gif",
        "jpeg" | "jpg" => "image/jpeg",
        "json" => "application/json",
        "m3u8" => "application/vnd.apple.mpegurl",
        "mkv" => "video/matroska",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "oga" | "ogg" | "opus" => "audio/ogg",
        "ogv" => "video/ogg",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "srt" => "application/x-subrip",
        "ts" => "video/mp2t",
        "ttml" => "application/ttml+xml",
        "txt" => "text/plain; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "wav" => "audio/wav",
        "webm" => "video/webm",
        "webp" => "image/webp",
        "zip" => "application/zip",
        _ => UNKNOWN,
    }
}

/// What the media is written in, if it says where more of it is: by its type, or where that is none of a
/// manifest's, by the extension of its path.
pub(crate) fn manifest_kind(media_type: &str, path: &str) -> Option<Kind> {
    kind_of_type(media_type).or_else(|| kind_of_type(self::media_type(path)))
}

/// Whether media at this path may turn out to be a manifest: other extensions are known to be none.
pub(crate) fn may_be_manifest(path: &str) -> bool {
    let media_type = media_type(path);
    media_type == UNKNOWN || kind_of_type(media_type).is_some()
}

fn kind_of_type(media_type: &str) -> Option<Kind> {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    match name.to_ascii_lowercase().as_str() {
        "application/dash+xml" | "application/dash-patch+xml" | "video/vnd.mpeg.dash.mpd" => {
            Some(Kind::Dash)
        }
        "application/mpegurl"
        | "application/vnd.apple.mpegurl"
        | "application/x-mpegurl"
        | "audio/mpegurl"
        | "audio/x-mpegurl" => Some(Kind::Hls),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_once() {
        for (path, expected) in [
            ("/videos/42/film.mp4", "videos/42/film.mp4"),
            ("/S%C3%A3o%20Jo%C3%A3o.mp4", "São João.mp4"),
            ("/100%25/%2541", "100%/%41"),
            ("/a+b/", "a+b/"),
        ] {
            assert_eq!(key(path).as_deref(), Some(expected));
        }
    }

    #[test]
    fn paths_without_an_object() {
        for path in ["/", "", "/%FF", "/%C3%28", "/%4", "/%é"] {
            assert_eq!(key(path), None, "{path}");
        }
        assert!(key(&std::format!("/{}", "a".repeat(1024))).is_some());
        assert!(key(&std::format!("/{}", "a".repeat(1025))).is_none());
    }

    #[test]
    fn types_by_extension() {
        for (path, expected) in [
            ("/a/master.m3u8", "application/vnd.apple.mpegurl"),
            ("/a/seg.M4S", "video/mp4"),
            ("/a.mp4/b", "application/octet-stream"),
            ("/a/.mpd", "application/dash+xml"),
            ("/a/mp4", "application/octet-stream"),
        ] {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }

    #[test]
    fn manifests_by_type_and_by_extension() {
        for (media_type, path, expected) in [
            ("application/vnd.apple.mpegurl", "/live", Some(Kind::Hls)),
            ("Application/X-mpegURL; charset=utf-8", "/live", Some(Kind::Hls)),
            ("application/dash+xml", "/a.m3u8", Some(Kind::Dash)),
            ("text/plain", "/a.m3u8", Some(Kind::Hls)),
            ("application/octet-stream", "/a.MPD", Some(Kind::Dash)),
            ("video/mp4", "/a.mp4", None),
            ("text/html", "/live", None),
        ] {
            assert_eq!(manifest_kind(media_type, path), expected, "{media_type} {path}");
        }
        for path in ["/a.m3u8", "/a.mpd", "/live", "/a.php"] {
            assert!(may_be_manifest(path), "{path}");
        }
        assert!(!may_be_manifest("/a.m4s"));
    }
}
