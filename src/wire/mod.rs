//! Bytes on the socket: frames, headers, versions, messages. The only module that calls the `kafka-protocol` codec.
//!
//! The way of a request and its answer:
//!
//! 1. [`frame::FrameSplitter`] cuts whole frames out of a connection's read buffer;
//! 2. [`header::parse`] reads who asks what, and leaves the body as a slice of the same buffer;
//! 3. [`versions::of`] tells what is served, and [`codec::decode`] turns the body into a message: first [`guard`] walks
//!    it along the tables of [`shapes`] and checks every length against the bytes at hand, only then the codec decodes;
//! 4. [`codec::encode_reply`] makes the framed answer, a [`reply::Reply`] carries it, perhaps with regions of files.
//!
//! What the codec lacks or gets wrong against Kafka 4.3 is mended in [`extra`]; callers do not see the difference.

pub mod codec;
pub mod error;
pub mod extra;
pub mod frame;
pub mod guard;
pub mod header;
pub mod messages;
pub mod probe;
pub mod reply;
pub mod shapes;
pub mod throttle;
pub mod versions;

pub use error::WireError;
