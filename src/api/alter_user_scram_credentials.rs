//! AlterUserScramCredentials (51), version 0. Every user is answered once. A client needs ALTER on the cluster.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use crate::wire::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: AlterUserScramCredentialsRequest) -> AlterUserScramCredentialsResponse {
    let decided = match cx.needs_on_cluster(Operation::Alter) {
        Ok(()) => ask!(cx, AlterUserScramCredentials(request.clone())),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        let deleted = request.deletions.iter().map(|deletion| deletion.name.clone());
        let users: BTreeSet<_> = deleted.chain(request.upsertions.iter().map(|put| put.name.clone())).collect();
        let refused = |user| {
            AlterUserScramCredentialsResult::default()
                .with_user(user)
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message())
        };
        AlterUserScramCredentialsResponse::default().with_results(users.into_iter().map(refused).collect())
    })
}
