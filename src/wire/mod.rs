//! Bytes on the socket: frames, headers, versions, messages. The only module that calls the `kafka-protocol` codec.

pub mod messages;
