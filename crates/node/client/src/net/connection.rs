//! One connection to the node.

use super::failure;
use crate::contract::ErrorBody;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use quorate_identity::NodePublic;
use quorate_transport::tls;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A node that takes no connection for so long is down.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Knows where the node is and how to recognise it.
pub(super) struct Dialler {
    address: String,
    connector: TlsConnector,
}

impl Dialler {
    pub(super) fn new(address: String, keys: &NodePublic) -> Result<Self, ErrorBody> {
        let config = tls::api_client(keys).map_err(|error| failure::no_tls(&error))?;
        let address = address.strip_prefix("https://").unwrap_or(&address).trim_end_matches('/');
        Ok(Self { address: address.to_owned(), connector: TlsConnector::from(config) })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A connection whose other end proved that it holds the node's key.
    pub(super) async fn connect(&self) -> Result<Connection, ErrorBody> {
        let connecting = async {
            let stream = TcpStream::connect(&self.address).await;
            let stream = stream.map_err(|error| failure::unreachable(&self.address, &error))?;
            stream
                .set_nodelay(true)
                .map_err(|error| failure::unreachable(&self.address, &error))?;
            let stream = self.connector.connect(tls::no_name(), stream).await;
            stream.map_err(|error| failure::no_handshake(&self.address, &error))
        };
        let stream = timeout(CONNECT_MAX, connecting).await;
        let stream = stream.map_err(|_| failure::no_answer(&self.address))??;
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|_| failure::broken_off(&self.address))?;
        // Ends with the connection; its error comes back through the call that is under way.
        tokio::spawn(async move { drop(driver.await) });
        Ok(Connection { sender, address: self.address.clone() })
    }
}

/// An open connection, for one call at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

/// A call without an answer.
pub(super) struct Unsent {
    /// Whether it surely never left.
    pub(super) surely: bool,
    pub(super) error: ErrorBody,
}

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unsent> {
        let error = failure::broken_off(&self.address);
        if self.sender.ready().await.is_err() {
            return Err(Unsent { surely: true, error });
        }
        let sent = self.sender.try_send_request(request).await;
        sent.map_err(|unsent| Unsent { surely: unsent.message().is_some(), error })
    }
}
