//! Questions to the records of the deployment, and what one request knows of the replies.

use core::fmt;
use std::net::IpAddr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use playgate_state::{RecordCommand, RecordReply, decode, encode};
use sha2::{Digest as _, Sha256};

use crate::built;

/// A command to a record.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordRequest {
    /// The name of the record.
    pub record: String,
    /// The command.
    pub command: RecordCommand,
    /// What the answer is about.
    pub(crate) about: About,
}

/// Two ids.
pub(crate) type Pair = (String, String);

/// What an answer is about, as the gate remembers it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// A reference.
    Reference(String),
    /// The id of a token, and a client.
    Redemption(Pair),
    /// A viewer, and a playback: its id, or what it is started with.
    Playback(Pair),
    /// A viewer, and a session that is in use.
    Seen(Pair),
    /// A viewer, and a session.
    Session(Pair),
    /// Nothing that the gate remembers.
    Nothing,
}

impl RecordRequest {
    /// A command to the record of a reference.
    pub(crate) fn of_reference(reference: &str, command: RecordCommand) -> Self {
        // The store never learns the reference itself.
        let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(reference));
        let about = About::Reference(reference.into());
        Self { record: format!("reference/{hash}"), command, about }
    }

    /// A command to the record of a token.
    pub(crate) fn of_token(jti: &str, about: Pair, command: RecordCommand) -> Self {
        Self { record: format!("redemption/{jti}"), command, about: About::Redemption(about) }
    }

    /// A command to the record of a viewer.
    pub(crate) fn of_viewer(sub: &str, about: About, command: RecordCommand) -> Self {
        Self { record: format!("viewer/{sub}"), command, about }
    }

    /// The command, encoded.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        encode(&self.command)
    }
}

/// Shows no id and no reference.
impl fmt::Debug for RecordRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRequest").field("command", &self.command).finish_non_exhaustive()
    }
}

/// What was asked for one request.
#[derive(Default)]
pub struct Replies {
    /// When the denylist was asked for this request, in Unix milliseconds, if it was.
    pub asked: Option<u64>,
    /// The replies, by what they are about: a request may ask one record about two playbacks. `None` if there was none.
    records: Vec<(About, Option<RecordReply>)>,
}

impl Replies {
    /// Nothing was asked.
    pub const NONE: Self = Self { asked: None, records: Vec::new() };

    /// Adds an answer, encoded; `None` if there was none. One that cannot be read is none.
    pub(crate) fn add(
        &mut self,
        question: &RecordRequest,
        answer: Option<&[u8]>,
    ) -> Option<&RecordReply> {
        let answer = answer.filter(|_| built::STATE).and_then(decode);
        self.records.push((question.about.clone(), answer));
        self.records.last()?.1.as_ref()
    }

    /// The reply: `None` if it was not asked for, `Some(None)` if there was none.
    pub(crate) fn of(&self, about: &About) -> Option<Option<&RecordReply>> {
        let (_, answer) = self.records.iter().find(|(known, _)| known == about)?;
        Some(answer.as_ref())
    }
}

/// Shows no id and no token.
impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// The network of a client: its IPv4 address, or the first half of its IPv6 address, which a device keeps when it
/// changes the second. `None` if it is not known.
pub(crate) fn network(client: Option<IpAddr>) -> Option<String> {
    Some(match client?.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    })
}

/// A number for a link and a client, from which neither can be told.
pub(crate) fn fingerprint(token: &str, network: &str) -> u64 {
    let hash: [u8; 32] =
        Sha256::new().chain_update(token).chain_update([0]).chain_update(network).finalize().into();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}
