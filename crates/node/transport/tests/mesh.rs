//! Meshes over loopback: who gets a channel, what goes over it, and what strangers can do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

use quorate_codec::Digest;
use quorate_identity::{NodeId, NodeSecrets};
use quorate_transport::limits::FRAME_BYTES_MAX;
use quorate_transport::{
    MeshEvent, MeshEvents, MeshHandle, MeshPlan, Peer, TransportError, listen, start, tls,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

fn id(node: u8) -> NodeId {
    NodeId(Digest([node; 32]))
}

fn secrets(node: u8) -> NodeSecrets {
    NodeSecrets::generate(&mut ChaCha20Rng::from_seed([node; 32]))
}

async fn port() -> (TcpListener, SocketAddr) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A peer with its own keys at an address.
fn peer(node: u8, address: SocketAddr) -> (NodeId, Peer) {
    (id(node), Peer { keys: secrets(node).public(), address: address.to_string() })
}

fn plan(me: u8, peers: impl IntoIterator<Item = (NodeId, Peer)>) -> MeshPlan {
    MeshPlan { me: id(me), peers: peers.into_iter().collect(), delay: Duration::ZERO }
}

/// An address where nobody listens.
async fn nowhere() -> SocketAddr {
    port().await.1
}

async fn pair() -> [(MeshHandle, MeshEvents); 2] {
    let ((listener_1, address_1), (listener_2, address_2)) = (port().await, port().await);
    let one = start(&secrets(1), plan(1, [peer(2, address_2)]), listener_1).unwrap();
    let two = start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    [one, two]
}

/// Events until the peer's channel is up.
async fn connected(events: &mut MeshEvents, node: u8) {
    while events.recv().await.unwrap() != MeshEvent::Connected(id(node)) {}
}

/// The next frame, past changes of the channel.
async fn frame(events: &mut MeshEvents) -> (NodeId, Vec<u8>) {
    loop {
        if let MeshEvent::Frame { from, bytes } = events.recv().await.unwrap() {
            return (from, bytes);
        }
    }
}

/// Sends until an answer comes: frames around a change of channel may be lost.
async fn reach(from: &MeshHandle, to: u8, events: &mut MeshEvents) -> Vec<u8> {
    loop {
        from.send(id(to), b"are you there".to_vec());
        if let Ok((_, bytes)) = tokio::time::timeout(Duration::from_millis(20), frame(events)).await
        {
            return bytes;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trn_05_frames_arrive_whole_in_order_and_from_whom_they_are() {
    let [(one, mut events_1), (two, mut events_2)] = pair().await;
    connected(&mut events_1, 2).await;
    connected(&mut events_2, 1).await;
    reach(&one, 2, &mut events_2).await;
    for number in 0_u32..200 {
        let length = if number == 100 { FRAME_BYTES_MAX } else { 4 + number as usize * 50 };
        let mut bytes = vec![7; length];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        one.send(id(2), bytes);
    }
    let mut expected = 0_u32;
    while expected < 200 {
        let (from, bytes) = frame(&mut events_2).await;
        assert_eq!(from, id(1));
        if bytes == b"are you there" {
            continue;
        }
        assert_eq!(bytes[..4], expected.to_be_bytes());
        assert!(bytes[4..].iter().all(|byte| *byte == 7));
        expected += 1;
    }
    two.send(id(1), b"back".to_vec());
    assert_eq!(frame(&mut events_1).await, (id(2), b"back".to_vec()));
    // To a stranger, to nobody, and beyond the limit: dropped, and the channel lives.
    one.send(id(9), vec![1]);
    one.send(id(2), vec![]);
    one.send(id(2), vec![0; FRAME_BYTES_MAX + 1]);
    one.send(id(2), b"end".to_vec());
    assert_eq!(frame(&mut events_2).await.1, b"end");
}

#[tokio::test(flavor = "multi_thread")]
async fn trn_04_one_channel_remains_whoever_dials() {
    // Only one of the two knows where the other is.
    for knows in [1_u8, 2] {
        let (listener_1, address_1) = port().await;
        let (listener_2, address_2) = port().await;
        let lost = nowhere().await;
        let (of_1, of_2) = if knows == 1 { (lost, address_2) } else { (address_1, lost) };
        let (one, mut events_1) = start(&secrets(1), plan(1, [peer(2, of_2)]), listener_1).unwrap();
        let (_two, mut events_2) =
            start(&secrets(2), plan(2, [peer(1, of_1)]), listener_2).unwrap();
        connected(&mut events_1, 2).await;
        connected(&mut events_2, 1).await;
        assert_eq!(reach(&one, 2, &mut events_2).await, b"are you there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trn_05_reports_alternate_for_each_peer() {
    let [(one, mut events_1), (two, mut events_2)] = pair().await;
    reach(&one, 2, &mut events_2).await;
    two.shutdown().await;
    let mut up = false;
    loop {
        match events_1.recv().await.unwrap() {
            MeshEvent::Connected(_) => assert!(!std::mem::replace(&mut up, true)),
            MeshEvent::Frame { .. } => assert!(up),
            MeshEvent::Disconnected(_) => {
                assert!(up);
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trn_07_a_peer_that_restarts_is_found_again() {
    let (listener_1, address_1) = port().await;
    let (listener_2, address_2) = port().await;
    let (one, mut events_1) =
        start(&secrets(1), plan(1, [peer(2, address_2)]), listener_1).unwrap();
    let (two, events_2) = start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    connected(&mut events_1, 2).await;
    two.shutdown().await;
    drop((two, events_2));
    while events_1.recv().await.unwrap() != MeshEvent::Disconnected(id(2)) {}
    let listener_2 = listen(address_2).await.unwrap();
    let (_two, mut events_2) =
        start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    connected(&mut events_2, 1).await;
    assert_eq!(reach(&one, 2, &mut events_2).await, b"are you there");
}

#[tokio::test(flavor = "multi_thread")]
async fn trn_09_a_stop_sends_what_waits_and_frees_the_port() {
    let (listener_1, address_1) = port().await;
    let (listener_2, address_2) = port().await;
    let (one, mut events_1) =
        start(&secrets(1), plan(1, [peer(2, address_2)]), listener_1).unwrap();
    let (_two, mut events_2) =
        start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    connected(&mut events_1, 2).await;
    reach(&one, 2, &mut events_2).await;
    for number in 0..50 {
        one.send(id(2), vec![number; 10_000]);
    }
    one.shutdown().await;
    let mut last = 0;
    loop {
        match events_2.recv().await.unwrap() {
            MeshEvent::Frame { bytes, .. } => last = bytes[0],
            MeshEvent::Disconnected(_) => break,
            MeshEvent::Connected(_) => {}
        }
    }
    assert_eq!(last, 49);
    while events_1.recv().await.is_some() {}
    listen(address_1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_whose_handles_are_gone_stops() {
    let [(one, mut events_1), (_two, mut events_2)] = pair().await;
    connected(&mut events_1, 2).await;
    drop(one);
    while events_1.recv().await.is_some() {}
    while events_2.recv().await.unwrap() != MeshEvent::Disconnected(id(1)) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_holds_frames_back_and_keeps_their_order() {
    let delay = Duration::from_millis(40);
    let (listener_1, address_1) = port().await;
    let (listener_2, address_2) = port().await;
    let slow = MeshPlan { delay, ..plan(1, [peer(2, address_2)]) };
    let (one, mut events_1) = start(&secrets(1), slow, listener_1).unwrap();
    let (_two, mut events_2) =
        start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    connected(&mut events_1, 2).await;
    reach(&one, 2, &mut events_2).await;
    let sent = Instant::now();
    for number in 0..20 {
        one.send(id(2), vec![number]);
    }
    let mut expected = 0;
    while expected < 20 {
        let (_, bytes) = frame(&mut events_2).await;
        if bytes.len() == 1 {
            assert!(sent.elapsed() >= delay);
            assert_eq!(bytes, [expected]);
            expected += 1;
        }
    }
}

/// Waits until a mesh has refused somebody.
async fn refused(mesh: &MeshHandle) {
    while mesh.refused() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn quiet(events: &mut MeshEvents) -> bool {
    tokio::time::timeout(Duration::from_millis(50), events.recv()).await.is_err()
}

/// TRN-01, TRN-08: the accepting end refuses.
#[tokio::test(flavor = "multi_thread")]
async fn neg_079_a_stranger_who_dials_gets_no_channel_and_no_reason() {
    let (listener, address) = port().await;
    let away = nowhere().await;
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    // Node 9 knows node 1's key; node 1 has never heard of node 9.
    let (listener_9, _) = port().await;
    let (stranger, mut events_9) =
        start(&secrets(9), plan(9, [peer(1, address)]), listener_9).unwrap();
    refused(&mesh).await;
    refused(&stranger).await;
    assert!(quiet(&mut events).await && quiet(&mut events_9).await);
    // Node 2's id with another key is a stranger, too.
    let (listener_2, _) = port().await;
    let (_impostor, mut events_2) =
        start(&secrets(8), plan(2, [peer(1, address)]), listener_2).unwrap();
    let before = mesh.refused();
    while mesh.refused() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(quiet(&mut events).await && quiet(&mut events_2).await);
}

/// TRN-01: the dialling end refuses.
#[tokio::test(flavor = "multi_thread")]
async fn neg_079_a_stranger_who_answers_gets_no_channel() {
    let (listener_9, address_9) = port().await;
    let lost = nowhere().await;
    let (_stranger, mut events_9) =
        start(&secrets(9), plan(9, [peer(1, lost)]), listener_9).unwrap();
    let (listener, _) = port().await;
    // Node 1 believes that node 2 is at the stranger's address.
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, address_9)]), listener).unwrap();
    refused(&mesh).await;
    assert!(quiet(&mut events).await && quiet(&mut events_9).await);
}

/// TRN-10: the charter gives node 2 other keys.
#[tokio::test(flavor = "multi_thread")]
async fn neg_079_whoever_has_the_former_keys_of_a_peer_is_refused() {
    let (listener, address) = port().await;
    let away = nowhere().await;
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    let (listener_2, _) = port().await;
    let (former, mut events_2) =
        start(&secrets(2), plan(2, [peer(1, address)]), listener_2).unwrap();
    connected(&mut events, 2).await;
    connected(&mut events_2, 1).await;
    let known_by = |secrets: &NodeSecrets| {
        BTreeMap::from([(id(2), Peer { keys: secrets.public(), address: away.to_string() })])
    };
    assert!(mesh.follow(known_by(&secrets(1))).is_err(), "a key of another node");
    mesh.follow(known_by(&secrets(2))).unwrap();
    assert!(quiet(&mut events).await, "nothing changed");

    mesh.follow(known_by(&secrets(8))).unwrap();
    assert_eq!(events.recv().await, Some(MeshEvent::Disconnected(id(2))));
    assert_eq!(events_2.recv().await, Some(MeshEvent::Disconnected(id(1))));
    refused(&mesh).await;
    refused(&former).await;
    assert!(quiet(&mut events).await && quiet(&mut events_2).await);
    let (listener_8, _) = port().await;
    let (heir, mut events_8) = start(&secrets(8), plan(2, [peer(1, address)]), listener_8).unwrap();
    connected(&mut events, 2).await;
    connected(&mut events_8, 1).await;
    heir.send(id(1), b"in the seat".to_vec());
    assert_eq!(frame(&mut events).await, (id(2), b"in the seat".to_vec()));
}

/// TRN-10: the charter admits node 3, which nobody knew when node 1 started, and revokes node 2.
#[tokio::test(flavor = "multi_thread")]
async fn neg_079_peers_are_the_nodes_of_the_charter_as_it_moves() {
    let ((listener, address), away) = (port().await, nowhere().await);
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    let (listener_2, _) = port().await;
    let (left, mut events_2) = start(&secrets(2), plan(2, [peer(1, address)]), listener_2).unwrap();
    let (listener_3, address_3) = port().await;
    // Who dials whom: node 3 knows an address, and so does node 1 of node 4.
    let (newcomer, mut events_3) =
        start(&secrets(3), plan(3, [peer(1, address)]), listener_3).unwrap();
    connected(&mut events, 2).await;
    refused(&newcomer).await;
    assert!(quiet(&mut events_3).await, "not admitted yet");

    mesh.follow(BTreeMap::from([peer(2, away), peer(3, address_3)])).unwrap();
    connected(&mut events, 3).await;
    connected(&mut events_3, 1).await;
    assert_eq!(reach(&newcomer, 1, &mut events).await, b"are you there");

    mesh.follow(BTreeMap::from([peer(3, address_3)])).unwrap();
    assert_eq!(events.recv().await, Some(MeshEvent::Disconnected(id(2))));
    connected(&mut events_2, 1).await;
    assert_eq!(events_2.recv().await, Some(MeshEvent::Disconnected(id(1))));
    refused(&left).await;
    assert!(quiet(&mut events).await && quiet(&mut events_2).await);
    assert_eq!(reach(&mesh, 3, &mut events_3).await, b"are you there");

    let (listener_4, address_4) = port().await;
    let (_late, mut events_4) = start(&secrets(4), plan(4, [peer(1, away)]), listener_4).unwrap();
    mesh.follow(BTreeMap::from([peer(3, address_3), peer(4, address_4)])).unwrap();
    connected(&mut events, 4).await;
    connected(&mut events_4, 1).await;
}

/// TRN-10: a node that was revoked is told so, though that is durable only later, and is heard no more.
#[tokio::test(flavor = "multi_thread")]
async fn neg_072_who_was_revoked_is_told_last_and_not_heard() {
    let [(one, mut events_1), (two, mut events_2)] = pair().await;
    connected(&mut events_1, 2).await;
    connected(&mut events_2, 1).await;
    let third = peer(3, nowhere().await);
    for round in 0..2_u8 {
        // Again with nothing new: that it left is no less so.
        one.follow(BTreeMap::from([third.clone()])).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        two.send(id(1), b"hear me".to_vec());
        one.send(id(2), vec![round]);
        assert_eq!(frame(&mut events_2).await, (id(1), vec![round]));
    }
    assert_eq!(events_1.recv().await, Some(MeshEvent::Disconnected(id(2))));
    assert_eq!(events_2.recv().await, Some(MeshEvent::Disconnected(id(1))));
    one.send(id(2), b"too late".to_vec());
    assert!(quiet(&mut events_1).await && quiet(&mut events_2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn neg_027_one_key_is_one_node() {
    let away = nowhere().await;
    let twin = (id(3), Peer { keys: secrets(2).public(), address: away.to_string() });
    let own_key = (id(2), Peer { keys: secrets(1).public(), address: away.to_string() });
    for peers in [vec![peer(2, away), twin], vec![peer(1, away)], vec![own_key]] {
        let peers: BTreeMap<_, _> = peers.into_iter().collect();
        let (listener, _) = port().await;
        let started = start(&secrets(1), plan(1, peers), listener);
        assert!(matches!(started, Err(TransportError::Roster(_))), "TRN-02");
    }
}

/// TRN-06: garbage ends its own connection and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn neg_015_garbage_at_the_port_harms_nobody() {
    let (listener_1, address_1) = port().await;
    let (listener_2, address_2) = port().await;
    let (one, _events_1) = start(&secrets(1), plan(1, [peer(2, address_2)]), listener_1).unwrap();
    let (_two, mut events_2) =
        start(&secrets(2), plan(2, [peer(1, address_1)]), listener_2).unwrap();
    let noise: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 20_000],
        &[0; 5],
        // A TLS record that announces more than it holds, then one of an unknown kind.
        &[0x16, 0x03, 0x01, 0x40, 0x00, 0x01],
        &[0x99, 0x03, 0x03, 0x00, 0x01, 0x00],
    ];
    let mut strangers = Vec::new();
    for bytes in noise {
        let mut stranger = TcpStream::connect(address_1).await.unwrap();
        // The node may have hung up already.
        let _ = stranger.write_all(bytes).await;
        strangers.push(stranger);
    }
    // A crowd that says nothing is bounded by number and time.
    for _ in 0..200 {
        strangers.push(TcpStream::connect(address_1).await.unwrap());
    }
    assert_eq!(reach(&one, 2, &mut events_2).await, b"are you there");
    for mut stranger in strangers {
        let mut answer = Vec::new();
        // Closed with or without an alert, at the latest after the deadline.
        let _ = stranger.read_to_end(&mut answer).await;
        assert!(answer.len() <= 7, "an alert at most, not {} bytes", answer.len());
    }
    assert_eq!(reach(&one, 2, &mut events_2).await, b"are you there");
}

/// A peer that is who it says it is, and misbehaves: written by hand over TLS.
async fn rogue(address: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut config = (*tls::api_client(&secrets(1).public()).unwrap()).clone();
    let key = tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer::from(
        secrets(2).transport_pkcs8().to_vec(),
    );
    let key = tokio_rustls::rustls::crypto::ring::sign::any_eddsa_type(&key).unwrap();
    let public = secrets(2).public().transport_spki().into();
    let certified = tokio_rustls::rustls::sign::CertifiedKey::new(vec![public], key);
    config.client_auth_cert_resolver = std::sync::Arc::new(
        tokio_rustls::rustls::client::AlwaysResolvesClientRawPublicKeys::new(certified.into()),
    );
    config.alpn_protocols = vec![tls::MESH_PROTOCOL.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(tls::no_name(), stream).await.unwrap()
}

const GREETING: &[u8] = b"\0\0\0\x07quorate";

#[tokio::test(flavor = "multi_thread")]
async fn neg_015_a_frame_beyond_the_limit_ends_its_channel() {
    let (listener, address) = port().await;
    let away = nowhere().await;
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    let mut rogue = rogue(address).await;
    let mut greeting = [0; GREETING.len()];
    rogue.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    rogue.write_all(GREETING).await.unwrap();
    rogue.write_all(b"\0\0\0\x02hi").await.unwrap();
    rogue.flush().await.unwrap();
    assert_eq!(events.recv().await, Some(MeshEvent::Connected(id(2))));
    assert_eq!(frame(&mut events).await, (id(2), b"hi".to_vec()));
    let too_long = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
    rogue.write_all(&too_long.to_be_bytes()).await.unwrap();
    rogue.flush().await.unwrap();
    assert_eq!(events.recv().await, Some(MeshEvent::Disconnected(id(2))), "TRN-06");
    assert_eq!(mesh.refused(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn neg_015_a_known_peer_that_greets_otherwise_gets_no_channel() {
    let (listener, address) = port().await;
    let away = nowhere().await;
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    let mut rogue = rogue(address).await;
    rogue.write_all(b"\0\0\0\x07QUORATE").await.unwrap();
    rogue.flush().await.unwrap();
    refused(&mesh).await;
    assert!(quiet(&mut events).await);
}

/// TRN-03: one node's two ports do not speak to each other's callers.
#[tokio::test(flavor = "multi_thread")]
async fn neg_022_a_port_of_one_kind_takes_no_callers_of_the_other() {
    let (listener, address) = port().await;
    let away = nowhere().await;
    let (mesh, mut events) = start(&secrets(1), plan(1, [peer(2, away)]), listener).unwrap();
    let caller = TlsConnector::from(tls::api_client(&secrets(1).public()).unwrap());
    let stream = TcpStream::connect(address).await.unwrap();
    assert!(caller.connect(tls::no_name(), stream).await.is_err());
    refused(&mesh).await;
    assert!(quiet(&mut events).await);

    let (listener, address) = port().await;
    let interface = TlsAcceptor::from(tls::api_server(&secrets(2)).unwrap());
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        interface.accept(stream).await.map(drop)
    });
    let (own, _) = port().await;
    let (_mesh, mut events) = start(&secrets(1), plan(1, [peer(2, address)]), own).unwrap();
    assert!(serving.await.unwrap().is_err());
    assert!(quiet(&mut events).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_taken_by_one_process() {
    let (_held, address) = port().await;
    let error = listen(address).await.unwrap_err();
    assert!(matches!(error, TransportError::PortTaken(taken) if taken == address));
    assert!(!error.is_callers_fault() && error.code() == "port_taken");
}
