//! Values that know their form on the wire, plain or compact, and the macros that make messages of them.

use bytes::{BufMut, Bytes};
use uuid::Uuid;

use super::read::Reader;
use crate::wire::error::WireError;
use crate::wire::messages::{BrokerId, GroupId, ProducerId, StrBytes, TopicName, TransactionalId};

/// Most elements an array reserves for before they are read.
const RESERVED_MAX: usize = 1024;

/// The version that bytes are of.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    pub number: i16,
    /// Lengths are compact, and structs end with tagged fields.
    pub flexible: bool,
}

pub trait Value: Sized {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError>;
    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError>;
}

/// Where bytes go: a buffer, or a count of them.
pub trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn put_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }

    /// Ends a struct that has no tagged fields.
    fn put_no_tags(&mut self, at: Version) {
        if at.flexible {
            self.put(&[0]);
        }
    }
}

/// Counts bytes without keeping them.
#[derive(Debug, Default)]
pub struct Counter(pub usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Any buffer as a sink.
pub struct Out<'a, B>(pub &'a mut B);

impl<B: BufMut> Sink for Out<'_, B> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }
}

/// Bytes that the value takes.
pub fn size_of_value(value: &impl Value, at: Version) -> Result<usize, WireError> {
    let mut counter = Counter::default();
    value.write(&mut counter, at)?;
    Ok(counter.0)
}

macro_rules! numbers {
    ($($type:ident)*) => {
        $(impl Value for $type {
            fn read(from: &mut Reader, _: Version) -> Result<Self, WireError> {
                from.$type()
            }

            fn write<S: Sink>(&self, to: &mut S, _: Version) -> Result<(), WireError> {
                to.put(&self.to_be_bytes());
                Ok(())
            }
        })*
    };
}

numbers!(i8 i16 u16 i32 i64);

impl Value for bool {
    fn read(from: &mut Reader, _: Version) -> Result<Self, WireError> {
        Ok(from.i8()? != 0)
    }

    fn write<S: Sink>(&self, to: &mut S, _: Version) -> Result<(), WireError> {
        to.put(&[u8::from(*self)]);
        Ok(())
    }
}

impl Value for Uuid {
    fn read(from: &mut Reader, _: Version) -> Result<Self, WireError> {
        from.u128().map(Uuid::from_u128)
    }

    fn write<S: Sink>(&self, to: &mut S, _: Version) -> Result<(), WireError> {
        to.put(self.as_bytes());
        Ok(())
    }
}

macro_rules! newtypes {
    ($($name:ident($inner:ty))*) => {
        $(impl Value for $name {
            fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
                <$inner>::read(from, at).map($name)
            }

            fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
                self.0.write(to, at)
            }
        })*
    };
}

newtypes!(GroupId(StrBytes) TopicName(StrBytes) TransactionalId(StrBytes) BrokerId(i32) ProducerId(i64));

/// How wide a length is where it is not compact.
#[derive(Clone, Copy)]
enum LengthBytes {
    Two,
    Four,
}

/// A length or count; `None` is null.
fn read_length(from: &mut Reader, at: Version, bytes: LengthBytes) -> Result<Option<usize>, WireError> {
    let length = match (at.flexible, bytes) {
        (true, _) => (from.varint()? as i32).wrapping_sub(1),
        (false, LengthBytes::Two) => i32::from(from.i16()?),
        (false, LengthBytes::Four) => from.i32()?,
    };
    Ok(usize::try_from(length).ok())
}

fn write_length<S: Sink>(to: &mut S, at: Version, bytes: LengthBytes, length: Option<usize>) -> Result<(), WireError> {
    let most = match bytes {
        LengthBytes::Two => i16::MAX as usize,
        LengthBytes::Four => i32::MAX as usize - 1,
    };
    if length.is_some_and(|length| length > most) {
        return Err(WireError::Unencodable(format!("length {length:?} is over {most}")));
    }
    match (at.flexible, bytes) {
        (true, _) => to.put_varint(length.map_or(0, |length| length as u32 + 1)),
        (false, LengthBytes::Two) => to.put(&length.map_or(-1, |length| length as i16).to_be_bytes()),
        (false, LengthBytes::Four) => to.put(&length.map_or(-1, |length| length as i32).to_be_bytes()),
    }
    Ok(())
}

impl Value for Option<StrBytes> {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let Some(length) = read_length(from, at, LengthBytes::Two)? else { return Ok(None) };
        let text = StrBytes::from_utf8(from.take(length)?);
        text.map(Some).map_err(|error| WireError::Malformed(error.to_string()))
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        write_length(to, at, LengthBytes::Two, self.as_ref().map(|text| text.len()))?;
        to.put(self.as_deref().unwrap_or_default().as_bytes());
        Ok(())
    }
}

impl Value for StrBytes {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        Option::<StrBytes>::read(from, at)?.ok_or(WireError::Null("a text"))
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        write_length(to, at, LengthBytes::Two, Some(self.len()))?;
        to.put(self.as_bytes());
        Ok(())
    }
}

impl Value for Option<GroupId> {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        Ok(Option::<StrBytes>::read(from, at)?.map(GroupId))
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        self.as_ref().map(|group| group.0.clone()).write(to, at)
    }
}

impl Value for Option<Bytes> {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        match read_length(from, at, LengthBytes::Four)? {
            Some(length) => from.take(length).map(Some),
            None => Ok(None),
        }
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        write_length(to, at, LengthBytes::Four, self.as_ref().map(Bytes::len))?;
        to.put(self.as_deref().unwrap_or_default());
        Ok(())
    }
}

impl<T: Value> Value for Option<Vec<T>> {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let Some(count) = read_length(from, at, LengthBytes::Four)? else { return Ok(None) };
        if count > from.remaining() {
            return Err(WireError::Count { field: "an array", count: count as u32 });
        }
        let mut elements = Vec::with_capacity(count.min(RESERVED_MAX));
        for _ in 0..count {
            elements.push(T::read(from, at)?);
        }
        Ok(Some(elements))
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        write_length(to, at, LengthBytes::Four, self.as_ref().map(Vec::len))?;
        self.iter().flatten().try_for_each(|element| element.write(to, at))
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        Option::<Vec<T>>::read(from, at)?.ok_or(WireError::Null("an array"))
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        write_length(to, at, LengthBytes::Four, Some(self.len()))?;
        self.iter().try_for_each(|element| element.write(to, at))
    }
}

/// Defines structs with their form on the wire: fields in wire order, `[2..]` for those that came with a version, `= x`
/// for a default that is not the type's own. As an `Option` a struct has a byte before it that says if it is there.
macro_rules! structs {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty $([$since:literal..])? $(= $default:expr)?,)*
    })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $type,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    $name { $($field: $crate::wire::extra::value::default_of!($($default)?),)* }
                }
            }

            impl Value for $name {
                fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
                    let mut value = $name::default();
                    $(if $crate::wire::extra::value::has_field!(at $($since)?) {
                        value.$field = <$type>::read(from, at)?;
                    })*
                    if at.flexible {
                        from.skip_tags()?;
                    }
                    Ok(value)
                }

                fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
                    $(if $crate::wire::extra::value::has_field!(at $($since)?) {
                        self.$field.write(to, at)?;
                    })*
                    to.put_no_tags(at);
                    Ok(())
                }
            }

            impl Value for Option<$name> {
                fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
                    if from.i8()? < 0 { Ok(None) } else { $name::read(from, at).map(Some) }
                }

                fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
                    match self {
                        Some(value) => {
                            to.put(&[1]);
                            value.write(to, at)
                        }
                        None => {
                            to.put(&[0xff]);
                            Ok(())
                        }
                    }
                }
            }
        )*
    };
}

macro_rules! default_of {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}

macro_rules! has_field {
    ($at:ident) => {
        true
    };
    ($at:ident $since:literal) => {
        $at.number >= $since
    };
}

/// Lets structs of our own be read and written as the codec's messages are: name, versions, first flexible one.
macro_rules! messages {
    ($($name:ident: $min:literal to $max:literal, flexible $flexible:literal;)*) => {
        $(
            impl kafka_protocol::protocol::Message for $name {
                const VERSIONS: VersionRange = VersionRange { min: $min, max: $max };
                const DEPRECATED_VERSIONS: Option<VersionRange> = None;
            }

            impl kafka_protocol::protocol::Decodable for $name {
                fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> anyhow::Result<Self> {
                    let at = $crate::wire::extra::value::version_of(version, $min, $max, $flexible)?;
                    let length = buf.remaining();
                    let mut from = Reader::new(buf.peek_bytes(0..length));
                    let value = <$name as Value>::read(&mut from, at)?;
                    buf.advance(length - from.remaining());
                    Ok(value)
                }
            }

            impl kafka_protocol::protocol::Encodable for $name {
                fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> anyhow::Result<()> {
                    let at = $crate::wire::extra::value::version_of(version, $min, $max, $flexible)?;
                    Ok(self.write(&mut Out(buf), at)?)
                }

                fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
                    let at = $crate::wire::extra::value::version_of(version, $min, $max, $flexible)?;
                    Ok($crate::wire::extra::value::size_of_value(self, at)?)
                }
            }
        )*
    };
}

pub(super) fn version_of(number: i16, min: i16, max: i16, flexible: i16) -> Result<Version, WireError> {
    if (min..=max).contains(&number) {
        Ok(Version { number, flexible: number >= flexible })
    } else {
        Err(WireError::Malformed(format!("no version {number} of this message")))
    }
}

/// What a file of messages uses.
pub(super) mod prelude {
    pub(in super::super) use super::{Out, Sink, Value, Version, messages, structs};
    pub(in super::super) use crate::wire::error::WireError;
    pub(in super::super) use crate::wire::extra::read::Reader;
    pub(in super::super) use kafka_protocol::protocol::VersionRange;
    pub(in super::super) use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
}

pub(super) use {default_of, has_field, messages, structs};

#[cfg(test)]
mod tests;
