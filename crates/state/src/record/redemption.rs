//! Who redeemed a token that may be used only so often.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::RecordReply;

/// The clients that redeemed a token.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    clients: Vec<String>,
    pub(super) until: u64,
}

/// Redeems a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeem {
    /// The client's network.
    pub client: String,
    /// How many clients may redeem it.
    pub uses: u16,
    /// When the token expires, in unix seconds.
    pub until: u64,
}

impl Redemption {
    pub(super) fn redeem(&mut self, redeem: Redeem) -> RecordReply {
        let Redeem { client, uses, until } = redeem;
        // Also if it is refused: it may be redeemed as long as any token with this id is good.
        self.until = self.until.max(until);
        if !self.clients.contains(&client) {
            if self.clients.len() >= usize::from(uses) {
                return RecordReply::AlreadyUsed;
            }
            self.clients.push(client);
        }
        RecordReply::Redeemed
    }
}

/// Shows no client.
impl fmt::Debug for Redemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redemption").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Shows no client.
impl fmt::Debug for Redeem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redeem").field("until", &self.until).finish_non_exhaustive()
    }
}
