//! SaslHandshake (17), versions 0-1, and SaslAuthenticate (36), versions 0-2, where they have no place: on a listener
//! without SASL, or after the client has shown who it is.

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::wire::WireError;
use crate::wire::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse, StrBytes,
};

use super::{Context, Outcome, answer};

const OUT_OF_PLACE: ErrorCode = ErrorCode::IllegalSaslState;

pub(super) fn handshake(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |_, _: SaslHandshakeRequest| SaslHandshakeResponse::default().with_error_code(OUT_OF_PLACE.code()))
}

pub(super) fn authenticate(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |_, _: SaslAuthenticateRequest| {
        let why = "SaslAuthenticate request received after successful authentication";
        SaslAuthenticateResponse::default()
            .with_error_code(OUT_OF_PLACE.code())
            .with_error_message(Some(StrBytes::from_static_str(why)))
    })
}
