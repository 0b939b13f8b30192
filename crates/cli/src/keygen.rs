//! `playgate keygen`: a new key.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use clap::Args;
use playgate::{KeyId, SecretKey};
use zeroize::Zeroizing;

use crate::exit::{self, Exit, Failure};

/// Make a key
///
/// Prints one line, `id:base64url` of 32 random bytes: an entry of a key ring. Keep it in a file that
/// only the program's user can read, and give the same line to the edge as its secret PLAYGATE_KEYS.
///
/// To rotate, make a key with another id and add it after the first wherever links are verified; then
/// in front wherever they are signed; and drop the old one when its last link has expired.
#[derive(Args)]
#[command(after_help = "\
EXAMPLE:
  (umask 077; playgate keygen --id 2026-01 > keys.txt)

EXIT CODES:
  0  done
  2  wrong usage
  3  no random numbers are available")]
pub(crate) struct Keygen {
    /// The key's name: 1 to 32 of A-Z a-z 0-9 _ -
    #[arg(long, value_name = "ID", default_value = "main")]
    id: String,
}

impl Keygen {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let id =
            KeyId::new(&self.id).map_err(|error| Failure::usage(format_args!("--id: {error}")))?;
        let mut key = Zeroizing::new([0; SecretKey::MIN_LEN]);
        getrandom::fill(key.as_mut()).map_err(|error| {
            Failure::unavailable(format_args!("no random numbers are available: {error}"))
        })?;
        let key = Zeroizing::new(Base64UrlUnpadded::encode_string(key.as_ref()));
        exit::answer(Zeroizing::new(format!("{id}:{}\n", *key)).as_bytes())?;
        Ok(Exit::Done)
    }
}
