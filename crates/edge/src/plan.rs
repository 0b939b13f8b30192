//! Turns an admitted request into a response: what to ask the media store, and what to do with its answers.
//!
//! Nothing here waits. The caller sends each request to the store, passes on the answer, and takes the next
//! step, until there is a response.

mod for_proxy;
mod from_origin;
mod from_store;
mod manifest;

use crate::answer::{Answer, Fields, Headers, Problem, fields};
use crate::built;
use crate::conditional::Conditions;
use crate::config::{Config, Store};
use crate::delivery::Delivery;
use crate::log::LogEntry;
use crate::range::{ByteRange, Part, StoreRange};
use crate::request::RequestParts;

pub use self::from_store::Object;
use self::manifest::Pending;

/// A request to the media store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send a request to the media server, without following redirects.
    Fetch {
        /// `GET` or `HEAD`.
        method: &'static str,
        /// The URL.
        url: String,
        /// The header fields to send. Send no others.
        headers: Vec<(&'static str, String)>,
    },
    /// Read an object of the bucket, or part of it.
    Get {
        /// The key of the object.
        key: String,
        /// The range; `None` means the whole object.
        range: Option<StoreRange>,
    },
    /// Read the metadata of an object of the bucket, without its body.
    Head {
        /// The key of the object.
        key: String,
    },
}

/// The next step. Cancel the body of any answer that is not sent on.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask the store.
    Ask(Step),
    /// Read the whole body and pass it to [`Plan::rewrite`], or pass `None` if it exceeds the limit.
    Read {
        /// The most bytes after decoding.
        limit: usize,
        /// The compression to decode first: `gzip` or `deflate`.
        compression: Option<&'static str>,
    },
    /// Send this response.
    Respond(Response),
}

/// A response to the viewer.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields, in order.
    pub headers: Fields,
    /// The body.
    pub body: Body,
}

/// The body of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// No body.
    None,
    /// The body of the store's answer, unchanged.
    Stored,
    /// A text.
    Text(String),
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let Answer { status, headers, body } = answer;
        Self {
            status,
            headers: fields(headers).collect(),
            body: body.map_or(Body::None, Body::Text),
        }
    }
}

/// The bucket's answer.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// The bucket gave no usable answer.
    Failed,
    /// The object does not exist.
    Missing,
    /// The object exists.
    Object(Object<'a>),
}

/// The delivery of an admitted request.
#[derive(Debug)]
pub struct Plan {
    pub(crate) delivery: Delivery,
    pub(crate) wanted: Wanted,
    pub(crate) phase: Phase,
    /// A manifest whose body is being read.
    pub(crate) pending: Option<Box<Pending>>,
    entry: LogEntry,
}

/// The phase of a plan.
#[derive(Debug)]
pub(crate) enum Phase {
    /// The whole object was requested, because it may be a manifest.
    Whole,
    /// Exactly what the viewer wants was requested. The answer is final.
    Final,
    /// A range was requested. The object may be too short for it.
    Range(ByteRange),
    /// The metadata was requested; the number counts the attempts.
    Look(u8),
    /// The object was requested after its metadata, on condition that its entity tag is still this one.
    Confirm { etag: String, part: Part, look: u8 },
}

/// The parts of the viewer's request that limit what is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) range: Option<String>,
    /// In the order of [`forward::REQUEST_HEADERS`](crate::forward::REQUEST_HEADERS).
    pub(crate) conditions: [Option<String>; 5],
}

impl Wanted {
    pub(crate) fn of(request: &RequestParts<'_>) -> Self {
        let own = |value: Option<&str>| value.map(String::from);
        Self { range: own(request.range), conditions: request.conditions.map(own) }
    }

    /// The requested range, if there is exactly one. HEAD has none (RFC 9110, section 14.2). Several ranges
    /// would need a multipart body, so the whole object is sent instead.
    pub(crate) fn range(&self, head: bool) -> Option<ByteRange> {
        self.range.as_deref().filter(|_| !head).and_then(ByteRange::parse)
    }

    /// Whether the viewer wants the whole object unconditionally. Without a range, `If-Range` has no
    /// effect.
    pub(crate) fn is_unconditional(&self, head: bool) -> bool {
        let range = self.range(head);
        let mut conditions = self.conditions();
        conditions.if_range = conditions.if_range.filter(|_| range.is_some());
        range.is_none() && conditions.is_empty()
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        let [if_match, if_modified_since, if_none_match, if_range, if_unmodified_since] =
            self.conditions.each_ref().map(Option::as_deref);
        Conditions { if_match, if_modified_since, if_none_match, if_range, if_unmodified_since }
    }
}

impl Plan {
    /// Starts a delivery: returns the plan and its first step.
    pub(crate) fn start(
        config: &Config,
        delivery: Delivery,
        request: &RequestParts<'_>,
        entry: LogEntry,
    ) -> (Self, Next) {
        let mut wanted = Wanted::of(request);
        if delivery.only_looks {
            // With If-Range, the store may send everything.
            wanted.conditions = Default::default();
        }
        let mut plan = Self { delivery, wanted, phase: Phase::Final, pending: None, entry };
        let next = match &config.store {
            Store::Server(server) => Next::Ask(from_origin::start(&mut plan, server)),
            Store::Bucket => from_store::start(&mut plan),
            Store::Proxy if built::PROXY => Next::Respond(for_proxy::answer(&plan.delivery)),
            Store::Proxy => plan.problem(Problem::BadStore),
        };
        let next = plan.finish(next);
        (plan, next)
    }

    /// Processes the head of the media server's answer: its status, and its header fields with names in
    /// lower case. `has_body` tells whether a body follows.
    #[must_use]
    pub fn fetched(
        &mut self,
        config: &Config,
        status: u16,
        headers: &[(&str, &str)],
        has_body: bool,
    ) -> Next {
        let next = match &config.store {
            Store::Server(server) => from_origin::respond(self, server, status, headers, has_body),
            Store::Bucket | Store::Proxy => Err(Problem::BadStore),
        };
        let next = next.unwrap_or_else(|problem| self.problem(problem));
        self.finish(next)
    }

    /// Processes the bucket's answer.
    #[must_use]
    pub fn found(&mut self, found: Found<'_>) -> Next {
        let next = from_store::respond(self, found).unwrap_or_else(|problem| self.problem(problem));
        self.finish(next)
    }

    /// Handles a store that gave no answer, or whose body broke off.
    #[must_use]
    pub fn failed(&mut self, config: &Config) -> Next {
        let problem = match &config.store {
            Store::Server(_) => Problem::BadOrigin,
            Store::Bucket | Store::Proxy => return self.found(Found::Failed),
        };
        let next = self.problem(problem);
        self.finish(next)
    }

    /// Rewrites the manifest that was read; `None` if it exceeds the limit.
    pub fn rewrite(&mut self, manifest: Option<&[u8]>) -> Response {
        let rewriting = self.delivery.rewriting.take().filter(|_| built::MANIFESTS);
        let response = match (self.pending.take(), rewriting, manifest) {
            (Some(_), Some(_), None) => Err(Problem::ManifestTooLarge),
            (Some(pending), Some(rewriting), Some(bytes)) => {
                pending.respond(&rewriting, bytes, self.wanted.conditions(), &self.delivery)
            }
            _ => Err(Problem::BadStore),
        };
        let next = match response {
            Ok(response) => Next::Respond(response),
            Err(problem) => self.problem(problem),
        };
        match self.finish(next) {
            Next::Respond(response) => response,
            // A manifest never leads to another request.
            _ => Answer::problem(Problem::BadStore, false, Headers::new()).into(),
        }
    }

    /// The log entry. It is complete once there is a response.
    #[must_use]
    pub const fn entry(&self) -> &LogEntry {
        &self.entry
    }

    /// The response for a problem.
    pub(crate) fn problem(&mut self, problem: Problem) -> Next {
        self.entry.reason = Some(problem.reason());
        Next::Respond(self.delivery.problem(problem).into())
    }

    /// Records the status of a response. Who only looks gets no more than that, whatever the store answers.
    fn finish(&mut self, next: Next) -> Next {
        let next = match next {
            Next::Respond(response)
                if self.delivery.only_looks && !self.delivery.head && !is_glimpse(&response) =>
            {
                self.problem(Problem::BadOrigin)
            }
            next => next,
        };
        if let Next::Respond(response) = &next {
            self.entry.status = response.status;
        }
        next
    }
}

/// Whether a response has at most the first two bytes of the store's answer.
fn is_glimpse(Response { status, headers, body }: &Response) -> bool {
    let is_short =
        |value: &str| ["bytes 0-0/", "bytes 0-1/"].iter().any(|start| value.starts_with(start));
    let ranges = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Range"));
    let mut ranges = ranges.map(|(_, value)| is_short(value));
    *body != Body::Stored
        || *status == 206 && ranges.next() == Some(true) && ranges.all(|short| short)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::config::{Binding, Variables};
    use crate::decide::{Decision, decide};
    use playgate::KeyRing;
    use playgate::UnixTime;
    use playgate::{Builder, Signer};

    const KEYS: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const NOW: u64 = 1_767_225_000;
    const FILM: &str = "https://cdn.example.com/videos/42/film.mp4";
    const LIST: &str = "https://cdn.example.com/videos/42/list.m3u8";

    fn server() -> Variables {
        Variables {
            origin: Some("https://media.example.com/vod".into()),
            origin_secret: Some("0123456789abcdef".into()),
            playgate_keys: Some(KEYS.into()),
            ..Variables::default()
        }
    }

    fn bucket() -> Variables {
        let playgate_keys = Some(KEYS.into());
        Variables { media: Binding::Right, playgate_keys, ..Variables::default() }
    }

    fn signed(
        url: &str,
        more: impl for<'a> FnOnce(Builder<'a, &'a str>) -> Builder<'a, &'a str>,
    ) -> String {
        let signer = Signer::new(KeyRing::parse(KEYS).unwrap());
        more(signer.link(url)).sign(UnixTime::from_secs(NOW)).unwrap().into()
    }

    fn start(variables: &Variables, request: &RequestParts<'_>) -> (Config, Plan, Next) {
        let config = Config::read(variables);
        let Decision::Serve(plan, next, _) = decide(&config, request, NOW, || None) else {
            panic!("answered")
        };
        (config.ok().unwrap(), *plan, next)
    }

    fn get(url: &str) -> RequestParts<'_> {
        RequestParts { method: "GET", url, ..RequestParts::default() }
    }

    fn fetch(method: &'static str, path: &str, headers: &[(&'static str, &str)]) -> Next {
        let url = ["https://media.example.com/vod", path].concat();
        let secret = ("Playgate-Origin-Secret", "0123456789abcdef");
        let headers = headers.iter().chain([&secret]);
        let headers = headers.map(|(name, value)| (*name, String::from(*value))).collect();
        Next::Ask(Step::Fetch { method, url, headers })
    }

    #[track_caller]
    fn response(next: Next) -> Response {
        let Next::Respond(response) = next else { panic!("{next:?}") };
        response
    }

    fn value<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
        let found = response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    #[test]
    fn a_file_of_a_server_is_one_question() {
        let link = signed(FILM, |link| link);
        let mut request = get(&link);
        request.range = Some("bytes=0-9");
        request.conditions[2] = Some("\"a\"");
        let (config, mut plan, next) = start(&server(), &request);
        let asked = [("If-None-Match", "\"a\""), ("Range", "bytes=0-9")];
        assert_eq!(next, fetch("GET", "/videos/42/film.mp4", &asked));
        let sent = [("content-type", "video/mp4"), ("set-cookie", "a=b"), ("content-length", "10")];
        let response = response(plan.fetched(&config, 206, &sent, true));
        assert_eq!((response.status, &response.body), (206, &Body::Stored));
        assert_eq!(value(&response, "Content-Length"), Some("10"));
        assert_eq!(value(&response, "Cache-Control"), Some("private, max-age=600"));
        assert_eq!(value(&response, "Set-Cookie"), None);
        assert_eq!((plan.entry.status, plan.entry.reason), (206, None));
    }

    #[test]
    fn several_ranges_and_those_of_head_are_not_passed_on() {
        let link = signed(FILM, |link| link);
        let request = RequestParts { range: Some("bytes=0-1,3-4"), ..get(&link) };
        assert_eq!(start(&server(), &request).2, fetch("GET", "/videos/42/film.mp4", &[]));
        let request = RequestParts { method: "HEAD", range: Some("bytes=0-1"), ..get(&link) };
        assert_eq!(start(&server(), &request).2, fetch("HEAD", "/videos/42/film.mp4", &[]));
    }

    #[test]
    fn a_server_that_gives_nothing_usable_is_a_bad_origin() {
        let link = signed(FILM, |link| link);
        for status in [101, 301, 302, 401, 999, 0] {
            let (config, mut plan, _) = start(&server(), &get(&link));
            let response = response(plan.fetched(&config, status, &[], true));
            assert_eq!((response.status, plan.entry.reason), (502, Some("bad_origin")), "{status}");
        }
        let (config, mut plan, _) = start(&server(), &get(&link));
        assert_eq!(response(plan.failed(&config)).status, 502);
        assert_eq!(plan.entry.reason, Some("bad_origin"));
    }

    #[test]
    fn a_manifest_is_read_whole_and_rewritten() {
        let link = signed(LIST, |link| link.directory(2).in_query());
        let request = RequestParts { range: Some("bytes=0-9"), ..get(&link) };
        let (config, mut plan, next) = start(&server(), &request);
        assert_eq!(next, fetch("GET", "/videos/42/list.m3u8", &[]));
        let sent = [("content-length", "30"), ("etag", "\"a\""), ("last-modified", "now")];
        let next = plan.fetched(&config, 200, &sent, true);
        assert_eq!(next, Next::Read { limit: 2 << 20, compression: None });
        let response = plan.rewrite(Some(b"#EXTM3U\n#EXTINF:2,\na.ts\n"));
        let Body::Text(text) = &response.body else { panic!("{response:?}") };
        assert!(text.contains("/pg=1&") && text.ends_with("/videos/42/a.ts\n"), "{text}");
        assert_eq!(value(&response, "Content-Length"), Some(&*std::format!("{}", text.len())));
        assert!(value(&response, "ETag").unwrap().starts_with("\"a-"));
        assert_eq!(value(&response, "Last-Modified"), None);
        assert_eq!((response.status, plan.entry.status), (200, 200));
    }

    #[test]
    fn a_manifest_over_the_limit_is_not_read() {
        let link = signed(LIST, |link| link.directory(2).in_query());
        let (config, mut plan, _) = start(&server(), &get(&link));
        let response = response(plan.fetched(&config, 200, &[("content-length", "2097153")], true));
        assert_eq!((response.status, plan.entry.reason), (502, Some("manifest_too_large")));
        // A body without a length is cut off at the limit.
        let (config, mut plan, _) = start(&server(), &get(&link));
        let _ = plan.fetched(&config, 200, &[], true);
        assert_eq!(plan.rewrite(None).status, 502);
        // A second manifest, or one that was not requested, is not rewritten.
        assert_eq!(plan.rewrite(Some(b"#EXTM3U\n")).status, 502);
    }

    #[test]
    fn a_file_that_may_be_a_manifest_and_has_run_is_redirected_to() {
        let link = signed("https://cdn.example.com/videos/42/live", |link| {
            link.directory(2).in_query().run(Duration::from_secs(7200))
        });
        let (config, mut plan, _) = start(&server(), &get(&link));
        let sent = [("content-type", "video/mp4")];
        let response = response(plan.fetched(&config, 200, &sent, true));
        assert_eq!((response.status, &response.body), (302, &Body::None));
        assert!(value(&response, "Location").unwrap().starts_with("/videos/42/live?pg=1&"));
    }

    fn object() -> Found<'static> {
        Found::Object(Object { size: 1000, etag: "\"a\"", modified: NOW - 60, ..Object::default() })
    }

    fn of_bucket(range: Option<StoreRange>) -> Next {
        Next::Ask(Step::Get { key: "videos/42/film.mp4".into(), range })
    }

    fn look() -> Next {
        Next::Ask(Step::Head { key: "videos/42/film.mp4".into() })
    }

    #[test]
    fn a_file_of_a_bucket_is_one_question() {
        let link = signed(FILM, |link| link);
        let (_, mut plan, next) = start(&bucket(), &get(&link));
        assert_eq!(next, of_bucket(None));
        let whole = response(plan.found(object()));
        assert_eq!((whole.status, &whole.body), (200, &Body::Stored));
        assert_eq!(value(&whole, "Content-Length"), Some("1000"));

        let request = RequestParts { range: Some("bytes=990-2000"), ..get(&link) };
        let (_, mut plan, next) = start(&bucket(), &request);
        assert_eq!(next, of_bucket(Some(StoreRange::Slice { offset: 990, length: 1011 })));
        let part = response(plan.found(object()));
        assert_eq!(part.status, 206);
        assert_eq!(value(&part, "Content-Range"), Some("bytes 990-999/1000"));

        let request = RequestParts { method: "HEAD", ..get(&link) };
        let (_, mut plan, next) = start(&bucket(), &request);
        assert_eq!(next, look());
        let head = response(plan.found(object()));
        assert_eq!((head.status, head.body), (200, Body::None));
    }

    #[test]
    fn a_range_after_the_end_needs_the_size() {
        let link = signed(FILM, |link| link);
        let request = RequestParts { range: Some("bytes=1000-"), ..get(&link) };
        let (_, mut plan, _) = start(&bucket(), &request);
        assert_eq!(plan.found(Found::Failed), look());
        let response = response(plan.found(object()));
        assert_eq!((response.status, plan.entry.reason), (416, Some("range_not_satisfiable")));
        assert_eq!(value(&response, "Content-Range"), Some("bytes */1000"));
    }

    #[test]
    fn conditions_look_first_and_hold_for_what_is_served() {
        let link = signed(FILM, |link| link);
        let mut request = get(&link);
        request.conditions[2] = Some("\"a\"");
        let (_, mut plan, next) = start(&bucket(), &request);
        assert_eq!(next, look());
        let same = response(plan.found(object()));
        assert_eq!((same.status, value(&same, "Content-Type")), (304, None));

        request.conditions[2] = Some("\"b\"");
        let (_, mut plan, _) = start(&bucket(), &request);
        assert_eq!(plan.found(object()), of_bucket(None));
        assert_eq!(response(plan.found(object())).status, 200);
        // The plan gives up on an object that changes every time.
        let (_, mut plan, _) = start(&bucket(), &request);
        let other =
            Found::Object(Object { size: 1, etag: "\"c\"", modified: NOW, ..Object::default() });
        for _ in 0..2 {
            assert_eq!(plan.found(object()), of_bucket(None));
            assert_eq!(plan.found(other), look());
        }
        assert_eq!(plan.found(object()), of_bucket(None));
        assert_eq!(response(plan.found(other)).status, 502);
    }

    #[test]
    fn a_bucket_without_the_object_or_an_answer() {
        let link = signed(FILM, |link| link);
        for (found, status) in [(Found::Missing, 404), (Found::Failed, 502)] {
            let (_, mut plan, _) = start(&bucket(), &get(&link));
            assert_eq!(response(plan.found(found)).status, status);
        }
    }

    /// A store that leaves `aws-chunked` there sends text.
    #[test]
    fn a_manifest_of_a_server_is_read_under_any_encoding() {
        let link = signed(LIST, |link| link.directory(2).in_query());
        for (encoding, expected) in
            [("gzip", None), ("x-gzip", Some("gzip")), ("aws-chunked", None), ("none", None)]
        {
            let (config, mut plan, _) = start(&server(), &get(&link));
            let sent = [("content-encoding", encoding)];
            let next = plan.fetched(&config, 200, &sent, true);
            assert_eq!(next, Next::Read { limit: 2 << 20, compression: expected }, "{encoding}");
        }
    }

    #[test]
    fn a_manifest_that_is_stored_compressed_is_decoded_where_that_is_known() {
        let link = signed(LIST, |link| link.directory(2).in_query());
        for (encoding, expected) in [
            (None, Some(None)),
            (Some("identity"), Some(None)),
            (Some("GZIP"), Some(Some("gzip"))),
            (Some("deflate"), Some(Some("deflate"))),
            (Some("br"), None),
        ] {
            let (_, mut plan, _) = start(&bucket(), &get(&link));
            let object =
                Object { size: 9, etag: "\"a\"", content_encoding: encoding, ..Object::default() };
            match (plan.found(Found::Object(object)), expected) {
                (Next::Read { compression, .. }, Some(expected)) => {
                    assert_eq!(compression, expected);
                }
                (Next::Respond(response), None) => assert_eq!(response.status, 502),
                (next, _) => panic!("{encoding:?}: {next:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_may_be_a_manifest_is_read_once() {
        let link =
            signed("https://cdn.example.com/videos/42/live", |link| link.directory(2).in_query());
        let (_, mut plan, next) = start(&bucket(), &get(&link));
        assert_eq!(next, Next::Ask(Step::Get { key: "videos/42/live".into(), range: None }));
        assert_eq!(response(plan.found(object())).body, Body::Stored);
    }
}
