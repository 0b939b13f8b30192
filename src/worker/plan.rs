//! An admitted request on its way to a response: what to ask the media store, and what to do with its answer.
//!
//! Nothing here waits. Whoever drives a plan asks the store, hands over what it answers, and does what comes
//! next, until there is a response.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::worker::answer::{Answer, Fields, Headers, Problem, fields};
use crate::worker::conditional::Conditions;
use crate::worker::config::{Config, Store};
use crate::worker::decide::RequestParts;
use crate::worker::delivery::Delivery;
use crate::worker::from_origin;
use crate::worker::from_store::{self, Object};
use crate::worker::log::LogEntry;
use crate::worker::manifest::Pending;
use crate::worker::range::{ByteRange, Part, StoreRange};

/// What to ask the media store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask the media server, and follow no redirect.
    Fetch { method: &'static str, url: String, headers: Vec<(&'static str, String)> },
    /// Read an object of the bucket, or a part of it.
    Get { key: String, range: Option<StoreRange> },
    /// Look at an object of the bucket, without its body.
    Head { key: String },
}

/// What to do with an answer of the store. A body that is not sent on has to be cancelled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Ask(Step),
    /// Read the body to its end, and give it to [`Plan::rewrite`]; if it has more bytes than the limit, give
    /// that `None`.
    Read {
        limit: usize,
        /// How it has to be decoded first: `gzip` or `deflate`.
        compression: Option<&'static str>,
    },
    Respond(Response),
}

/// A response to the viewer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Fields,
    pub(crate) body: Body,
}

/// The body of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    /// The body of the store's answer, untouched.
    Stored,
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

/// What came of a look into the bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// The bucket gave no usable answer.
    Failed,
    Missing,
    Object(Object<'a>),
}

/// An admitted request that waits for its media.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) delivery: Delivery,
    pub(crate) wanted: Wanted,
    pub(crate) phase: Phase,
    /// A manifest whose body is being read.
    pub(crate) pending: Option<Box<Pending>>,
    pub(crate) entry: LogEntry,
}

/// How far a plan has come.
#[derive(Debug)]
pub(crate) enum Phase {
    /// All of the media was asked for: it may be a manifest.
    Whole,
    /// What the viewer asked for was asked for, and goes out.
    Final,
    /// A range that the size may not allow.
    Range(ByteRange),
    /// The object without its body, for the so manieth time.
    Look(u8),
    /// The object that was looked at, which had this entity tag.
    Confirm { etag: String, part: Part, look: u8 },
}

/// What a request wants of the media, beside all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) range: Option<String>,
    /// In the order of [`forward::REQUEST_HEADERS`](crate::worker::forward::REQUEST_HEADERS).
    pub(crate) conditions: [Option<String>; 5],
}

impl Wanted {
    pub(crate) fn of(request: &RequestParts<'_>) -> Self {
        let own = |value: Option<&str>| value.map(String::from);
        Self { range: own(request.range), conditions: request.conditions.map(own) }
    }

    /// The one range that is asked for. HEAD has none (RFC 9110, section 14.2), and several would ask for a
    /// multipart body: all of the media is sent instead.
    pub(crate) fn range(&self, head: bool) -> Option<ByteRange> {
        self.range.as_deref().filter(|_| !head).and_then(ByteRange::parse)
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        let [if_match, if_modified_since, if_none_match, if_range, if_unmodified_since] =
            self.conditions.each_ref().map(Option::as_deref);
        Conditions { if_match, if_modified_since, if_none_match, if_range, if_unmodified_since }
    }
}

impl Plan {
    /// Starts on a delivery, or answers at once.
    pub(crate) fn start(
        config: &Config,
        delivery: Delivery,
        request: &RequestParts<'_>,
        entry: LogEntry,
    ) -> (Self, Next) {
        let wanted = Wanted::of(request);
        let mut plan = Self { delivery, wanted, phase: Phase::Final, pending: None, entry };
        let next = match &config.store {
            Store::Server(server) => Next::Ask(from_origin::start(&mut plan, server)),
            Store::Bucket => from_store::start(&mut plan),
        };
        let next = plan.finish(next);
        (plan, next)
    }

    /// Reads the head of the media server's answer: its status, and its header fields with names in lower
    /// case. `has_body` says whether a body follows.
    pub(crate) fn fetched(
        &mut self,
        config: &Config,
        status: u16,
        headers: &[(&str, &str)],
        has_body: bool,
    ) -> Next {
        let next = match &config.store {
            Store::Server(server) => from_origin::respond(self, server, status, headers, has_body),
            Store::Bucket => Err(Problem::BadStore),
        };
        let next = next.unwrap_or_else(|problem| self.problem(problem));
        self.finish(next)
    }

    /// Reads what the bucket has.
    pub(crate) fn found(&mut self, found: Found<'_>) -> Next {
        let next = from_store::respond(self, found).unwrap_or_else(|problem| self.problem(problem));
        self.finish(next)
    }

    /// The store gave no answer, or its body broke off.
    pub(crate) fn failed(&mut self, config: &Config) -> Next {
        let problem = match &config.store {
            Store::Server(_) => Problem::BadOrigin,
            Store::Bucket => return self.found(Found::Failed),
        };
        let next = self.problem(problem);
        self.finish(next)
    }

    /// Rewrites a manifest that was read; `None` for one beyond the limit.
    pub(crate) fn rewrite(&mut self, manifest: Option<&[u8]>) -> Response {
        let response = match (self.pending.take(), self.delivery.rewriting.take(), manifest) {
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
            // No manifest leads to another question.
            _ => Answer::problem(Problem::BadStore, false, Headers::new()).into(),
        }
    }

    /// The response where there is a problem.
    pub(crate) fn problem(&mut self, problem: Problem) -> Next {
        self.entry.reason = Some(problem.reason());
        Next::Respond(self.delivery.problem(problem).into())
    }

    /// Notes the status of a response.
    fn finish(&mut self, next: Next) -> Next {
        if let Next::Respond(response) = &next {
            self.entry.status = response.status;
        }
        next
    }
}
