use super::*;
use bytes::BytesMut;

const PLAIN: Version = Version { number: 0, flexible: false };
const COMPACT: Version = Version { number: 2, flexible: true };

fn written(value: &impl Value, at: Version) -> Bytes {
    let mut out = BytesMut::new();
    value.write(&mut Out(&mut out), at).unwrap();
    assert_eq!(size_of_value(value, at).unwrap(), out.len());
    out.freeze()
}

fn round_trip<T: Value + PartialEq + std::fmt::Debug>(value: T, plain: &[u8], compact: &[u8]) {
    for (at, bytes) in [(PLAIN, plain), (COMPACT, compact)] {
        assert_eq!(written(&value, at), bytes, "{value:?}");
        let mut from = Reader::new(Bytes::copy_from_slice(bytes));
        assert_eq!(T::read(&mut from, at).unwrap(), value);
        assert_eq!(from.remaining(), 0);
    }
}

#[test]
fn values_have_a_plain_and_a_compact_form() {
    round_trip(StrBytes::from_static_str("ab"), b"\0\x02ab", b"\x03ab");
    round_trip(None::<StrBytes>, b"\xff\xff", b"\0");
    round_trip(Some(Bytes::from_static(b"ab")), b"\0\0\0\x02ab", b"\x03ab");
    round_trip(None::<Bytes>, b"\xff\xff\xff\xff", b"\0");
    round_trip(vec![1i16, -1], b"\0\0\0\x02\0\x01\xff\xff", b"\x03\0\x01\xff\xff");
    round_trip(None::<Vec<i16>>, b"\xff\xff\xff\xff", b"\0");
    round_trip(true, b"\x01", b"\x01");
    round_trip(Uuid::from_u128(1), &1u128.to_be_bytes(), &1u128.to_be_bytes());
}

structs! {
    /// For the tests below.
    Pair {
        first: i8,
        second: i8 [2..] = -1,
    }
}

#[test]
fn a_struct_leaves_out_what_its_version_lacks() {
    let pair = Pair { first: 7, second: 8 };
    assert_eq!(written(&pair, PLAIN), [7][..]);
    assert_eq!(written(&pair, COMPACT), [7, 8, 0][..]);
    let read = Pair::read(&mut Reader::new(Bytes::from_static(&[7])), PLAIN).unwrap();
    assert_eq!(read, Pair { first: 7, second: -1 });
    let mut tagged = Reader::new(Bytes::from_static(&[7, 8, 1, 0, 2, 1, 2]));
    assert_eq!(Pair::read(&mut tagged, COMPACT).unwrap(), pair);
    assert_eq!(tagged.remaining(), 0);
}

#[test]
fn an_optional_struct_says_first_whether_it_is_there() {
    round_trip(Some(Pair { first: 7, second: -1 }), &[1, 7], &[1, 7, 0xff, 0]);
    round_trip(None::<Pair>, &[0xff], &[0xff]);
}

#[test]
fn counts_and_lengths_beyond_the_bytes_are_errors() {
    let huge = || Reader::new(Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 1]));
    assert!(matches!(Vec::<i8>::read(&mut huge(), PLAIN), Err(WireError::Count { .. })));
    assert_eq!(Option::<Bytes>::read(&mut huge(), PLAIN), Err(WireError::Truncated));
    assert_eq!(StrBytes::read(&mut Reader::new(Bytes::from_static(&[0])), COMPACT), Err(WireError::Null("a text")));
}

#[test]
fn text_too_long_for_its_length_is_not_written() {
    let text = StrBytes::from_string("x".repeat(32768));
    assert!(matches!(size_of_value(&text, COMPACT), Err(WireError::Unencodable(_))));
}
