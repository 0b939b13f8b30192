//! Responses as the runtime knows them. Nothing here can panic: the runtime throws for a status or
//! a header that it does not like, and the caller makes a problem of that.

use core::result;

use alloc::vec::Vec;

use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Headers, ReadableStream, ReadableStreamDefaultReader, ResponseInit};

pub(crate) use web_sys::Response;

use crate::worker::answer::Answer;
use crate::worker::manifest::Rewritten;

#[wasm_bindgen]
extern "C" {
    // web-sys keeps it behind a flag of the whole build.
    type DecompressionStream;
    #[wasm_bindgen(catch, constructor)]
    fn new(format: &str) -> result::Result<DecompressionStream, JsValue>;
}

type Result<T> = result::Result<T, JsValue>;

/// Reads a body to its end; `None` where it has more than `most` bytes, and then it is left. `len` is its
/// length, where that is known before: then it crosses into wasm in one piece.
pub(crate) async fn read(
    stream: &ReadableStream,
    len: Option<u64>,
    most: usize,
) -> Result<Option<Vec<u8>>> {
    let fits = |len: u64| usize::try_from(len).is_ok_and(|len| len <= most);
    if len.is_some_and(fits) {
        let response = Response::new_with_opt_readable_stream(Some(stream))?;
        let bytes = JsFuture::from(response.array_buffer()?).await?;
        return Ok(Some(Uint8Array::new(&bytes).to_vec()).filter(|bytes| bytes.len() <= most));
    }
    let reader: ReadableStreamDefaultReader = stream.get_reader().dyn_into()?;
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(Some(bytes));
        }
        let chunk: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
        let start = bytes.len();
        let end = start.saturating_add(usize::try_from(chunk.length()).unwrap_or(usize::MAX));
        if end > most {
            // It is over either way; that a source cannot be told so is its own affair.
            let _ = JsFuture::from(reader.cancel()).await;
            return Ok(None);
        }
        bytes.resize(end, 0);
        chunk.copy_to(bytes.get_mut(start..).unwrap_or_default());
    }
}

/// A stream of what was stored compressed; `None` where the runtime cannot read that.
pub(crate) fn decompress(stream: &ReadableStream, encoding: &str) -> Option<ReadableStream> {
    let format = match encoding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => "gzip",
        "deflate" => "deflate",
        _ => return None,
    };
    let decoder = DecompressionStream::new(format).ok()?;
    Some(stream.pipe_through(decoder.unchecked_ref()))
}

/// A response with a manifest that was rewritten; `head` leaves the body out.
pub(crate) fn manifest<N: AsRef<str>, V: AsRef<str>>(
    rewritten: &Rewritten,
    headers: &[(N, V)],
    head: bool,
) -> Result<Response> {
    let body = rewritten.body.as_deref().filter(|_| !head);
    let body = body.map(|body| Uint8Array::from(body.as_bytes()));
    Response::new_with_opt_js_u8_array_and_init(body.as_ref(), &init(rewritten.status, headers)?)
}

/// Who encodes a body as its `Content-Encoding` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// It is encoded already, and the runtime knows nothing of that.
    AsStored,
    /// The runtime: it decoded what it fetched, and hands on untouched what it did not have to
    /// read.
    Runtime,
}

/// A response without a body.
pub(crate) fn empty<N: AsRef<str>, V: AsRef<str>>(
    status: u16,
    headers: &[(N, V)],
) -> Result<Response> {
    Response::new_with_opt_str_and_init(None, &init(status, headers)?)
}

/// A response that hands a stream of the store to the runtime: no byte of it passes through wasm.
pub(crate) fn stream<N: AsRef<str>, V: AsRef<str>>(
    status: u16,
    headers: &[(N, V)],
    body: &ReadableStream,
    encoding: Encoding,
) -> Result<Response> {
    let init = init(status, headers)?;
    if encoding == Encoding::AsStored {
        Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
    }
    Response::new_with_opt_readable_stream_and_init(Some(body), &init)
}

/// A small answer.
pub(crate) fn answer(Answer(status, headers, body): &Answer) -> Result<Response> {
    Response::new_with_opt_str_and_init(body.as_deref(), &init(*status, headers)?)
}

fn init<N: AsRef<str>, V: AsRef<str>>(status: u16, fields: &[(N, V)]) -> Result<ResponseInit> {
    let headers = Headers::new()?;
    for (name, value) in fields {
        headers.append(name.as_ref(), value.as_ref())?;
    }
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    Ok(init)
}
