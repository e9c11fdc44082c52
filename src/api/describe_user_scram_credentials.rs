//! DescribeUserScramCredentials (50), version 0: which users have SCRAM credentials, of what kind and how many rounds;
//! never the keys. A client needs DESCRIBE on the cluster.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::controller::metadata::{MetadataImage, ScramMechanism};
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use crate::wire::messages::{DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, StrBytes};

use super::{Context, Outcome, answer};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: DescribeUserScramCredentialsRequest) -> DescribeUserScramCredentialsResponse {
    // A success says "" and not null, as Kafka's does.
    let response = DescribeUserScramCredentialsResponse::default().with_error_message(Some(StrBytes::default()));
    if let Err(error) = cx.needs_on_cluster(Operation::Describe) {
        return response.with_error_code(error.code.code()).with_error_message(error.wire_message());
    }
    let image = cx.broker.image();
    let asked = request.users.filter(|users| !users.is_empty());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    match &asked {
        Some(users) => users.iter().for_each(|user| *counts.entry(user.name.to_string()).or_default() += 1),
        None => image.scram.iter().for_each(|((user, _), _)| {
            counts.insert(user.clone(), 1);
        }),
    }
    response.with_results(counts.into_iter().map(|(user, count)| describe(&image, user, count)).collect())
}

fn describe(image: &MetadataImage, user: String, count: usize) -> DescribeUserScramCredentialsResult {
    let info = |mechanism: ScramMechanism| {
        let credential = image.scram.get(&(user.clone(), mechanism))?;
        let (mechanism, iterations) = (mechanism.number(), credential.iterations);
        Some(CredentialInfo::default().with_mechanism(mechanism).with_iterations(iterations))
    };
    let infos: Vec<CredentialInfo> =
        [ScramMechanism::Sha256, ScramMechanism::Sha512].into_iter().filter_map(info).collect();
    let refusal = if count > 1 {
        let why = format!("Cannot describe SCRAM credentials for the same user twice in a single request: {user}");
        Some((ErrorCode::DuplicateResource, why))
    } else if infos.is_empty() {
        let why = format!("Attempt to describe a user credential that does not exist: {user}");
        Some((ErrorCode::ResourceNotFound, why))
    } else {
        None
    };
    let result = DescribeUserScramCredentialsResult::default().with_user(StrBytes::from_string(user));
    match refusal {
        None => result.with_error_message(Some(StrBytes::default())).with_credential_infos(infos),
        Some((code, why)) => result.with_error_code(code.code()).with_error_message(Some(StrBytes::from_string(why))),
    }
}
