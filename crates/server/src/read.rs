//! Reads a whole body within a limit: that of a manifest, decoded, or that of a call.

use std::io::{self, Read as _};

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// The whole body; `None` if it has more bytes than the limit.
///
/// # Errors
/// It broke off.
pub(crate) async fn read<B>(body: B, limit: usize) -> io::Result<Option<Bytes>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(Some(whole.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// What a compressed manifest says; `None` if that has more bytes than the limit.
///
/// # Errors
/// It is damaged, or the compression is unknown.
pub(crate) fn decoded(bytes: Bytes, compression: &str, limit: usize) -> io::Result<Option<Bytes>> {
    match compression {
        "br" => bounded(brotli_decompressor::Decompressor::new(&*bytes, 4096), limit),
        "deflate" => bounded(ZlibDecoder::new(&*bytes), limit),
        "gzip" | "x-gzip" => bounded(MultiGzDecoder::new(&*bytes), limit),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn bounded(source: impl io::Read, limit: usize) -> io::Result<Option<Bytes>> {
    let mut whole = Vec::new();
    source.take(limit.saturating_add(1) as u64).read_to_end(&mut whole)?;
    Ok((whole.len() <= limit).then(|| whole.into()))
}
