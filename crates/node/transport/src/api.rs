//! The port of people and services: TLS with the node's raw public key, callers unproven.

use crate::limits::{API_CONNECTIONS_MAX, HANDSHAKE_MAX, HANDSHAKES_MAX};
use crate::{TransportError, refusal, tls};
use quorate_identity::NodeSecrets;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Accepts callers. Handshakes run beside each other, so that a stranger who dawdles or sends
/// garbage holds up nobody (TRN-06). Stops when it is dropped.
#[derive(Debug)]
pub struct ApiListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(ApiStream, SocketAddr)>,
}

impl ApiListener {
    /// Accepts at `listener`. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`TransportError::Tls`], [`TransportError::Listen`]; none in practice.
    pub fn new(listener: TcpListener, secrets: &NodeSecrets) -> Result<Self, TransportError> {
        let acceptor = TlsAcceptor::from(tls::api_server(secrets)?);
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = listener
            .local_addr()
            .map_err(|source| TransportError::Listen { address: unknown, source })?;
        let (sender, ready) = mpsc::channel(1);
        tokio::spawn(keep_accepting(listener, acceptor, sender));
        Ok(Self { address, ready })
    }

    /// The next caller whose handshake is done.
    pub async fn accept(&mut self) -> (ApiStream, SocketAddr) {
        match self.ready.recv().await {
            Some(caller) => caller,
            // The accepting task ends only after this listener.
            None => std::future::pending().await,
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// A caller's connection.
#[derive(Debug)]
pub struct ApiStream {
    stream: TlsStream<TcpStream>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for ApiStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ApiStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

async fn keep_accepting(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(ApiStream, SocketAddr)>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let places = Arc::new(Semaphore::new(API_CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(handshake) = Arc::clone(&handshakes).try_acquire_owned() else { continue };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let done = timeout(HANDSHAKE_MAX, async {
                stream.set_nodelay(true)?;
                acceptor.accept(stream).await
            });
            match done.await {
                Ok(Ok(stream)) => {
                    let stream = ApiStream { stream, _place: place };
                    // Fails only when the node stops.
                    let _ = ready.send((stream, address)).await;
                }
                Ok(Err(error)) => {
                    let reason = refusal::explain(&error);
                    tracing::debug!(%address, reason, "a call's connection came to nothing");
                }
                Err(_) => tracing::debug!(%address, "a call's handshake took too long"),
            }
            drop(handshake);
        });
    }
}
