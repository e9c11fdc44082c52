//! `--add-scram`: credentials that a new cluster begins with, such as `SCRAM-SHA-256=[name=alice,password=secret]`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

use crate::broker::scram_keys::derive_scram_keys;
use crate::controller::metadata::ScramMechanism;
use crate::controller::records::{MetadataRecord, UserScramCredential};

/// The metadata version that brought credentials.
pub const METADATA_VERSION_MIN: i16 = 11;
const ITERATIONS_DEFAULT: i32 = 4096;
const ITERATIONS_MIN: i32 = 4096;
const ITERATIONS_MAX: i32 = 16384;

/// The record of one argument.
pub fn parse(argument: &str, random_salt: &[u8]) -> Result<MetadataRecord, String> {
    let argument = argument.trim();
    let (name, rest) =
        argument.split_once('=').ok_or_else(|| format!("Failed to find equals sign in SCRAM argument '{argument}'"))?;
    let mechanism = [ScramMechanism::Sha256, ScramMechanism::Sha512]
        .into_iter()
        .find(|mechanism| mechanism.name() == name)
        .ok_or_else(|| format!("The add-scram mechanism {name} is not supported."))?;
    let inner = rest.strip_prefix('[').ok_or("Expected configuration string to start with [")?;
    let inner = inner.strip_suffix(']').ok_or("Expected configuration string to end with ]")?;
    let mut parts = parts(inner)?;
    let user = parts.remove("name").ok_or("You must supply 'name' to add-scram")?;
    let salt = parts.remove("salt").map(|text| decode("salt", &text)).transpose()?;
    let iterations = iterations(parts.remove("iterations"), mechanism)?;
    let (password, salted) = (parts.remove("password"), parts.remove("saltedpassword"));
    if !parts.is_empty() {
        let unknown: Vec<String> = parts.into_keys().collect();
        return Err(format!("Unknown SCRAM configurations: {}", unknown.join(", ")));
    }
    let (salt, salted) = match (password, salted, salt) {
        (Some(password), _, salt) => {
            let salt = salt.unwrap_or_else(|| random_salt.to_vec());
            let salted = salted_password(mechanism, password.as_bytes(), &salt, iterations);
            (salt, salted)
        }
        (None, Some(salted), Some(salt)) => (salt, decode("saltedPassword", &salted)?),
        (None, Some(_), None) => return Err("You must supply 'salt' with 'saltedpassword' to add-scram".into()),
        (None, None, _) => return Err("You must supply one of 'password' or 'saltedpassword' to add-scram".into()),
    };
    let keys = derive_scram_keys(mechanism, &salted).ok_or("The salted password cannot be one")?;
    Ok(MetadataRecord::from(UserScramCredential {
        name: user,
        mechanism: mechanism.number(),
        salt: salt.into(),
        stored_key: keys.stored_key,
        server_key: keys.server_key,
        iterations,
    }))
}

fn parts(text: &str) -> Result<BTreeMap<String, String>, String> {
    text.split(',')
        .map(|part| {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("No equals sign found in SCRAM component: {part}"))?;
            let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            Ok((key.to_string(), bare.to_string()))
        })
        .collect()
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|_| format!("Failed to decode given {what}: {text}"))
}

fn iterations(text: Option<String>, mechanism: ScramMechanism) -> Result<i32, String> {
    let Some(text) = text else { return Ok(ITERATIONS_DEFAULT) };
    let iterations: i32 = text.parse().map_err(|_| format!("Failed to parse iterations count: {text}"))?;
    let bound = |relation, bound| {
        format!(
            "The 'iterations' value must be {relation} {bound} for add-scram using {}",
            mechanism.name().replace('-', "_")
        )
    };
    match iterations {
        _ if iterations < ITERATIONS_MIN => Err(bound(">=", ITERATIONS_MIN)),
        _ if iterations > ITERATIONS_MAX => Err(bound("<=", ITERATIONS_MAX)),
        _ => Ok(iterations),
    }
}

/// `Hi` of RFC 5802: one block of PBKDF2.
fn salted_password(mechanism: ScramMechanism, password: &[u8], salt: &[u8], iterations: i32) -> Vec<u8> {
    match mechanism {
        ScramMechanism::Sha256 => stretch(Hmac::<Sha256>::new_from_slice(password).ok(), salt, iterations),
        ScramMechanism::Sha512 => stretch(Hmac::<Sha512>::new_from_slice(password).ok(), salt, iterations),
    }
}

/// HMAC takes a key of any length, so there always is one.
fn stretch<M: Mac + Clone>(keyed: Option<M>, salt: &[u8], iterations: i32) -> Vec<u8> {
    let Some(keyed) = keyed else { return Vec::new() };
    let of = |bytes: &[u8]| keyed.clone().chain_update(bytes).finalize().into_bytes().to_vec();
    let mut round = of(&[salt, &1u32.to_be_bytes()].concat());
    let mut sum = round.clone();
    for _ in 1..iterations {
        round = of(&round);
        sum.iter_mut().zip(&round).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_becomes_the_keys_of_rfc_7677() {
        let argument = "SCRAM-SHA-256=[name=user,password=\"pencil\",salt=W22ZaJ0SNY7soEsUEjb6gQ==,iterations=4096]";
        let MetadataRecord::UserScramCredential(record) = parse(argument, b"").unwrap() else { panic!() };
        assert_eq!((record.name.as_str(), record.mechanism, record.iterations), ("user", 1, 4096));
        assert_eq!(STANDARD.encode(&record.stored_key), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(STANDARD.encode(&record.server_key), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    }

    #[test]
    fn mistakes_are_told_in_kafkas_words() {
        for (argument, message) in [
            ("x", "Failed to find equals sign in SCRAM argument 'x'"),
            ("PLAIN=[name=a]", "The add-scram mechanism PLAIN is not supported."),
            ("SCRAM-SHA-256=name=a]", "Expected configuration string to start with ["),
            ("SCRAM-SHA-256=[name=a", "Expected configuration string to end with ]"),
            ("SCRAM-SHA-512=[password=a]", "You must supply 'name' to add-scram"),
            ("SCRAM-SHA-512=[name=a]", "You must supply one of 'password' or 'saltedpassword' to add-scram"),
            ("SCRAM-SHA-512=[name=a,saltedpassword=YQ==]", "You must supply 'salt' with 'saltedpassword' to add-scram"),
            ("SCRAM-SHA-256=[name=a,password=b,x=1]", "Unknown SCRAM configurations: x"),
            (
                "SCRAM-SHA-256=[name=a,password=b,iterations=1]",
                "The 'iterations' value must be >= 4096 for add-scram using SCRAM_SHA_256",
            ),
            ("SCRAM-SHA-256=[name=a,password=b,salt=?]", "Failed to decode given salt: ?"),
        ] {
            assert_eq!(parse(argument, b"salt").unwrap_err(), message);
        }
    }
}
