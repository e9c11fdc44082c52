//! AlterUserScramCredentials. Clients send salted passwords; kept are the keys derived from them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::event::ApiError;
use super::image::ScramMechanism;
use super::machine::MetadataMachine;
use crate::controller::records::{MetadataRecord, RemoveUserScramCredential, UserScramCredential};
use crate::model::ErrorCode;
use crate::wire::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use crate::wire::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use crate::wire::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, StrBytes};

/// More rounds would let a client make the server work hard.
const ITERATIONS_MAX: i32 = 16384;

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramKeys {
    pub stored_key: Bytes,
    pub server_key: Bytes,
}

/// Derives the keys from a salted password; `None` when it cannot be a key.
pub type DeriveScramKeys = fn(ScramMechanism, salted_password: &[u8]) -> Option<ScramKeys>;

impl MetadataMachine {
    /// Answers every user once; a user named twice, even for different mechanisms, is refused.
    pub(super) fn alter_scram(
        &self,
        request: AlterUserScramCredentialsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> AlterUserScramCredentialsResponse {
        let mut outcomes: BTreeMap<String, Result<MetadataRecord, ApiError>> = BTreeMap::new();
        let mut decide = |name: &StrBytes, decision: Result<MetadataRecord, ApiError>| {
            let twice = "A user credential cannot be altered twice in the same request";
            match outcomes.get_mut(&**name) {
                None => {
                    outcomes.insert(name.to_string(), decision);
                }
                Some(Err(_)) => {}
                Some(present) => *present = Err(ApiError::new(ErrorCode::DuplicateResource, twice)),
            }
        };
        for deletion in &request.deletions {
            decide(&deletion.name, self.scram_deletion(&deletion.name, deletion.mechanism));
        }
        for upsertion in &request.upsertions {
            decide(&upsertion.name, self.scram_upsertion(upsertion));
        }
        let mut results = Vec::new();
        for (user, outcome) in outcomes {
            let mut result = AlterUserScramCredentialsResult::default()
                .with_user(StrBytes::from_string(user))
                .with_error_message(None);
            match outcome {
                Ok(record) => records.push(record),
                Err(error) => {
                    result.error_code = error.code.code();
                    result.error_message = error.wire_message();
                }
            }
            results.push(result);
        }
        AlterUserScramCredentialsResponse::default().with_results(results)
    }

    fn scram_deletion(&self, name: &str, mechanism: i8) -> Result<MetadataRecord, ApiError> {
        let mechanism = check_user(name, mechanism)?;
        if !self.image.scram.contains(&(name.to_owned(), mechanism)) {
            let why = "Attempt to delete a user credential that does not exist";
            return Err(ApiError::new(ErrorCode::ResourceNotFound, why));
        }
        Ok(RemoveUserScramCredential { name: name.to_owned(), mechanism: mechanism.number() }.into())
    }

    fn scram_upsertion(&self, upsertion: &ScramCredentialUpsertion) -> Result<MetadataRecord, ApiError> {
        let mechanism = check_user(&upsertion.name, upsertion.mechanism)?;
        let refuse = |why: &str| Err(ApiError::new(ErrorCode::UnacceptableCredential, why));
        if upsertion.iterations < mechanism.min_iterations() {
            return refuse("Too few iterations");
        }
        if upsertion.iterations > ITERATIONS_MAX {
            return refuse("Too many iterations");
        }
        let password = Some(&*upsertion.salted_password).filter(|password| !password.is_empty());
        let keys = password
            .and_then(|password| (self.settings.derive_scram_keys)(mechanism, password))
            .ok_or_else(|| ApiError::bare(ErrorCode::UnknownServerError))?;
        Ok(UserScramCredential {
            name: upsertion.name.to_string(),
            mechanism: mechanism.number(),
            salt: upsertion.salt.clone(),
            stored_key: keys.stored_key,
            server_key: keys.server_key,
            iterations: upsertion.iterations,
        }
        .into())
    }
}

fn check_user(name: &str, mechanism: i8) -> Result<ScramMechanism, ApiError> {
    if name.is_empty() {
        return Err(ApiError::new(ErrorCode::UnacceptableCredential, "Username must not be empty"));
    }
    ScramMechanism::from_number(mechanism)
        .ok_or_else(|| ApiError::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism"))
}
