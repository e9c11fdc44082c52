//! The bytes of `__transaction_state`: Kafka's `TransactionLogKey` and `TransactionLogValue`, versions 0 and 1.

use std::collections::BTreeSet;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::state::{TxnMetadata, TxnState, TxnVersion};
use crate::controller::machine::{LogRecord, Producer};
use crate::model::{PartitionIndex, ProducerEpoch, ProducerId, TopicName, TopicPartition};

const KEY_TYPE: i16 = 0;
const TAG_PREVIOUS_PRODUCER_ID: u32 = 0;
const TAG_NEXT_PRODUCER_ID: u32 = 1;
const TAG_CLIENT_VERSION: u32 = 2;

/// Bytes that are no record of the transaction log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    #[error("the record ends too early")]
    Short,
    #[error("a text is not UTF-8")]
    Text,
    #[error("a length or number is out of range")]
    Number,
    /// Left by a newer Kafka; skipped when loading, as Kafka does.
    #[error("key type or value version {0} is not known")]
    Version(i16),
}

/// The record for a transactional id: its state, or `None` to forget it.
pub fn encode(transactional_id: &str, metadata: Option<&TxnMetadata>, version: TxnVersion) -> LogRecord {
    LogRecord {
        key: encode_key(transactional_id),
        value: metadata.map(|metadata| encode_value(metadata, version)),
        producer: None,
    }
}

fn encode_key(transactional_id: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(4 + transactional_id.len());
    key.put_i16(KEY_TYPE);
    put_string(&mut key, transactional_id);
    key.freeze()
}

/// The transactional id of a key.
pub fn decode_key(mut key: &[u8]) -> Result<String, BadRecord> {
    match key.try_get_i16().map_err(|_| BadRecord::Short)? {
        KEY_TYPE => get_text(&mut key, false),
        other => Err(BadRecord::Version(other)),
    }
}

fn encode_value(metadata: &TxnMetadata, version: TxnVersion) -> Bytes {
    let version = version.log_value_version();
    let flexible = version >= 1;
    let mut value = BytesMut::with_capacity(96);
    value.put_i16(version);
    value.put_i64(metadata.producer.id.0);
    value.put_i16(metadata.producer.epoch.0);
    value.put_i32(metadata.timeout_ms);
    value.put_i8(metadata.state as i8);
    put_partitions(&mut value, metadata, flexible);
    value.put_i64(metadata.last_update_ms);
    value.put_i64(metadata.start_ms);
    if flexible {
        put_tags(&mut value, metadata);
    }
    value.freeze()
}

fn put_partitions(value: &mut BytesMut, metadata: &TxnMetadata, flexible: bool) {
    if metadata.state == TxnState::Empty {
        // Null, as Kafka writes it: this state has no partitions.
        if flexible {
            value.put_u8(0)
        } else {
            value.put_i32(-1)
        }
        return;
    }
    let topics: BTreeSet<&TopicName> = metadata.partitions.iter().map(|p| &p.topic).collect();
    put_count(value, topics.len(), flexible);
    for topic in topics {
        let of_topic: Vec<PartitionIndex> =
            metadata.partitions.iter().filter(|p| &p.topic == topic).map(|p| p.partition).collect();
        if flexible {
            put_uvarint(value, topic.len() as u32 + 1);
            value.put_slice(topic.as_bytes());
        } else {
            put_string(value, topic);
        }
        put_count(value, of_topic.len(), flexible);
        of_topic.iter().for_each(|partition| value.put_i32(partition.0));
        if flexible {
            value.put_u8(0);
        }
    }
}

fn put_tags(value: &mut BytesMut, metadata: &TxnMetadata) {
    let ids =
        [(TAG_PREVIOUS_PRODUCER_ID, metadata.previous_producer_id), (TAG_NEXT_PRODUCER_ID, metadata.next_producer_id)];
    let ids = ids.into_iter().filter(|(_, id)| *id != ProducerId::NONE);
    let version = Some(metadata.client_version).filter(|v| *v != TxnVersion::V0);
    put_uvarint(value, (ids.clone().count() + version.iter().len()) as u32);
    for (tag, id) in ids {
        put_uvarint(value, tag);
        put_uvarint(value, 8);
        value.put_i64(id.0);
    }
    if let Some(version) = version {
        put_uvarint(value, TAG_CLIENT_VERSION);
        put_uvarint(value, 2);
        value.put_i16(version.0);
    }
}

/// The state of a value.
pub fn decode_value(mut value: &[u8]) -> Result<TxnMetadata, BadRecord> {
    let input = &mut value;
    let version = input.try_get_i16().map_err(|_| BadRecord::Short)?;
    if !(0..=1).contains(&version) {
        return Err(BadRecord::Version(version));
    }
    let flexible = version >= 1;
    let id = ProducerId(get_i64(input)?);
    let epoch = ProducerEpoch(input.try_get_i16().map_err(|_| BadRecord::Short)?);
    let timeout_ms = input.try_get_i32().map_err(|_| BadRecord::Short)?;
    let state = input.try_get_i8().map_err(|_| BadRecord::Short)?;
    let state = TxnState::from_number(state).ok_or(BadRecord::Number)?;
    let partitions = get_partitions(input, flexible)?;
    let mut metadata = TxnMetadata {
        producer: Producer { id, epoch },
        previous_producer_id: ProducerId::NONE,
        next_producer_id: ProducerId::NONE,
        timeout_ms,
        state,
        partitions,
        last_update_ms: get_i64(input)?,
        start_ms: get_i64(input)?,
        client_version: TxnVersion::V0,
    };
    if flexible {
        get_tags(input, &mut metadata)?;
    }
    Ok(metadata)
}

fn get_partitions(input: &mut &[u8], flexible: bool) -> Result<BTreeSet<TopicPartition>, BadRecord> {
    let mut partitions = BTreeSet::new();
    for _ in 0..get_count(input, flexible)? {
        let topic: TopicName = get_text(input, flexible)?.into();
        for _ in 0..get_count(input, flexible)? {
            let index = input.try_get_i32().map_err(|_| BadRecord::Short)?;
            partitions.insert(TopicPartition { topic: topic.clone(), partition: PartitionIndex(index) });
        }
        if flexible {
            skip_tags(input)?;
        }
    }
    Ok(partitions)
}

fn get_tags(input: &mut &[u8], metadata: &mut TxnMetadata) -> Result<(), BadRecord> {
    for _ in 0..get_uvarint(input)? {
        let (tag, mut field) = get_tag(input)?;
        match tag {
            TAG_PREVIOUS_PRODUCER_ID => metadata.previous_producer_id = ProducerId(get_i64(&mut field)?),
            TAG_NEXT_PRODUCER_ID => metadata.next_producer_id = ProducerId(get_i64(&mut field)?),
            TAG_CLIENT_VERSION => {
                metadata.client_version = TxnVersion(field.try_get_i16().map_err(|_| BadRecord::Short)?);
            }
            // A field of a newer Kafka.
            _ => {}
        }
    }
    Ok(())
}

fn skip_tags(input: &mut &[u8]) -> Result<(), BadRecord> {
    for _ in 0..get_uvarint(input)? {
        get_tag(input)?;
    }
    Ok(())
}

fn get_tag<'a>(input: &mut &'a [u8]) -> Result<(u32, &'a [u8]), BadRecord> {
    let tag = get_uvarint(input)?;
    let size = get_uvarint(input)?;
    Ok((tag, take(input, size as usize)?))
}

fn put_string(out: &mut BytesMut, text: &str) {
    // Never truncated: the machine refuses longer ids, and topic names are far shorter.
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

fn put_count(out: &mut BytesMut, count: usize, flexible: bool) {
    if flexible { put_uvarint(out, count as u32 + 1) } else { out.put_i32(count as i32) }
}

fn put_uvarint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

fn take<'a>(input: &mut &'a [u8], size: usize) -> Result<&'a [u8], BadRecord> {
    let (taken, rest) = input.split_at_checked(size).ok_or(BadRecord::Short)?;
    *input = rest;
    Ok(taken)
}

fn get_i64(input: &mut &[u8]) -> Result<i64, BadRecord> {
    input.try_get_i64().map_err(|_| BadRecord::Short)
}

fn get_uvarint(input: &mut &[u8]) -> Result<u32, BadRecord> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = input.try_get_u8().map_err(|_| BadRecord::Short)?;
        value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BadRecord::Number)
}

/// Elements to come; null counts as none. Never allocated for: every element takes bytes of the input.
fn get_count(input: &mut &[u8], flexible: bool) -> Result<u32, BadRecord> {
    if flexible {
        return Ok(get_uvarint(input)?.saturating_sub(1));
    }
    let count = input.try_get_i32().map_err(|_| BadRecord::Short)?;
    Ok(u32::try_from(count).unwrap_or(0))
}

fn get_text(input: &mut &[u8], flexible: bool) -> Result<String, BadRecord> {
    let size = if flexible {
        get_uvarint(input)?.checked_sub(1).ok_or(BadRecord::Number)? as usize
    } else {
        let size = input.try_get_i16().map_err(|_| BadRecord::Short)?;
        usize::try_from(size).map_err(|_| BadRecord::Number)?
    };
    String::from_utf8(take(input, size)?.to_vec()).map_err(|_| BadRecord::Text)
}

#[cfg(test)]
mod tests;
