//! ConsumerGroupDescribe: the group as it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::member::{Held, Member};
use super::state::ConsumerGroup;
use crate::controller::group::assign::{self, java_order::slot_of_str};
use crate::controller::topics::TopicsView;
use crate::model::{ErrorCode, PartitionIndex, TopicId};
use crate::wire::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};
use crate::wire::messages::{GroupId, StrBytes, TopicName};

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

/// Nobody asked for the operations that are allowed.
const NO_OPERATIONS: i32 = i32::MIN;

pub fn described(group: &ConsumerGroup, default_assignor: &str, topics: &dyn TopicsView) -> DescribedGroup {
    // Kafka shows the members as its hash table holds them.
    let mut members: Vec<&Arc<Member>> = group.members().collect();
    members.sort_by_key(|member| slot_of_str(&member.id));
    let assignor = group.preferred_assignor(None, None).map_or(default_assignor, |assignor| assignor.name());
    DescribedGroup::default()
        .with_group_id(GroupId(text(&group.id)))
        .with_group_state(StrBytes::from_static_str(group.state().name()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(text(assignor))
        .with_members(members.iter().map(|m| described_member(m, &group.target(&m.id), topics)).collect())
        .with_authorized_operations(NO_OPERATIONS)
}

/// The answer about a group that is none of this kind.
pub fn not_found(id: &str, exists: bool) -> DescribedGroup {
    let why = if exists { "is not a consumer group" } else { "not found" };
    DescribedGroup::default()
        .with_group_id(GroupId(text(id)))
        .with_error_code(ErrorCode::GroupIdNotFound.code())
        .with_error_message(Some(text(&format!("Group {id} {why}."))))
        .with_authorized_operations(NO_OPERATIONS)
}

fn described_member(member: &Member, target: &assign::Assignment, topics: &dyn TopicsView) -> DescribedMember {
    let optional = |value: &Option<Arc<str>>| value.as_deref().map(text);
    let target = target.iter().map(|(topic, partitions)| (*topic, partitions.iter().copied().collect()));
    DescribedMember::default()
        .with_member_id(text(&member.id))
        .with_instance_id(optional(&member.instance_id))
        .with_rack_id(optional(&member.rack_id))
        .with_member_epoch(member.epoch)
        .with_client_id(text(&member.client_id))
        .with_client_host(text(&member.client_host))
        .with_subscribed_topic_names(member.topics.iter().map(|name| TopicName(text(name))).collect())
        .with_subscribed_topic_regex(optional(&member.regex))
        .with_assignment(named(held_by(member), topics))
        .with_target_assignment(named(target, topics))
        .with_member_type(if member.is_classic() { 0 } else { 1 })
}

/// Until it has given partitions back they are its own.
fn held_by(member: &Member) -> BTreeMap<TopicId, Vec<PartitionIndex>> {
    let mut all: BTreeMap<TopicId, Vec<PartitionIndex>> = BTreeMap::new();
    let mut add = |held: &Held| {
        for (topic, partitions) in held {
            all.entry(*topic).or_default().extend(partitions.keys());
        }
    };
    add(&member.assigned);
    add(&member.revoking);
    all
}

/// Topics that are gone are left out.
fn named(partitions: impl IntoIterator<Item = (TopicId, Vec<PartitionIndex>)>, topics: &dyn TopicsView) -> Assignment {
    let topics = partitions.into_iter().filter_map(|(id, partitions)| {
        let (name, _) = topics.by_id(id)?;
        Some(
            TopicPartitions::default()
                .with_topic_id(id.0)
                .with_topic_name(TopicName(text(&name)))
                .with_partitions(partitions.iter().map(|p| p.0).collect()),
        )
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
