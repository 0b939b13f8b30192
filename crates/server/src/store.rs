//! Where the media is.

use core::future::Future;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use playgate_edge::{Object, Step};

/// A media store: a bucket, or a server.
pub trait MediaStore: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn core::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// The answer to a question of a [`Plan`](playgate_edge::Plan); `None` if there is none.
    fn ask(&self, step: Step) -> impl Future<Output = Option<Stored<Self::Body>>> + Send;
}

/// The answer of a media store.
#[derive(Debug)]
pub enum Stored<B> {
    /// A server answers this.
    Answer {
        /// The status.
        status: StatusCode,
        /// The header fields.
        headers: HeaderMap,
        /// The body, or what can be told of it.
        body: B,
    },
    /// The bucket has this object.
    Found {
        /// What is known of it.
        metadata: Metadata,
        /// The part that was asked for.
        body: B,
    },
    /// The bucket has no such object.
    Missing,
}

impl<B> Stored<B> {
    /// The same with another body.
    pub fn map<C>(self, into: impl FnOnce(B) -> C) -> Stored<C> {
        match self {
            Self::Answer { status, headers, body } => {
                Stored::Answer { status, headers, body: into(body) }
            }
            Self::Found { metadata, body } => Stored::Found { metadata, body: into(body) },
            Self::Missing => Stored::Missing,
        }
    }
}

/// What a bucket knows of an object. The fields are those of [`Object`].
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "they are documented there")]
pub struct Metadata {
    pub size: u64,
    pub etag: String,
    pub modified: u64,
    pub content_type: Option<String>,
    pub content_language: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub cache_control: Option<String>,
}

impl Metadata {
    /// The same, as the plan reads it.
    pub(crate) fn object(&self) -> Object<'_> {
        Object {
            size: self.size,
            etag: &self.etag,
            modified: self.modified,
            content_type: self.content_type.as_deref(),
            content_language: self.content_language.as_deref(),
            content_disposition: self.content_disposition.as_deref(),
            content_encoding: self.content_encoding.as_deref(),
            cache_control: self.cache_control.as_deref(),
        }
    }
}
