//! The media of a test: the files of a directory with the header fields that a bucket would store beside them, or a
//! media server.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Either;
use hyper::body::{Frame, SizeHint};
use playgate_edge::Step;
use playgate_server::{Directory, FileBody, MediaStore, Metadata, Origin, OriginBody, Stored};
use serde_json::{Map, Value};

/// What a bucket would store beside each object.
#[derive(Clone, Default)]
pub(crate) struct Labels(Arc<Mutex<HashMap<String, Map<String, Value>>>>);

impl Labels {
    /// Those of one object: its key and them, as JSON, percent-encoded.
    pub(crate) fn set(&self, text: &str) {
        let text = playgate::percent::decode(text).expect("percent-encoded");
        let (key, labels): (String, Map<String, Value>) =
            serde_json::from_str(&text).expect("JSON");
        self.0.lock().expect("labels").insert(key, labels);
    }

    fn on(&self, key: &str, metadata: Metadata) -> Metadata {
        let labels = self.0.lock().expect("labels");
        let Some(labels) = labels.get(key) else { return metadata };
        let text = |name: &str| labels.get(name).and_then(Value::as_str).map(String::from);
        Metadata {
            content_type: text("contentType"),
            content_language: text("contentLanguage"),
            content_disposition: text("contentDisposition"),
            content_encoding: text("contentEncoding"),
            cache_control: text("cacheControl"),
            ..metadata
        }
    }
}

pub(crate) struct Media {
    directory: Directory,
    labels: Labels,
    origin: Origin,
    stand_in: Option<String>,
}

impl Media {
    pub(crate) fn new(root: &Path, labels: Labels, stand_in: Option<&str>) -> Self {
        let directory = Directory::open(root).expect("a root");
        Self { directory, labels, origin: Origin::new(), stand_in: stand_in.map(String::from) }
    }
}

impl MediaStore for Media {
    type Body = MediaBody;

    async fn ask(&self, step: Step) -> Option<Stored<MediaBody>> {
        match self.stand_in.as_deref() {
            Some("a bucket that exhausts memory") => panic!("memory"),
            Some(_) => return None,
            None => {}
        }
        let (Step::Get { key, .. } | Step::Head { key }) = &step else {
            return Some(self.origin.ask(step).await?.map(Either::Right).map(MediaBody));
        };
        let key = key.clone();
        Some(match self.directory.ask(step).await? {
            Stored::Found { metadata, body } => Stored::Found {
                metadata: self.labels.on(&key, metadata),
                body: MediaBody(Either::Left(body)),
            },
            Stored::Answer { .. } | Stored::Missing => Stored::Missing,
        })
    }
}

pub(crate) struct MediaBody(Either<FileBody, OriginBody>);

impl hyper::body::Body for MediaBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Either::Left(body) => Pin::new(body).poll_frame(cx),
            Either::Right(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Either::Left(body) => body.is_end_stream(),
            Either::Right(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Either::Left(body) => body.size_hint(),
            Either::Right(body) => body.size_hint(),
        }
    }
}
