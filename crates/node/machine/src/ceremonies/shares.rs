//! One node's shares of a key in one epoch: of every account some.

use quorate_engine::{KeyPublic, KeyShare};
use quorate_identity::NodeId;
use std::sync::Arc;
use zeroize::Zeroizing;

/// One node's shares of all accounts of a key in one epoch, from account 0 on. Secret: wiped, never
/// printed.
#[derive(Debug)]
pub struct Shares(Vec<Arc<KeyShare>>);

impl Shares {
    /// Of each account.
    pub fn new(accounts: Vec<KeyShare>) -> Self {
        Self(accounts.into_iter().map(Arc::new).collect())
    }

    /// Of all accounts, to be dealt.
    pub fn all(&self) -> Vec<Arc<KeyShare>> {
        self.0.clone()
    }

    /// Of one account.
    pub fn of(&self, account: u16) -> Option<Arc<KeyShare>> {
        self.0.get(usize::from(account)).cloned()
    }

    /// Whether these are exactly this node's shares of these accounts, each matching its public
    /// share (N-60). Cost: a multiplication a share.
    pub fn are_held_by(&self, node: &NodeId, accounts: &[Arc<KeyPublic>]) -> bool {
        self.0.len() == accounts.len()
            && self.0.iter().zip(accounts).all(|(share, public)| share.is_held_by(node, public))
    }

    /// The stored form: every account's shares, each after its length in four bytes. Secret.
    pub fn to_row(&self) -> Vec<u8> {
        let parts: Vec<Zeroizing<Vec<u8>>> = self.0.iter().map(|share| share.to_bytes()).collect();
        // Room for all of it, so that no half of it stays behind in a moved buffer.
        let mut row = Vec::with_capacity(parts.iter().map(|part| PREFIX + part.len()).sum());
        for part in &parts {
            row.extend_from_slice(&(part.len() as u32).to_be_bytes());
            row.extend_from_slice(part);
        }
        row
    }

    /// The inverse of [`to_row`](Self::to_row); nothing where the row is damaged.
    pub fn from_row(mut row: &[u8]) -> Option<Self> {
        let mut accounts = Vec::new();
        while let Some((length, rest)) = row.split_first_chunk::<PREFIX>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (part, rest) = rest.split_at_checked(length)?;
            accounts.push(KeyShare::from_bytes(part).ok()?);
            row = rest;
        }
        row.is_empty().then(|| Self::new(accounts))
    }
}

/// Bytes of a length.
const PREFIX: usize = 4;
