//! Why bytes are no request, or a message cannot be sent.

/// A request that cannot be read, or an answer that cannot be written. A request's sender gets no answer for it: the
/// connection closes, as Kafka's does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("the bytes end before the message does")]
    Truncated,
    #[error("a variable-length number is longer than five bytes")]
    BadVarint,
    #[error("{0} is null, which it may not be")]
    Null(&'static str),
    #[error("{field} says it has {count} elements, more than its bytes can hold")]
    Count { field: &'static str, count: u32 },
    #[error("the request has too many elements")]
    TooManyElements,
    #[error("api {api} is unknown")]
    UnknownApi { api: i16 },
    #[error("api {api} has no version {version}")]
    UnsupportedVersion { api: i16, version: i16 },
    #[error("tag {tag} came with a later version")]
    UnexpectedTag { tag: u32 },
    #[error("malformed message: {0}")]
    Malformed(String),
    #[error("message cannot be written: {0}")]
    Unencodable(String),
}
