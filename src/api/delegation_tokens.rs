//! CreateDelegationToken (38), RenewDelegationToken (39), ExpireDelegationToken (40), DescribeDelegationToken (41).
//!
//! Tokens are for clients that have shown who they are. On a listener without authentication nobody has, so every
//! request is refused there, before anything else of it is looked at.

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::security::Principal;
use crate::wire::WireError;
use crate::wire::messages::{
    CreateDelegationTokenRequest, CreateDelegationTokenResponse, DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse, ExpireDelegationTokenRequest, ExpireDelegationTokenResponse,
    RenewDelegationTokenRequest, RenewDelegationTokenResponse, StrBytes,
};

use super::{Context, Outcome, answer};

const REFUSED: ErrorCode = ErrorCode::DelegationTokenRequestNotAllowed;
/// The time in an answer that has none.
const NO_TIME: i64 = -1;

pub(super) fn create(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |cx, request: CreateDelegationTokenRequest| {
        let requester = &cx.peer.principal;
        let owner = match (&request.owner_principal_type, &request.owner_principal_name) {
            (Some(kind), Some(name)) if !name.is_empty() => {
                Principal { kind: kind.to_string(), name: name.to_string() }
            }
            _ => requester.clone(),
        };
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let response = CreateDelegationTokenResponse::default()
            .with_error_code(REFUSED.code())
            .with_principal_type(text(&owner.kind))
            .with_principal_name(text(&owner.name))
            .with_issue_timestamp_ms(NO_TIME)
            .with_expiry_timestamp_ms(NO_TIME)
            .with_max_timestamp_ms(NO_TIME);
        match cx.version() {
            ..=2 => response,
            _ => response
                .with_token_requester_principal_type(text(&requester.kind))
                .with_token_requester_principal_name(text(&requester.name)),
        }
    })
}

pub(super) fn renew(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |_, _: RenewDelegationTokenRequest| {
        RenewDelegationTokenResponse::default().with_error_code(REFUSED.code()).with_expiry_timestamp_ms(NO_TIME)
    })
}

pub(super) fn expire(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |_, _: ExpireDelegationTokenRequest| {
        ExpireDelegationTokenResponse::default().with_error_code(REFUSED.code()).with_expiry_timestamp_ms(NO_TIME)
    })
}

pub(super) fn describe(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |_, _: DescribeDelegationTokenRequest| {
        DescribeDelegationTokenResponse::default().with_error_code(REFUSED.code())
    })
}
