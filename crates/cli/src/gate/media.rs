//! The media of a gate: a directory, or a media server; or none if a proxy delivers it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use hyper::body::Bytes;
use playgate_edge::Step;
use playgate_server::{Directory, FileBody, MediaStore, Origin, OriginBody, Stored};

pub(super) enum Media {
    None,
    Directory(Directory),
    Server(Box<Origin>),
}

impl MediaStore for Media {
    type Body = MediaBody;

    async fn ask(&self, step: Step) -> Option<Stored<MediaBody>> {
        Some(match self {
            Self::None => return None,
            Self::Directory(directory) => directory.ask(step).await?.map(MediaBody::File),
            Self::Server(server) => server.ask(step).await?.map(MediaBody::Remote),
        })
    }
}

/// The body of an answer of either.
pub(super) enum MediaBody {
    File(FileBody),
    Remote(OriginBody),
}

impl Body for MediaBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::File(body) => Pin::new(body).poll_frame(cx),
            Self::Remote(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::File(body) => body.is_end_stream(),
            Self::Remote(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::File(body) => body.size_hint(),
            Self::Remote(body) => body.size_hint(),
        }
    }
}
