//! Imports, as callers see them.

use super::unknown_key;
use crate::call::View;
use crate::ceremonies::NotTaken;
use crate::import::ImportAnswer;
use crate::node::{Node, Turn};
use quorate_client::contract::{ErrorBody, ErrorCode, ImportOfferAnswer};
use quorate_identity::{Name, NodeId};

impl Node {
    /// What the importer of a key needs.
    pub(crate) fn view_import_offer(&self, name: &Name) -> Result<ImportOfferAnswer, ErrorBody> {
        self.state.key_named(name).ok_or_else(unknown_key)?;
        let offer = self.import_offer(name).map_err(|why| self.not_taken(&why))?;
        Ok(ImportOfferAnswer { offer: quorate_codec::to_bytes(&offer).into() })
    }

    /// Takes what the importer dealt.
    pub(crate) fn view_submitted_import(
        &mut self,
        name: &Name,
        answer: ImportAnswer,
        turn: &mut Turn<'_>,
    ) -> Result<View, ErrorBody> {
        self.state.key_named(name).ok_or_else(unknown_key)?;
        let taken = self.submit_import(name, answer, turn);
        taken.map_err(|why| self.not_taken(&why))?;
        Ok(View::Ceremonies(self.view_ceremony(name, turn.now)?))
    }

    fn not_taken(&self, why: &NotTaken) -> ErrorBody {
        let names = |nodes: &[NodeId]| {
            let names = self.names_of(nodes);
            let names: Vec<&str> = names.iter().map(Name::as_str).collect();
            names.join(", ")
        };
        match why {
            NotTaken::NoImport => {
                let message = "this key is not being imported";
                let next = "see `key show`; order an import with `key import order`";
                ErrorBody::new(ErrorCode::BadCall, message, next)
            }
            NotTaken::NotReady(nodes) if names(nodes).is_empty() => {
                let message = "the nodes are not ready for the importer yet";
                let next = "see `ceremony show` for what is missing, and ask again";
                ErrorBody::new(ErrorCode::KeyNotReady, message, next)
            }
            NotTaken::NotReady(nodes) => {
                let message = format!("not ready for the importer yet: {}", names(nodes));
                let next = "see `ceremony show` for what is missing, and ask again";
                ErrorBody::new(ErrorCode::KeyNotReady, message, next)
            }
            NotTaken::OtherAttempt => {
                let message =
                    "this was dealt for another attempt; one of the nodes began anew since";
                let next = "take the next offer with `key import offer`, and deal again";
                ErrorBody::new(ErrorCode::BadStatement, message, next)
            }
            NotTaken::Taken => {
                let message = "another dealing for this attempt was taken before";
                let next = "see `ceremony show`; nothing more is to be done";
                ErrorBody::new(ErrorCode::BadStatement, message, next)
            }
            NotTaken::Away(nodes) => {
                let message = format!("not everybody is here: {}", names(nodes));
                let next = "bring the same dealing again when they are back";
                ErrorBody::new(ErrorCode::Busy, message, next)
            }
            NotTaken::Differing(nodes) => {
                let message = format!(
                    "the importer was shown another message of {} than this node: either it lies, \
                     or whoever made the offer did",
                    names(nodes)
                );
                let next = "take the offer from another node with --node, and deal again";
                ErrorBody::new(ErrorCode::BadStatement, message, next)
            }
            NotTaken::Refused(error) => {
                let next = "bring the file that `key import deal` wrote for this domain";
                ErrorBody::new(ErrorCode::BadStatement, error.to_string(), next)
            }
        }
    }
}
