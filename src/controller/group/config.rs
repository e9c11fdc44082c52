//! The settings of groups: the broker's, and those of single groups (config resource type 32).

use std::collections::BTreeMap;

use super::GroupId;

/// Between which protocols a group with members may be converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MigrationPolicy {
    Disabled,
    /// Classic to KIP-848.
    Upgrade,
    /// KIP-848 to classic.
    Downgrade,
    #[default]
    Bidirectional,
}

impl MigrationPolicy {
    /// As written in `group.consumer.migration.policy`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "disabled" => MigrationPolicy::Disabled,
            "upgrade" => MigrationPolicy::Upgrade,
            "downgrade" => MigrationPolicy::Downgrade,
            "bidirectional" => MigrationPolicy::Bidirectional,
            _ => return None,
        })
    }

    pub fn allows_upgrade(self) -> bool {
        matches!(self, MigrationPolicy::Upgrade | MigrationPolicy::Bidirectional)
    }

    pub fn allows_downgrade(self) -> bool {
        matches!(self, MigrationPolicy::Downgrade | MigrationPolicy::Bidirectional)
    }
}

/// What one group sets for itself; the broker's setting counts where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupOverrides {
    pub consumer_session_timeout_ms: Option<i32>,
    pub consumer_heartbeat_interval_ms: Option<i32>,
    pub consumer_assignment_interval_ms: Option<i32>,
}

/// Every setting that decides what groups do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.min.session.timeout.ms`
    pub classic_session_timeout_min_ms: i32,
    /// `group.max.session.timeout.ms`
    pub classic_session_timeout_max_ms: i32,
    /// `group.initial.rebalance.delay.ms`
    pub classic_initial_rebalance_delay_ms: i32,
    /// `group.max.size`
    pub classic_size_max: usize,
    /// How long a member that does not know its id yet may wait in JoinGroup; Kafka has it fixed.
    pub classic_new_member_join_timeout_ms: i32,
    /// `offset.metadata.max.bytes`, counted by Kafka in UTF-16 units
    pub offset_metadata_max: usize,
    /// `offsets.retention.minutes`
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`
    pub offsets_retention_check_interval_ms: i64,
    /// `group.consumer.session.timeout.ms`
    pub consumer_session_timeout_ms: i32,
    /// `group.consumer.heartbeat.interval.ms`
    pub consumer_heartbeat_interval_ms: i32,
    /// `group.consumer.max.size`
    pub consumer_size_max: usize,
    /// `group.consumer.assignors`, the first is the default
    pub consumer_assignors: Vec<String>,
    /// `group.consumer.migration.policy`
    pub consumer_migration_policy: MigrationPolicy,
    /// `group.consumer.assignment.interval.ms`
    pub consumer_assignment_interval_ms: i32,
    /// `group.consumer.regex.refresh.interval.ms`
    pub consumer_regex_refresh_interval_ms: i64,
    /// The groups that have settings of their own.
    pub overrides: BTreeMap<GroupId, GroupOverrides>,
}

impl Default for GroupConfig {
    /// Kafka 4.3's defaults.
    fn default() -> Self {
        GroupConfig {
            classic_session_timeout_min_ms: 6_000,
            classic_session_timeout_max_ms: 1_800_000,
            classic_initial_rebalance_delay_ms: 3_000,
            classic_size_max: i32::MAX as usize,
            classic_new_member_join_timeout_ms: 300_000,
            offset_metadata_max: 4_096,
            offsets_retention_ms: 7 * 24 * 60 * 60_000,
            offsets_retention_check_interval_ms: 600_000,
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            consumer_size_max: i32::MAX as usize,
            consumer_assignors: vec!["uniform".into(), "range".into()],
            consumer_migration_policy: MigrationPolicy::Bidirectional,
            consumer_assignment_interval_ms: 1_000,
            consumer_regex_refresh_interval_ms: 600_000,
            overrides: BTreeMap::new(),
        }
    }
}

impl GroupConfig {
    fn own<T>(&self, group: &str, setting: impl Fn(&GroupOverrides) -> Option<T>) -> Option<T> {
        self.overrides.get(group).and_then(setting)
    }

    pub fn consumer_session_timeout_ms(&self, group: &str) -> i32 {
        self.own(group, |own| own.consumer_session_timeout_ms).unwrap_or(self.consumer_session_timeout_ms)
    }

    pub fn consumer_heartbeat_interval_ms(&self, group: &str) -> i32 {
        self.own(group, |own| own.consumer_heartbeat_interval_ms).unwrap_or(self.consumer_heartbeat_interval_ms)
    }

    pub fn consumer_assignment_interval_ms(&self, group: &str) -> i32 {
        self.own(group, |own| own.consumer_assignment_interval_ms).unwrap_or(self.consumer_assignment_interval_ms)
    }
}
