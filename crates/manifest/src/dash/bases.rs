//! The possible bases of a relative address. Each level of an MPD can have alternatives.

use std::rc::Rc;

use crate::ManifestError;
use crate::address::{Base, ResolvedAddress, Resource};
use crate::host::{Start, start};
use crate::outcome::AddressOutcome;
use crate::rewriter::Form;
use crate::rewriter::Rewriter;

/// The most alternatives at one level.
const MAX: usize = 64;

/// The most bytes in the alternatives of a level.
const MAX_BYTES: usize = 64 << 10;

/// The cost of resolving an address, in addition to the cost of each byte of its path.
const RESOLVE: usize = 384;

/// The cost of comparing two alternatives, and of copying one.
const COMPARE: usize = 4;
const COPY: usize = 32;

/// Distinct alternatives. A level without a `BaseURL` shares the alternatives of the level above.
#[derive(Clone, Debug, Default)]
pub(super) struct Bases {
    /// According to the standard (ISO/IEC 23009-1, section 5.6.4): starting from the address of the MPD.
    standard: Rc<Vec<Base>>,
    /// According to some players: starting from a `Location`.
    others: Rc<Vec<Base>>,
    /// What is known about alternatives that exceed the limit.
    more: More,
}

/// Alternatives that exceed the limit, and are not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum More {
    #[default]
    None,
    /// Relative addresses inherit the token from each of them.
    Inherit,
    /// Some may need a different address.
    Any,
}

/// How an address was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrittenAs {
    /// It has changed.
    Other,
    /// It can stay as it is for every base.
    Same,
    /// It stays as it is, because each base would need a different address.
    Undecided,
}

/// An address, as it is written in an MPD.
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

    /// The cost of resolving an address against all alternatives, in units of about two nanoseconds.
    pub(super) fn work(&self) -> usize {
        let all = self.standard.iter().chain(self.others.iter());
        all.fold(0, |work, base| match base {
            // Only addresses that name this host are read further.
            Base::Foreign => work.saturating_add(64),
            Base::Here { .. } => {
                work.saturating_add(base.len().saturating_mul(2)).saturating_add(RESOLVE)
            }
        })
    }

    /// The cost of adding this many alternatives with the paths of `others`. Each is compared with each,
    /// and most comparisons end at the lengths.
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

    /// Whether an address that is not covered by [`keep`](Self::keep) leads to known places: either all of
    /// its bases are stored, or it does not depend on a base.
    pub(super) fn know(&self, rewriter: &Rewriter, reference: Reference<'_>) -> bool {
        let from = || start(rewriter.host.as_ref(), reference.text.trim_matches(' '));
        self.more == More::None || !matches!(from(), Some(Start::Base(_)))
    }

    /// Whether an address can stay without being resolved: for each base, it either leads below the base
    /// and inherits the token, or leads to another host.
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

    /// Adds the bases that some players use instead.
    pub(super) fn add_others(&mut self, others: &Self) -> Result<(), ManifestError> {
        let all = others.standard.iter().chain(others.others.iter());
        all.filter(|base| !self.standard.contains(base))
            .try_for_each(|base| add(&mut self.others, base.clone()))
    }

    /// Adds all of `others`. Alternatives that exceed the limit are not stored.
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

    /// Adds the bases below an address, as it is now written, relative to `parents`.
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

    /// Why an address was written as `written`. With several bases, the first one decides.
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

    /// [`Rewriter::write_as`], if the result is right for every base.
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
        // The place that the address leads to, if it is the same from every base.
        let mut place: Option<ResolvedAddress> = None;
        let mut is_one_place = true;
        let mut has_changed = false;
        for base in self.standard.iter() {
            let Some(target) = rewriter.target(base, text, is_template) else {
                is_one_place = false;
                continue;
            };
            // The written address is right for all bases from which it leads to the same place.
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

    /// Whether an address leads to a public path.
    pub(super) fn lead_to_public(&self, rewriter: &Rewriter, text: &str) -> bool {
        let targets = self.standard.iter().filter_map(|base| rewriter.target(base, text, false));
        targets.into_iter().any(|target| rewriter.is_public(&target.path))
    }

    /// Writes an address that inherits its token, if players with another base would otherwise have no
    /// token.
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

/// Whether an address certainly leads below its base, or nowhere: it names no host, and removes nothing
/// from the path.
fn is_below(address: &str) -> bool {
    let is_harmless = |byte: u8| !byte.is_ascii_control() && !b":\\".contains(&byte);
    !address.starts_with(['/', '?', '#', ' '])
        && !address.is_empty()
        && address.bytes().all(is_harmless)
        && !address.contains("..")
        && !address.contains("%2")
}

/// Adds an alternative.
fn add(bases: &mut Rc<Vec<Base>>, base: Base) -> Result<(), ManifestError> {
    if bases.contains(&base) {
        return Ok(());
    }
    let bytes = bases.iter().fold(base.len(), |bytes, base| bytes.saturating_add(base.len()));
    // The alternative for other hosts exists at most once, and takes no space.
    let is_over = bases.len() >= MAX && base != Base::Foreign;
    if is_over || bytes > MAX_BYTES {
        return Err(ManifestError::TooComplex);
    }
    Rc::make_mut(bases).push(base);
    Ok(())
}
