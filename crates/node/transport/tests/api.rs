//! The port of people and services: the node proves itself, garbage harms nobody.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_identity::NodeSecrets;
use quorate_transport::limits::HANDSHAKES_MAX;
use quorate_transport::{ApiListener, listen, tls};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

fn secrets(node: u8) -> NodeSecrets {
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed([node; 32]))
}

async fn echo() -> std::net::SocketAddr {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut listener = ApiListener::new(listener, &secrets(1)).unwrap();
    let address = listener.local_addr();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            tokio::spawn(async move {
                let mut bytes = [0; 4];
                stream.read_exact(&mut bytes).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
                stream.shutdown().await.unwrap();
            });
        }
    });
    address
}

async fn call(address: std::net::SocketAddr, expects: u8) -> std::io::Result<Vec<u8>> {
    let connector = TlsConnector::from(tls::api_client(&secrets(expects).public()).unwrap());
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect(tls::no_name(), stream).await?;
    stream.write_all(b"ping").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// TRN-01.
#[tokio::test(flavor = "multi_thread")]
async fn neg_079_a_caller_speaks_to_the_pinned_node_or_to_nobody() {
    let address = echo().await;
    assert_eq!(call(address, 1).await.unwrap(), b"ping");
    assert!(call(address, 2).await.is_err());
    assert_eq!(call(address, 1).await.unwrap(), b"ping");
}

/// TRN-06.
#[tokio::test(flavor = "multi_thread")]
async fn neg_015_garbage_and_silence_hold_up_no_caller() {
    let address = echo().await;
    let mut strangers = Vec::new();
    for number in 0..HANDSHAKES_MAX - 1 {
        let mut stranger = TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            // The node may have hung up already.
            let _ = stranger.write_all(&[0xa5; 100]).await;
        }
        strangers.push(stranger);
    }
    assert_eq!(call(address, 1).await.unwrap(), b"ping");
    for stranger in strangers.iter_mut().step_by(2) {
        let mut answer = Vec::new();
        // Closed with or without an alert.
        let _ = stranger.read_to_end(&mut answer).await;
        assert!(answer.len() <= 7);
    }
}
