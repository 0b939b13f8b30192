//! The addresses that a relative one may start from: each level of an MPD has alternatives.

use core::iter;

use alloc::string::String;
use alloc::vec::Vec;

use crate::manifest::Carrier;
use crate::manifest::address::{Base, Resource};

/// The most alternatives that are looked into.
const MAX: usize = 64;

/// Alternatives, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bases(Vec<Base>);

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is another now.
    Other,
    /// It may stay for every base.
    Same,
    /// It stays, as it would have to be another for each base.
    Undecided,
}

/// Too many alternatives.
#[derive(Debug)]
pub(super) struct TooMany;

impl Bases {
    pub(super) fn of(base: Base) -> Self {
        Self(iter::once(base).collect())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, base: Base) -> Result<(), TooMany> {
        if self.0.contains(&base) {
            return Ok(());
        }
        if self.0.len() >= MAX {
            return Err(TooMany);
        }
        self.0.push(base);
        Ok(())
    }

    /// Adds all of `others`. Where these are too many, nothing that is relative to them is changed.
    pub(super) fn join(&mut self, others: &Self) {
        if others.0.iter().any(|base| self.add(base.clone()).is_err()) {
            *self = Self::of(Base::Foreign);
        }
    }

    /// The bases below an address as it is written now.
    pub(super) fn enter(&self, carrier: &Carrier, address: &str) -> impl Iterator<Item = Base> {
        self.0.iter().map(move |base| carrier.enter(base, address))
    }

    /// [`Carrier::write`] where that is right for every base.
    ///
    /// What it writes is a path of this host, so with another host among the bases nothing is ever
    /// written, not even for an absolute address: a player would send the token there.
    pub(super) fn write(
        &self,
        carrier: &Carrier,
        reference: &str,
        resource: Resource,
        is_template: bool,
        out: &mut String,
    ) -> Written {
        let write = |base: &Base, out: &mut String| {
            out.clear();
            carrier.write(base, reference, resource, is_template, out)
        };
        match self.0.as_slice() {
            [Base::Foreign] => return Written::Same,
            [base] => return if write(base, out) { Written::Other } else { Written::Same },
            _ => {}
        }
        // What is written depends on where the address leads, and whether the token is there already.
        // Both answers tell whether it leads to the same place from every base.
        let mut answers: Option<[String; 2]> = None;
        let [mut fresh, mut inherited] = [false; 2];
        for base in &self.0 {
            let Base::Here { path, inherits } = base else { return Written::Undecided };
            inherited |= inherits;
            fresh |= !inherits;
            let answer = [false, true].map(|inherits| {
                write(&Base::Here { path: path.clone(), inherits }, out);
                out.clone()
            });
            match &answers {
                None if answer.iter().all(|answer| answer == reference) => return Written::Same,
                None => answers = Some(answer),
                Some(answers) if *answers == answer => {}
                Some(_) => return Written::Undecided,
            }
        }
        let answers =
            answers.into_iter().flatten().zip([fresh, inherited]).filter(|(_, asked)| *asked);
        for (answer, _) in answers {
            if answer != reference {
                *out = answer;
                return Written::Other;
            }
        }
        Written::Same
    }
}
