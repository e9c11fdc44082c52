//! The request header, read by hand: it must yield a correlation id even for what is not served, and never panic.

use bytes::{Buf, Bytes};

use super::error::WireError;
use super::extra::read::Reader;
use super::messages::StrBytes;
use super::versions;

/// Who asks what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    pub api: i16,
    pub version: i16,
    pub correlation_id: i32,
    /// What the client calls itself; bytes that are not UTF-8 are replaced, as Java does.
    pub client_id: Option<StrBytes>,
}

/// Splits a frame into its header and its body, which shares the frame's memory.
/// The version may be one that is not served: only ApiVersions answers that, every other API closes the connection.
pub fn parse(mut frame: Bytes) -> Result<(RequestHeader, Bytes), WireError> {
    if frame.len() < 8 {
        return Err(WireError::Truncated);
    }
    let api = frame.get_i16();
    let version = frame.get_i16();
    let correlation_id = frame.get_i32();
    let known = versions::of(api).ok_or(WireError::UnknownApi { api })?;
    let mut reader = Reader::new(frame);
    // The client id keeps its two-byte length even where the rest is compact. Any negative length is null.
    let length = reader.i16()?;
    let client_id = match usize::try_from(length) {
        Ok(length) => Some(lossy(reader.take(length)?)),
        Err(_) => None,
    };
    if known.is_flexible(version) {
        reader.skip_tags()?;
    }
    Ok((RequestHeader { api, version, correlation_id, client_id }, reader.rest()))
}

/// What the client of a connection calls itself, in memory of its own: a slice of a frame would keep all of that frame
/// as long as its request waits. Clients hardly ever change their minds, so that one copy serves all requests.
#[derive(Default)]
pub struct KeptClientId(Option<StrBytes>);

impl KeptClientId {
    /// Lets the header share the copy in the place of the frame.
    pub fn share_with(&mut self, header: &mut RequestHeader) {
        let Some(told) = &mut header.client_id else { return };
        let kept = match self.0.take() {
            Some(kept) if kept == *told => kept,
            _ => StrBytes::from_string(told.to_string()),
        };
        *told = self.0.insert(kept).clone();
    }
}

/// Text as Java reads it: what is not UTF-8 becomes U+FFFD.
fn lossy(bytes: Bytes) -> StrBytes {
    match StrBytes::from_utf8(bytes.clone()) {
        Ok(text) => text,
        Err(_) => StrBytes::from_string(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &'static [u8]) -> Result<(RequestHeader, Bytes), WireError> {
        parse(Bytes::from_static(bytes))
    }

    #[test]
    fn a_header_without_tags_leaves_the_body() {
        let (header, body) = parsed(b"\0\x12\0\x01\0\0\0\x07\0\x03abcbody").unwrap();
        assert_eq!(
            header,
            RequestHeader { api: 18, version: 1, correlation_id: 7, client_id: Some(StrBytes::from_static_str("abc")) }
        );
        assert_eq!(body, b"body"[..]);
    }

    #[test]
    fn a_flexible_header_skips_its_tags() {
        let (header, body) = parsed(b"\0\x03\0\x0c\0\0\0\x07\0\x01x\x01\x05\x02ab\x01\0\0\0").unwrap();
        assert_eq!((header.api, header.version), (3, 12));
        assert_eq!(body, b"\x01\0\0\0"[..]);
        assert_eq!(parsed(b"\0\x03\0\x0c\0\0\0\x07\0\x01x\x01\x05\x07ab"), Err(WireError::Truncated));
    }

    #[test]
    fn a_client_id_may_be_null_by_any_negative_length_or_no_text() {
        for length in [b"\xff\xff", b"\xff\xfe"] {
            let frame = [b"\0\x12\0\0\0\0\0\x07".as_slice(), length].concat();
            assert_eq!(parse(frame.into()).unwrap().0.client_id, None);
        }
        let (header, _) = parsed(b"\0\x12\0\0\0\0\0\x07\0\x02\xff\xfe").unwrap();
        assert_eq!(header.client_id.unwrap().as_str(), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_header_with_a_kept_client_id_does_not_keep_its_frame() {
        let mut kept = KeptClientId::default();
        for (name, text) in [(b'a', "a"), (b'a', "a"), (b'b', "b"), (b'a', "a")] {
            let frame = Bytes::from(vec![0, 18, 0, 1, 0, 0, 0, 7, 0, 1, name, 9, 9]);
            let (mut header, body) = parse(frame.clone()).unwrap();
            kept.share_with(&mut header);
            drop(body);
            assert!(frame.is_unique());
            assert_eq!(header.client_id.unwrap().as_str(), text);
        }
        let mut nameless = parsed(b"\0\x12\0\x01\0\0\0\x07\xff\xff").unwrap().0;
        kept.share_with(&mut nameless);
        assert_eq!(nameless.client_id, None);
    }

    #[test]
    fn cut_headers_are_errors_at_every_length() {
        let whole = b"\0\x03\0\x0c\0\0\0\x07\0\x01x\x01\x05\x02ab";
        for length in 0..whole.len() {
            assert_eq!(parsed(&whole[..length]), Err(WireError::Truncated), "{length} bytes");
        }
        assert!(parsed(whole).is_ok());
    }

    #[test]
    fn an_unknown_api_is_told_apart_from_an_unknown_version() {
        assert_eq!(parsed(b"\x03\xe7\0\0\0\0\0\x07\0\x01x"), Err(WireError::UnknownApi { api: 999 }));
        let (header, _) = parsed(b"\0\x12\x7f\xff\0\0\0\x07\0\x01x\0").unwrap();
        assert_eq!((header.version, header.correlation_id), (32767, 7));
        let (header, _) = parsed(b"\0\x12\xff\xff\0\0\0\x07\0\x01x").unwrap();
        assert_eq!(header.version, -1);
    }
}
