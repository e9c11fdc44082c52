//! Topics that the broker creates by itself: the coordinators' logs as Apache Kafka sets them up, and what clients ask
//! for by naming it.

use crate::config::BrokerConfig;
use crate::wire::messages::StrBytes;
use crate::wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};

use super::groups::OFFSETS_TOPIC;
use super::transactions::TRANSACTION_STATE;

/// How a topic of this name is made.
pub fn creatable(name: &str, config: &BrokerConfig) -> CreatableTopic {
    let (partitions, configs) = match name {
        OFFSETS_TOPIC => (
            config.groups.offsets_topic_partitions,
            vec![
                ("cleanup.policy", "compact".to_string()),
                ("compression.type", "producer".to_string()),
                ("segment.bytes", config.groups.offsets_topic_segment_bytes.to_string()),
            ],
        ),
        TRANSACTION_STATE => (
            config.transactions.topic_partitions,
            vec![
                ("unclean.leader.election.enable", "false".to_string()),
                ("compression.type", "uncompressed".to_string()),
                ("cleanup.policy", "compact".to_string()),
                ("min.insync.replicas", config.transactions.topic_min_isr.to_string()),
                ("segment.bytes", config.transactions.topic_segment_bytes.to_string()),
            ],
        ),
        _ => (-1, Vec::new()),
    };
    let text = |text: String| StrBytes::from_string(text);
    let configs = configs.into_iter().map(|(key, value)| {
        CreatableTopicConfig::default().with_name(text(key.to_string())).with_value(Some(text(value)))
    });
    CreatableTopic::default()
        .with_name(text(name.to_string()).into())
        .with_num_partitions(partitions)
        // The settings may ask for more replicas than one node has, as Kafka's defaults do.
        .with_replication_factor(if partitions == -1 { -1 } else { 1 })
        .with_configs(configs.collect())
}
