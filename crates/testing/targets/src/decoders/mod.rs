//! Everything that reads bytes from outside: `[form][bytes]`, the number of a form in [`FORMS`] and
//! what is said to be one.
//!
//! No bytes make a decoder panic, nor what is done with a decoded value before it is known to hold:
//! verified, shown, compared. What a canonical decoder reads is written as the same bytes (ENC-01),
//! so that nothing has two forms; what a text is read as, is written so that it is read again.

mod canonical;
mod files;
mod texts;

use quorate_testkit::founding::{Founding, Shape};
use std::cell::OnceCell;

/// A form of bytes, by its name.
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// Reads bytes as it; whether they are one.
    pub reads: fn(&[u8], &Founding) -> bool,
}

const fn form(name: &'static str, reads: fn(&[u8], &Founding) -> bool) -> Form {
    Form { name, reads }
}

/// All forms. Seeds name them by their place: new ones come last, and none is taken out.
pub const FORMS: &[Form] = &[
    // what people sign and nodes agree on
    form("motion", canonical::motion),
    form("entry", canonical::entry),
    form("certified-entry", canonical::certified_entry),
    form("genesis-file", canonical::genesis_file),
    form("genesis", canonical::genesis),
    form("decided", canonical::decided),
    form("ballot", canonical::ballot),
    form("freeze", canonical::freeze),
    form("enrolment", canonical::enrolment),
    form("member", canonical::member),
    form("seat-claim", canonical::seat_claim),
    form("hello", canonical::hello),
    form("welcome", canonical::welcome),
    form("rejoin", canonical::rejoin),
    form("plan", canonical::plan),
    form("record", canonical::record),
    form("outcome", canonical::outcome),
    form("epoch-statement", canonical::epoch_statement),
    form("custody", canonical::custody),
    form("rules", canonical::rules),
    form("succession", canonical::succession),
    // what people ask for
    form("request", canonical::request),
    form("approval", canonical::approval),
    form("cancellation", canonical::cancellation),
    form("decision", canonical::decision),
    form("intent", canonical::intent),
    form("policy", canonical::policy),
    // what nodes tell each other
    form("message", canonical::message),
    form("dealing-1", canonical::dealing_1),
    form("dealing-2", canonical::dealing_2),
    form("complaint", canonical::complaint),
    form("misdealing", canonical::misdealing),
    form("evidence", canonical::evidence),
    form("call", canonical::call),
    form("bundle-ed25519", canonical::bundle_ed25519),
    form("bundle-secp256k1", canonical::bundle_secp256k1),
    form("challenges", canonical::challenges),
    form("answers", canonical::answers),
    form("recovery", canonical::recovery),
    form("recovery-key", canonical::recovery_key),
    form("import-offer", canonical::import_offer),
    form("import-answer", canonical::import_answer),
    // files
    form("receipt", files::receipt),
    form("evidence-file", files::evidence),
    form("handover", files::handover),
    form("release", files::release),
    form("release-file", files::release_file),
    form("backup-file", files::backup),
    form("seat-part", files::seat_part),
    form("estate-part", files::estate_part),
    form("drill", files::drill),
    form("drill-part", files::drill_part),
    form("backup-part", files::backup_part),
    // texts
    form("tree", texts::tree),
    form("name", texts::name),
    form("credential", texts::credential),
    form("signature", texts::signature),
    form("signers", texts::signers),
    form("version", texts::version),
    form("path", texts::path),
    form("extended-key", texts::extended_key),
    form("recovery-key-line", texts::recovery_key_line),
    form("key-file", texts::key_file),
    form("paper-page", texts::paper_page),
    form("intent-json", texts::intent),
    form("policy-files", texts::policy_files),
    form("call-headers", texts::call_headers),
    form("ids", texts::ids),
    // bodies of calls, and answers that a client reads
    form("submit-motion", texts::json::<quorate_client::contract::SubmitMotion>),
    form("sign-motion", texts::json::<quorate_client::contract::SignMotion>),
    form("submit-request", texts::json::<quorate_client::contract::SubmitRequest>),
    form("submit-statement", texts::json::<quorate_client::contract::SubmitStatement>),
    form("submit-freeze", texts::json::<quorate_client::contract::SubmitFreeze>),
    form("submit-import", texts::json::<quorate_client::contract::SubmitImport>),
    form("show-possession", texts::json::<quorate_client::contract::ShowPossession>),
    form("record-drill", texts::json::<quorate_client::contract::RecordDrill>),
    form("request-view", texts::json::<quorate_client::contract::RequestView>),
    form("motion-view", texts::json::<quorate_client::contract::MotionView>),
    form("status-view", texts::json::<quorate_client::contract::Status>),
    form("error-answer", texts::json::<quorate_client::contract::ErrorAnswer>),
    form("cession", canonical::cession),
    form("submit-cession", texts::json::<quorate_client::contract::SubmitCession>),
    form("bundle-p256", canonical::bundle_p256),
];

/// The target.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    if let Some((number, bytes)) = bytes.split_first()
        && let Some(form) = FORMS.get(usize::from(*number))
    {
        with_domain(|domain| (form.reads)(bytes, domain));
    }
}

/// The place of a form.
///
/// # Panics
/// There is none of this name.
pub fn number_of(name: &str) -> u8 {
    let place = FORMS.iter().position(|form| form.name == name).expect("a form");
    u8::try_from(place).expect("few forms")
}

/// Whether bytes are of the form that they begin with.
pub fn is_read(bytes: &[u8]) -> bool {
    let form = bytes
        .split_first()
        .and_then(|(number, rest)| Some((FORMS.get(usize::from(*number))?, rest)));
    form.is_some_and(|(form, rest)| with_domain(|domain| (form.reads)(rest, domain)))
}

/// The domain against which everything is held. Seeds are of it.
pub const DOMAIN: u64 = 1;

fn with_domain<T>(work: impl FnOnce(&Founding) -> T) -> T {
    thread_local! {
        static FOUNDING: OnceCell<Founding> = const { OnceCell::new() };
    }
    FOUNDING.with(|known| work(known.get_or_init(|| Founding::new(DOMAIN, Shape::default()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn forms_have_names_of_their_own() {
        let names: BTreeSet<&str> = FORMS.iter().map(|form| form.name).collect();
        assert_eq!(names.len(), FORMS.len());
        assert!(FORMS.len() < 256);
    }
}
