//! The body of an answer from a file.

mod buffer;

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use self::buffer::Buffer;

/// A part of a file. It is read as fast as the client takes it.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    at: u64,
    end: u64,
    /// A chunk that a thread is reading.
    reading: Option<JoinHandle<io::Result<Buffer>>>,
}

impl FileBody {
    pub(super) fn new(file: File, at: u64, end: u64) -> Self {
        Self { file: Arc::new(file), at, end, reading: None }
    }

    fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let chunk = match &mut self.reading {
            Some(reading) => {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                read.unwrap_or_else(|error| Err(error.into()))
            }
            None => {
                let mut buffer = Buffer::take(self.left());
                match read_cached(&self.file, self.at, &mut buffer) {
                    Some(read) => read.map(|()| buffer),
                    None => {
                        let (file, at) = (Arc::clone(&self.file), self.at);
                        self.reading = Some(spawn_blocking(move || read(&file, at, buffer)));
                        return self.poll_frame(cx);
                    }
                }
            }
        };
        let chunk = match chunk {
            Ok(chunk) if chunk.len() == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other,
        };
        if let Ok(chunk) = &chunk {
            self.at = self.at.saturating_add(chunk.len() as u64);
        } else {
            self.end = 0;
        }
        Poll::Ready(Some(chunk.map(|chunk| Frame::data(Bytes::from_owner(chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

/// Reads what the system has in memory. `None` if it would have to wait for the disk.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, at: u64, buffer: &mut Buffer) -> Option<io::Result<()>> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let into = &mut [io::IoSliceMut::new(buffer.space())];
    match preadv2(file, into, at, ReadWriteFlags::NOWAIT) {
        Ok(read) => {
            buffer.filled(read);
            Some(Ok(()))
        }
        // Some file systems never say. An interrupted read is repeated by the thread.
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => None,
        Err(error) => Some(Err(error.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, _: &mut Buffer) -> Option<io::Result<()>> {
    None
}

/// Reads a chunk, and waits for the disk.
fn read(file: &File, at: u64, mut buffer: Buffer) -> io::Result<Buffer> {
    loop {
        match read_at(file, buffer.space(), at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(read) => {
                buffer.filled(read);
                return Ok(buffer);
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, chunk: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, chunk, at)
}

#[cfg(windows)]
fn read_at(file: &File, chunk: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, chunk, at)
}
