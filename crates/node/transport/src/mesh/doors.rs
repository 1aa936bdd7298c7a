//! Who is let in, and who is dialled: as the charter says now (TRN-10).

use super::MeshPlan;
use crate::{TransportError, tls};
use quorate_identity::{NodeId, NodePublic, NodeSecrets};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The keys of the peers, and what follows from them.
pub(super) struct Doors {
    me: NodeId,
    own: NodePublic,
    certified: Arc<CertifiedKey>,
    open: RwLock<Open>,
}

/// What changed among the peers.
#[derive(Default)]
pub(super) struct Moved {
    /// Who is no peer any more.
    pub(super) left: Vec<NodeId>,
    /// Who has other keys.
    pub(super) moved: Vec<NodeId>,
    /// Who was none before.
    pub(super) came: Vec<NodeId>,
}

struct Open {
    peers: BTreeMap<NodeId, NodePublic>,
    by_key: BTreeMap<Vec<u8>, NodeId>,
    acceptor: TlsAcceptor,
    connectors: BTreeMap<NodeId, TlsConnector>,
}

impl Doors {
    /// For the peers of a plan.
    ///
    /// # Errors
    /// [`TransportError::Roster`], the caller's; [`TransportError::Tls`].
    pub(super) fn new(secrets: &NodeSecrets, plan: &MeshPlan) -> Result<Self, TransportError> {
        let peers = plan.peers.iter().map(|(id, peer)| (*id, peer.keys)).collect();
        let (me, own, certified) = (plan.me, secrets.public(), tls::certified(secrets)?);
        let open = RwLock::new(Open::new(me, &own, &certified, peers)?);
        Ok(Self { me, own, certified, open })
    }

    /// These are the peers from now on, under these keys; whose keys count no more, and who is new.
    ///
    /// # Errors
    /// As [`new`](Self::new); nothing is changed then.
    pub(super) fn follow(
        &self,
        peers: BTreeMap<NodeId, NodePublic>,
    ) -> Result<Moved, TransportError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.peers == peers {
            return Ok(Moved::default());
        }
        let before = &open.peers;
        let left = before.keys().filter(|id| !peers.contains_key(id));
        let moved = before.iter().filter(|(id, keys)| peers.get(id).is_some_and(|it| it != *keys));
        let came = peers.keys().filter(|id| !before.contains_key(id));
        let moved = Moved {
            left: left.copied().collect(),
            moved: moved.map(|(id, _)| *id).collect(),
            came: came.copied().collect(),
        };
        *open = Open::new(self.me, &self.own, &self.certified, peers)?;
        Ok(moved)
    }

    /// Lets strangers prove a key.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.read(|open| open.acceptor.clone())
    }

    /// Dials a peer, who must prove the key that comes with it.
    pub(super) fn connector(&self, peer: &NodeId) -> Option<(TlsConnector, NodePublic)> {
        self.read(|open| Some((open.connectors.get(peer)?.clone(), *open.peers.get(peer)?)))
    }

    /// Whose transport key this is.
    pub(super) fn holder(&self, key: &[u8]) -> Option<NodeId> {
        self.read(|open| open.by_key.get(key).copied())
    }

    fn read<T>(&self, of: impl FnOnce(&Open) -> T) -> T {
        of(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Open {
    fn new(
        me: NodeId,
        own: &NodePublic,
        certified: &Arc<CertifiedKey>,
        peers: BTreeMap<NodeId, NodePublic>,
    ) -> Result<Self, TransportError> {
        let by_key = distinct(me, own, &peers)?;
        let acceptor = TlsAcceptor::from(tls::mesh_server(Arc::clone(certified), peers.values())?);
        let connector = |(id, keys): (&NodeId, &NodePublic)| {
            Ok((*id, TlsConnector::from(tls::mesh_client(Arc::clone(certified), keys)?)))
        };
        let connectors = peers.iter().map(connector).collect::<Result<_, TransportError>>()?;
        Ok(Self { peers, by_key, acceptor, connectors })
    }
}

/// Which node a key means; every node has its own (N-27).
fn distinct(
    me: NodeId,
    own: &NodePublic,
    peers: &BTreeMap<NodeId, NodePublic>,
) -> Result<BTreeMap<Vec<u8>, NodeId>, TransportError> {
    let mut by_key = BTreeMap::from([(own.transport_spki(), me)]);
    for (id, keys) in peers {
        let taken = by_key.insert(keys.transport_spki(), *id).is_some();
        if taken || *id == me {
            return Err(TransportError::Roster(*id));
        }
    }
    by_key.remove(&own.transport_spki());
    Ok(by_key)
}
