//! The options of a link, independent of formats, and the errors of signing.

mod address;
mod countries;
mod error;

use alloc::vec::Vec;

use crate::error::{Fault, Field};
use crate::grant::{MAX_COUNT, Network, NewSession};
use crate::key::Entry;
use crate::time::UnixTime;

pub(crate) use self::address::Address;
pub(crate) use self::countries::unknown as unknown_country;
pub use self::error::Advice;
pub use self::error::SignError;

/// The default lifetime of a link, in seconds.
pub(crate) const DEFAULT_LIFETIME: u64 = 600;

#[derive(Clone, Debug, Default)]
pub(crate) struct LinkOptions<'a> {
    pub(crate) expiry: Expiry,
    pub(crate) key: Option<&'a str>,
    pub(crate) audience: Option<&'a str>,
    /// A JSON object.
    pub(crate) claims: Option<&'a str>,
    pub(crate) countries: Option<&'a str>,
    pub(crate) download: Option<&'a str>,
    pub(crate) generation: Option<u32>,
    /// Whether to show the file instead of saving it.
    pub(crate) inline: bool,
    pub(crate) issued: Issued,
    pub(crate) networks: Vec<Network>,
    pub(crate) token_id: Option<&'a str>,
    pub(crate) max_playbacks: Option<u16>,
    pub(crate) new_session: Option<SessionOptions<'a>>,
    pub(crate) not_before: Option<UnixTime>,
    pub(crate) preview: Option<u64>,
    pub(crate) revalidate: Option<u64>,
    /// Times are rounded to multiples of this many seconds.
    pub(crate) round: u64,
    pub(crate) run: Option<u64>,
    pub(crate) scope: Extent,
    pub(crate) session: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) uses: Option<u16>,
    /// Whether the token goes into the path; `None` to decide by scope.
    pub(crate) in_path: Option<bool>,
}

impl LinkOptions<'_> {
    /// Checks that what is counted is in range, and has a name to be counted under.
    pub(crate) fn check_counts(&self) -> Result<(), SignError> {
        let (sub, jti) = (self.subject.is_some(), self.token_id.is_some());
        for (field, count, is_named, unnamed) in [
            (Field::Max, self.max_playbacks, sub, Fault::NeedsSubject),
            (Field::Uses, self.uses, jti, Fault::NeedsTokenId),
        ] {
            match count {
                Some(count) if !(1..=MAX_COUNT).contains(&count) => {
                    return Err(SignError::Field(field, Fault::OutOfRange));
                }
                Some(_) if !is_named => return Err(SignError::Field(field, unnamed)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks the session that the link starts, and that it has a viewer and an id.
    pub(crate) fn check_new_session(&self) -> Result<(), SignError> {
        let Some(SessionOptions { access, idle, absolute, directories }) = &self.new_session else {
            return Ok(());
        };
        let faulty = |fault| SignError::Field(Field::Ses, fault);
        if self.subject.is_none() {
            return Err(faulty(Fault::NeedsSubject));
        }
        if self.token_id.is_none() {
            return Err(faulty(Fault::NeedsTokenId));
        }
        NewSession::check_lengths(*access, *idle, *absolute).map_err(faulty)?;
        match directories.len() {
            0 => return Err(faulty(Fault::Missing)),
            1..=NewSession::MAX_DIRECTORIES => {}
            _ => return Err(faulty(Fault::TooMany)),
        }
        directories
            .iter()
            .try_for_each(|directory| NewSession::check_directory(directory))
            .map_err(faulty)
    }
}

/// The session that a link starts.
#[derive(Clone, Debug)]
pub(crate) struct SessionOptions<'a> {
    pub(crate) access: u64,
    pub(crate) idle: u64,
    pub(crate) absolute: u64,
    pub(crate) directories: Vec<&'a str>,
}

/// What a link allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One address; for a manifest its directory, from which players fetch the rest.
    #[default]
    Fitting,
    Exact,
    Directory(u8),
}

/// When a link expires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Expiry {
    At(UnixTime),
    In(u64),
    /// After the default lifetime of its format, or [`DEFAULT_LIFETIME`].
    #[default]
    Usual,
}

/// Whether a token contains its time of signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Issued {
    At(UnixTime),
    Never,
    /// If it names a viewer or a playback: their links can be revoked by time of signing.
    #[default]
    WithViewer,
}

/// Options that a token can carry, checked.
///
/// They are borrowed: copying them just after they were written in parts takes 5 ns.
#[derive(Clone, Copy)]
pub(crate) struct CheckedOptions<'t, 'a> {
    pub(crate) options: &'t LinkOptions<'a>,
    pub(crate) entry: &'a Entry,
    pub(crate) expires: UnixTime,
    pub(crate) issued: Option<UnixTime>,
    /// The time of signing.
    #[cfg_attr(
        not(feature = "timed-hmac"),
        expect(dead_code, reason = "only one format needs it")
    )]
    pub(crate) now: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRing;
    use crate::sign::{Builder, Signer};

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

    fn signer() -> Signer {
        Signer::new(KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap())
    }

    /// What is wrong with a link for the viewer `v` with the token id `j`, unless the options say otherwise.
    fn faults(start: impl Fn() -> Builder<'static, &'static str>) {
        let named = || start().subject("v").token_id("j");
        let refused = |field, fault| Some(SignError::Field(field, fault));
        for count in [1, 2, 999, 1_000] {
            assert_eq!(named().max_playbacks(count).sign(NOW).err(), None, "{count}");
            assert_eq!(named().uses(count).sign(NOW).err(), None, "{count}");
        }
        for count in [0, 1_001, u16::MAX] {
            let fault = Fault::OutOfRange;
            assert_eq!(named().max_playbacks(count).sign(NOW).err(), refused(Field::Max, fault));
            assert_eq!(named().uses(count).sign(NOW).err(), refused(Field::Uses, fault));
        }
        let max = refused(Field::Max, Fault::NeedsSubject);
        let uses = refused(Field::Uses, Fault::NeedsTokenId);
        assert_eq!(start().max_playbacks(1).sign(NOW).err(), max);
        assert_eq!(start().token_id("j").max_playbacks(1).sign(NOW).err(), max);
        assert_eq!(start().session("s").max_playbacks(1).sign(NOW).err(), max);
        assert_eq!(start().uses(1).sign(NOW).err(), uses);
        assert_eq!(start().subject("v").uses(1).sign(NOW).err(), uses);
        assert_eq!(start().subject("v").max_playbacks(1).uses(1).sign(NOW).err(), uses);
        assert_eq!(start().token_id("j").max_playbacks(1).uses(1).sign(NOW).err(), max);
    }

    #[test]
    fn what_is_counted_is_in_range_and_has_a_name() {
        let signer: &'static Signer = alloc::boxed::Box::leak(alloc::boxed::Box::new(signer()));
        faults(|| signer.link("https://cdn.example.com/videos/42/a.mp4"));
        #[cfg(feature = "jwt")]
        faults(|| {
            let jwt = crate::format::jwt::Jwt::new().claim("vid", 42);
            signer.link("https://cdn.example.com/videos/42/a.mp4").jwt(jwt)
        });
    }
}
