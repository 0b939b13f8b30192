//! Which terms a native token can carry.

use super::{MAX_DIRECTORY, MAX_NAME_LEN};
use crate::bytes::{is_id, is_name};
use crate::error::{Fault, Field};
use crate::grant::{Countries, DownloadName, MAX_NUMBER, Networks, parse_text};
use crate::sign::{Extent, SignError, Terms, unknown_country};

/// Checks the values of the optional fields.
///
/// # Errors
/// The first that its field does not have.
pub(crate) fn check(terms: &Terms<'_>) -> Result<(), SignError> {
    let field = |field| move |fault| SignError::Field(field, fault);
    let number = |name, n: Option<u64>, most| match n {
        Some(n) if n < 1 || n > most => Err(SignError::Field(name, Fault::OutOfRange)),
        _ => Ok(()),
    };
    if let Extent::Directory(n) = terms.scope {
        number(Field::Dir, Some(n.into()), MAX_DIRECTORY.into())?;
    }
    number(Field::Pre, terms.preview, MAX_NUMBER)?;
    number(Field::Run, terms.run, MAX_NUMBER)?;
    if let Some(countries) = terms.countries {
        if let Some(code) = unknown_country(countries) {
            return Err(SignError::UnknownCountry(code));
        }
        Countries::parse(countries).map_err(field(Field::Cc))?;
    }
    if terms.networks.len() > Networks::MAX {
        return Err(SignError::Field(Field::Ip, Fault::TooMany));
    }
    if let Some(name) = terms.audience {
        parse_text(name, MAX_NAME_LEN, is_name).map_err(field(Field::Aud))?;
    }
    if let Some(name) = terms.download {
        DownloadName::check(name).map_err(field(Field::Dl))?;
    }
    let check_id = |name, id: Option<&str>| match id {
        Some(id) => parse_text(id, MAX_NAME_LEN, is_id).map(drop).map_err(field(name)),
        None => Ok(()),
    };
    check_id(Field::Jti, terms.token_id)?;
    check_id(Field::Sid, terms.session)?;
    check_id(Field::Sub, terms.subject)?;
    Ok(())
}
