//! A revocation: which tokens end early, and until when that has to be remembered.

mod error;

use alloc::string::String;
use core::fmt;

use playgate::{CanonicalPath, KeyId, UnixTime};
use serde::{Deserialize, Serialize};

pub use self::error::RevocationError;
use self::error::{ALL_VALUE, ID, ISSUED_BEFORE, KEY_ID};

/// What a revocation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Every token.
    All,
    /// A directory, with all that is below it.
    Dir,
    /// The id of a token.
    Jti,
    /// The id of a key.
    Kid,
    /// A playback.
    Sid,
    /// A viewer.
    Sub,
}

impl Kind {
    const ALL: [Self; 6] = [Self::All, Self::Dir, Self::Jti, Self::Kid, Self::Sid, Self::Sub];

    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Dir => "dir",
            Self::Jti => "jti",
            Self::Kid => "kid",
            Self::Sid => "sid",
            Self::Sub => "sub",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a revocation of this kind may spare tokens that were issued later.
    #[must_use]
    pub const fn takes_issued_before(self) -> bool {
        matches!(self, Self::All | Self::Dir | Self::Sub)
    }
}

/// Why tokens are revoked, as viewers may learn it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Another playback took its place.
    Displaced,
    /// Any other reason.
    #[default]
    Revoked,
    /// The session has ended: a refresh token was stolen, or an operator ended it.
    SessionEnded,
    /// The viewer signed out.
    SignedOut,
}

impl Reason {
    /// Whether a session has ended. It ends although the denylist has no room: nobody repeats the command of a thief, so
    /// the revocation follows later.
    #[must_use]
    pub const fn ends_session(self) -> bool {
        matches!(self, Self::SessionEnded | Self::SignedOut)
    }

    pub(crate) const ALL: [Self; 4] =
        [Self::Displaced, Self::Revoked, Self::SessionEnded, Self::SignedOut];

    /// The name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Displaced => "displaced",
            Self::Revoked => "revoked",
            Self::SessionEnded => "session_ended",
            Self::SignedOut => "signed_out",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Of several reasons, viewers learn the one with the highest rank: it says most about what happened.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::SessionEnded => 3,
            Self::Displaced => 2,
            Self::SignedOut => 1,
            Self::Revoked => 0,
        }
    }

    pub(crate) const fn from_rank(rank: u32) -> Self {
        match rank {
            3 => Self::SessionEnded,
            2 => Self::Displaced,
            1 => Self::SignedOut,
            _ => Self::Revoked,
        }
    }
}

/// Ends tokens early.
///
/// [`Revocation::check`] says what is valid.
#[derive(Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What `value` names.
    pub kind: Kind,
    /// The tokens concerned: 1 to 256 bytes of text without control characters. A key id for [`Kind::Kid`], a
    /// canonical path that ends in a slash for [`Kind::Dir`]; empty for [`Kind::All`].
    pub value: String,
    /// If present, tokens that were issued at this time or later stay valid, in unix seconds. A token without time of
    /// issue was issued before any time. Only for [`Kind::Sub`], [`Kind::Dir`] and [`Kind::All`].
    pub issued_before: Option<u64>,
    /// From this time on, in unix seconds, the revocation has ended. So it should be the latest time at which a gate
    /// could admit one of the tokens: the latest `exp`, with what `run` and the gate's leeway add.
    pub until: u64,
    /// Why.
    pub reason: Reason,
}

impl Revocation {
    /// The maximum length in bytes of an id. Those of native tokens have at most 64, those of JWTs may have more.
    pub const MAX_ID_LEN: usize = 256;
    /// The maximum length of a directory in bytes: in a URL of 8,192 bytes, it fits with every byte escaped.
    pub const MAX_DIRECTORY_LEN: usize = 2_048;
    /// The maximum number of segments in a directory, as in a token (`dir`). Gates look no deeper.
    pub const MAX_SEGMENTS: usize = 64;
    /// The maximum time until the end in seconds: 10 years of 365 days.
    pub const MAX_LENGTH: u64 = 10 * 365 * 86_400;

    /// Whether it has ended.
    #[must_use]
    pub const fn has_ended(&self, now: UnixTime) -> bool {
        self.until <= now.as_secs()
    }

    /// This revocation and a newer one of the same kind and value as one that covers both: it ends with the
    /// later, is as wide as the wider, and has the reason of the newer.
    #[must_use]
    pub fn merge(self, newer: &Self) -> Self {
        Self {
            // None is the widest.
            issued_before: self.issued_before.zip(newer.issued_before).map(|(a, b)| a.max(b)),
            until: self.until.max(newer.until),
            reason: newer.reason,
            ..self
        }
    }

    /// What holds after this revocation if `current` held before it: the two [merged](Self::merge), unless the current
    /// one has ended, which must not widen this one.
    #[must_use]
    pub fn revised(self, current: Option<&Self>, now: UnixTime) -> Self {
        match current {
            Some(current) if !current.has_ended(now) => current.clone().merge(&self),
            _ => self,
        }
    }

    /// Checks a revocation.
    ///
    /// # Errors
    /// A [`RevocationError`] with the first member that is wrong.
    pub fn check(&self, now: UnixTime) -> Result<(), RevocationError> {
        self.check_value()?;
        if let Some(issued_before) = self.issued_before {
            let error = if !self.kind.takes_issued_before() {
                Some("is only for sub, dir and all; leave it out")
            } else if issued_before == 0 {
                Some("is 0, before any token; write a later time")
            } else if issued_before > self.until {
                Some("is after `until`; write unix seconds, not milliseconds")
            } else {
                None
            };
            if let Some(message) = error {
                return Err(RevocationError::new(ISSUED_BEFORE, message));
            }
        }
        match self.until.checked_sub(now.as_secs()) {
            None | Some(0) => {
                Err(RevocationError::new("until", "has passed; write a time after now"))
            }
            Some(length) if length > Self::MAX_LENGTH => {
                let message = "is more than 10 years ahead; write unix seconds, not milliseconds";
                Err(RevocationError::new("until", message))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_value(&self) -> Result<(), RevocationError> {
        let value = self.value.as_str();
        let message = match self.kind {
            Kind::All if value.is_empty() => return Ok(()),
            Kind::All => ALL_VALUE,
            Kind::Dir => return check_directory(value),
            Kind::Kid if KeyId::new(value).is_ok() => return Ok(()),
            Kind::Kid => KEY_ID,
            Kind::Jti | Kind::Sid | Kind::Sub => {
                let is_fine = (1..=Self::MAX_ID_LEN).contains(&value.len());
                if is_fine && !value.chars().any(char::is_control) {
                    return Ok(());
                }
                ID
            }
        };
        Err(RevocationError::new("value", message))
    }
}

fn check_directory(value: &str) -> Result<(), RevocationError> {
    let error = |message| Err(RevocationError::new("value", message));
    if value.is_empty() {
        return error("is missing; write the path of a directory, like /videos/42/");
    }
    if value.len() > Revocation::MAX_DIRECTORY_LEN {
        return error("has more than 2048 bytes; write a directory above it");
    }
    let path = CanonicalPath::parse(value).map_err(RevocationError::path)?;
    if path.to_cow() != value {
        return error(
            "is not canonical; write %XX in upper case, and A-Z a-z 0-9 - . _ ~ as they are",
        );
    }
    if !value.ends_with('/') {
        return error("does not end with a slash; add one: only directories can be named");
    }
    if value.bytes().filter(|byte| *byte == b'/').count()
        > Revocation::MAX_SEGMENTS.saturating_add(1)
    {
        return error("has more than 64 segments; write a directory above it");
    }
    Ok(())
}

/// Shows no value: it names a viewer, or may be a secret.
impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("kind", &self.kind)
            .field("issued_before", &self.issued_before)
            .field("until", &self.until)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec::Vec};
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_600);

    fn revocation(kind: Kind, value: &str) -> Revocation {
        Revocation {
            kind,
            value: value.into(),
            issued_before: None,
            until: 1_767_311_400,
            reason: Reason::Revoked,
        }
    }

    #[track_caller]
    fn refused(kind: Kind, value: &str, message: &str) {
        let error = revocation(kind, value).check(NOW).unwrap_err();
        assert_eq!((error.field(), &*format!("{error}")), ("value", message));
    }

    #[test]
    fn names_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(reason));
        }
        assert_eq!((Kind::from_name("Sub"), Reason::from_name("")), (None, None));
    }

    #[test]
    fn each_kind_has_its_values() {
        let longest = "x".repeat(256);
        for kind in [Kind::Jti, Kind::Sid, Kind::Sub] {
            for value in ["x", "José Müller <jose@example.com>", &longest] {
                assert_eq!(revocation(kind, value).check(NOW), Ok(()));
            }
            let message = "`value` is not 1 to 256 bytes of text without control characters";
            for value in ["", "a\nb", "\u{85}", &"x".repeat(257)] {
                refused(kind, value, message);
            }
        }
        assert_eq!(revocation(Kind::Kid, "main_2-B").check(NOW), Ok(()));
        for value in ["", "a.b", &"x".repeat(33)] {
            refused(Kind::Kid, value, "`value` is not a key id: 1 to 32 of A-Z a-z 0-9 _ -");
        }
        assert_eq!(revocation(Kind::All, "").check(NOW), Ok(()));
        refused(Kind::All, "x", "`value` is not for all, which names nothing; leave it out");
        let deepest = format!("/{}", "a/".repeat(64));
        for value in ["/", "/videos/42/", "/b%C3%BCcher/", &deepest] {
            assert_eq!(revocation(Kind::Dir, value).check(NOW), Ok(()));
        }
    }

    #[test]
    fn a_directory_has_one_spelling() {
        let not_canonical = "`value` is not canonical; write %XX in upper case, and A-Z a-z 0-9 - . _ ~ as they are";
        refused(Kind::Dir, "/%61/", not_canonical);
        refused(Kind::Dir, "/b%c3%bccher/", not_canonical);
        refused(Kind::Dir, "videos/", "`value` does not start with a slash");
        refused(Kind::Dir, "/a//", "`value` has two slashes in a row; write one");
        refused(Kind::Dir, "/a/../", "`value` has a segment . or ..; write the path without it");
        refused(
            Kind::Dir,
            "/a",
            "`value` does not end with a slash; add one: only directories can be named",
        );
        refused(
            Kind::Dir,
            "",
            "`value` is missing; write the path of a directory, like /videos/42/",
        );
        let deep = format!("/{}", "a/".repeat(65));
        refused(Kind::Dir, &deep, "`value` has more than 64 segments; write a directory above it");
        let long = format!("/{}/", "a".repeat(2047));
        refused(Kind::Dir, &long, "`value` has more than 2048 bytes; write a directory above it");
    }

    #[test]
    fn times_are_in_order_and_in_seconds() {
        let checked = |kind, issued_before, until| {
            let times = Revocation { issued_before, until, ..revocation(kind, "/a/") };
            times.check(NOW).map_err(|error| format!("{error}"))
        };
        let now = NOW.as_secs();
        assert_eq!(checked(Kind::Dir, None, now + 1), Ok(()));
        assert_eq!(checked(Kind::Dir, Some(1), now + 315_360_000), Ok(()));
        assert_eq!(checked(Kind::Sub, Some(now + 9), now + 9), Ok(()));
        let passed = Err("`until` has passed; write a time after now".into());
        assert_eq!(checked(Kind::Dir, None, now), passed);
        assert_eq!(checked(Kind::Dir, None, 0), passed);
        let far = "`until` is more than 10 years ahead; write unix seconds, not milliseconds";
        for until in [now + 315_360_001, now * 1000, u64::MAX] {
            assert_eq!(checked(Kind::Dir, None, until), Err(far.into()));
        }
        let after = "`issued_before` is after `until`; write unix seconds, not milliseconds";
        assert_eq!(checked(Kind::Dir, Some(now + 10), now + 9), Err(after.into()));
        let zero = "`issued_before` is 0, before any token; write a later time";
        assert_eq!(checked(Kind::Dir, Some(0), now + 9), Err(zero.into()));
        let only = "`issued_before` is only for sub, dir and all; leave it out";
        for kind in [Kind::Jti, Kind::Sid] {
            assert_eq!(checked(kind, Some(1), now + 9), Err(only.into()));
        }
    }

    #[test]
    fn debug_shows_no_value() {
        assert!(!format!("{:?}", revocation(Kind::Sid, "secret")).contains("secret"));
    }

    fn any_times() -> impl Strategy<Value = (Option<u64>, u64, Reason)> {
        (proptest::option::of(1..9_u64), 9..20_u64, 0..Reason::ALL.len())
            .prop_map(|(issued_before, until, reason)| (issued_before, until, Reason::ALL[reason]))
    }

    proptest! {
        #[test]
        fn a_merge_covers_both(all in proptest::collection::vec(any_times(), 2..5)) {
            let all: Vec<_> = all.into_iter().map(|(issued_before, until, reason)| {
                Revocation { issued_before, until, reason, ..revocation(Kind::Sub, "a") }
            }).collect();
            let merged = all.iter().skip(1).fold(all[0].clone(), Revocation::merge);
            let hits = |one: &Revocation, now: u64, issued: u64| {
                one.until > now && one.issued_before.is_none_or(|before| issued < before)
            };
            for (now, issued) in (0..22).flat_map(|now| (0..22).map(move |issued| (now, issued))) {
                if all.iter().any(|one| hits(one, now, issued)) {
                    prop_assert!(hits(&merged, now, issued));
                }
            }
            prop_assert!(all.iter().any(|one| one.until == merged.until));
            prop_assert!(all.iter().any(|one| one.issued_before == merged.issued_before));
            prop_assert_eq!(merged.reason, all[all.len() - 1].reason);
            // The same again changes nothing, whichever it was.
            for one in &all {
                let again = merged.clone().merge(one);
                prop_assert_eq!(Revocation { reason: merged.reason, ..again }, merged.clone());
            }
        }
    }
}
