//! Whatever bytes come, reading them ends in a message or an error: no panic, and no allocation much larger than the
//! bytes that were sent. `OTTLA_TEST_LONG=1000` tries a thousand times as much.

use bytes::{Bytes, BytesMut};
use ottla::wire::frame::FrameSplitter;
use ottla::wire::{header, versions};

use crate::allocations::largest_in;
use crate::apis::{self, Driver};
use crate::seeded::{Seeded, rounds, seed};
use crate::shapes;

/// The largest struct that an element of one byte can become.
const ELEMENT_BYTES_MAX: usize = 512;

/// Everything that is done with bytes from a socket before a handler sees them.
fn read_all(drivers: &[Driver], stream: &[u8]) {
    let splitter = FrameSplitter::new(1 << 20);
    let mut buffer = BytesMut::from(stream);
    while let Ok(Some(frame)) = splitter.next(&mut buffer) {
        let Ok((head, body)) = header::parse(frame) else { return };
        let place = versions::ALL.iter().position(|api| api.key.key() == head.api).unwrap();
        let _ = (drivers[place].decode_request)(head.version, body);
    }
}

fn bounded(drivers: &[Driver], stream: &[u8], context: &str) {
    let ((), largest) = largest_in(|| read_all(drivers, stream));
    let most = 4096 + stream.len() * ELEMENT_BYTES_MAX;
    assert!(largest <= most, "{context}: {largest} bytes at once for {} sent: {stream:02x?}", stream.len());
}

fn frame(api: &versions::Api, version: i16, body: &[u8]) -> Vec<u8> {
    let mut head = BytesMut::new();
    ottla::wire::codec::put_request_header(&mut head, api, version, 7, Some("fuzz")).unwrap();
    let mut frame = ((head.len() + body.len()) as i32).to_be_bytes().to_vec();
    frame.extend_from_slice(&head);
    frame.extend_from_slice(body);
    frame
}

/// Changes some bytes, to values that matter to lengths more often than not.
fn mutate(random: &mut Seeded, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = 0xff,
            1 => bytes[at] = 0x7f,
            2 => bytes[at] = 0,
            3 => bytes[at] = random.next() as u8,
            4 => bytes.truncate(at),
            _ => {
                let more = random.below(8);
                let more = random.bytes(more);
                bytes.splice(at..at, more);
            }
        }
    }
}

#[test]
fn random_bodies_are_survived() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    let drivers = apis::all();
    for round in 0..rounds(20) {
        for api in versions::ALL {
            for version in api.min_served..=api.max {
                let length = random.below(80);
                let body = random.bytes(length);
                bounded(&drivers, &frame(api, version, &body), &format!("seed {seed}, round {round}"));
            }
        }
    }
}

#[test]
fn mutated_requests_are_survived() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    let drivers = apis::all();
    for round in 0..rounds(40) {
        for api in versions::ALL {
            for version in api.min_served..=api.max {
                let mut body = shapes::body(&mut random, api, version);
                mutate(&mut random, &mut body);
                bounded(&drivers, &frame(api, version, &body), &format!("seed {seed}, round {round}"));
            }
        }
    }
}

#[test]
fn random_streams_are_survived() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    let drivers = apis::all();
    for round in 0..rounds(2000) {
        let length = random.below(200);
        let mut stream = random.bytes(length);
        // Small sizes and known keys, else nearly all would end at the frame.
        for (at, byte) in [(0, 0), (1, 0), (2, 0), (4, 0)] {
            if let Some(place) = stream.get_mut(at) {
                *place = byte;
            }
        }
        bounded(&drivers, &stream, &format!("seed {seed}, round {round}"));
    }
}

/// What the guard passes the codec must be able to read: else a request that Kafka answers would be refused.
#[test]
fn what_the_guard_passes_the_codec_reads() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    let drivers = apis::all();
    for round in 0..rounds(40) {
        for (api, driver) in versions::ALL.iter().zip(&drivers) {
            for version in api.min_served..=api.max {
                let mut body = shapes::body(&mut random, api, version);
                mutate(&mut random, &mut body);
                if ottla::wire::guard::check(api, version, &body).is_ok() {
                    let read = (driver.decode_request)(version, Bytes::from(body.clone()));
                    let context = format!("seed {seed}, round {round}: {} {version}: {body:02x?}", api.name);
                    assert_eq!(read, Ok(()), "{context}");
                }
            }
        }
    }
}
