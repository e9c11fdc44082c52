//! Logs, batches and reading back, for every test here.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ottla::disk::Disk;
use ottla::log::{
    AppendBatch, AppendCtx, AppendError, Appended, Handles, LogConfig, LogEnv, LogReader, Opening, Origin,
    PartitionLog, UpTo,
};
use ottla::model::limits::BATCH_HEADER_BYTES;
use ottla::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition};
use ottla::records::{BatchBuilder, BatchHeader, BatchIter};

/// A batch of `n` records with this timestamp; the value tells which batch it was.
pub fn batch(tag: u64, n: usize, timestamp_ms: i64) -> Bytes {
    let mut builder = BatchBuilder::new(Offset(0));
    fill(&mut builder, tag, n, timestamp_ms);
    builder.build()
}

pub fn fill(builder: &mut BatchBuilder, tag: u64, n: usize, timestamp_ms: i64) {
    for record in 0..n {
        let value = format!("{tag}/{record}");
        builder.append(timestamp_ms, Some(b"k"), Some(value.as_bytes()), &[]);
    }
}

/// The same from an idempotent or transactional producer.
pub fn produced(tag: u64, n: usize, id: i64, epoch: i16, sequence: i32, transactional: bool) -> Bytes {
    let mut builder = BatchBuilder::new(Offset(0))
        .producer(ProducerId(id), ProducerEpoch(epoch), sequence)
        .transactional(transactional);
    fill(&mut builder, tag, n, 1_000);
    builder.build()
}

pub fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 2048, index_interval_bytes: 200, verify_transactions: false, ..LogConfig::default() }
}

pub fn env(disk: &Arc<dyn Disk>, dir: &Path, config: &LogConfig) -> LogEnv {
    LogEnv {
        handles: Handles::new(disk.clone(), 16),
        dir: dir.to_path_buf(),
        topic_partition: TopicPartition::new("t", 0),
        topic_id: TopicId(uuid::Uuid::from_u128(1)),
        config: Arc::new(config.clone()),
        jitter_seed: 1,
    }
}

pub fn ctx() -> AppendCtx {
    AppendCtx { leader_epoch: LeaderEpoch(0), origin: Origin::Client, now_ms: 1_000 }
}

pub fn append(log: &mut PartitionLog, batch: &Bytes) -> Result<Appended, AppendError> {
    let header = BatchHeader::parse(batch).unwrap();
    log.append(AppendBatch { header: &header, payload: &batch[BATCH_HEADER_BYTES..], guard: None }, &ctx())
}

/// Everything from an offset on, in reads of at most `max_bytes`: base offset and payload of each batch.
pub fn read_all(reader: &LogReader, from: Offset, max_bytes: u64, up_to: UpTo) -> Vec<(Offset, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = from;
    while let Some(slice) = reader.read(at, max_bytes, up_to, true).unwrap() {
        let mut bytes = vec![0; slice.size_bytes as usize];
        ottla::disk::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
        let mut iter = BatchIter::new(&bytes).checking_crc();
        for batch in &mut iter {
            let (position, header) = batch.unwrap();
            let end = position + header.size_bytes();
            found.push((header.base_offset, bytes[position + BATCH_HEADER_BYTES..end].to_vec()));
            assert!(header.next_offset() <= slice.end_offset);
            at = header.next_offset();
        }
        assert_eq!(iter.position(), bytes.len(), "a slice holds whole batches");
        assert!(slice.size_bytes <= max_bytes || found.len() == 1 || slice.size_bytes > 0);
    }
    found
}

pub fn payload(batch: &Bytes) -> Vec<u8> {
    batch[BATCH_HEADER_BYTES..].to_vec()
}

/// Closes in order and says how to open again.
pub fn close(log: &mut PartitionLog, disk: &dyn Disk) -> Opening {
    if let Some((sync, upkeep)) = log.close().unwrap() {
        sync.run(disk).unwrap();
        upkeep.run(disk).unwrap();
        log.synced(sync.up_to);
        log.upkept(&upkeep);
    }
    Opening {
        clean: true,
        recovery_point: log.recovery_point(),
        log_start: log.log_start(),
        high_watermark: log.ends().high_watermark,
        ..Opening::fresh(1_000)
    }
}

/// Syncs what has been appended, as a group commit would.
pub fn sync(log: &mut PartitionLog, disk: &dyn Disk) -> std::io::Result<()> {
    if let Some(work) = log.take_unsynced() {
        work.run(disk)?;
        log.synced(work.up_to);
    }
    Ok(())
}
