//! The fields of a native token. A field is one row: how it is parsed, checked, written and described.

#[cfg(feature = "alloc")]
use core::fmt::Write as _;

#[cfg(feature = "alloc")]
use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
#[cfg(feature = "alloc")]
use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::bytes::{is_id, is_name};
#[cfg(feature = "alloc")]
use crate::description::{Span, clients, playbacks};
use crate::error::{Fault, Field};
#[cfg(feature = "alloc")]
use crate::grant::Network;
use crate::grant::{
    Audience, Claims, Countries, DownloadName, Grant, MAX_NUMBER, Networks, NewSession, Text,
    parse_count, parse_number, parse_text,
};
#[cfg(feature = "alloc")]
use crate::options::{
    CheckedOptions, Extent, LinkOptions, SessionOptions, SignError, unknown_country,
};
#[cfg(feature = "alloc")]
use crate::redact::{redacted, redacted_path};
use crate::scope::MAX_DIRECTORY;
#[cfg(feature = "alloc")]
use crate::time::UnixTime;

/// The maximum length in bytes of a name or an id, except key ids.
const MAX_NAME_LEN: usize = 64;

/// An optional field.
pub(super) struct Row {
    pub(super) field: Field,
    /// Parses a value.
    pub(super) parse: for<'a> fn(&mut Grant<'a>, &'a str) -> Result<(), Fault>,
    /// Checks that the field can express the option.
    #[cfg(feature = "alloc")]
    pub(super) check: fn(&LinkOptions<'_>) -> Result<(), SignError>,
    /// Writes the field if it has a value.
    #[cfg(feature = "alloc")]
    pub(super) write: fn(&Said<'_, '_>, Out<'_>),
    /// Describes a value, which may be malformed.
    #[cfg(feature = "alloc")]
    pub(super) describe: fn(&Shown<'_>) -> String,
}

/// The contents of a token to write.
#[cfg(feature = "alloc")]
pub(super) struct Said<'t, 'a> {
    pub(super) options: &'t CheckedOptions<'t, 'a>,
    pub(super) directory: Option<u8>,
}

/// The destination of a field.
#[cfg(feature = "alloc")]
pub(super) struct Out<'t> {
    pub(super) field: Field,
    pub(super) token: &'t mut String,
}

#[cfg(feature = "alloc")]
impl<'t> Out<'t> {
    /// Writes the name, and returns the text to append the value to.
    fn named(self) -> &'t mut String {
        self.token.push('&');
        self.token.push_str(self.field.name());
        self.token.push('=');
        self.token
    }

    fn text(self, text: Option<&str>) {
        if let Some(text) = text {
            self.named().push_str(text);
        }
    }

    fn number(self, number: Option<u64>) {
        if let Some(number) = number {
            // Writing to a String cannot fail.
            let _ = write!(self.named(), "{number}");
        }
    }
}

#[cfg(feature = "alloc")]
pub(super) struct Shown<'a> {
    pub(super) value: &'a str,
    /// The value without possible secrets.
    pub(super) redacted: &'a str,
    /// The scope of the token, if known.
    pub(super) scope: Option<&'a str>,
}

/// The optional fields, in order.
pub(super) const OPTIONAL: &[Row] = &[
    Row {
        field: Field::Aud,
        parse: |grant, value| {
            let name = parse_text(value, MAX_NAME_LEN, is_name)?;
            grant.audience = Some(Audience::One(Text::new(name)));
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| match options.audience {
            Some(name) => check_audience(name).map_err(|fault| SignError::Field(Field::Aud, fault)),
            None => Ok(()),
        },
        #[cfg(feature = "alloc")]
        write: |said, out| out.text(said.options.options.audience),
        #[cfg(feature = "alloc")]
        describe: |shown| format!("for the deployment `{}`", shown.redacted),
    },
    Row {
        field: Field::Cc,
        parse: |grant, value| {
            grant.countries = Some(Countries::parse(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| {
            let Some(countries) = options.countries else { return Ok(()) };
            if let Some(code) = unknown_country(countries) {
                return Err(SignError::UnknownCountry(code));
            }
            let parsed = Countries::parse(countries);
            parsed.map(drop).map_err(|fault| SignError::Field(Field::Cc, fault))
        },
        #[cfg(feature = "alloc")]
        write: |said, out| out.text(said.options.options.countries),
        #[cfg(feature = "alloc")]
        describe: |shown| match Countries::parse(shown.redacted) {
            Ok(_) => format!("for clients in {}", shown.redacted.replace('.', ", ")),
            Err(fault) => fault.to_string(),
        },
    },
    Row {
        field: Field::Cl,
        parse: |grant, value| {
            grant.claims = Some(Claims::parse(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| match options.claims {
            Some(json) => Claims::check(json).map_err(|fault| SignError::Field(Field::Cl, fault)),
            None => Ok(()),
        },
        #[cfg(feature = "alloc")]
        write: |said, out| {
            if let Some(json) = said.options.options.claims {
                out.named().push_str(&Base64UrlUnpadded::encode_string(json.as_bytes()));
            }
        },
        #[cfg(feature = "alloc")]
        describe: |shown| match Claims::parse(shown.value) {
            Ok(claims) => format!("claims: {}", redacted(&claims.decode())),
            Err(fault) => fault.to_string(),
        },
    },
    Row {
        field: Field::Dir,
        parse: |grant, value| {
            let n = parse_number(value, 1, MAX_DIRECTORY.into())?;
            grant.directory = u8::try_from(n).ok();
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| match options.scope {
            Extent::Directory(n) if !(1..=MAX_DIRECTORY).contains(&n) => {
                Err(SignError::Field(Field::Dir, Fault::OutOfRange))
            }
            _ => Ok(()),
        },
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.directory.map(u64::from)),
        #[cfg(feature = "alloc")]
        describe: |shown| match (shown.scope, shown.redacted) {
            (Some(scope), _) => format!("for everything below {scope}"),
            (None, n) => format!("for everything below the first {n} segments of the path"),
        },
    },
    Row {
        field: Field::Dl,
        parse: |grant, value| {
            grant.download = Some(DownloadName::parse(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| match options.download {
            Some(name) => {
                DownloadName::check(name).map_err(|fault| SignError::Field(Field::Dl, fault))
            }
            None => Ok(()),
        },
        #[cfg(feature = "alloc")]
        write: |said, out| {
            let options = said.options.options;
            let Some(name) = options.download else { return };
            let token = out.named();
            if options.inline {
                token.push_str(DownloadName::INLINE);
            }
            token.push_str(&Base64UrlUnpadded::encode_string(name.as_bytes()));
        },
        #[cfg(feature = "alloc")]
        describe: |shown| match DownloadName::parse(shown.value) {
            Ok(file) if file.is_inline() => {
                format!("shown inline, named \"{}\"", redacted_path(&file.decode()))
            }
            Ok(file) => format!("saved as \"{}\"", redacted_path(&file.decode())),
            Err(fault) => fault.to_string(),
        },
    },
    Row {
        field: Field::Gen,
        parse: |grant, value| {
            let generation = parse_number(value, 1, u32::MAX.into())?;
            grant.generation = u32::try_from(generation).ok();
            Ok(())
        },
        // Only gates write it.
        #[cfg(feature = "alloc")]
        check: |_| Ok(()),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.generation.map(u64::from)),
        #[cfg(feature = "alloc")]
        describe: |shown| format!("number {} of the session's tokens", shown.redacted),
    },
    Row {
        field: Field::Iat,
        parse: |grant, value| {
            grant.issued = Some(parse_number(value, 0, MAX_NUMBER)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |_| Ok(()),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.issued.map(UnixTime::as_secs)),
        #[cfg(feature = "alloc")]
        describe: |shown| format!("issued {}", moment(shown.redacted)),
    },
    Row {
        field: Field::Ip,
        parse: |grant, value| {
            grant.networks = Some(Networks::parse(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| {
            if options.networks.len() > Networks::MAX {
                return Err(SignError::Field(Field::Ip, Fault::TooMany));
            }
            Ok(())
        },
        #[cfg(feature = "alloc")]
        write: |said, out| {
            if said.options.options.networks.is_empty() {
                return;
            }
            let token = out.named();
            for (n, network) in said.options.options.networks.iter().enumerate() {
                let joint = if n == 0 { "" } else { "." };
                // Writing to a String cannot fail.
                let _ = write!(token, "{joint}{network}");
            }
        },
        #[cfg(feature = "alloc")]
        describe: |shown| match Networks::parse(shown.redacted) {
            Ok(networks) => {
                let networks = networks.iter().map(Network::to_cidr).collect::<Vec<_>>();
                format!("for clients in {}", networks.join(", "))
            }
            Err(fault) => fault.to_string(),
        },
    },
    Row {
        field: Field::Jti,
        parse: |grant, value| {
            grant.token_id = Some(parse_id(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_id(Field::Jti, options.token_id),
        #[cfg(feature = "alloc")]
        write: |said, out| out.text(said.options.options.token_id),
        #[cfg(feature = "alloc")]
        describe: |_| "the token's id".to_owned(),
    },
    Row {
        field: Field::Max,
        parse: |grant, value| {
            grant.max_playbacks = Some(parse_count(value)?);
            Ok(())
        },
        // Both counts.
        #[cfg(feature = "alloc")]
        check: |options| options.check_counts(),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.max_playbacks.map(u64::from)),
        #[cfg(feature = "alloc")]
        describe: |shown| playbacks(shown.redacted),
    },
    Row {
        field: Field::Nbf,
        parse: |grant, value| {
            grant.not_before = Some(parse_number(value, 0, MAX_NUMBER)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |_| Ok(()),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.not_before.map(UnixTime::as_secs)),
        #[cfg(feature = "alloc")]
        describe: |shown| format!("not before {}", moment(shown.redacted)),
    },
    Row {
        field: Field::Pre,
        parse: |grant, value| {
            grant.preview = Some(parse_number(value, 1, MAX_NUMBER)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_length(Field::Pre, options.preview),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.preview),
        #[cfg(feature = "alloc")]
        describe: |shown| length("a preview of the first", shown.redacted),
    },
    Row {
        field: Field::Reval,
        parse: |grant, value| {
            grant.revalidate = Some(parse_number(value, 1, MAX_NUMBER)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_length(Field::Reval, options.revalidate),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.revalidate),
        #[cfg(feature = "alloc")]
        describe: |shown| {
            length("needs a gate whose copy of the revocations is no older than", shown.redacted)
        },
    },
    Row {
        field: Field::Run,
        parse: |grant, value| {
            grant.run = Some(parse_number(value, 1, MAX_NUMBER)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_length(Field::Run, options.run),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.run),
        #[cfg(feature = "alloc")]
        describe: |shown| length("may be exchanged for a token of", shown.redacted),
    },
    Row {
        field: Field::Ses,
        parse: |grant, value| {
            grant.new_session = Some(NewSession::parse(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| options.check_new_session(),
        #[cfg(feature = "alloc")]
        write: |said, out| {
            let Some(session) = &said.options.options.new_session else { return };
            let SessionOptions { access, idle, absolute, directories } = session;
            let token = out.named();
            // Writing to a String cannot fail.
            let _ = write!(token, "{access}.{idle}.{absolute}");
            for directory in directories {
                token.push('.');
                token.push_str(&Base64UrlUnpadded::encode_string(directory.as_bytes()));
            }
        },
        #[cfg(feature = "alloc")]
        describe: |shown| match NewSession::parse(shown.value) {
            Ok(session) => format!(
                "starts a session of at most {}, or {} without a refresh, for {}",
                Span(session.absolute().as_secs()),
                Span(session.idle().as_secs()),
                redacted_path(&session.directories().collect::<Vec<_>>().join(" and "))
            ),
            Err(fault) => fault.to_string(),
        },
    },
    Row {
        field: Field::Sid,
        parse: |grant, value| {
            grant.session = Some(parse_id(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_id(Field::Sid, options.session),
        #[cfg(feature = "alloc")]
        write: |said, out| out.text(said.options.options.session),
        #[cfg(feature = "alloc")]
        describe: |_| "the playback session".to_owned(),
    },
    Row {
        field: Field::Sub,
        parse: |grant, value| {
            grant.subject = Some(parse_id(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |options| check_id(Field::Sub, options.subject),
        #[cfg(feature = "alloc")]
        write: |said, out| out.text(said.options.options.subject),
        #[cfg(feature = "alloc")]
        describe: |_| "the viewer".to_owned(),
    },
    Row {
        field: Field::Uses,
        parse: |grant, value| {
            grant.uses = Some(parse_count(value)?);
            Ok(())
        },
        #[cfg(feature = "alloc")]
        check: |_| Ok(()),
        #[cfg(feature = "alloc")]
        write: |said, out| out.number(said.options.options.uses.map(u64::from)),
        #[cfg(feature = "alloc")]
        describe: |shown| clients(shown.redacted),
    },
];

/// The mandatory fields before the optional ones.
const FIRST: [Field; 3] = [Field::Pg, Field::Exp, Field::Kid];

/// All fields of a token, in order.
pub(crate) fn all() -> impl Iterator<Item = Field> {
    FIRST.into_iter().chain(OPTIONAL.iter().map(|row| row.field)).chain([Field::Sig])
}

/// Finds a field by its name.
pub(super) fn field_of(name: &str) -> Option<Field> {
    all().find(|field| field.name() == name)
}

/// Checks the values of the optional fields.
///
/// # Errors
/// The first invalid value.
#[cfg(feature = "alloc")]
pub(super) fn check(options: &LinkOptions<'_>) -> Result<(), SignError> {
    OPTIONAL.iter().try_for_each(|row| (row.check)(options))
}

/// Checks that a token can carry this audience.
#[cfg(feature = "alloc")]
pub(super) fn check_audience(name: &str) -> Result<(), Fault> {
    parse_text(name, MAX_NAME_LEN, is_name).map(drop)
}

/// Describes a field, which may be malformed.
#[cfg(feature = "alloc")]
pub(super) fn describe(name: &str, shown: &Shown<'_>) -> String {
    let Shown { value, redacted, .. } = shown;
    match name {
        "pg" => format!("version {redacted} of the format"),
        "exp" => format!("expires {}", moment(redacted)),
        "kid" => format!("signed with the key `{redacted}`"),
        "sig" => format!("the signature; it has {} of 43 characters", value.len()),
        _ => match OPTIONAL.iter().find(|row| row.field.name() == name) {
            Some(row) => (row.describe)(shown),
            None => "not a field of version 1".to_owned(),
        },
    }
}

fn parse_id(value: &str) -> Result<Text<'_>, Fault> {
    parse_text(value, MAX_NAME_LEN, is_id).map(Text::new)
}

#[cfg(feature = "alloc")]
fn check_id(field: Field, id: Option<&str>) -> Result<(), SignError> {
    match id {
        Some(id) => parse_id(id).map(drop).map_err(|fault| SignError::Field(field, fault)),
        None => Ok(()),
    }
}

#[cfg(feature = "alloc")]
const fn check_length(field: Field, secs: Option<u64>) -> Result<(), SignError> {
    match secs {
        Some(0) => Err(SignError::Field(field, Fault::OutOfRange)),
        Some(secs) if secs > MAX_NUMBER => Err(SignError::Field(field, Fault::OutOfRange)),
        _ => Ok(()),
    }
}

#[cfg(feature = "alloc")]
fn moment(value: &str) -> String {
    value.parse().map(|secs| UnixTime::from_secs(secs).to_string()).unwrap_or_default()
}

#[cfg(feature = "alloc")]
fn length(said: &str, value: &str) -> String {
    value.parse().map(|secs| format!("{said} {}", Span(secs))).unwrap_or_default()
}
