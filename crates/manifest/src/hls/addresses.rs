//! Rewrites the addresses of a playlist, one by one.

use std::borrow::Cow;

use playgate::{Request, path::is_unreserved_relative};

use crate::ManifestError;
use crate::address::{Base, Resource};
use crate::bounds::Growth;
use crate::hls::attributes::{Attribute, Attributes, is_clean};
use crate::hls::variables::{HlsVariables, Replaced, references, without_references};
use crate::outcome::{AddressOutcome, AddressReport};
use crate::rewriter::Rewriter;

/// The gate reads no longer address.
const MAX_LEN: usize = Request::MAX_URL_LEN;

/// Represents the unknown rest of an address: a character that does not change where the text before it
/// leads.
const PLACEHOLDER: &str = "x";

/// An address, as it is written in a playlist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address<'t> {
    pub(crate) text: &'t str,
    /// Whether variables in it count. Unquoted addresses have none, though some players replace them
    /// anyway.
    pub(crate) has_variables: bool,
    pub(crate) resource: Resource,
    /// Whether it is part of the film, as opposed to metadata about it.
    pub(crate) is_film: bool,
}

impl<'t> Address<'t> {
    /// An address on a line of its own.
    pub(crate) const fn line(text: &'t str, resource: Resource) -> Self {
        Self { text, has_variables: true, resource, is_film: true }
    }
}

/// Adds the token to the addresses that need it.
#[derive(Debug)]
pub(crate) struct Addresses<'c> {
    rewriter: &'c Rewriter,
    base: Base,
    /// The prefix of plain relative addresses.
    plain: Option<String>,
    variables: HlsVariables,
    pub(crate) growth: Growth,
    /// Whether this playlist may name a playlist on another host.
    pub(crate) leads_abroad: bool,
    /// The number of lines so far, and the outcomes of their addresses, if they are logged.
    pub(crate) lines: usize,
    log: Option<Vec<AddressReport>>,
    /// Whether to determine the outcome of every address.
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

    /// Determines the outcome of every address.
    pub(crate) fn watched(&mut self) {
        (self.plain, self.looks) = (None, true);
    }

    /// Logs all addresses.
    pub(crate) fn logged(&mut self) {
        self.watched();
        self.log = Some(Vec::new());
    }

    pub(crate) fn into_log(self) -> Vec<AddressReport> {
        self.log.unwrap_or_default()
    }

    /// Processes the attributes of an `EXT-X-DEFINE`.
    pub(crate) fn define(&mut self, list: &str) -> Result<(), ManifestError> {
        let values = Attributes::new(list).filter(|attribute| attribute.name == "VALUE");
        // The start of a host is no exception here, because more may follow the variable.
        for value in values {
            self.check(value.value, false)?;
        }
        self.check_list(list)?;
        self.variables.define(list, &self.rewriter.query, self.growth.read)
    }

    /// Refuses a list that players read in different ways if a variable in it may have the token and one of
    /// its values names another host: some players take a variable in the rest of the list as part of that
    /// value. hls.js ends a quoted value only at a quote that a comma follows.
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

    /// Whether players that are lenient with faulty lists may take what follows `value` as part of it, and
    /// so as part of an address of another host. A token there would go to that host.
    pub(crate) fn may_lead_away(&self, value: &str) -> bool {
        let is_own = self.rewriter.is_own_host(value)
            && value.matches("//").count() == 1
            && !value.contains(['\\', '\t']);
        has_references(value) || (may_name_host(value) && !is_own)
    }

    /// Whether a text names another host, as far as is known.
    fn leads_abroad(&self, start: &str) -> bool {
        let known = [start, PLACEHOLDER].concat();
        let why = || self.rewriter.outcome(&self.base, &known, Resource::Media, false);
        start.contains("//") && !self.rewriter.is_own_host(start) && is_abroad(why())
    }

    /// Refuses a variable that may have the token in a text that may be an address of another host.
    /// `may_start` tells whether the variable may be the start of the host.
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

    /// Refuses an address of another host that again contains references after its variables were replaced.
    fn check_replaced(&self, text: &str) -> Result<(), ManifestError> {
        let has_more = has_references(text) && references(&with_braces(text)).next().is_some();
        if has_more && self.leads_abroad(text) { self.variables.check_again() } else { Ok(()) }
    }

    /// Whether a text, if it is an address, certainly leads to this host.
    pub(crate) fn stays_here(&mut self, text: &str) -> Result<bool, ManifestError> {
        let of = |reference: &str| {
            let why = self.rewriter.outcome(&self.base, reference, Resource::Media, false);
            !is_abroad(why)
        };
        Ok(match self.variables.replace(text, self.growth.read)? {
            Replaced::None => of(text),
            // A value with the token must have no scheme and no host.
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
            // Some players replace these variables, and some do not.
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
        // If only the start of an address is known and it gets no token, nothing is written.
        if !is_written || out.len() <= start {
            // Its variables stay too, for the player to replace.
            out.truncate(start);
            out.push_str(text);
        }
        Ok(why)
    }

    /// Appends an address without variables. The outcome is reliable only if `looks` is set, which takes
    /// twice as long.
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
                // These would open the whole film to everyone.
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

    /// Appends an address of which only the start is known. The player replaces the variables in its
    /// `rest`.
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
                // The rest may still lead out of the directory, or be ambiguous.
                AddressOutcome::Token => {
                    of(&[before, &without_references(rest, PLACEHOLDER)].concat())
                }
                why => why,
            },
        };
        if !is_here && is_abroad(why) {
            self.variables.check_abroad(before, &with_braces(rest))?;
        }
        // The first variable may be a scheme, or empty: `{$scheme}//other.example/?from={$path}`.
        if before.is_empty()
            && let Some((_, after)) = rest.split_once('}')
            && of(&without_references(after, PLACEHOLDER)) == AddressOutcome::OtherHost
        {
            self.variables.check_abroad("//", &with_braces(rest))?;
        }
        // An unknown address cannot be signed, and may or may not be a playlist.
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

    /// Whether it must be written because it must not keep the token that it inherits.
    fn loses_token(&self, why: AddressOutcome) -> bool {
        why == AddressOutcome::Public && self.rewriter.token_is_in_path()
    }
}

/// Whether a lenient URL parser might find a host in a text.
fn may_name_host(text: &str) -> bool {
    let is_scheme = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    is_scheme || text.contains("//") || text.contains(['\\', '\t'])
}

/// An encoded brace. Shaka Player accepts it in references too.
const ESCAPED: &str = "%7";

/// Whether a text may contain references.
fn has_references(text: &str) -> bool {
    text.contains('$') && (text.contains('{') || text.contains(ESCAPED))
}

/// Decodes the encoded braces that Shaka Player accepts.
pub(crate) fn with_braces(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPED) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("%7B", "{").replace("%7D", "}"))
}

/// Whether an address leads, or may lead, to another host.
const fn is_abroad(why: AddressOutcome) -> bool {
    matches!(why, AddressOutcome::OtherHost | AddressOutcome::Unreadable)
}
