//! The addresses of a playlist, one by one.

use std::borrow::Cow;

use playgate::{Request, path::is_unreserved_relative};

use crate::ManifestError;
use crate::address::{Base, Resource};
use crate::bounds::Growth;
use crate::hls::attributes::{Attribute, Attributes, is_clean};
use crate::hls::variables::{HlsVariables, Replaced, references, without_references};
use crate::outcome::{AddressOutcome, AddressReport};
use crate::rewriter::Rewriter;

/// No gate reads a longer one.
const MAX_LEN: usize = Request::MAX_URL_LEN;

/// Stands for what follows an address and is not known: a character that changes nothing of where the
/// text before it leads.
const PLACEHOLDER: &str = "x";

/// An address as it is in a playlist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address<'t> {
    pub(crate) text: &'t str,
    /// Whether variables in it count: not without quotes, though some players replace them all the same.
    pub(crate) has_variables: bool,
    pub(crate) resource: Resource,
    /// Whether it is a part of the film, and not what describes it.
    pub(crate) is_film: bool,
}

impl<'t> Address<'t> {
    /// One that has a line for itself.
    pub(crate) const fn line(text: &'t str, resource: Resource) -> Self {
        Self { text, has_variables: true, resource, is_film: true }
    }
}

/// Writes addresses with the token where they need it.
#[derive(Debug)]
pub(crate) struct Addresses<'c> {
    rewriter: &'c Rewriter,
    base: Base,
    /// What stands before the plainest of addresses.
    plain: Option<String>,
    variables: HlsVariables,
    pub(crate) growth: Growth,
    /// Whether a playlist that this one names may be on another host.
    pub(crate) leads_abroad: bool,
    /// Lines so far, and what became of the addresses in them, where somebody asks.
    pub(crate) lines: usize,
    log: Option<Vec<AddressReport>>,
    /// Whether somebody asks.
    looks: bool,
}

impl<'c> Addresses<'c> {
    pub(crate) fn new(rewriter: &'c Rewriter) -> Self {
        Self {
            rewriter,
            base: rewriter.base(),
            plain: rewriter.plain_prefix(),
            variables: HlsVariables::new(rewriter.secret_params()),
            growth: Growth::default(),
            leads_abroad: false,
            lines: 0,
            log: None,
            looks: rewriter.preview.is_some(),
        }
    }

    /// Looks at each address closely, to see where they lead.
    pub(crate) fn watched(&mut self) {
        (self.plain, self.looks) = (None, true);
    }

    /// Keeps a log of all addresses.
    pub(crate) fn logged(&mut self) {
        self.watched();
        self.log = Some(Vec::new());
    }

    pub(crate) fn into_log(self) -> Vec<AddressReport> {
        self.log.unwrap_or_default()
    }

    /// Takes the attributes of an `EXT-X-DEFINE`.
    pub(crate) fn define(&mut self, list: &str) -> Result<(), ManifestError> {
        let values = Attributes::new(list).filter(|attribute| attribute.name == "VALUE");
        // What starts a host is no exception here: more may come after what is defined.
        for value in values {
            self.check(value.value, false)?;
        }
        self.check_list(list)?;
        self.variables.define(list, &self.rewriter.query, self.growth.read)
    }

    /// Refuses a variable that may have the token in a list that players read in different ways, where one of
    /// its values names another host: some take a variable in the rest of the list for a part of it. hls.js
    /// reads a quoted value up to a quote that a comma follows.
    pub(crate) fn check_list(&mut self, list: &str) -> Result<(), ManifestError> {
        if !has_references(list) || is_clean(list) {
            return Ok(());
        }
        for Attribute { value, .. } in Attributes::new(list) {
            let is_abroad = match self.variables.replace(value, self.growth.read)? {
                Replaced::None => self.leads_abroad(value),
                Replaced::All { text, .. } | Replaced::Before { text, .. } => {
                    self.leads_abroad(&text)
                }
                Replaced::TooLong => true,
            };
            if is_abroad {
                return self.variables.check_abroad("", &with_braces(list));
            }
        }
        Ok(())
    }

    /// Whether players that read a list with faults may take what follows `value` for a part of it, and so for a
    /// part of an address of another host. A token there would go to that host.
    pub(crate) fn may_lead_away(&self, value: &str) -> bool {
        let is_own = self.rewriter.is_own_host(value)
            && value.matches("//").count() == 1
            && !value.contains(['\\', '\t']);
        has_references(value) || (may_name_host(value) && !is_own)
    }

    /// Whether a text names another host, as far as can be seen.
    fn leads_abroad(&self, start: &str) -> bool {
        let known = [start, PLACEHOLDER].concat();
        let why = || self.rewriter.outcome(&self.base, &known, Resource::Media, false);
        start.contains("//") && !self.rewriter.is_own_host(start) && is_abroad(why())
    }

    /// Refuses a variable that may have the token in a text that may be used as an address of another host, in
    /// which it `may_start` the host.
    pub(crate) fn check(&mut self, text: &str, may_start: bool) -> Result<(), ManifestError> {
        if !has_references(text) {
            return Ok(());
        }
        match self.variables.replace(&with_braces(text), self.growth.read)? {
            Replaced::Before { text: before, rest } if self.leads_abroad(&before) => {
                self.variables.check_abroad(if may_start { &before } else { "" }, rest)
            }
            Replaced::All { text, .. } => self.check_replaced(&text),
            _ => Ok(()),
        }
    }

    /// Refuses an address of another host that has references once more after its variables were replaced.
    fn check_replaced(&self, text: &str) -> Result<(), ManifestError> {
        let has_more = has_references(text) && references(&with_braces(text)).next().is_some();
        if has_more && self.leads_abroad(text) { self.variables.check_again() } else { Ok(()) }
    }

    /// Whether a text leads to this host for sure, where it is an address.
    pub(crate) fn stays_here(&mut self, text: &str) -> Result<bool, ManifestError> {
        let of = |reference: &str| {
            let why = self.rewriter.outcome(&self.base, reference, Resource::Media, false);
            !is_abroad(why)
        };
        Ok(match self.variables.replace(text, self.growth.read)? {
            Replaced::None => of(text),
            // With the token a value may have neither scheme nor host any more.
            Replaced::All { text: replaced, .. } => of(&replaced) && !text.contains(":{$"),
            Replaced::Before { .. } | Replaced::TooLong => false,
        })
    }

    /// Appends an address.
    pub(crate) fn write(
        &mut self,
        address: Address<'_>,
        out: &mut String,
    ) -> Result<(), ManifestError> {
        self.growth.reserve(out);
        if let Some(prefix) = &self.plain
            && address.text.len() <= MAX_LEN
            && is_unreserved_relative(address.text.as_bytes())
        {
            out.push_str(prefix);
            out.push_str(address.text);
            return Ok(());
        }
        let start = out.len();
        let why = self.write_any(address, out)?;
        if address.resource == Resource::Manifest {
            let is_here = matches!(
                why,
                AddressOutcome::Inherits
                    | AddressOutcome::OutsideDirectory
                    | AddressOutcome::Public
                    | AddressOutcome::Token
            );
            self.leads_abroad |= !is_here;
        }
        if let Some(log) = &mut self.log {
            let written = out.get(start..).unwrap_or_default();
            let [address, written] = [address.text, written].map(|text| self.rewriter.masked(text));
            log.push(AddressReport { line: self.lines, address, written, why });
        }
        Ok(())
    }

    fn write_any(
        &mut self,
        address: Address<'_>,
        out: &mut String,
    ) -> Result<AddressOutcome, ManifestError> {
        let text = address.text;
        let start = out.len();
        if text.len() > MAX_LEN {
            out.push_str(text);
            return Ok(AddressOutcome::Unreadable);
        }
        if !address.has_variables || text.contains(ESCAPED) {
            self.check(text, true)?;
        }
        let why = match self.variables.replace(text, self.growth.read)? {
            Replaced::None => return self.put(text, address, self.looks, out),
            // Some players replace them, some do not.
            Replaced::All { .. } | Replaced::Before { .. } if !address.has_variables => {
                AddressOutcome::Unknown
            }
            Replaced::All { by_viewer: true, .. } if self.signs(address) => {
                return Err(ManifestError::NoPreview);
            }
            Replaced::All { text, .. } => {
                self.check_replaced(&text)?;
                self.put(&text, address, true, out)?
            }
            Replaced::Before { text, rest } => self.put_before(&text, rest, address, out)?,
            Replaced::TooLong => AddressOutcome::Unreadable,
        };
        let is_written =
            matches!(why, AddressOutcome::Token | AddressOutcome::Signed) || self.loses_token(why);
        // Nothing is written of an address without a token of which only the start is known.
        if !is_written || out.len() <= start {
            // Then its variables stay too, for the player to replace.
            out.truncate(start);
            out.push_str(text);
        }
        Ok(why)
    }

    /// Appends an address without variables. What became of it is only known for sure where this `looks`,
    /// which takes as long again.
    fn put(
        &self,
        reference: &str,
        address: Address<'_>,
        looks: bool,
        out: &mut String,
    ) -> Result<AddressOutcome, ManifestError> {
        let Address { resource, is_film, .. } = address;
        let why = match looks {
            true => self.rewriter.outcome(&self.base, reference, resource, false),
            false => AddressOutcome::Token,
        };
        if self.rewriter.preview.is_some() {
            let is_admitted = match (resource, why) {
                (Resource::Manifest, AddressOutcome::Inherits | AddressOutcome::Token) => {
                    self.rewriter.is_manifest(&self.base, reference)
                }
                // With these the film is open to everybody from its start to its end.
                (Resource::Media, AddressOutcome::Public) => !is_film,
                _ => true,
            };
            if !is_admitted {
                return Err(ManifestError::NoPreview);
            }
        }
        self.rewriter.write(&self.base, reference, resource, false, out);
        Ok(why)
    }

    /// Appends an address of which only the start is known: its `rest` is for the player to replace.
    fn put_before(
        &mut self,
        before: &str,
        rest: &str,
        address: Address<'_>,
        out: &mut String,
    ) -> Result<AddressOutcome, ManifestError> {
        let start = out.len();
        let known = [before, PLACEHOLDER].concat();
        let of =
            |reference: &str| self.rewriter.outcome(&self.base, reference, address.resource, false);
        let is_here = before.is_empty() || self.rewriter.is_own_host(before);
        let why = match is_here {
            true => AddressOutcome::Unknown,
            false => match of(&known) {
                // What follows may still lead out of the directory, or to where no gate admits.
                AddressOutcome::Token => {
                    of(&[before, &without_references(rest, PLACEHOLDER)].concat())
                }
                why => why,
            },
        };
        if !is_here && is_abroad(why) {
            self.variables.check_abroad(before, &with_braces(rest))?;
        }
        // The first may be a scheme, or nothing: `{$scheme}//other.example/?from={$path}`.
        if before.is_empty()
            && let Some((_, after)) = rest.split_once('}')
            && of(&without_references(after, PLACEHOLDER)) == AddressOutcome::OtherHost
        {
            self.variables.check_abroad("//", &with_braces(rest))?;
        }
        // Nobody can sign what is not known, nor see whether it is a playlist.
        if self.rewriter.preview.is_some() && !is_abroad(why) {
            return Err(ManifestError::NoPreview);
        }
        if why == AddressOutcome::Token {
            self.put(&known, address, true, out)?;
            if out.ends_with(PLACEHOLDER) {
                out.truncate(out.len().saturating_sub(PLACEHOLDER.len()));
                out.push_str(rest);
            } else {
                out.truncate(start);
                return Ok(AddressOutcome::Unknown);
            }
        }
        Ok(why)
    }

    /// Whether an address gets a token of its own.
    fn signs(&self, address: Address<'_>) -> bool {
        self.rewriter.preview.is_some() && address.resource == Resource::Media
    }

    /// Whether it is written because it may not keep the token that it inherits.
    fn loses_token(&self, why: AddressOutcome) -> bool {
        why == AddressOutcome::Public && self.rewriter.token_is_in_path()
    }
}

/// Whether there may be a host in a text, as lenient parsers of addresses read it.
fn may_name_host(text: &str) -> bool {
    let is_scheme = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    is_scheme || text.contains("//") || text.contains(['\\', '\t'])
}

/// A brace of a reference as Shaka Player reads it too.
const ESCAPED: &str = "%7";

/// Whether there may be references in a text.
fn has_references(text: &str) -> bool {
    text.contains('$') && (text.contains('{') || text.contains(ESCAPED))
}

/// With the braces that Shaka Player takes for such.
pub(crate) fn with_braces(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPED) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("%7B", "{").replace("%7D", "}"))
}

/// Whether an address leads to another host, or may.
const fn is_abroad(why: AddressOutcome) -> bool {
    matches!(why, AddressOutcome::OtherHost | AddressOutcome::Unreadable)
}
