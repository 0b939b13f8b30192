//! Connections: how many there may be, how slow they may be, and how they end.

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

/// The most simultaneous connections; others wait. This is below the usual limit of 1,024 open files.
const MAX_CONNECTIONS: usize = 512;

/// The time for a client to send its headers, and between two requests on one connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for a client to read an answer, which has at most 600 KB, or a piece of a file.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a request's headers. URLs of this service are short.
const MAX_HEADERS_LEN: usize = 16 * 1024;

/// The time for requests in flight once the program must stop.
const GRACE: Duration = Duration::from_secs(5);

/// The pause after a failed accept, such as when the program has no free file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done, and then finishes requests in flight.
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
        // Answers are small and written in one piece.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(app.clone());
        let connection =
            http.serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIMEOUT)), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // The operator need not know of clients that disconnect or break the protocol.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// Completes when the program is asked to stop. From this call on, the program catches the signals.
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

/// Completes when the program is asked to stop.
#[cfg(not(unix))]
pub(super) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
