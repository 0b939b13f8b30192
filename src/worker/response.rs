//! Responses as the runtime knows them. Nothing here can panic: the runtime throws for a status or
//! a header that it does not like, and the caller makes a problem of that.

use core::result;

use wasm_bindgen::JsValue;
use web_sys::{Headers, ReadableStream, ResponseInit};

pub(crate) use web_sys::Response;

use crate::worker::answer::Answer;

type Result<T> = result::Result<T, JsValue>;

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
        js_sys::Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
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
