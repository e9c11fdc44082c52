//! The settings of topics as the broker and the log want them.

use std::sync::Arc;

use crate::config::broker::BrokerConfig;
use crate::config::topic::TimestampType as TopicTimestamps;
use crate::config::{Overrides, TopicSettings};
use crate::controller::metadata::MetadataImage;
use crate::log::LogConfig;
use crate::records::TimestampType;

/// Topics' settings from their overrides, typed for the broker and for the log. Those of topics without overrides are
/// all the same and shared.
pub struct SettingsOf<'a> {
    config: Arc<BrokerConfig>,
    image: &'a MetadataImage,
    plain: Option<TypedSettings>,
}

type TypedSettings = (Arc<TopicSettings>, Arc<LogConfig>);

impl<'a> SettingsOf<'a> {
    pub fn new(config: Arc<BrokerConfig>, image: &'a MetadataImage) -> Self {
        SettingsOf { config, image, plain: None }
    }

    pub fn topic(&mut self, topic: &str) -> TypedSettings {
        match self.image.configs.topic(topic) {
            Some(overrides) => typed(&self.config, overrides),
            None => self.plain.get_or_insert_with(|| typed(&self.config, &Overrides::new())).clone(),
        }
    }
}

fn typed(config: &BrokerConfig, overrides: &Overrides) -> TypedSettings {
    let settings = config.topic(overrides);
    let log = log_config(config, &settings);
    (Arc::new(settings), Arc::new(log))
}

fn log_config(config: &BrokerConfig, settings: &TopicSettings) -> LogConfig {
    let unsigned = |n: i32| u32::try_from(n).unwrap_or(0);
    LogConfig {
        segment_bytes: unsigned(settings.segment_bytes),
        segment_ms: settings.segment_ms,
        segment_jitter_ms: settings.segment_jitter_ms,
        segment_index_bytes: unsigned(settings.segment_index_bytes),
        index_interval_bytes: unsigned(settings.index_interval_bytes),
        retention_ms: settings.retention_ms,
        retention_bytes: settings.retention_bytes,
        delete: settings.cleanup_delete,
        compact: settings.cleanup_compact,
        max_message_bytes: unsigned(settings.max_message_bytes),
        timestamp_type: match settings.timestamp_type {
            TopicTimestamps::CreateTime => TimestampType::CreateTime,
            TopicTimestamps::LogAppendTime => TimestampType::LogAppendTime,
        },
        flush_messages: settings.flush_messages,
        flush_ms: settings.flush_ms,
        file_delete_delay_ms: settings.file_delete_delay_ms,
        preallocate: settings.preallocate,
        delete_retention_ms: settings.delete_retention_ms,
        min_compaction_lag_ms: settings.min_compaction_lag_ms,
        max_compaction_lag_ms: settings.max_compaction_lag_ms,
        min_cleanable_dirty_ratio: settings.min_cleanable_dirty_ratio,
        producer_id_expiration_ms: i64::from(config.transactions.producer_id_expiration_ms),
        verify_transactions: config.transactions.partition_verification,
    }
}
