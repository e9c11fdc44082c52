//! What a group's members subscribe to together: how many by which name and by which pattern.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::member::Member;
use super::topics_hash::hash_of_topics;
use crate::controller::topics::TopicsView;
use crate::model::TopicName;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Members that name the topic.
    pub by_name: usize,
    /// Patterns that match the topic.
    pub by_pattern: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    pub topics: BTreeMap<TopicName, Count>,
    /// Members by pattern.
    pub patterns: BTreeMap<Arc<str>, usize>,
}

impl Subscriptions {
    pub fn add(&mut self, member: &Member) {
        for topic in member.topics.iter() {
            self.topics.entry(topic.clone()).or_default().by_name += 1;
        }
        if let Some(pattern) = member.pattern() {
            *self.patterns.entry(pattern.clone()).or_default() += 1;
        }
    }

    pub fn remove(&mut self, member: &Member) {
        for topic in member.topics.iter() {
            self.change(topic, |count| count.by_name = count.by_name.saturating_sub(1));
        }
        if let Some(pattern) = member.pattern() {
            decrement(&mut self.patterns, pattern);
        }
    }

    pub fn add_matches<'a>(&mut self, topics: impl IntoIterator<Item = &'a TopicName>) {
        for topic in topics {
            self.topics.entry(topic.clone()).or_default().by_pattern += 1;
        }
    }

    pub fn remove_matches<'a>(&mut self, topics: impl IntoIterator<Item = &'a TopicName>) {
        for topic in topics {
            self.change(topic, |count| count.by_pattern = count.by_pattern.saturating_sub(1));
        }
    }

    fn change(&mut self, topic: &TopicName, change: impl FnOnce(&mut Count)) {
        if let Some(count) = self.topics.get_mut(topic) {
            change(count);
            if *count == Count::default() {
                self.topics.remove(topic);
            }
        }
    }

    pub fn members_with(&self, pattern: &str) -> usize {
        self.patterns.get(pattern).copied().unwrap_or(0)
    }

    /// Whether all of so many members are subscribed to the same topics.
    pub fn is_the_same_for_all(&self, members: usize) -> bool {
        match self.patterns.first_key_value() {
            None => self.topics.values().all(|count| count.by_name == members),
            // One pattern that everyone has, and no names beside it.
            Some((_, with_it)) => {
                *with_it == members && self.topics.values().all(|count| count.by_pattern == 1 && count.by_name == 0)
            }
        }
    }

    pub fn hash(&self, topics: &dyn TopicsView) -> i64 {
        hash_of_topics(self.topics.keys().map(|name| &**name), topics)
    }
}

/// One less, and gone at zero.
pub fn decrement<K, Q>(counts: &mut BTreeMap<K, usize>, key: &Q)
where
    K: std::borrow::Borrow<Q> + Ord,
    Q: Ord + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
