//! What the node can prove, as callers see it.

use crate::ceremonies::Kept;
use crate::evidence::EvidenceFile;
use crate::node::Node;
use quorate_charter::Instance;
use quorate_client::contract::{ErrorBody, ErrorCode, EvidenceAnswer, EvidenceView, HexBytes};
use quorate_codec::Digest;
use quorate_identity::KeyId;

impl Node {
    /// All that is kept, oldest first.
    pub(crate) fn view_evidence(&self) -> Vec<EvidenceView> {
        self.evidence.kept().map(|kept| self.evidence_view(kept)).collect()
    }

    /// What is proven about attempts at an epoch.
    pub(super) fn evidence_about(&self, key: &KeyId, epoch: u64) -> Vec<EvidenceView> {
        let is_about = |kept: &&Kept| {
            matches!(kept.finding.instance, Instance::Attempt { key: of, epoch: at, .. }
                if (of, at) == (*key, epoch))
        };
        self.evidence.kept().filter(is_about).map(|kept| self.evidence_view(kept)).collect()
    }

    /// One piece as a file (BLM-07).
    pub(crate) fn view_evidence_file(&self, id: &Digest) -> Result<EvidenceAnswer, ErrorBody> {
        let kept = self.evidence.get(id).ok_or_else(unknown_evidence)?;
        // What nodes there are, and by which keys, changes with these entries alone.
        let nodes_changed_at = usize::try_from(self.state.nodes_changed_at()).unwrap_or(usize::MAX);
        let entries = self.governor.log().iter().take(nodes_changed_at).cloned().collect();
        let file = EvidenceFile::new(self.file.clone(), entries, kept.evidence.clone());
        Ok(EvidenceAnswer { evidence: *id, file: HexBytes(quorate_codec::to_bytes(&file)) })
    }

    fn evidence_view(&self, kept: &Kept) -> EvidenceView {
        let key = match kept.finding.instance {
            Instance::Position(_) => None,
            Instance::Attempt { key, .. } => self.state.key(&key).map(|order| order.name.clone()),
        };
        EvidenceView {
            evidence: kept.id,
            culprits: self.names_of(&kept.finding.culprits),
            what: kept.finding.what.to_owned(),
            place: kept.finding.place(),
            key,
            at_ms: kept.at,
        }
    }
}

/// No such evidence here.
pub(crate) fn unknown_evidence() -> ErrorBody {
    let message = "this node keeps no such evidence";
    ErrorBody::new(ErrorCode::UnknownEvidence, message, "see `evidence list`")
}
