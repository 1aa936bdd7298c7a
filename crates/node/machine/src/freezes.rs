//! Freezes at one node: kept durably, told to everybody, honoured whether or not anything can be
//! agreed on (`spec/charter.md`, GOV-90 to GOV-92).

use crate::durable::{Table, Write};
use crate::event::Barrier;
use crate::limits;
use crate::node::{Node, Turn};
use crate::wire::Message;
use quorate_charter::{Freeze, FreezeError, FreezeScope, SignedFreeze};
use quorate_client::contract::{ErrorBody, ErrorCode, FreezeView};
use quorate_codec::Digest;
use quorate_identity::{KeyId, NodeId};
use std::collections::BTreeMap;

/// The freezes that count here.
#[derive(Default)]
pub(crate) struct Freezes(BTreeMap<Digest, (SignedFreeze, Freeze)>);

impl Freezes {
    /// Takes a row as it was read back. One that does not count any more is forgotten.
    pub fn load(&mut self, signed: SignedFreeze, freeze: Freeze) {
        self.0.insert(signed.digest(), (signed, freeze));
    }

    /// The freeze that stops a key, if one does.
    pub fn of_key(&self, key: &KeyId) -> Option<&Freeze> {
        let stops = |freeze: &&Freeze| match freeze.scope {
            FreezeScope::Domain => true,
            FreezeScope::Key(frozen) => frozen == *key,
        };
        self.0.values().map(|(_, freeze)| freeze).find(stops)
    }
}

impl Node {
    /// A freeze came in, from a person or a peer: signing that it stops ends before anything else
    /// happens, without anybody's agreement.
    pub(crate) fn on_freeze(
        &mut self,
        signed: SignedFreeze,
        turn: &mut Turn<'_>,
    ) -> Result<Digest, FreezeError> {
        let digest = signed.digest();
        if self.freezes.0.contains_key(&digest) {
            return Ok(digest);
        }
        // Counted before anything is verified: whoever floods costs nothing but this.
        let claimed = signed.body()?;
        let is_domain = claimed.scope == FreezeScope::Domain;
        let of_author = self.freezes.0.values().filter(|(_, known)| known.by == claimed.by);
        let (domain, keys): (Vec<_>, Vec<_>) =
            of_author.partition(|(_, known)| known.scope == FreezeScope::Domain);
        let most = if is_domain { 1 } else { limits::FREEZES_OF_A_PERSON_MAX };
        let has = if is_domain { domain.len() } else { keys.len() };
        if has >= most {
            return Err(FreezeError::TooMany(claimed.by));
        }
        let freeze = signed.verify(&self.state)?;
        let key: &[u8] = digest.as_ref();
        turn.out.writes.push(Write::put(Table::Freeze, key, quorate_codec::to_bytes(&signed)));
        turn.out.barrier = Barrier::Full;
        let who = self.state.person(&freeze.by).map(|person| person.name.to_string());
        let what = self.frozen_text(&freeze);
        let text = format!("{} froze {what}: {}", who.unwrap_or_default(), freeze.reason);
        self.broadcast(&Message::Freeze(signed.clone()), turn);
        self.freezes.0.insert(digest, (signed, freeze));
        self.fail_all_sessions("signing was frozen", turn);
        self.alarm(text, &[], turn);
        Ok(digest)
    }

    fn frozen_text(&self, freeze: &Freeze) -> String {
        match freeze.scope {
            FreezeScope::Domain => "everything".to_owned(),
            FreezeScope::Key(key) => {
                let name = self.state.key(&key).map(|order| order.name.to_string());
                format!("the key {}", name.unwrap_or_else(|| key.to_string()))
            }
        }
    }

    /// Tells a peer what is frozen.
    pub(crate) fn share_freezes(&mut self, peer: NodeId, turn: &mut Turn<'_>) {
        let signed: Vec<SignedFreeze> =
            self.freezes.0.values().map(|(signed, _)| signed.clone()).collect();
        for freeze in signed {
            self.send(peer, &Message::Freeze(freeze), turn);
        }
    }

    /// The head moved: freezes that were ended, or whose author was barred, count no longer. That
    /// their author left or has other keys ends none (GOV-92).
    pub(crate) fn look_at_freezes(&mut self, turn: &mut Turn<'_>) {
        let known = self.freezes.0.iter();
        let over = known.filter(|(_, (signed, freeze))| signed.is_over(freeze, &self.state));
        for digest in over.map(|(digest, _)| *digest).collect::<Vec<_>>() {
            self.freezes.0.remove(&digest);
            let key: &[u8] = digest.as_ref();
            turn.out.writes.push(Write::delete(Table::Freeze, key));
            self.audit(format!("the freeze {digest} is over"), &[], turn);
        }
    }

    /// The freezes that count here.
    pub(crate) fn view_freezes(&self) -> Vec<FreezeView> {
        let view = |(digest, (signed, freeze)): (&Digest, &(SignedFreeze, Freeze))| FreezeView {
            freeze: *digest,
            key: match freeze.scope {
                FreezeScope::Domain => None,
                FreezeScope::Key(key) => self.state.key(&key).map(|order| order.name.clone()),
            },
            by: self.state.person(&freeze.by).map(|person| person.name.clone()),
            reason: freeze.reason.clone(),
            bytes: quorate_codec::to_bytes(signed).into(),
        };
        self.freezes.0.iter().map(view).collect()
    }

    /// A freeze as a person files it.
    pub(crate) fn file_freeze(
        &mut self,
        signed: SignedFreeze,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorBody> {
        self.on_freeze(signed, turn).map(|_| ()).map_err(|error| {
            let next = "see `quorate freeze --help`; any person of the domain may freeze who was \
                        not barred";
            ErrorBody::new(ErrorCode::BadFreeze, error.to_string(), next)
        })
    }
}
