//! Subscriptions by pattern: when they are looked up in the topics, and what follows from it.
//!
//! The look-up runs right after the event that asked for it, as an event of its own: a member that joins with a new
//! pattern is first answered with an empty assignment, as in Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use super::member::Member;
use super::rebalance::group_record;
use super::state::ConsumerGroup;
use super::subscriptions::decrement;
use crate::controller::group::events::GroupError;
use crate::controller::group::records::{Key, Record, RegexValue, Value};
use crate::controller::group::regex::TopicPattern;
use crate::controller::group::timers::Timer;
use crate::controller::topics::{Sight, TopicsView};
use crate::model::{ErrorCode, TopicId, TopicName};

/// Between two look-ups of one group.
const LOOK_UP_INTERVAL_MIN_MS: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternChange {
    None,
    /// The new pattern's topics are not known yet: the look-up will raise the epoch.
    Changed,
    /// They are known: the epoch must be raised now.
    ChangedAndKnown,
}

/// Compares the member's patterns, forgets the last member's pattern, and asks for a look-up where one is due.
pub(super) fn step_patterns(
    ctx: &mut Context,
    group: &ConsumerGroup,
    old: &Member,
    new: &Member,
    sight: &Sight,
) -> Result<PatternChange, GroupError> {
    let mut change = PatternChange::None;
    let mut is_new = false;
    if old.regex != new.regex {
        change = PatternChange::Changed;
        if let Some(pattern) = old.pattern().filter(|p| group.subscriptions.members_with(p) == 1) {
            ctx.records.push(Record::tombstone(Key::Regex { group: group.id.clone(), regex: pattern.clone() }));
        }
        match new.pattern() {
            Some(pattern) if group.subscriptions.members_with(pattern) == 0 => {
                TopicPattern::parse(pattern).map_err(|why| {
                    let text = format!("SubscribedTopicRegex `{pattern}` is not a valid regular expression: {why}.");
                    GroupError::with_message(ErrorCode::InvalidRegularExpression, text)
                })?;
                is_new = true;
            }
            Some(pattern) if group.matches(pattern).is_some() => change = PatternChange::ChangedAndKnown,
            None if old.pattern().is_some() => change = PatternChange::ChangedAndKnown,
            _ => {}
        }
    }
    if look_up_is_due(ctx, group, old, new, is_new) {
        ctx.timers.set_look(&group.id, Timer::ConsumerPatterns, ctx.now.monotonic_ms, sight.clone());
    }
    Ok(change)
}

fn look_up_is_due(ctx: &Context, group: &ConsumerGroup, old: &Member, new: &Member, is_new: bool) -> bool {
    if !is_new && group.subscriptions.patterns.is_empty() || ctx.timers.is_set(&group.id, Timer::ConsumerPatterns) {
        return false;
    }
    // All patterns of a group are looked up together.
    let last = group.all_matches().next().map(|(_, found)| found);
    let since_ms = last.map_or(i64::MAX, |found| ctx.now.wall_ms.saturating_sub(found.timestamp_ms));
    if since_ms <= LOOK_UP_INTERVAL_MIN_MS {
        return false;
    }
    let mut patterns = group.subscriptions.patterns.clone();
    if let Some(pattern) = old.pattern() {
        decrement(&mut patterns, &**pattern);
    }
    if let Some(pattern) = new.pattern() {
        *patterns.entry(pattern.clone()).or_default() += 1;
    }
    let unknown = patterns.len() != group.all_matches().len();
    // Topics that are gone leave the subscription by themselves.
    let other_topics = last.is_none_or(|found| found.version < ctx.topics.newest_topic());
    let old_enough = since_ms > ctx.config.consumer_regex_refresh_interval_ms;
    !patterns.is_empty() && (is_new || unknown || other_topics || old_enough)
}

/// Looks all patterns of the group up, among the topics that the member sees which asked for it; raises the group's
/// epoch if they match other topics than before.
pub fn look_up(ctx: &mut Context, group: &mut ConsumerGroup, sight: &Sight) {
    let patterns: Vec<Arc<str>> = group.subscriptions.patterns.keys().cloned().collect();
    if patterns.is_empty() {
        return;
    }
    let mut subscriptions = group.subscriptions.clone();
    let mut bump = false;
    for (pattern, topics) in matching(ctx.topics, patterns, sight) {
        let before = group.matches(&pattern).map(|found| &found.topics);
        if before != Some(&topics) && !(before.is_none() && topics.is_empty()) {
            bump = true;
            subscriptions.remove_matches(before.into_iter().flatten());
            subscriptions.add_matches(&topics);
        }
        bump |= topics.is_empty()
            && before.is_none()
            && (is_given_too_much(ctx.topics, group, &pattern) || leaves_partitions_out(ctx.topics, group));
        let value = RegexValue {
            topics: topics.into_iter().collect(),
            version: ctx.topics.version(),
            timestamp_ms: ctx.now.wall_ms,
        };
        ctx.records.push(Record::put(Key::Regex { group: group.id.clone(), regex: pattern }, Value::Regex(value)));
    }
    let hash = subscriptions.hash(ctx.topics);
    if bump || hash != group.metadata_hash {
        ctx.records.push(group_record(&group.id, group.epoch + 1, hash));
        group.soft.checked_version = Some(ctx.topics.version());
    }
}

/// Whether a member with a pattern that matches nothing is still meant to have topics it no longer subscribes to. Kafka
/// leaves their partitions to nobody until the next rebalance.
fn is_given_too_much(topics: &dyn TopicsView, group: &ConsumerGroup, pattern: &str) -> bool {
    group.members().filter(|member| member.pattern().is_some_and(|own| **own == *pattern)).any(|member| {
        let named = |id: &TopicId| topics.by_id(*id).is_some_and(|(name, _)| member.topics.contains(&name));
        group.target(&member.id).keys().any(|id| !named(id))
    })
}

/// Whether nobody is meant to have a partition that somebody subscribes to, and no new target is due. So it is in a group
/// that was taken over from the classic protocol before its leader had assigned anything; Kafka leaves it like this until
/// the next rebalance.
fn leaves_partitions_out(topics: &dyn TopicsView, group: &ConsumerGroup) -> bool {
    let mut meant: BTreeMap<TopicId, usize> = BTreeMap::new();
    for member in group.members() {
        for (id, partitions) in group.target(&member.id).iter() {
            *meant.entry(*id).or_default() += partitions.len();
        }
    }
    let is_short =
        |(id, count): (TopicId, i32)| meant.get(&id).copied().unwrap_or(0) < usize::try_from(count).unwrap_or(0);
    group.assignment_epoch == group.epoch
        && group.subscriptions.topics.keys().any(|name| topics.by_name(name).is_some_and(is_short))
}

fn matching(
    topics: &dyn TopicsView,
    patterns: Vec<Arc<str>>,
    sight: &Sight,
) -> BTreeMap<Arc<str>, BTreeSet<TopicName>> {
    // They were valid when they came; one that is not any more matches nothing.
    let compiled: Vec<Option<TopicPattern>> = patterns.iter().map(|p| TopicPattern::parse(p).ok()).collect();
    let mut found: Vec<BTreeSet<TopicName>> = vec![BTreeSet::new(); patterns.len()];
    topics.for_each(&mut |name, _, _| {
        let mut is_seen = None;
        for (pattern, found) in compiled.iter().zip(&mut found) {
            let matches = pattern.as_ref().is_some_and(|p| p.matches(name));
            if matches && *is_seen.get_or_insert_with(|| sight.sees(name)) {
                found.insert(name.clone());
            }
        }
    });
    patterns.into_iter().zip(found).collect()
}
