//! Query parameters that were added to a link after it was signed.

use crate::error::{InvalidSignature, ParseError, Refusal};
use crate::format::{Located, UnverifiedToken};
use crate::key::{Candidates, Entry};
use crate::query::{SignedQuery, name_of};
use crate::request::{Placement, Request};
use crate::time::UnixTime;
use crate::verify::{Verifier, check_tag};

/// The most parameters at the end of a query that are looked for. Each takes a tag, and a request without a
/// token that fits is to cost little.
const MOST_ADDED: usize = 8;

impl<'a> Verifier<'a> {
    /// Check 4. Where the tag fits the query without what was added at its end, that is the reason, as it is
    /// where the token itself shows what follows it.
    ///
    /// # Errors
    /// [`ParseError::UnsignedParameter`], or [`InvalidSignature`].
    pub(crate) fn check_signature<'k>(
        &self,
        token: &UnverifiedToken<'_>,
        keys: Candidates<'k>,
    ) -> Result<&'k Entry, Refusal> {
        check_tag(token, keys).map_err(|invalid| self.explain(token, keys, invalid))
    }

    #[cold]
    #[inline(never)]
    fn explain(
        &self,
        token: &UnverifiedToken<'_>,
        keys: Candidates<'_>,
        invalid: InvalidSignature,
    ) -> Refusal {
        match keys {
            Candidates::Named(entry) if self.appended(token, entry).is_some() => {
                ParseError::UnsignedParameter.into()
            }
            _ => invalid.into(),
        }
    }

    /// The end of the query without which the tag fits.
    fn appended<'r>(&self, token: &UnverifiedToken<'r>, entry: &Entry) -> Option<&'r str> {
        let [query, _] = token.queries();
        let (query, format) = (query?, token.located.format);
        let names = self.rules.unsigned_params;
        let in_query = token.located.placement == Placement::Query;
        let mut end = Some(query.len());
        let mut tried = 0;
        while let Some(kept) = end.and_then(|end| query.get(..end))
            && tried < MOST_ADDED
        {
            let start = kept.rfind('&');
            let dropped =
                kept.get(start.map_or(0, |at| at.saturating_add(1))..).unwrap_or_default();
            end = start;
            if !in_query && names.leave_unsigned(dropped) {
                continue;
            }
            tried = tried.saturating_add(1);
            let kept = start.and_then(|start| query.get(..start));
            let signed = match kept {
                None => SignedQuery::None,
                Some(kept) if in_query => SignedQuery::Whole(kept),
                Some(kept) => SignedQuery::Without(kept, names),
            };
            let input = format.input_with(token, signed)?;
            let mut mac = entry.key.mac().start();
            input.pieces(&mut |piece| mac.update(piece));
            if mac.verify(&token.tag).is_ok() {
                return query.get(start.map_or(0, |at| at.saturating_add(1))..);
            }
        }
        None
    }

    /// The part of a query in which parameters were added to a link of exact scope.
    fn added<'r>(&self, located: &Located<'r>) -> Option<&'r str>
    where
        'a: 'r,
    {
        match self.rules.read(located) {
            Ok(token) => {
                let entry = self.ring.find(token.kid()?).ok()?;
                check_tag(&token, Candidates::Named(entry)).err()?;
                self.appended(&token, entry)
            }
            Err(Refusal::Parse(ParseError::UnsignedParameter)) => {
                located.format.after(located.text)
            }
            Err(_) => None,
        }
    }

    /// The names of the query parameters that were added to a link of exact scope, for a request that is
    /// refused with `unsigned_parameter`. They are as the request has them: a name may be anything.
    pub fn added_params<'r>(
        &self,
        request: &Request<'r>,
        now: UnixTime,
    ) -> impl Iterator<Item = &'r str> + use<'r, 'a>
    where
        'a: 'r,
    {
        let located = self.locate(request, now).ok();
        let added = located.and_then(|located| self.added(&located));
        let names = self.rules.unsigned_params;
        let params = added.into_iter().flat_map(|added| added.split('&'));
        params.filter(move |param| !names.leave_unsigned(param)).map(name_of)
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyRing;
    use crate::query::ParamNames;
    use crate::sign::Signer;
    use alloc::format;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    const NOW: UnixTime = UnixTime::from_secs(1_767_225_000);

    fn ring() -> KeyRing {
        KeyRing::parse("main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
    }

    /// The reason for a request, and the parameters that are named.
    fn decided(request: &Request<'_>) -> (&'static str, Vec<String>) {
        let ring = ring();
        let verifier = Verifier::new(&ring).unsigned_params(ParamNames::new("v"));
        let reason = verifier.verify(request, NOW).map_or_else(Refusal::code, |_| "");
        (reason, verifier.added_params(request, NOW).map(String::from).collect())
    }

    /// What is said of a link to `url` in each placement, with `more` at the end of its query.
    #[track_caller]
    fn says(url: &str, more: &str, reason: &str, names: &[&str]) {
        let signer = Signer::new(ring());
        let expected = (reason, names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        let added = format!("{url}{}{more}", if url.contains('?') { '&' } else { '?' });

        let link = signer.link(url).sign(NOW).unwrap();
        let (reason_of, names_of) = decided(&Request::new(&format!("{link}&{more}")));
        assert_eq!((reason_of, names_of), expected, "behind the token");
        let before = format!("{added}&{}", link.token(),);
        assert_eq!(decided(&Request::new(&before)), expected, "before the token");

        let link = signer.link(url).in_path().sign(NOW).unwrap();
        let joint = if url.contains('?') { '&' } else { '?' };
        let in_path = format!("{link}{joint}{more}");
        assert_eq!(decided(&Request::new(&in_path)), expected, "in the path");
        let header = format!("Bearer {}", link.token());
        let mut request = Request::new(&added);
        request.authorization = Some(&header);
        assert_eq!(decided(&request), expected, "as bearer");
        request.authorization = None;
        request.cookie = Some(link.token());
        assert_eq!(decided(&request), expected, "as cookie");
    }

    #[test]
    fn added_parameters_have_one_reason_everywhere() {
        for url in ["https://cdn.example.com/a.mp4", "https://cdn.example.com/a.mp4?q=hd&l=pt"] {
            says(url, "utm_source=x", "unsigned_parameter", &["utm_source"]);
            says(url, "a=1&b&c=", "unsigned_parameter", &["a", "b", "c"]);
        }
    }

    #[test]
    fn what_was_changed_is_a_bad_signature() {
        let signer = Signer::new(ring());
        let link = signer.link("https://h/a.mp4?q=hd").in_path().sign(NOW).unwrap().to_string();
        let changed = |by: &str| decided(&Request::new(&link.replace("q=hd", by))).0;
        assert_eq!(changed("q=hd"), "");
        assert_eq!(changed("q=4k"), "bad_signature");
        assert_eq!(changed("a=1&q=hd"), "bad_signature");
        assert_eq!(changed("q=hd&CMCD=a&v=1"), "");
        assert_eq!(changed(&format!("q=hd{}", "&a=1".repeat(8))), "unsigned_parameter");
        assert_eq!(changed(&format!("q=hd{}", "&a=1".repeat(9))), "bad_signature");
    }
}
