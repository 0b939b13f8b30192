//! Connections: how many, how slow, and how they end.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::write_timeout::WriteTimeout;

/// Connections at a time; more of them wait. It stays below the usual limit of 1,024 open files.
const MAX_CONNECTIONS: usize = 512;

/// For a client to send its headers, and between two requests of one connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// For a client to take in an answer, which is 600 KB at the most, or a piece of a file.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a request's headers: the URL is short here.
const MAX_HEADERS_LEN: usize = 16 * 1024;

/// For requests in flight when the program is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// After an accept that failed, as when files run out: time for others to close theirs.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done, and then finishes what is in flight.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADERS_LEN);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        // Answers are small and written at once.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(app.clone());
        let connection =
            http.serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away or breaks the protocol is no matter for the operator.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// Done when the program is asked to stop; the signals are caught from now on.
#[cfg(unix)]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
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

/// Done when the program is asked to stop.
#[cfg(not(unix))]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
