//! What is served to an admitted request, whichever store has it.

use playgate::query::push_query;
use playgate_manifest::Rewriter;

use crate::answer::{Answer, Header, Headers, Problem};
use crate::freshness::{self, Stored};
use crate::redirect::Redirect;

/// How the manifest of an admitted request is rewritten, should it be one.
#[derive(Clone, Debug)]
pub(crate) struct Rewriting {
    pub(crate) rewriter: Rewriter,
    /// Bytes in the largest manifest that is read.
    pub(crate) max_bytes: usize,
}

/// An admitted request, freed from the URL that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The canonical path that was verified.
    pub(crate) path: String,
    /// The query that travels on.
    pub(crate) query: Option<String>,
    /// Whether the body is left out.
    pub(crate) head: bool,
    /// The time at which all of this holds.
    pub(crate) now: u64,
    /// When the token's time is over; `None` for a public path.
    pub(crate) expires: Option<u64>,
    /// The name of the file, and whether the viewer saves it: the value of `Content-Disposition`.
    pub(crate) disposition: Option<String>,
    /// The cookie that hands the token over to requests that have none.
    pub(crate) cookie: Option<String>,
    /// Who may read the answer.
    pub(crate) cors: Headers,
    /// How it is rewritten, should it be a manifest whose addresses have to carry the token.
    pub(crate) rewriting: Option<Box<Rewriting>>,
    /// Where the viewer is sent, should it be no manifest.
    pub(crate) redirect: Option<Box<Redirect>>,
}

impl Delivery {
    /// The header fields that the gate adds to what the store says, on every response. `error` is
    /// for those that are no media: nothing of them is kept.
    pub(crate) fn headers(&self, stored: Stored<'_>, error: bool) -> Headers {
        let mut headers = Headers::new();
        let rewriter = self.rewriting.as_ref().map(|rewriting| &rewriting.rewriter);
        let rewriter =
            rewriter.filter(|rewriter| rewriter.is_exchanged() && stored.is_playlist && !error);
        let cache_control = match self.expires {
            _ if error => Some("no-store".into()),
            // The next request gets another token, made then.
            _ if rewriter.is_some() => Some(match freshness::of_gated(stored, 0) {
                strict if strict.ends_with("no-store") => strict,
                _ => "private, no-cache".into(),
            }),
            Some(expires) => Some(freshness::of_gated(stored, expires.saturating_sub(self.now))),
            None => stored.cache_control.map(|value| value.to_string().into()),
        };
        headers.extend(cache_control.map(|value| ("Cache-Control", value)));
        let expires = rewriter.map(|rewriter| rewriter.expires().as_secs()).or(self.expires);
        headers.extend(self.time_left(expires));
        let cookie = self.cookie.clone().filter(|_| !error);
        headers.extend(cookie.map(|cookie| ("Set-Cookie", cookie.into())));
        if let Some(value) = &self.disposition {
            headers.push(("Content-Disposition", value.clone().into()));
        }
        headers.push(("X-Content-Type-Options", "nosniff".into()));
        headers.extend(self.cors.iter().cloned());
        headers
    }

    /// The answer where it turned out to be no manifest, and its link lasts longer at another address.
    pub(crate) fn redirected(&self) -> Option<Answer> {
        Some(self.redirect.as_ref()?.answer(self.now, self.cors.clone()))
    }

    /// The answer where it cannot be served all the same.
    pub(crate) fn problem(&self, problem: Problem) -> Answer {
        let mut answer = Answer::problem(problem, self.head, self.cors.clone());
        answer.headers.extend(self.time_left(self.expires));
        answer
    }

    /// Until when the token lasts, and how long from now on that is, so that a player can renew in time
    /// whatever its clock says.
    fn time_left(&self, expires: Option<u64>) -> impl Iterator<Item = Header> + use<> {
        let now = self.now;
        expires.into_iter().flat_map(move |at| {
            [
                ("Playgate-Expires", at.to_string().into()),
                ("Playgate-Time-Left", at.saturating_sub(now).to_string().into()),
            ]
        })
    }

    /// Where it is on the server at `base`.
    pub(crate) fn url_at(&self, base: &str) -> String {
        let mut url = [base, &self.path].concat();
        push_query(&mut url, self.query.as_deref());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            path: "/videos/42/film.mp4".into(),
            query: None,
            head: false,
            now: 1_767_225_000,
            expires: Some(1_767_225_600),
            disposition: None,
            cookie: None,
            rewriting: None,
            redirect: None,
            cors: vec![("Vary", "Origin".into())],
        }
    }

    #[test]
    fn gated_media_is_private_and_says_until_when() {
        let stored = Stored { cache_control: Some("public, max-age=86400"), ..Stored::default() };
        assert_eq!(
            delivery().headers(stored, false),
            [
                ("Cache-Control", "private, max-age=600".into()),
                ("Playgate-Expires", "1767225600".into()),
                ("Playgate-Time-Left", "600".into()),
                ("X-Content-Type-Options", "nosniff".into()),
                ("Vary", "Origin".into()),
            ]
        );
    }

    #[test]
    fn public_media_keeps_its_own_word() {
        let public = Delivery { expires: None, cors: Headers::new(), ..delivery() };
        let stored = Stored { cache_control: Some("public, max-age=86400"), ..Stored::default() };
        assert_eq!(
            public.headers(stored, false),
            [
                ("Cache-Control", "public, max-age=86400".into()),
                ("X-Content-Type-Options", "nosniff".into()),
            ]
        );
        assert_eq!(
            public.headers(Stored::default(), false),
            [("X-Content-Type-Options", "nosniff".into())]
        );
    }

    #[test]
    fn errors_are_not_kept() {
        let stored = Stored { cache_control: Some("public, max-age=86400"), ..Stored::default() };
        let delivery = Delivery { cookie: Some("pg=1".into()), ..delivery() };
        let headers = delivery.headers(stored, true);
        assert!(headers.contains(&("Cache-Control", "no-store".into())));
        assert!(headers.iter().all(|(name, _)| *name != "Set-Cookie"));
        assert!(delivery.headers(stored, false).contains(&("Set-Cookie", "pg=1".into())));
    }

    #[test]
    fn a_problem_says_until_when_too() {
        let Answer { status, headers, .. } = delivery().problem(Problem::NotFound);
        assert_eq!(status, 404);
        assert!(headers.contains(&("Playgate-Expires", "1767225600".into())));
        assert!(headers.contains(&("Vary", "Origin".into())));
    }

    #[test]
    fn url_at_joins_base_path_and_query() {
        let delivery = Delivery { query: Some("v=2".into()), ..delivery() };
        assert_eq!(
            delivery.url_at("https://media.example.com/vod"),
            "https://media.example.com/vod/videos/42/film.mp4?v=2"
        );
    }
}
