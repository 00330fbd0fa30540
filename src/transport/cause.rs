//! Why an exchange failed, found by walking the chain of sources to its end.
//!
//! The trap: under TLS 1.3 the client has sent its request before the server has judged its certificate,
//! so a refused certificate comes as a failed request, not as a failed connection. The alert at the end
//! of the chain tells them apart.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::claims::outcome::Cause;

/// Finds the cause of an error of the HTTP client.
pub(super) fn of(error: &reqwest::Error) -> Cause {
    let chain = Chain(Some(error));
    if let Some(tls) = chain.find_tls() {
        return of_tls(tls, error.is_connect());
    }
    if error.is_dns() {
        return Cause::Name;
    }
    if error.is_timeout() {
        return Cause::Timeout;
    }
    if error.is_connect() {
        return Cause::Connection;
    }
    match chain.find_map(|link| link.downcast_ref::<hyper::Error>()) {
        Some(http) if http.is_parse() => Cause::NotHttp,
        Some(_) | None => Cause::Broken,
    }
}

/// Whether the cause proves by itself that the server's HTTP never saw the request. The alerts that make
/// [`Cause::OwnCertificate`] are sent in place of the end of a handshake (RFC 8446 §6.2), and before its
/// end a server opens no request. What makes [`Cause::Revoked`] and [`Cause::Unvouched`] we say ourselves in its place.
pub(super) fn precedes_the_request(cause: Cause) -> bool {
    match cause {
        Cause::OwnCertificate
        | Cause::Revoked
        | Cause::Unvouched
        | Cause::NoEndpoint
        | Cause::Name => true,
        Cause::Connection | Cause::Tls | Cause::Timeout | Cause::Broken | Cause::NotHttp => false,
    }
}

fn of_tls(error: &rustls::Error, connecting: bool) -> Cause {
    match error {
        rustls::Error::AlertReceived(alert) if is_about_us(*alert) => Cause::OwnCertificate,
        // We said so before the handshake was over, so nothing was sent.
        rustls::Error::InvalidCertificate(CertificateError::Revoked) => Cause::Revoked,
        rustls::Error::InvalidCertificate(CertificateError::UnknownRevocationStatus) => {
            Cause::Unvouched
        }
        _ if connecting => Cause::Tls,
        _ => Cause::Broken,
    }
}

fn is_about_us(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}

/// An error and its sources, outermost first.
#[derive(Clone, Copy)]
struct Chain<'a>(Option<&'a (dyn Error + 'static)>);

impl<'a> Chain<'a> {
    fn find_map<T>(
        self,
        mut look: impl FnMut(&'a (dyn Error + 'static)) -> Option<T>,
    ) -> Option<T> {
        let mut link = self.0;
        while let Some(error) = link {
            if let Some(found) = look(error) {
                return Some(found);
            }
            // An `io::Error` does not name what it wraps as its source, but the source of that.
            link = match error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    fn find_tls(self) -> Option<&'a rustls::Error> {
        self.find_map(|link| link.downcast_ref::<rustls::Error>())
    }
}
