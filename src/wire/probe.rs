//! The one question that the binary itself asks as a client: does a broker answer? By hand, since the codec writes
//! requests and reads answers only for tests.

use bytes::{BufMut, Bytes, BytesMut};

use super::codec::put_request_header;
use super::error::WireError;
use super::extra::read::Reader;
use super::versions::ApiKey;

/// The version every broker answers, whatever else it speaks.
const VERSION: i16 = 0;

/// ApiVersions, framed and ready to send.
pub fn request(correlation_id: i32, client_id: &str) -> Result<Bytes, WireError> {
    let mut message = BytesMut::new();
    put_request_header(&mut message, ApiKey::ApiVersions.api(), VERSION, correlation_id, Some(client_id))?;
    let mut frame = BytesMut::with_capacity(4 + message.len());
    frame.put_u32(message.len() as u32);
    frame.put_slice(&message);
    Ok(frame.freeze())
}

/// What a broker said to [`request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub correlation_id: i32,
    pub error_code: i16,
    /// Key, lowest and highest version of every API it told.
    pub apis: Vec<(i16, i16, i16)>,
}

/// Reads the answer from its frame, without the size before it.
pub fn answer(frame: Bytes) -> Result<Answer, WireError> {
    let mut from = Reader::new(frame);
    let mut answer = Answer { correlation_id: from.i32()?, error_code: from.i16()?, apis: Vec::new() };
    for _ in 0..from.i32()? {
        answer.apis.push((from.i16()?, from.i16()?, from.i16()?));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse, api_versions_response::ApiVersion};
    use crate::wire::{codec, header};

    #[test]
    fn the_question_is_the_codecs() {
        let expected = codec::encode_request(7, Some("health"), 0, &ApiVersionsRequest::default()).unwrap();
        let frame = request(7, "health").unwrap();
        assert_eq!(frame, expected);
        assert_eq!(header::parse(frame.slice(4..)).unwrap().0.api, 18);
    }

    #[test]
    fn the_answer_is_read_as_it_was_written() {
        let produce = ApiVersion::default().with_api_key(0).with_min_version(3).with_max_version(13);
        let body = ApiVersionsResponse::default().with_error_code(35).with_api_keys(vec![produce]);
        let frame = codec::encode_reply(7, 0, &body).unwrap().slice(4..);
        let expected = Answer { correlation_id: 7, error_code: 35, apis: vec![(0, 3, 13)] };
        assert_eq!(answer(frame.clone()), Ok(expected));
        for length in 0..frame.len() {
            assert_eq!(answer(frame.slice(..length)), Err(WireError::Truncated));
        }
    }
}
