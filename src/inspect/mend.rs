//! Finds the damage that explains a refusal. Each repair is verified.

use alloc::string::String;
use alloc::vec::Vec;

use super::repairs::REPAIRS;

/// How far a request can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reading {
    /// It has no token.
    Nothing,
    /// A token starts correctly.
    Starts,
    /// It has a well-formed token, except for the signature.
    Reads,
    /// Its signature fits.
    Fits,
}

/// A text without the damage, and what was repaired.
pub(super) struct Mended {
    pub(super) text: String,
    pub(super) reading: Reading,
    said: Vec<&'static str>,
    /// What else is wrong with it.
    pub(super) more: Vec<String>,
}

impl Mended {
    /// Describes the repairs.
    pub(super) fn hints(self) -> Vec<String> {
        let rest = if self.reading == Reading::Fits { "; then it verifies" } else { "" };
        let said = self.said.iter().map(|said| [said, rest].concat());
        said.chain(self.more).collect()
    }
}

/// The maximum number of texts that are tried, and of repairs of each.
const MOST_TEXTS: usize = 48;
const MOST_REPAIRS: usize = 3;
/// The maximum length of a text in bytes: four times the longest URL.
const MAX_LEN: usize = 32 * 1024;

/// Finds the fewest repairs after which the signature of a text fits, or else those after which it can be read
/// furthest. `None` if no repair improves on `as_it_is`. A repair that is not evident counts only if the signature
/// then fits: otherwise it would be a guess.
pub(super) fn mend(
    text: &str,
    as_it_is: Reading,
    read: &dyn Fn(&str) -> Reading,
) -> Option<Mended> {
    if text.len() > MAX_LEN {
        return None;
    }
    let mut texts = Vec::from([(String::from(text), Vec::new(), true)]);
    let mut best: Option<Mended> = None;
    let mut at = 0;
    while let Some((text, said, are_evident)) = texts.get(at).cloned() {
        at = at.saturating_add(1);
        if said.len() >= MOST_REPAIRS {
            continue;
        }
        for repair in REPAIRS {
            let Some(mended) = repair.undo(&text) else { continue };
            if texts.len() >= MOST_TEXTS || texts.iter().any(|(seen, ..)| *seen == mended) {
                continue;
            }
            let mut said: Vec<&'static str> = said.clone();
            if !said.contains(&repair.said) {
                said.push(repair.said);
            }
            let are_evident = are_evident && repair.is_evident;
            let reading = read(&mended);
            let least = best.as_ref().map_or(as_it_is, |best| best.reading);
            if reading > least && (are_evident || reading == Reading::Fits) {
                best = Some(Mended {
                    text: mended.clone(),
                    reading,
                    said: said.clone(),
                    more: Vec::new(),
                });
            }
            if reading == Reading::Fits {
                return best;
            }
            texts.push((mended, said, are_evident));
        }
    }
    best
}
