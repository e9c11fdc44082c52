//! The typed parts of the broker's settings, one struct for each thing that reads them.

use crate::config::value::Value;
use crate::config::values::Values;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $kind:ty = $read:ident $key:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind),* }

        impl $name {
            pub(super) fn read(values: &Values) -> Self {
                Self { $($field: values.$read($key)),* }
            }
        }
    };
}

section! {
    /// Bounds of connections and requests.
    Network {
        request_max_bytes: usize = size "socket.request.max.bytes",
        /// -1 leaves it to the system.
        send_buffer_bytes: i32 = int32 "socket.send.buffer.bytes",
        /// -1 leaves it to the system.
        receive_buffer_bytes: i32 = int32 "socket.receive.buffer.bytes",
        listen_backlog: i32 = int32 "socket.listen.backlog.size",
        connections_max: i32 = int32 "max.connections",
        connections_per_ip_max: i32 = int32 "max.connections.per.ip",
        connections_per_second_max: i32 = int32 "max.connection.creation.rate",
        /// Negative never closes.
        idle_max_ms: i64 = int "connections.max.idle.ms",
        failed_authentication_delay_ms: i64 = int "connection.failed.authentication.delay.ms",
        queued_requests_max: usize = size "queued.max.requests",
        /// -1 is no bound.
        queued_bytes_max: i64 = int "queued.max.request.bytes",
        network_threads: usize = size "num.network.threads",
        io_threads: usize = size "num.io.threads",
    }
}

section! {
    /// Bounds of fetches and of requests over many partitions.
    Fetching {
        max_bytes: i32 = int32 "fetch.max.bytes",
        session_slots: usize = size "max.incremental.fetch.session.cache.slots",
        partitions_per_describe_max: i32 = int32 "max.request.partition.size.limit",
    }
}

section! {
    /// How topics come and go.
    NewTopics {
        auto_create: bool = bool "auto.create.topics.enable",
        may_be_deleted: bool = bool "delete.topic.enable",
        partitions: i32 = int32 "num.partitions",
        replication_factor: i32 = int32 "default.replication.factor",
    }
}

section! {
    /// Work on all logs.
    Logs {
        retention_check_interval_ms: i64 = int "log.retention.check.interval.ms",
        initial_task_delay_ms: i64 = int "log.initial.task.delay.ms",
        flush_scheduler_interval_ms: i64 = int "log.flush.scheduler.interval.ms",
        recovery_checkpoint_interval_ms: i64 = int "log.flush.offset.checkpoint.interval.ms",
        start_offset_checkpoint_interval_ms: i64 = int "log.flush.start.offset.checkpoint.interval.ms",
        high_watermark_checkpoint_interval_ms: i64 = int "replica.high.watermark.checkpoint.interval.ms",
        recovery_threads_per_dir: usize = size "num.recovery.threads.per.data.dir",
        background_threads: usize = size "background.threads",
        cleaner_enabled: bool = bool "log.cleaner.enable",
        cleaner_threads: usize = size "log.cleaner.threads",
        cleaner_dedupe_buffer_bytes: usize = size "log.cleaner.dedupe.buffer.size",
        cleaner_io_buffer_bytes: usize = size "log.cleaner.io.buffer.size",
        cleaner_buffer_load_factor: f64 = real "log.cleaner.io.buffer.load.factor",
        cleaner_io_bytes_per_second_max: f64 = real "log.cleaner.io.max.bytes.per.second",
        cleaner_backoff_ms: i64 = int "log.cleaner.backoff.ms",
    }
}

section! {
    /// Classic groups and committed offsets.
    Groups {
        session_timeout_min_ms: i32 = int32 "group.min.session.timeout.ms",
        session_timeout_max_ms: i32 = int32 "group.max.session.timeout.ms",
        initial_rebalance_delay_ms: i32 = int32 "group.initial.rebalance.delay.ms",
        members_max: i32 = int32 "group.max.size",
        offset_metadata_max_bytes: i32 = int32 "offset.metadata.max.bytes",
        offsets_retention_minutes: i64 = int "offsets.retention.minutes",
        offsets_retention_check_interval_ms: i64 = int "offsets.retention.check.interval.ms",
        offsets_commit_timeout_ms: i64 = int "offsets.commit.timeout.ms",
        offsets_topic_partitions: i32 = int32 "offsets.topic.num.partitions",
        offsets_topic_segment_bytes: i32 = int32 "offsets.topic.segment.bytes",
        offsets_topic_replication_factor: i32 = int32 "offsets.topic.replication.factor",
    }
}

section! {
    /// Consumer groups of the new protocol.
    ConsumerGroups {
        session_timeout_ms: i32 = int32 "group.consumer.session.timeout.ms",
        session_timeout_min_ms: i32 = int32 "group.consumer.min.session.timeout.ms",
        session_timeout_max_ms: i32 = int32 "group.consumer.max.session.timeout.ms",
        heartbeat_interval_ms: i32 = int32 "group.consumer.heartbeat.interval.ms",
        heartbeat_interval_min_ms: i32 = int32 "group.consumer.min.heartbeat.interval.ms",
        heartbeat_interval_max_ms: i32 = int32 "group.consumer.max.heartbeat.interval.ms",
        assignment_interval_ms: i32 = int32 "group.consumer.assignment.interval.ms",
        assignment_interval_min_ms: i32 = int32 "group.consumer.min.assignment.interval.ms",
        assignment_interval_max_ms: i32 = int32 "group.consumer.max.assignment.interval.ms",
        regex_refresh_interval_ms: i32 = int32 "group.consumer.regex.refresh.interval.ms",
        members_max: i32 = int32 "group.consumer.max.size",
        /// Built-in names; the first is the default.
        assignors: Vec<String> = words "group.consumer.assignors",
        migration: Migration = migration "group.consumer.migration.policy",
        /// Group protocols that are on.
        protocols: Vec<String> = words "group.coordinator.rebalance.protocols",
    }
}

section! {
    /// Transactions and producer ids.
    Transactions {
        timeout_max_ms: i32 = int32 "transaction.max.timeout.ms",
        id_expiration_ms: i32 = int32 "transactional.id.expiration.ms",
        abort_timed_out_interval_ms: i64 = int "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        remove_expired_interval_ms: i64 = int "transaction.remove.expired.transaction.cleanup.interval.ms",
        partition_verification: bool = bool "transaction.partition.verification.enable",
        two_phase_commit: bool = bool "transaction.two.phase.commit.enable",
        topic_partitions: i32 = int32 "transaction.state.log.num.partitions",
        topic_segment_bytes: i32 = int32 "transaction.state.log.segment.bytes",
        topic_min_isr: i32 = int32 "transaction.state.log.min.isr",
        producer_id_expiration_ms: i32 = int32 "producer.id.expiration.ms",
        producer_id_expiration_check_interval_ms: i32 = int32 "producer.id.expiration.check.interval.ms",
    }
}

section! {
    /// Windows over which quotas are measured.
    Quotas {
        window_samples: i32 = int32 "quota.window.num",
        window_seconds: i32 = int32 "quota.window.size.seconds",
        controller_window_samples: i32 = int32 "controller.quota.window.num",
        controller_window_seconds: i32 = int32 "controller.quota.window.size.seconds",
    }
}

section! {
    /// The controller's log.
    MetadataLog {
        segment_bytes: i32 = int32 "metadata.log.segment.bytes",
        segment_ms: i64 = int "metadata.log.segment.ms",
        retention_bytes: i64 = int "metadata.max.retention.bytes",
        retention_ms: i64 = int "metadata.max.retention.ms",
        bytes_between_snapshots_max: i64 = int "metadata.log.max.record.bytes.between.snapshots",
        snapshot_interval_max_ms: i64 = int "metadata.log.max.snapshot.interval.ms",
    }
}

section! {
    /// What an acknowledgement means.
    Durability {
        acks_all: AcksAll = acks_all "ottla.acks.all",
        disk_reserve_bytes: u64 = bytes "ottla.disk.reserve.bytes",
    }
}

/// What `acks=all` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcksAll {
    /// Bytes on stable storage.
    Fsync,
    /// Bytes in the page cache, as a one-node Kafka does.
    PageCache,
}

/// Which way a group may change its protocol while it has members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migration {
    Disabled,
    Downgrade,
    Upgrade,
    Bidirectional,
}

impl Values {
    fn words(&self, key: &str) -> Vec<String> {
        self.list(key).to_vec()
    }

    fn bytes(&self, key: &str) -> u64 {
        u64::try_from(self.int(key)).unwrap_or(0)
    }

    fn acks_all(&self, key: &str) -> AcksAll {
        match self.get(key) {
            Value::Text(text) if text == "page-cache" => AcksAll::PageCache,
            _ => AcksAll::Fsync,
        }
    }

    fn migration(&self, key: &str) -> Migration {
        match self.text(key).unwrap_or("").to_ascii_lowercase().as_str() {
            "disabled" => Migration::Disabled,
            "downgrade" => Migration::Downgrade,
            "upgrade" => Migration::Upgrade,
            _ => Migration::Bidirectional,
        }
    }
}
