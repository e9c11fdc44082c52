//! What the tests ask of a broker, and what it answered: `Some` only for what was acknowledged.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ottla::model::{Offset, ProducerEpoch, ProducerId};
use ottla::records::{BatchBuilder, BatchIter, RecordIter};
use ottla::wire::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use ottla::wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla::wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use ottla::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla::wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::wire::messages::{self, *};

use super::node::Node;

pub const PRODUCE: i16 = 12;
pub const OFFSET_COMMIT: i16 = 8;
pub const CREATE_TOPICS: i16 = 7;
pub const END_TXN: i16 = 5;

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

/// Who produces: not even idempotently, idempotently, or in a transaction.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    pub id: i64,
    pub epoch: i16,
    pub transactional_id: Option<&'static str>,
}

pub fn create_topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let config = |(key, value): &(&str, &str)| {
        CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect());
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000)
}

pub fn produce(topic: &str, partition: i32, writer: Option<(&Writer, i32)>, values: &[&str]) -> ProduceRequest {
    let records: Vec<(Option<&str>, &str)> = values.iter().map(|value| (None, *value)).collect();
    produce_keyed(topic, partition, writer, &records)
}

/// Values that may have keys.
pub fn produce_keyed(
    topic: &str,
    partition: i32,
    writer: Option<(&Writer, i32)>,
    records: &[(Option<&str>, &str)],
) -> ProduceRequest {
    let mut builder = BatchBuilder::new(Offset(0));
    if let Some((writer, sequence)) = writer {
        builder = builder
            .producer(ProducerId(writer.id), ProducerEpoch(writer.epoch), sequence)
            .transactional(writer.transactional_id.is_some());
    }
    // Producers that have been silent for long are forgotten.
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    for (key, value) in records {
        builder.append(now_ms, key.map(str::as_bytes), Some(value.as_bytes()), &[]);
    }
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(builder.build()));
    let id = writer.and_then(|(writer, _)| writer.transactional_id);
    ProduceRequest::default()
        .with_transactional_id(id.map(|id| TransactionalId(text(id))))
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![
            TopicProduceData::default().with_name(text(topic).into()).with_partition_data(vec![data]),
        ])
}

/// Where the batch is, if it was acknowledged.
pub fn produced(answer: Option<ProduceResponse>) -> Option<i64> {
    let answer = answer?;
    let partition = &answer.responses.first()?.partition_responses[0];
    (partition.error_code == 0).then_some(partition.base_offset)
}

pub fn offset_commit(group: &str, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(text(topic).into()).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(text(group).into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

pub fn commit_code(answer: &OffsetCommitResponse) -> i16 {
    answer.topics[0].partitions[0].error_code
}

impl Node {
    pub fn create(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Option<uuid::Uuid> {
        let answer = self.ask(CREATE_TOPICS, &create_topic(name, partitions, configs))?;
        (answer.topics[0].error_code == 0).then_some(answer.topics[0].topic_id)
    }

    pub fn delete(&mut self, name: &str) -> Option<()> {
        let request = DeleteTopicsRequest::default().with_topic_names(vec![text(name).into()]).with_timeout_ms(30_000);
        (self.ask(5, &request)?.responses[0].error_code == 0).then_some(())
    }

    pub fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        writer: Option<(&Writer, i32)>,
        values: &[&str],
    ) -> Option<i64> {
        let request = produce(topic, partition, writer, values);
        let code = |answer: &ProduceResponse| answer.responses[0].partition_responses[0].error_code;
        produced(self.ask_until(PRODUCE, &request, code))
    }

    pub fn produce_key(&mut self, topic: &str, key: &str, value: &str) -> Option<i64> {
        produced(self.ask(PRODUCE, &produce_keyed(topic, 0, None, &[(Some(key), value)])))
    }

    /// Ends the active segment of partition 0; a real broker does so by size and time.
    pub fn roll(&self, topic: &str) -> Option<()> {
        self.broker.partition(topic, 0)?.log().roll(0).ok()
    }

    /// Waits until the coordinator of a group (0) or transactional id (1) is there.
    pub fn find_coordinator(&mut self, kind: i8, key: &str) -> Option<()> {
        let request = FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(vec![text(key)]);
        let answer = self.ask_until(4, &request, |answer| answer.coordinators[0].error_code)?;
        (answer.coordinators[0].error_code == 0).then_some(())
    }

    pub fn commit_offset(&mut self, group: &str, topic: &str, offset: i64) -> Option<()> {
        let answer = self.ask_until(OFFSET_COMMIT, &offset_commit(group, topic, offset), commit_code)?;
        (commit_code(&answer) == 0).then_some(())
    }

    pub fn committed_offset(&mut self, group: &str, topic: &str) -> i64 {
        self.find_coordinator(0, group).expect("a coordinator");
        let topic = OffsetFetchRequestTopics::default().with_name(text(topic).into()).with_partition_indexes(vec![0]);
        let group = OffsetFetchRequestGroup::default().with_group_id(text(group).into()).with_topics(Some(vec![topic]));
        let request = OffsetFetchRequest::default().with_groups(vec![group]);
        let answer = self.ask_until(8, &request, |answer| answer.groups[0].error_code).expect("an answer");
        assert_eq!(answer.groups[0].error_code, 0);
        answer.groups[0].topics[0].partitions[0].committed_offset
    }

    pub fn init_producer(&mut self, transactional_id: Option<&'static str>) -> Option<Writer> {
        if let Some(id) = transactional_id {
            self.find_coordinator(1, id)?;
        }
        let request = InitProducerIdRequest::default()
            .with_transactional_id(transactional_id.map(|id| TransactionalId(text(id))))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(messages::ProducerId(-1))
            .with_producer_epoch(-1);
        let answer = self.ask_until(4, &request, |answer| answer.error_code)?;
        let (id, epoch) = (answer.producer_id.0, answer.producer_epoch);
        (answer.error_code == 0).then_some(Writer { id, epoch, transactional_id })
    }

    /// Ends the writer's transaction; with what it goes on as.
    pub fn end_transaction(&mut self, writer: &Writer, commit: bool) -> Option<Writer> {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(text(writer.transactional_id.unwrap())))
            .with_producer_id(messages::ProducerId(writer.id))
            .with_producer_epoch(writer.epoch)
            .with_committed(commit);
        let answer = self.ask_until(END_TXN, &request, |answer| answer.error_code)?;
        let (id, epoch) = (answer.producer_id.0, answer.producer_epoch);
        (answer.error_code == 0).then_some(Writer { id, epoch, ..writer.clone() })
    }

    /// For every broker, while it runs.
    pub fn set_broker_config(&mut self, key: &str, value: &str) -> Option<()> {
        use ottla::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
        let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default().with_resource_type(4).with_configs(vec![config]);
        let answer = self.ask(1, &IncrementalAlterConfigsRequest::default().with_resources(vec![resource]))?;
        (answer.responses[0].error_code == 0).then_some(())
    }

    pub fn set_config(&mut self, topic: &str, key: &str, value: &str) -> Option<()> {
        let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(topic))
            .with_configs(vec![config]);
        let answer = self.ask(1, &AlterConfigsRequest::default().with_resources(vec![resource]))?;
        (answer.responses[0].error_code == 0).then_some(())
    }

    pub fn delete_records(&mut self, topic: &str, partition: i32, offset: i64) -> Option<()> {
        let partition = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
        let topic = DeleteRecordsTopic::default().with_name(text(topic).into()).with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
        (self.ask(2, &request)?.topics[0].partitions[0].error_code == 0).then_some(())
    }

    /// Everything a consumer can read: offset and value. `committed` leaves out what was aborted or is open.
    pub fn read(&self, topic: &str, partition: i32, committed: bool) -> Vec<(i64, String)> {
        use ottla::log::UpTo;
        let name = format!("{topic}-{partition}");
        let partition = self.broker.partition(topic, partition).unwrap_or_else(|| panic!("{name} is not served"));
        let up_to = if committed { UpTo::LastStable } else { UpTo::HighWatermark };
        let mut at = partition.ends().log_start;
        let mut found = Vec::new();
        while let Some(slice) = partition.read(at, 1 << 20, up_to, true).unwrap_or_else(|e| panic!("{name}: {e}")) {
            let mut bytes = vec![0; slice.size_bytes as usize];
            ottla::disk::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
            let aborted = slice.aborted_txns(at).unwrap();
            let aborted: Vec<(i64, i64)> = aborted.iter().map(|t| (t.producer_id.0, t.first_offset.0)).collect();
            found.extend(records(&Bytes::from(bytes), at, &aborted, committed, &name));
            at = slice.end_offset;
        }
        found
    }
}

fn records(bytes: &Bytes, from: Offset, aborted: &[(i64, i64)], committed: bool, name: &str) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut to_come = aborted.to_vec();
    let mut aborting: Vec<i64> = Vec::new();
    for batch in BatchIter::new(bytes).checking_crc() {
        let (position, header) = batch.unwrap_or_else(|e| panic!("{name}: {e}"));
        let payload = &bytes[position + ottla::model::limits::BATCH_HEADER_BYTES..position + header.size_bytes()];
        let begun = to_come.extract_if(.., |(_, first)| *first <= header.last_offset().0);
        aborting.extend(begun.map(|(id, _)| id));
        if header.is_control() {
            aborting.retain(|id| *id != header.producer_id.0);
            continue;
        }
        if committed && header.is_transactional() && aborting.contains(&header.producer_id.0) {
            continue;
        }
        for record in RecordIter::new(payload, header.record_count) {
            let record = record.unwrap();
            let offset = record.offset(&header);
            if offset >= from {
                found.push((offset.0, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
            }
        }
    }
    found
}
