//! What an MPD has players send to others of the addresses that they asked for.
//!
//! By Annex I of ISO/IEC 23009-1 they add the query of the MPD's address to those of segments, on whatever
//! host; by ETSI TS 103 285, section 10.12.3, they report the addresses that failed; and by CTA-5004 they
//! tell a host the address of the next object, wherever that is. With a token in any of these, it would
//! go along.

use core::ops::Range;

use playgate::query::joined;
use quick_xml::escape::escape;

use crate::ManifestError;
use crate::dash::document::{Document, attribute};
use crate::dash::writer::MpdWriter;
use crate::host::{Start, start};
use crate::rewriter::Rewriter;

/// Names of attributes that send addresses on, as their two halves.
pub(super) const NAMES: [[&str; 2]; 3] = [QUERY, REPORTS, CLIENT_DATA];

/// Of `UrlQueryInfo`, `ExtUrlQueryInfo`, `ExtHttpHeaderInfo` and `RequestParam`.
const QUERY: [&str; 2] = ["useMPD", "UrlQuery"];
const OWN_QUERY: &str = "queryString";

/// The element that has players send Common Media Client Data, and its attribute that names the keys.
const CLIENT_DATA: [&str; 2] = ["CMCD", "Parameters"];
const KEYS: &str = "keys";

/// Keys of client data whose values are addresses: of the next object, of the one that was asked for.
const ADDRESSES: [&str; 2] = ["nor", "url"];

/// Of `Reporting`, with the prefix `dvb`.
const REPORTS: [&str; 2] = ["reporting", "Url"];

/// Keeps the token out of what is sent on: players get the query of the MPD without it, report to this host
/// only, and tell no host the address of another object.
///
/// Where these names are anywhere but in the start tag of an element, nobody ought to read them. A player
/// that does so nonetheless finds another name.
pub(super) fn close(
    writer: &mut MpdWriter<'_>,
    document: &Document<'_>,
) -> Result<(), ManifestError> {
    for name in NAMES {
        let Rewriter { in_query, preview, .. } = writer.rewriter;
        // In a preview each address is signed, and with more in it is another.
        if name == QUERY && !in_query && preview.is_none() {
            continue;
        }
        let whole = name.concat();
        let source = document.source;
        let mut from = 0;
        for tag in &document.tags {
            break_up(writer, source, from..tag.start, name)?;
            from = tag.end;
            let text = source.get(tag.clone()).unwrap_or_default();
            // A tag that says it once, in a way that all read alike.
            let is_handled = text.matches(&whole).count() <= 1
                && match name {
                    QUERY => pass_query(writer, source, tag, &whole)?,
                    CLIENT_DATA => drop_addresses(writer, source, tag)?,
                    _ => is_ours(writer, source, tag, &whole),
                };
            if !is_handled {
                break_up(writer, source, tag.clone(), name)?;
            }
        }
        break_up(writer, source, from..source.len(), name)?;
    }
    Ok(())
}

/// Puts the query of the MPD less its token in the place of the query. Returns whether there is such an
/// attribute.
fn pass_query(
    writer: &mut MpdWriter<'_>,
    source: &str,
    tag: &Range<usize>,
    whole: &str,
) -> Result<bool, ManifestError> {
    let Some(value) = attribute(source, tag.clone(), |name| name == whole) else {
        return Ok(false);
    };
    // By XML Schema it is "true" or "1"; Shaka Player reads "TRUE" too. Whatever is not plainly false is true
    // to somebody.
    if matches!(&*value.text, "false" | "0") {
        return Ok(true);
    }
    let old = attribute(source, tag.clone(), |name| name == OWN_QUERY);
    let is_preview = writer.rewriter.preview.is_some();
    let more = old.iter().map(|old| &*old.text).filter(|old| !old.is_empty());
    let params = writer.rewriter.own_params().chain(more).filter(|_| !is_preview);
    // Some players drop a descriptor that has nothing to add.
    let query = joined(params).unwrap_or_else(|| "&".into());
    writer.edits.text(value.span, "false")?;
    match old {
        Some(old) => writer.edits.text(old.span, &query)?,
        None => {
            let markup = [" ", OWN_QUERY, "=\"", &escape(query.as_str()), "\""].concat();
            writer.edits.markup(tag.start..tag.start, &markup)?;
        }
    }
    Ok(true)
}

/// Takes keys of addresses off a list of keys of client data. Returns whether it is an element without content
/// that has such a list, and whether anything is left in it: without a list, players send all keys.
fn drop_addresses(
    writer: &mut MpdWriter<'_>,
    source: &str,
    tag: &Range<usize>,
) -> Result<bool, ManifestError> {
    let is_empty = source.get(tag.end..).is_some_and(|rest| rest.starts_with("/>"));
    let text = source.get(tag.clone()).unwrap_or_default();
    let Some(name) = text.find([' ', '\t', '\r', '\n']).filter(|_| is_empty) else {
        return Ok(false);
    };
    let attributes = tag.start.saturating_add(name)..tag.end;
    let Some(value) = attribute(source, attributes, |name| name == KEYS) else {
        return Ok(false);
    };
    let keys = || value.text.split([' ', '\t', '\r', '\n', ',']).filter(|key| !key.is_empty());
    let is_address = |key: &str| ADDRESSES.iter().any(|known| key.eq_ignore_ascii_case(known));
    let kept = keys().filter(|key| !is_address(key)).collect::<Vec<_>>().join(" ");
    if kept.is_empty() {
        return Ok(false);
    }
    if keys().any(is_address) {
        writer.edits.text(value.span.clone(), &kept)?;
    }
    Ok(true)
}

/// Whether reports go to this very host.
fn is_ours(writer: &MpdWriter<'_>, source: &str, tag: &Range<usize>, whole: &str) -> bool {
    let is_name = |name: &str| name.rsplit_once(':').is_some_and(|(_, local)| local == whole);
    attribute(source, tag.clone(), is_name).is_some_and(|value| {
        let start = start(writer.rewriter.host.as_ref(), &value.text);
        matches!(start, Some(Start::Host(..)))
    })
}

/// Makes a name one that nobody knows, wherever it is in a part of the source.
fn break_up(
    writer: &mut MpdWriter<'_>,
    source: &str,
    part: Range<usize>,
    name: [&str; 2],
) -> Result<(), ManifestError> {
    let [first, _] = name;
    let whole: String = name.concat();
    let text = source.get(part.clone()).unwrap_or_default();
    for (at, _) in text.match_indices(&whole) {
        let at = part.start.saturating_add(at).saturating_add(first.len());
        writer.edits.markup(at..at, "-")?;
    }
    Ok(())
}
