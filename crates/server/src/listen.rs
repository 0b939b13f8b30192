//! Connections: how many there may be, how slow they may be, and how they end.

mod watch;

use core::future::Future;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::watch::{Watch, Watched};
use crate::write_timeout::WriteTimeout;

/// The time for a client to send the head of its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// The most bytes of a request's head. HTTP/2 counts a little more.
const MAX_HEAD: u32 = 32 * 1024;

/// The most requests at once on one connection of HTTP/2.
const MAX_STREAMS: u32 = 100;

/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// The pause after a failed accept, such as when the program has no free file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most simultaneous connections, and the most simultaneous requests of all of them; others wait.
    pub connections: usize,
    /// The time between two requests on one connection, and for sending the head of a request.
    pub idle: Duration,
    /// The time in which a client takes nothing of an answer.
    pub write: Duration,
    /// The time for requests in flight once the program must stop.
    pub grace: Duration,
}

/// Serves HTTP/1.1 and HTTP/2 without TLS until `stop` is done, and then finishes requests in flight. `answer` gets each
/// request, and where it came from.
pub async fn listen<A, F, B>(
    listener: TcpListener,
    limits: Limits,
    stop: impl Future<Output = ()>,
    answer: A,
) where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    let mut stop = pin!(stop);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let requests = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let http = protocols(limits);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        // What is written is complete: heads with the first bytes of a body, and pieces of bodies.
        let _ = stream.set_nodelay(true);
        let watch = Watch::new();
        let (answer, requests, watched) =
            (answer.clone(), Arc::clone(&requests), Arc::clone(&watch));
        let service = service_fn(move |request: Request<Incoming>| {
            watched.asked();
            let in_pieces = request.version() == Version::HTTP_2;
            let (requests, watch) = (Arc::clone(&requests), Arc::clone(&watched));
            let answer = answer.clone();
            // A connection has room for this future for as long as it lasts, also while no request is there.
            Box::pin(async move {
                // A connection of HTTP/2 has many requests, and each may have a file open.
                let permit = requests.acquire_owned().await.map_err(io::Error::other)?;
                let watched = watch.begin(permit);
                let response = answer(request, peer).await;
                Ok::<_, io::Error>(response.map(|body| Watched::new(body, watched, in_pieces)))
            })
        });
        let stream = TokioIo::new(WriteTimeout::new(stream, limits.write));
        let connection = http.serve_connection(stream, service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                // The operator need not know of clients that disconnect or break the protocol.
                _ = connection => {}
                () = overdue(&watch, limits) => {}
            }
            drop(slot);
        });
    }
    drop(listener);
    let _ = timeout(limits.grace, graceful.shutdown()).await;
}

/// Completes when a client has taken too long: for its first request, for taking an answer, or for the next request.
async fn overdue(watch: &Watch, limits: Limits) {
    sleep(FIRST_REQUEST).await;
    while watch.has_asked() && !watch.is_over(limits.write, limits.idle) {
        sleep(limits.idle.min(limits.write).checked_div(8).unwrap_or(PAUSE)).await;
    }
}

fn protocols(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .half_close(true)
        .max_buf_size(MAX_HEAD as usize);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD);
    http
}

/// Raises the number of files that this process may have open to what the system allows. Returns it.
#[cfg(unix)]
#[must_use]
pub fn raise_open_files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// The number of files that this process may have open, as far as is known.
#[cfg(not(unix))]
#[must_use]
pub const fn raise_open_files() -> usize {
    usize::MAX
}

/// Completes when the program is asked to stop. From this call on, the program catches the signals.
///
/// # Errors
/// They cannot be caught.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes when the program is asked to stop.
///
/// # Errors
/// None on this platform.
#[cfg(not(unix))]
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
