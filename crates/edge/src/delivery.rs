//! What to deliver for an admitted request, independent of the media store.

use playgate::query::push_query;
use playgate_manifest::Rewriter;

use crate::answer::{Answer, Header, Headers, Problem};
use crate::freshness::{self, Stored};
use crate::redirect::Redirect;
use crate::viewer::Viewer;

/// How to rewrite the media of an admitted request, if it is a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Rewriting {
    pub(crate) rewriter: Rewriter,
    /// The largest manifest that is read, in bytes.
    pub(crate) max_bytes: usize,
}

/// The delivery for an admitted request. It does not borrow from the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delivery {
    /// The canonical path that was verified.
    pub(crate) path: String,
    /// The query that is forwarded.
    pub(crate) query: Option<String>,
    /// Whether the request is HEAD, so that the body is omitted.
    pub(crate) head: bool,
    /// The time of the decision.
    pub(crate) now: u64,
    /// When the token expires; `None` for a public path.
    pub(crate) expires: Option<u64>,
    /// The value of `Content-Disposition`: the file name, and whether to save the file.
    pub(crate) disposition: Option<String>,
    /// The cookie that gives the token to later requests.
    pub(crate) cookie: Option<String>,
    /// The CORS header fields.
    pub(crate) cors: Headers,
    /// How to rewrite the media, if it is a manifest whose addresses must carry the token.
    pub(crate) rewriting: Option<Box<Rewriting>>,
    /// Where to redirect the viewer, if the media is not a manifest.
    pub(crate) redirect: Option<Box<Redirect>>,
    /// Whether the request must get no more than the first two bytes, because it does not count as a use.
    pub(crate) only_looks: bool,
    /// Who is watching, as the media server learns it.
    pub(crate) viewer: Option<Box<Viewer>>,
}

impl Delivery {
    /// The header fields that the gate adds to every response. `error` marks responses without media, which
    /// must not be cached.
    pub(crate) fn headers(&self, stored: Stored<'_>, error: bool) -> Headers {
        let mut headers = Headers::new();
        let rewriter = self.rewriting.as_ref().map(|rewriting| &rewriting.rewriter);
        let rewriter =
            rewriter.filter(|rewriter| rewriter.is_exchanged() && stored.is_playlist && !error);
        let cache_control = match self.expires {
            _ if error => Some("no-store".into()),
            // The next request gets a different token, created then.
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

    /// The redirect, if the media is not a manifest and its link lasts longer at another address.
    pub(crate) fn redirected(&self) -> Option<Answer> {
        Some(self.redirect.as_ref()?.answer(self.now, self.cors.clone()))
    }

    /// The answer if the media cannot be served after all.
    pub(crate) fn problem(&self, problem: Problem) -> Answer {
        let mut answer = Answer::problem(problem, self.head, self.cors.clone());
        answer.headers.extend(self.time_left(self.expires));
        answer
    }

    /// When the token expires, and how long it lasts from now on. The second lets a player renew in time
    /// even if its clock is wrong.
    fn time_left(&self, expires: Option<u64>) -> impl Iterator<Item = Header> + use<> {
        let now = self.now;
        expires.into_iter().flat_map(move |at| {
            [
                ("Playgate-Expires", at.to_string().into()),
                ("Playgate-Time-Left", at.saturating_sub(now).to_string().into()),
            ]
        })
    }

    /// The URL of the media on the server at `base`.
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
            only_looks: false,
            viewer: None,
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
