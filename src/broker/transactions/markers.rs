//! Writing the end of a transaction to each of its partitions: one append a partition, one shared wait for the disk.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::controller::group::events::Event;
use crate::controller::machine::{Producer, TxnMarker};
use crate::controller::txn::MarkerOrder;
use crate::log::{AppendError, EndTxn};
use crate::model::{ErrorCode, TopicPartition};

use super::super::Broker;
use super::super::acks::{AckGroup, AllDurable};
use super::super::groups::OFFSETS_TOPIC;

/// Pauses between attempts grow from the first to the last.
const RETRY_MS: std::ops::RangeInclusive<u64> = 10..=5_000;

/// Returns when every partition has its marker on stable storage, or is gone for good. Whatever stands in the way is
/// waited for: the transaction can do nothing else.
pub async fn write_all(broker: &Arc<Broker>, end: &EndTxn, order: &MarkerOrder) {
    let mut missing = order.partitions.clone();
    let mut pause_ms = *RETRY_MS.start();
    loop {
        let results = write(broker, end, &missing).await;
        let retry = |code: &ErrorCode| !is_final(*code);
        let failed: Vec<(TopicPartition, ErrorCode)> =
            missing.into_iter().zip(results).filter(|(_, code)| retry(code)).collect();
        let Some((partition, code)) = failed.first() else { return };
        warn!(
            "The transaction of {} waits for its marker in {} partitions, among them {partition}: {code}",
            order.transactional_id,
            failed.len()
        );
        missing = failed.into_iter().map(|(partition, _)| partition).collect();
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = (pause_ms * 2).min(*RETRY_MS.end());
    }
}

/// Whether another attempt could change nothing: written, obsolete, or nowhere to write to.
fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::None
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::TransactionCoordinatorFenced
            | ErrorCode::UnknownTopicOrPartition
    )
}

/// One attempt: an error code for each partition, in their order.
pub async fn write(broker: &Arc<Broker>, end: &EndTxn, partitions: &[TopicPartition]) -> Vec<ErrorCode> {
    let group = AckGroup::new();
    let mut results = vec![ErrorCode::None; partitions.len()];
    let mut of_offsets = Vec::new();
    for (slot, at) in partitions.iter().enumerate() {
        if &*at.topic == OFFSETS_TOPIC {
            // The group coordinator writes its own marker, to know of it.
            let event = Event::TxnMarker(marker(end));
            of_offsets.push((slot, broker.groups().shard(at.partition.0).map(|shard| shard.ask(event))));
        } else {
            results[slot] = append(broker, end, at, slot, &group);
        }
    }
    for (slot, asking) in of_offsets {
        let ended = match asking {
            Ok(asking) => asking.await.map(|_| ()),
            Err(_) => Err(broker
                .served_partition(&partitions[slot].topic, partitions[slot].partition.0)
                .err()
                .unwrap_or(ErrorCode::NotCoordinator)),
        };
        results[slot] = ended.err().unwrap_or(ErrorCode::None);
    }
    for (slot, code) in AllDurable(group).await {
        results[slot] = code;
    }
    results
}

fn append(broker: &Arc<Broker>, end: &EndTxn, at: &TopicPartition, slot: usize, group: &Arc<AckGroup>) -> ErrorCode {
    let Some(partition) = broker.partition(&at.topic, at.partition.0) else {
        return absent(broker, at);
    };
    let relaxed = broker.acks_from_page_cache();
    match partition.append_marker(end, broker.clock().now_ms(), relaxed) {
        Ok(appended) => {
            let end = appended.last_offset.plus(1);
            if !relaxed || partition.flushes_before_ack(end) {
                partition.when_durable(end, slot, group);
            }
            ErrorCode::None
        }
        Err(e) => {
            if matches!(e, AppendError::InvalidProducerEpoch { .. } | AppendError::CoordinatorFenced { .. }) {
                info!("{at} needs no marker of producer {} any more: {e}", end.producer_id);
            }
            e.code()
        }
    }
}

/// A partition that is deleted needs no marker; one that is only not served now does.
fn absent(broker: &Broker, at: &TopicPartition) -> ErrorCode {
    let image = broker.image();
    match image.topics.by_name(&at.topic).and_then(|topic| topic.partition(at.partition.0)) {
        Some(_) => ErrorCode::KafkaStorageError,
        None => ErrorCode::UnknownTopicOrPartition,
    }
}

fn marker(end: &EndTxn) -> TxnMarker {
    TxnMarker {
        producer: Producer { id: end.producer_id, epoch: end.producer_epoch },
        coordinator_epoch: end.coordinator_epoch,
        commit: end.commit,
        transaction_version: end.transaction_version,
    }
}
