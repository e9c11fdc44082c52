//! Ids and positions as types of their own, so that an offset never passes for a partition.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                $name(value)
            }
        }
    };
}

number!(
    /// A record's position in its partition.
    Offset(i64)
);
number!(
    /// A partition's number within its topic.
    PartitionIndex(i32)
);
number!(
    /// Names a producer session; -1 is none.
    ProducerId(i64)
);
number!(
    /// Tells instances of one producer id apart; the older one is fenced.
    ProducerEpoch(i16)
);
number!(
    /// Counts the leaderships of a partition.
    LeaderEpoch(i32)
);
number!(
    /// A broker's number.
    NodeId(i32)
);

impl Offset {
    /// No offset, as the protocol writes it.
    pub const NONE: Offset = Offset(-1);

    pub fn plus(self, n: i64) -> Offset {
        Offset(self.0 + n)
    }
}

impl ProducerId {
    pub const NONE: ProducerId = ProducerId(-1);
}

impl ProducerEpoch {
    pub const NONE: ProducerEpoch = ProducerEpoch(-1);
}

impl LeaderEpoch {
    pub const NONE: LeaderEpoch = LeaderEpoch(-1);
}

/// A topic's identity, which its name is not: a recreated topic has another one.
/// Printed as Kafka prints it: URL-safe base64 without padding, 22 characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub Uuid);

impl TopicId {
    pub const ZERO: TopicId = TopicId(Uuid::nil());

    pub fn is_zero(self) -> bool {
        self.0.is_nil()
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

/// The text was not 22 characters of URL-safe base64.
#[derive(Debug, thiserror::Error)]
#[error("not an id in Kafka's form (22 characters of URL-safe base64)")]
pub struct BadId;

impl FromStr for TopicId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| BadId)?;
        Ok(TopicId(Uuid::from_slice(&bytes).map_err(|_| BadId)?))
    }
}

/// A topic's name, shared rather than copied.
pub type TopicName = Arc<str>;

/// One partition of one topic, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: PartitionIndex,
}

impl TopicPartition {
    pub fn new(topic: impl Into<TopicName>, partition: i32) -> Self {
        TopicPartition { topic: topic.into(), partition: PartitionIndex(partition) }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_print_and_parse_as_kafka_writes_them() {
        let id = TopicId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(id.to_string(), "ASNFZ4mrze8BI0VniavN7w");
        assert_eq!("ASNFZ4mrze8BI0VniavN7w".parse::<TopicId>().unwrap(), id);
        assert!("short".parse::<TopicId>().is_err());
    }
}
