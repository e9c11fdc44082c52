//! Every bound that is not a Kafka setting, by name. What is configurable lives in `config`.

/// Longest topic name, in bytes: with the partition suffix it must still be a file name.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Fixed size of a record batch header, magic 2.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes before the part that `batch length` counts: base offset and the length itself.
pub const BATCH_PREFIX_BYTES: usize = 12;
/// Elements that one request's arrays may hold together; beyond it the request is refused before anything is allocated.
pub const REQUEST_ELEMENTS_MAX: usize = 1_000_000;
/// Batches of one producer whose offsets are remembered, to answer a retry with the first answer.
pub const PRODUCER_BATCHES_REMEMBERED: usize = 5;
/// Requests of one connection that may wait for their answers at once; then its socket is not read any more.
pub const CONNECTION_IN_FLIGHT_MAX: usize = 64;
/// What one produced batch may decompress to, where nothing else is said: Kafka has no bound, and so can be made to
/// decompress for minutes.
pub const DECOMPRESSED_BATCH_BYTES_MAX: usize = 128 << 20;
/// Bad records of one batch that an answer lists.
pub const RECORD_ERRORS_MAX: usize = 10_000;
