//! Offsets that nobody has used for the retention time, and groups that nothing is left of.

use super::Committed;
use super::commit::forget;
use crate::controller::group::GroupId;
use crate::controller::group::classic::AgeBase;
use crate::controller::group::store::{Group, Store};
use crate::controller::group::turn::Turn;

impl Store {
    pub fn expire(&self, turn: &mut Turn<'_>) {
        for (id, group) in &self.groups {
            if self.expire_offsets(id, group, turn) && group.is_empty() {
                group.delete(id, turn);
            }
        }
    }

    /// True if nothing is left, not even of an open transaction.
    fn expire_offsets(&self, id: &GroupId, group: &Group, turn: &mut Turn<'_>) -> bool {
        let mut all_gone = !self.offsets.has_any_pending(id);
        let base = match group {
            Group::Classic(group) => group.offset_age_base(),
            Group::Consumer(_) => Some(AgeBase::Commit),
        };
        for (topic, partitions) in self.offsets.of_group(id) {
            let Some(base) = base.filter(|_| !group.is_subscribed_to(topic)) else {
                all_gone = false;
                continue;
            };
            for (&partition, commit) in partitions {
                if is_expired(commit, base, turn) && !self.offsets.has_pending(id, topic, partition) {
                    forget(turn, id, topic, partition);
                } else {
                    all_gone = false;
                }
            }
        }
        all_gone
    }
}

fn is_expired(commit: &Committed, base: AgeBase, turn: &Turn<'_>) -> bool {
    let now_ms = turn.now.wall_ms;
    match (commit.value.expire_timestamp_ms, base) {
        (-1, AgeBase::Commit) => {
            now_ms.saturating_sub(commit.value.commit_timestamp_ms) >= turn.config.offsets_retention_ms
        }
        (-1, AgeBase::At(since_ms)) => now_ms.saturating_sub(since_ms) >= turn.config.offsets_retention_ms,
        (expires_ms, _) => now_ms >= expires_ms,
    }
}
