//! What is told to clients must be readable and writable at both ends of every range, and all between.

use ottla::wire::versions;

use crate::apis;

#[test]
fn every_api_has_a_request_and_an_answer() {
    let driven: Vec<_> = apis::all().iter().map(|driver| driver.key).collect();
    let known: Vec<_> = versions::ALL.iter().map(|api| api.key).collect();
    assert_eq!(driven, known);
}

#[test]
fn every_served_version_can_be_read_and_written() {
    for driver in apis::all() {
        let api = driver.key.api();
        for version in api.min_served..=api.max {
            let request = (driver.default_request)(version)
                .unwrap_or_else(|error| panic!("{} {version} request: {error}", api.name));
            assert_eq!((driver.rewrite_request)(version, request.clone()).as_ref(), Ok(&request), "{}", api.name);
            let response = (driver.default_response)(version)
                .unwrap_or_else(|error| panic!("{} {version} response: {error}", api.name));
            assert_eq!((driver.rewrite_response)(version, response.clone()).as_ref(), Ok(&response), "{}", api.name);
        }
    }
}

#[test]
fn versions_outside_the_range_are_refused() {
    for driver in apis::all() {
        let api = driver.key.api();
        for version in [i16::MIN, -1, api.min_served - 1, api.max + 1, i16::MAX] {
            assert!((driver.decode_request)(version, bytes::Bytes::new()).is_err(), "{} {version}", api.name);
        }
    }
}
