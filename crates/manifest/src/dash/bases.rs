//! The addresses that a relative one may start from: each level of an MPD has alternatives.

use std::rc::Rc;

use crate::ManifestError;
use crate::address::{Base, ResolvedAddress, Resource};
use crate::host::{Start, start};
use crate::outcome::AddressOutcome;
use crate::rewriter::Form;
use crate::rewriter::Rewriter;

/// The most alternatives that a level may have.
const MAX: usize = 64;

/// The most bytes in the alternatives of a level.
const MAX_BYTES: usize = 64 << 10;

/// The work of resolving an address, beside that for each byte of its path.
const RESOLVE: usize = 384;

/// The work of comparing two alternatives, and of copying one.
const COMPARE: usize = 4;
const COPY: usize = 32;

/// Alternatives, each once. Levels that say nothing of their own share those of the level above.
#[derive(Clone, Debug, Default)]
pub(super) struct Bases {
    /// By the standard (ISO/IEC 23009-1, section 5.6.4): from the address of the MPD on.
    standard: Rc<Vec<Base>>,
    /// As some players have it: from a `Location` on.
    others: Rc<Vec<Base>>,
    /// What is known of alternatives beyond the most that are held.
    more: More,
}

/// Alternatives that are not held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum More {
    #[default]
    None,
    /// Addresses below each of them inherit the token.
    Inherit,
    /// Some may need another address.
    Any,
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrittenAs {
    /// It has changed.
    Other,
    /// It may stay for every base.
    Same,
    /// It stays, as it would have to be another for each base.
    Undecided,
}

/// An address as an MPD has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference<'a> {
    pub(super) text: &'a str,
    pub(super) resource: Resource,
    pub(super) is_template: bool,
}

impl Bases {
    pub(super) fn of(base: Base) -> Self {
        Self { standard: Rc::new([base].into()), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.standard.is_empty()
    }

    /// How much work it is to resolve an address against all of them, in units of about two nanoseconds.
    pub(super) fn work(&self) -> usize {
        let all = self.standard.iter().chain(self.others.iter());
        all.fold(0, |work, base| match base {
            // Only what names this host is read further.
            Base::Foreign => work.saturating_add(64),
            Base::Here { .. } => {
                work.saturating_add(base.len().saturating_mul(2)).saturating_add(RESOLVE)
            }
        })
    }

    /// How much work it is to add so many alternatives with the paths of `others` to these: each is compared
    /// with each, which mostly ends with the lengths.
    pub(super) fn work_to_add(&self, others: &Self) -> usize {
        [(&self.standard, &others.standard), (&self.others, &others.others)]
            .iter()
            .filter(|(mine, theirs)| !Rc::ptr_eq(mine, theirs))
            .fold(0, |work, (mine, theirs)| {
                let bytes = theirs.iter().fold(0_usize, |all, base| all.saturating_add(base.len()));
                let of_each = theirs.len().saturating_mul(COMPARE).saturating_add(bytes / 8);
                let copies = theirs.len().saturating_mul(COPY).saturating_add(bytes);
                work.saturating_add(mine.len().saturating_mul(of_each)).saturating_add(copies)
            })
    }

    /// Whether an address that may not [`keep`](Self::keep) leads to a known place: all that it may start from is
    /// held, or it starts from nothing.
    pub(super) fn know(&self, rewriter: &Rewriter, reference: Reference<'_>) -> bool {
        let from = || start(rewriter.host.as_ref(), reference.text.trim_matches(' '));
        self.more == More::None || !matches!(from(), Some(Start::Base(_)))
    }

    /// Whether an address may stay without being resolved: it leads to below each of them, where it inherits
    /// the token, or leads to another host.
    pub(super) fn keep(&self, rewriter: &Rewriter, reference: Reference<'_>) -> bool {
        let is_settled = |base: &Base| match base {
            Base::Foreign => self.others.is_empty(),
            Base::Here { inherits, .. } => *inherits,
        };
        rewriter.only_adds()
            && self.more != More::Any
            && is_below(reference.text)
            && self.standard.iter().chain(self.others.iter()).all(is_settled)
    }

    /// Adds what some players start from instead.
    pub(super) fn add_others(&mut self, others: &Self) -> Result<(), ManifestError> {
        let all = others.standard.iter().chain(others.others.iter());
        all.filter(|base| !self.standard.contains(base))
            .try_for_each(|base| add(&mut self.others, base.clone()))
    }

    /// Adds all of `others`. Where these are too many, those beyond are not held.
    pub(super) fn join(&mut self, others: &Self) {
        if self.more == More::Any {
            return;
        }
        if others.more != More::None {
            self.more = others.more;
        }
        for (mine, theirs) in
            [(&mut self.standard, &others.standard), (&mut self.others, &others.others)]
        {
            if Rc::ptr_eq(mine, theirs) {
                continue;
            }
            if mine.is_empty() {
                *mine = Rc::clone(theirs);
                continue;
            }
            for base in theirs.iter() {
                if add(mine, base.clone()).is_err() {
                    let inherits = matches!(base, Base::Here { inherits: true, .. });
                    let is_any = !inherits || self.more == More::Any;
                    self.more = if is_any { More::Any } else { More::Inherit };
                }
            }
        }
    }

    /// Adds the bases below an address as it is written now, which is relative to `parents`.
    pub(super) fn enter(
        &mut self,
        rewriter: &Rewriter,
        parents: &Self,
        address: &str,
    ) -> Result<(), ManifestError> {
        for base in parents.standard.iter() {
            add(&mut self.standard, rewriter.enter(base, address))?;
        }
        for base in parents.others.iter() {
            let base = rewriter.enter(base, address);
            if !self.standard.contains(&base) {
                add(&mut self.others, base)?;
            }
        }
        Ok(())
    }

    /// Why an address was `written` so. Of several bases the first one tells.
    pub(super) fn outcome(
        &self,
        rewriter: &Rewriter,
        reference: Reference<'_>,
        written: WrittenAs,
    ) -> AddressOutcome {
        let Reference { text, resource, is_template } = reference;
        let of = |base| rewriter.outcome(base, text, resource, is_template);
        match (self.standard.first().map_or(AddressOutcome::Unknown, of), written) {
            (why, WrittenAs::Other) if !why.is_written() => AddressOutcome::Token,
            (why, WrittenAs::Same | WrittenAs::Undecided) if why.is_written() => {
                AddressOutcome::Unknown
            }
            (why, _) => why,
        }
    }

    /// [`Rewriter::write_as`] where that is right for every base.
    pub(super) fn write(
        &self,
        rewriter: &Rewriter,
        reference: Reference<'_>,
        out: &mut String,
    ) -> WrittenAs {
        let Reference { text, resource, is_template } = reference;
        out.clear();
        if let ([base], []) = (self.standard.as_slice(), self.others.as_slice()) {
            let has_changed = rewriter.write_as(Form::Full, base, text, resource, is_template, out);
            return if has_changed { WrittenAs::Other } else { WrittenAs::Same };
        }
        // The place that it leads to; none where it is not the same from every base.
        let mut place: Option<ResolvedAddress> = None;
        let mut is_one_place = true;
        let mut has_changed = false;
        for base in self.standard.iter() {
            let Some(target) = rewriter.target(base, text, is_template) else {
                is_one_place = false;
                continue;
            };
            // What is written once is right for the others too, as far as they lead there.
            if !has_changed {
                rewriter.write_target(Form::Full, &target, resource, out);
                has_changed = !out.is_empty() && out != text;
                if !has_changed {
                    out.clear();
                }
            }
            match &place {
                None => place = Some(target),
                Some(place) => is_one_place &= place.is_same_place(&target),
            }
        }
        match place {
            _ if has_changed && is_one_place => WrittenAs::Other,
            _ if has_changed => WrittenAs::Undecided,
            Some(place) if is_one_place && place.inherits => {
                self.write_for_others(rewriter, reference, &place, out)
            }
            _ => WrittenAs::Same,
        }
    }

    /// Whether an address leads to where no token is needed.
    pub(super) fn lead_to_public(&self, rewriter: &Rewriter, text: &str) -> bool {
        let targets = self.standard.iter().filter_map(|base| rewriter.target(base, text, false));
        targets.into_iter().any(|target| rewriter.is_public(&target.path))
    }

    /// Writes an address that inherits its token, where players that start from elsewhere would leave it
    /// without.
    fn write_for_others(
        &self,
        rewriter: &Rewriter,
        reference: Reference<'_>,
        place: &ResolvedAddress,
        out: &mut String,
    ) -> WrittenAs {
        let Reference { text, resource, is_template } = reference;
        let is_bare = |base: &Base| {
            !rewriter.target(base, text, is_template).is_some_and(|target| target.inherits)
        };
        if !self.others.iter().any(is_bare) {
            return WrittenAs::Same;
        }
        let place = ResolvedAddress {
            inherits: false,
            scheme: place.scheme,
            path: place.path.clone(),
            query: place.query.clone(),
            fragment: place.fragment.clone(),
        };
        rewriter.write_target(Form::Full, &place, resource, out);
        if out.is_empty() { WrittenAs::Same } else { WrittenAs::Other }
    }
}

/// Whether an address certainly leads to below its base, or nowhere: it names no host, and takes nothing of
/// the path away.
fn is_below(address: &str) -> bool {
    let is_unreserved_path = |byte: u8| !byte.is_ascii_control() && !b":\\".contains(&byte);
    !address.starts_with(['/', '?', '#', ' '])
        && !address.is_empty()
        && address.bytes().all(is_unreserved_path)
        && !address.contains("..")
        && !address.contains("%2")
}

/// Adds an alternative.
fn add(bases: &mut Rc<Vec<Base>>, base: Base) -> Result<(), ManifestError> {
    if bases.contains(&base) {
        return Ok(());
    }
    let bytes = bases.iter().fold(base.len(), |bytes, base| bytes.saturating_add(base.len()));
    // There is only one that leads to another host, and it takes no place.
    let is_over = bases.len() >= MAX && base != Base::Foreign;
    if is_over || bytes > MAX_BYTES {
        return Err(ManifestError::TooComplex);
    }
    Rc::make_mut(bases).push(base);
    Ok(())
}
