//! What is stored of a SCRAM password (RFC 5802): two keys derived from the salted password, never the password.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::controller::metadata::{ScramKeys, ScramMechanism};

/// The keys of a salted password; `None` when it cannot be one.
pub fn derive_scram_keys(mechanism: ScramMechanism, salted_password: &[u8]) -> Option<ScramKeys> {
    match mechanism {
        ScramMechanism::Sha256 => {
            let key =
                |name: &[u8]| Some(Hmac::<Sha256>::new_from_slice(salted_password).ok()?.chain_update(name).finalize());
            let client_key = key(b"Client Key")?.into_bytes();
            let stored_key = Sha256::digest(client_key).to_vec().into();
            Some(ScramKeys { stored_key, server_key: key(b"Server Key")?.into_bytes().to_vec().into() })
        }
        ScramMechanism::Sha512 => {
            let key =
                |name: &[u8]| Some(Hmac::<Sha512>::new_from_slice(salted_password).ok()?.chain_update(name).finalize());
            let client_key = key(b"Client Key")?.into_bytes();
            let stored_key = Sha512::digest(client_key).to_vec().into();
            Some(ScramKeys { stored_key, server_key: key(b"Server Key")?.into_bytes().to_vec().into() })
        }
    }
}
