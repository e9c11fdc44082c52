//! `golden.txt` holds every message at every version as Kafka's schemas lay it out, first with every field set, then
//! with every nullable field null. Reading it and writing it again must give the same bytes.

use bytes::Bytes;

use crate::apis;

struct Golden {
    api: &'static str,
    is_request: bool,
    version: i16,
    body: Bytes,
}

fn golden() -> impl Iterator<Item = Golden> {
    include_str!("golden.txt").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let body = if words[3] == "-" { Vec::new() } else { bytes_of(words[3]) };
        Golden {
            api: words[0],
            is_request: words[1] == "request",
            version: words[2].parse().unwrap(),
            body: body.into(),
        }
    })
}

fn bytes_of(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn every_message_reads_and_writes_as_kafkas_schemas_say() {
    let mut wrong = Vec::new();
    for one in golden() {
        let driver = apis::of(one.api);
        let rewrite = if one.is_request { driver.rewrite_request } else { driver.rewrite_response };
        let kind = if one.is_request { "request" } else { "response" };
        match rewrite(one.version, one.body.clone()) {
            Ok(written) if written == one.body => {}
            Ok(written) => {
                wrong.push(format!("{} {kind} {}: {:02x?} became {written:02x?}", one.api, one.version, one.body))
            }
            Err(error) => wrong.push(format!("{} {kind} {}: {error}", one.api, one.version)),
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_golden_bytes_cover_every_served_version() {
    for driver in apis::all() {
        let api = driver.key.api();
        for version in api.min_served..=api.max {
            for is_request in [true, false] {
                let held = golden().any(|g| g.api == api.name && g.version == version && g.is_request == is_request);
                assert!(held, "{} {version} is missing", api.name);
            }
        }
    }
}
