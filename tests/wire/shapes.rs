//! Random bodies made along the table of shapes: the guard must pass them, and the codec must read the very same.

use ottla::wire::guard;
use ottla::wire::shapes::{self, Field, Kind, Shape};

use crate::apis;
use crate::seeded::{Seeded, rounds, seed};

/// Writes a random body of a request.
pub struct Maker<'a> {
    pub random: &'a mut Seeded,
    pub version: i16,
    pub flexible: bool,
    pub out: Vec<u8>,
}

impl Maker<'_> {
    pub fn fields(&mut self, shape: &Shape) {
        let here = |field: &&Field| field.versions.has(self.version);
        let (tagged, inline): (Vec<_>, Vec<_>) = shape.iter().filter(here).partition(|field| field.tag.is_some());
        for field in inline {
            self.value(field);
        }
        if self.flexible {
            self.tags(&tagged);
        }
    }

    fn tags(&mut self, fields: &[&Field]) {
        let mut fields: Vec<_> = fields.iter().filter(|_| self.random.one_in(2)).collect();
        fields.sort_by_key(|field| field.tag);
        self.varint(fields.len());
        for field in fields {
            let mut inner =
                Maker { random: self.random, version: self.version, flexible: self.flexible, out: Vec::new() };
            // Not null: a tagged field at its default would not be written again.
            inner.present(field);
            let bytes = inner.out;
            self.varint(field.tag.unwrap() as usize);
            self.varint(bytes.len());
            self.out.extend(bytes);
        }
    }

    fn value(&mut self, field: &Field) {
        let nullable = field.nullable.has(self.version);
        if nullable && self.random.one_in(3) {
            match field.kind {
                Kind::Struct(_) => self.out.push(0xff),
                _ if self.flexible => self.out.push(0),
                Kind::Text => self.out.extend([0xff; 2]),
                _ => self.out.extend([0xff; 4]),
            }
            return;
        }
        if nullable && matches!(field.kind, Kind::Struct(_)) {
            self.out.push(1);
        }
        self.present(field);
    }

    fn present(&mut self, field: &Field) {
        match &field.kind {
            Kind::Fixed(size) => self.fixed(*size),
            Kind::Text => self.text(),
            Kind::Bytes => {
                let length = self.random.below(40);
                self.length(length, 4);
                let bytes = self.random.bytes(length);
                self.out.extend(bytes);
            }
            Kind::Struct(shape) => self.fields(shape),
            Kind::FixedArray(size) => self.elements(|maker| maker.fixed(*size)),
            Kind::TextArray => self.elements(|maker| maker.text()),
            Kind::StructArray(shape) => self.elements(|maker| maker.fields(shape)),
        }
    }

    /// A bool is one byte like a small number, and reads back only as 0 or 1.
    fn fixed(&mut self, size: usize) {
        let bytes = if size == 1 { vec![1] } else { self.random.bytes(size) };
        self.out.extend(bytes);
    }

    fn text(&mut self) {
        let long = self.random.one_in(20);
        let length = self.random.below(if long { 300 } else { 12 });
        self.length(length, 2);
        self.out.extend(std::iter::repeat_n(b'x', length));
    }

    fn elements(&mut self, mut element: impl FnMut(&mut Self)) {
        let count = self.random.below(4);
        self.length(count, 4);
        (0..count).for_each(|_| element(self));
    }

    fn length(&mut self, length: usize, width: usize) {
        if self.flexible {
            self.varint(length + 1);
        } else {
            self.out.extend(&(length as u32).to_be_bytes()[4 - width..]);
        }
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}

/// A random valid body of this request.
pub fn body(random: &mut Seeded, api: &ottla::wire::versions::Api, version: i16) -> Vec<u8> {
    let mut maker = Maker { random, version, flexible: api.is_flexible(version), out: Vec::new() };
    maker.fields(shapes::of(api));
    maker.out
}

#[test]
fn what_follows_the_shape_passes_and_is_read_to_the_last_byte() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    for round in 0..rounds(30) {
        for driver in apis::all() {
            let api = driver.key.api();
            for version in api.min_served..=api.max {
                let body = body(&mut random, api, version);
                let context = || format!("seed {seed}, round {round}: {} {version}: {body:02x?}", api.name);
                assert_eq!(guard::check(api, version, &body), Ok(vec![]), "{}", context());
                let written = (driver.rewrite_request)(version, body.clone().into())
                    .unwrap_or_else(|error| panic!("{}: {error}", context()));
                assert_eq!(written, body, "{}", context());
            }
        }
    }
}

#[test]
fn a_body_cut_anywhere_is_refused() {
    let seed = seed();
    let mut random = Seeded::new(seed);
    for driver in apis::all() {
        let api = driver.key.api();
        for version in api.min_served..=api.max {
            let body = body(&mut random, api, version);
            let cut = random.below(body.len());
            if cut < body.len() {
                let refused = guard::check(api, version, &body[..cut]);
                assert!(refused.is_err(), "seed {seed}: {} {version} cut at {cut}: {body:02x?}", api.name);
            }
        }
    }
}
