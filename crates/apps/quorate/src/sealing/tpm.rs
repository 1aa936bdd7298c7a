//! A key that one TPM 2.0 seals and unseals (STO-16).
//!
//! ```text
//! owner's seed ──► primary key (P-256, made anew each time, never stored)
//!                     └─ parent of ─► sealed object: public and private part, in the header
//! ```
//!
//! The object is fixed to its TPM and parent: nothing takes it to another one. What goes over the wire
//! between processor and TPM is encrypted for a session whose salt is encrypted to the primary key, so
//! that who listens there learns nothing; who can answer for the TPM could.
//!
//! What this does not do: the object is bound to no measurement of what was started, because an update
//! of the firmware would then end the node. Whoever may use the TPM on the running machine opens it.

use crate::failure::{Failure, Result};
use quorate_store::{SealKey, TpmObject};
use rand_core::{OsRng, RngCore};
use std::str::FromStr;
use tss_esapi::attributes::{
    NvIndexAttributesBuilder, ObjectAttributesBuilder, SessionAttributesBuilder,
};
use tss_esapi::constants::response_code::Tss2ResponseCodeKind as Kind;
use tss_esapi::constants::{NvIndexType, SessionType};
use tss_esapi::handles::{KeyHandle, NvIndexHandle, NvIndexTpmHandle, ObjectHandle, TpmHandle};
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::{Hierarchy, NvAuth, Provision};
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    EccPoint, KeyedHashScheme, NvPublicBuilder, Private, Public, PublicBuilder,
    PublicEccParametersBuilder, PublicKeyedHashParameters, SensitiveData, SymmetricDefinition,
    SymmetricDefinitionObject,
};
use tss_esapi::tcti_ldr::TctiNameConf;
use tss_esapi::traits::{Marshall, UnMarshall};
use tss_esapi::{Context, Error};

/// Where owners put what they like.
const COUNTERS_FIRST: u32 = 0x0180_0000;
const COUNTERS: u32 = 0x0040_0000;
/// Length of a counter.
const COUNT_BYTES: u16 = 8;

/// Seals a key to the TPM of this name, beside a counter of starts.
///
/// # Errors
/// The caller's: no TPM there, or one whose owner has a password. The machine's.
pub fn seal(name: &str, key: &SealKey) -> Result<TpmObject> {
    let mut tpm = Tpm::open(name)?;
    let sealed = tpm.seal(key);
    sealed.map_err(|error| failed(name, &error))
}

/// Has the TPM of this name unseal a key.
///
/// # Errors
/// As [`seal`]; the machine's: another TPM made the object, or this one was cleared.
pub fn unseal(name: &str, object: &TpmObject) -> Result<SealKey> {
    let mut tpm = Tpm::open(name)?;
    let key = tpm.unseal(object).map_err(|error| failed(name, &error))?;
    key.ok_or_else(|| other_tpm(name))
}

/// What the counter of an object stands at; `None` where it has none.
///
/// # Errors
/// As [`unseal`]: a counter that is gone is another TPM's.
pub fn count(name: &str, object: &TpmObject) -> Result<Option<u64>> {
    let Some(index) = object.counter else { return Ok(None) };
    let mut tpm = Tpm::open(name)?;
    let count = tpm.counter(index).and_then(|counter| tpm.count(counter));
    count.map(Some).map_err(|error| uncounted(name, &error))
}

/// Lets the counter of an object count one more, for ever.
///
/// # Errors
/// As [`count`].
pub fn count_up(name: &str, object: &TpmObject) -> Result<()> {
    let Some(index) = object.counter else { return Ok(()) };
    let mut tpm = Tpm::open(name)?;
    let counted = tpm.counter(index).and_then(|counter| tpm.count_up(counter));
    counted.map_err(|error| uncounted(name, &error))
}

/// Takes the counter of an object that seals nothing any more out of the TPM, which has few places.
///
/// # Errors
/// As [`count`].
pub fn forget(name: &str, object: &TpmObject) -> Result<()> {
    let Some(index) = object.counter else { return Ok(()) };
    let mut tpm = Tpm::open(name)?;
    let forgotten = tpm.counter(index).and_then(|counter| tpm.undefine(counter));
    forgotten.map_err(|error| uncounted(name, &error))
}

/// A TPM with the primary key loaded and a session to it. All of it is flushed when dropped.
struct Tpm {
    context: Context,
    primary: KeyHandle,
    session: Option<AuthSession>,
}

impl Tpm {
    fn open(name: &str) -> Result<Self> {
        let unreachable = |error: &Error| {
            let message = format!("no TPM answers at {name}: {error}");
            let next = "name it with --tpm, for instance device:/dev/tpmrm0, and see that the node's \
                        user may use it (on Debian: the group tss)";
            Failure::caller("no_tpm", message, next)
        };
        let conf = TctiNameConf::from_str(name).map_err(|error| unreachable(&error))?;
        let context = Context::new(conf).map_err(|error| unreachable(&error))?;
        Self::begin(context).map_err(|error| failed(name, &error))
    }

    fn begin(mut context: Context) -> std::result::Result<Self, Error> {
        let primary = context.execute_with_session(Some(AuthSession::Password), |context| {
            context.create_primary(Hierarchy::Owner, primary_template()?, None, None, None, None)
        })?;
        let primary = primary.key_handle;
        let session = context.start_auth_session(
            Some(primary),
            None,
            None,
            SessionType::Hmac,
            SymmetricDefinition::AES_128_CFB,
            HashingAlgorithm::Sha256,
        )?;
        if let Some(session) = session {
            let (attributes, mask) = SessionAttributesBuilder::new()
                .with_continue_session(true)
                .with_decrypt(true)
                .with_encrypt(true)
                .build();
            context.tr_sess_set_attributes(session, attributes, mask)?;
        }
        Ok(Self { context, primary, session })
    }

    fn seal(&mut self, key: &SealKey) -> std::result::Result<TpmObject, Error> {
        let data = SensitiveData::try_from(key.as_bytes().to_vec())?;
        let primary = self.primary;
        let made = self.context.execute_with_session(self.session, |context| {
            context.create(primary, sealed_template()?, None, Some(data), None, None)
        })?;
        let counter = Some(self.new_counter()?);
        Ok(TpmObject {
            counter,
            public: made.out_public.marshall()?,
            private: made.out_private.value().to_vec(),
        })
    }

    /// A counter at a free index, which has counted once: before that it cannot be read.
    fn new_counter(&mut self) -> std::result::Result<u32, Error> {
        let attributes = NvIndexAttributesBuilder::new()
            .with_auth_read(true)
            .with_auth_write(true)
            .with_no_da(true)
            .with_nv_index_type(NvIndexType::Counter)
            .build()?;
        let mut tries = 0;
        loop {
            // A random one is free, unless the TPM is full, which is another error.
            let index = COUNTERS_FIRST + OsRng.next_u32() % COUNTERS;
            let space = NvPublicBuilder::new()
                .with_nv_index(NvIndexTpmHandle::new(index)?)
                .with_index_name_algorithm(HashingAlgorithm::Sha256)
                .with_index_attributes(attributes)
                .with_data_area_size(COUNT_BYTES.into())
                .build()?;
            let defined = self.context.execute_with_session(self.session, |context| {
                context.nv_define_space(Provision::Owner, None, space)
            });
            match defined {
                Ok(counter) => {
                    self.count_up(counter)?;
                    return Ok(index);
                }
                Err(error) if kind(&error) == Some(Kind::NvDefined) && tries < 8 => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn counter(&mut self, index: u32) -> std::result::Result<NvIndexHandle, Error> {
        let place = TpmHandle::NvIndex(NvIndexTpmHandle::new(index)?);
        let found =
            self.context.execute_without_session(|context| context.tr_from_tpm_public(place));
        found.map(NvIndexHandle::from)
    }

    fn count(&mut self, counter: NvIndexHandle) -> std::result::Result<u64, Error> {
        let read = self.context.execute_with_session(self.session, |context| {
            context.nv_read(NvAuth::NvIndex(counter), counter, COUNT_BYTES, 0)
        })?;
        let bytes: [u8; 8] = read
            .value()
            .try_into()
            .map_err(|_| Error::WrapperError(tss_esapi::WrapperErrorKind::WrongValueFromTpm))?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn count_up(&mut self, counter: NvIndexHandle) -> std::result::Result<(), Error> {
        self.context.execute_with_session(self.session, |context| {
            context.nv_increment(NvAuth::NvIndex(counter), counter)
        })
    }

    fn undefine(&mut self, counter: NvIndexHandle) -> std::result::Result<(), Error> {
        self.context.execute_with_session(self.session, |context| {
            context.nv_undefine_space(Provision::Owner, counter)
        })
    }

    /// `None` where the object is none of this TPM's, or holds no key.
    fn unseal(&mut self, object: &TpmObject) -> std::result::Result<Option<SealKey>, Error> {
        // What comes from a header may be anything.
        let parts = (Public::unmarshall(&object.public), Private::try_from(object.private.clone()));
        let (Ok(public), Ok(private)) = parts else { return Ok(None) };
        let primary = self.primary;
        let loaded = self
            .context
            .execute_with_session(self.session, |context| context.load(primary, private, public));
        let loaded: ObjectHandle = match loaded {
            Ok(loaded) => loaded.into(),
            Err(error) if is_foreign(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let data =
            self.context.execute_with_session(self.session, |context| context.unseal(loaded))?;
        Ok(SealKey::from_bytes(data.value()))
    }
}

/// The template by which the TPM makes the same primary key each time: that of a storage key in the
/// TCG's profile, on P-256.
fn primary_template() -> std::result::Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let cipher = SymmetricDefinitionObject::AES_128_CFB;
    let parameters =
        PublicEccParametersBuilder::new_restricted_decryption_key(cipher, EccCurve::NistP256);
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters.build()?)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

/// Data that never leaves this TPM but by unsealing.
fn sealed_template() -> std::result::Result<Public, Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(Default::default())
        .build()
}

fn kind(error: &Error) -> Option<Kind> {
    match error {
        Error::Tss2Error(code) => code.kind(),
        Error::WrapperError(_) => None,
    }
}

/// What a TPM says of an object that another one made, or that somebody wrote.
fn is_foreign(error: &Error) -> bool {
    use Kind::{Asymmetric, Attributes, Binding, Hash, Integrity, Size, Symmetric, Type, Value};
    matches!(
        kind(error),
        Some(
            Attributes | Asymmetric | Binding | Hash | Integrity | Size | Symmetric | Type | Value
        )
    )
}

fn other_tpm(name: &str) -> Failure {
    Failure::machine(
        "other_tpm",
        format!("the TPM at {name} did not seal the key of this store, or was cleared since"),
        "start the node on the machine with its TPM; if that is gone or was cleared, the store is \
         lost: have the node's seat given to another machine",
    )
}

/// A counter that is not there went with what the TPM was cleared of.
fn uncounted(name: &str, error: &Error) -> Failure {
    match kind(error) {
        Some(Kind::Handle | Kind::Value) | None => other_tpm(name),
        _ => failed(name, error),
    }
}

fn failed(name: &str, error: &Error) -> Failure {
    match kind(error) {
        Some(Kind::BadAuth | Kind::AuthFail) => Failure::caller(
            "tpm_owner",
            format!("the owner of the TPM at {name} has a password"),
            "take it away (tpm2_changeauth), or choose another seal",
        ),
        _ => Failure::machine(
            "tpm_failed",
            format!("the TPM at {name} failed: {error}"),
            "see that nothing else uses it without a resource manager, and try again",
        ),
    }
}

#[cfg(test)]
mod wire;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sto_16_a_name_that_is_no_tpm_is_the_callers_fault() {
        for name in ["", "nonsense", "libtss2-tcti-any.so", "device:/dev/null/none"] {
            let failure =
                unseal(name, &TpmObject { public: vec![], private: vec![], counter: None })
                    .unwrap_err();
            assert_eq!(failure.code(), "no_tpm", "{name}");
        }
    }

    #[test]
    fn sto_16_the_templates_are_well_formed() {
        for template in [primary_template(), sealed_template()] {
            let template = template.unwrap();
            assert_eq!(Public::unmarshall(&template.marshall().unwrap()).unwrap(), template);
        }
    }
}
