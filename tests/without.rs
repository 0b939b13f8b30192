//! A gate that was built without state or manifests: what needs them is refused. With them, it is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use playgate::{Builder, KeyRing, Signer, UnixTime};
use playgate_edge::{
    Binding, Config, Decision, Now, Replies, RequestParts, Setting, Variables, decide,
};

const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NOW: u64 = 1_767_225_000;
const HAS_MANIFESTS: bool = cfg!(feature = "manifests");
const HAS_STATE: bool = cfg!(feature = "state");

/// The configuration of a gate with a bucket, these objects and these variables, or its errors.
fn read(
    [denylist, records]: [Binding; 2],
    variables: &[(&str, &str)],
) -> Result<Config, Vec<String>> {
    let variables = Variables::read(Binding::Right, denylist, records, |name| {
        let mut variables = [("PLAYGATE_KEYS", KEYS)].iter().chain(variables);
        let found = variables.find(|(known, _)| *known == name);
        found.map_or(Setting::Unset, |(_, value)| Setting::Text(value.to_string()))
    });
    Config::read(&variables).map_err(|broken| broken.errors)
}

const NONE: [Binding; 2] = [Binding::Absent, Binding::Absent];

#[test]
fn settings_of_what_is_missing_are_refused() {
    const SECRET: (&str, &str) = ("ADMIN_SECRET", "0123456789abcdef");
    let both = [Binding::Right, Binding::Right];
    for (objects, variables, has, expected) in [
        (
            both,
            &[SECRET][..],
            HAS_STATE,
            "ADMIN_SECRET: this gate was built without state; remove it",
        ),
        (both, &[], HAS_STATE, "DENYLIST: this gate was built without state; remove it"),
        (
            [Binding::Absent, Binding::Right],
            &[],
            HAS_STATE,
            "RECORDS: this gate was built without state; remove it",
        ),
        (
            NONE,
            &[("MAX_MANIFEST_BYTES", "65536")],
            HAS_MANIFESTS,
            "MAX_MANIFEST_BYTES: this gate was built without manifests; remove it",
        ),
    ] {
        let errors = read(objects, variables).err().unwrap_or_default();
        assert_eq!(errors, if has { vec![] } else { vec![expected] });
    }
    assert!(read(NONE, &[]).is_ok());
}

/// What happens to a request for a link to this path: its status, or `served`.
fn outcome(
    path: &str,
    variables: &[(&str, &str)],
    more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
) -> String {
    let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
    let url = ["https://cdn.example.com/videos/42/", path].concat();
    let link = more(signer.link(url.as_str())).sign(UnixTime::from_secs(NOW)).unwrap();
    let parts = RequestParts { method: "GET", url: link.as_str(), ..RequestParts::default() };
    let replies = &Replies::NONE;
    let (secs, millis) = (NOW, NOW * 1000);
    let now = Now { secs, millis, memory: None, replies, random: || [0; 16] };
    let config = read(NONE, variables).map_err(|errors| panic!("{errors:?}"));
    match decide(&config, &parts, now, || None) {
        Decision::Serve(..) => "served".into(),
        Decision::Respond(response, entry) => {
            [&response.status.to_string(), " ", entry.reason.unwrap_or_default()].concat()
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn playlists_that_must_be_rewritten_are_refused() {
    const RUN: core::time::Duration = core::time::Duration::from_secs(14_400);
    let required = if HAS_MANIFESTS { "served" } else { "403 manifests_required" };
    assert_eq!(outcome("a.m3u8", &[], |link| link.directory(2).in_query()), required);
    assert_eq!(outcome("a.mpd", &[], |link| link.directory(2).in_path().run(RUN)), required);
    assert_eq!(outcome("a.m3u8", &[], |link| link.directory(2).in_path().preview(RUN)), required);
    // As it is stored, it is as good as rewritten.
    let cookie = [("SET_COOKIE", "true")];
    assert_eq!(outcome("a.m3u8", &cookie, |link| link.directory(2).in_query()), "served");
    assert_eq!(outcome("a.m3u8", &[], |link| link.directory(2).in_path()), "served");
    assert_eq!(outcome("a.m3u8", &[], |link| link.exact().run(RUN)), "served");
    // Files are files.
    assert_eq!(outcome("a.mp4", &[], |link| link.directory(2).in_query()), "served");
    assert_eq!(outcome("a.mp4", &[], |link| link.exact().run(RUN)), "302 ");
    let unknown = if HAS_MANIFESTS { "served" } else { "302 " };
    assert_eq!(outcome("live", &[], |link| link.directory(2).in_path().run(RUN)), unknown);
}

#[test]
fn tokens_that_need_state_are_refused() {
    for more in [
        (|link: Builder<'_, _>| link.token_id("j").uses(1))
            as for<'a> fn(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
        |link| link.subject("v").max_playbacks(1),
    ] {
        assert_eq!(outcome("a.mp4", &[], |link| more(link.exact())), "403 state_required");
    }
}
