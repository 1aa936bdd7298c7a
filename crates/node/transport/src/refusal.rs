//! Why a connection came to nothing, in words for the log of this node. The other end learns no
//! more than a TLS alert (N-79).

use rustls::{AlertDescription, CertificateError, Error};
use std::io;

/// What the operator of this node should hear about a failed handshake.
pub(crate) fn explain(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            "it shows a key that is not the one in the charter".to_owned()
        }
        Some(Error::AlertReceived(
            AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown,
        )) => "it does not accept this node's key".to_owned(),
        Some(
            Error::NoApplicationProtocol
            | Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => "it does not speak the protocol of this port".to_owned(),
        Some(Error::NoCertificatesPresented) => "it shows no key".to_owned(),
        Some(Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether the failure says that somebody holds a wrong key, which an operator must see, and not
/// just that the network or a stranger was in the way.
pub(crate) fn is_about_keys(error: &io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(
        tls,
        Some(
            Error::InvalidCertificate(_)
                | Error::NoCertificatesPresented
                | Error::AlertReceived(
                    AlertDescription::AccessDenied
                        | AlertDescription::BadCertificate
                        | AlertDescription::CertificateUnknown
                )
        )
    )
}
