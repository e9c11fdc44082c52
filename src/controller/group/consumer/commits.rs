//! Who may commit and fetch offsets in a KIP-848 group.

use std::sync::Arc;

use super::member::Member;
use super::state::ConsumerGroup;
use crate::model::{ErrorCode, PartitionIndex, TopicId};

/// Members of the newer protocol must use an OffsetCommit that can tell them of a stale epoch.
const COMMIT_WITH_EPOCH_VERSION: i16 = 9;

/// Which of a commit's partitions may be written.
#[derive(Clone, Debug)]
pub enum CommitCheck {
    All,
    /// The epoch is an older one: partitions count that the member has had since no later than then.
    HeldSince {
        member: Arc<Member>,
        epoch: i32,
        is_transactional: bool,
    },
}

impl CommitCheck {
    pub fn check(&self, topic: TopicId, partition: PartitionIndex) -> Result<(), ErrorCode> {
        match self {
            CommitCheck::All => Ok(()),
            CommitCheck::HeldSince { member, epoch, is_transactional } => {
                match member.assignment_epoch(topic, partition) {
                    Some(since) if since <= *epoch => Ok(()),
                    _ => Err(stale(member, *is_transactional)),
                }
            }
        }
    }
}

/// TxnOffsetCommit has no words for an epoch, nor has the older protocol.
fn stale(member: &Member, is_transactional: bool) -> ErrorCode {
    if is_transactional || member.is_classic() { ErrorCode::IllegalGeneration } else { ErrorCode::StaleMemberEpoch }
}

/// What a commit asks in the name of.
#[derive(Clone, Copy, Debug)]
pub struct Committer<'a> {
    pub member_id: &'a str,
    pub instance_id: Option<&'a str>,
    /// Or the generation.
    pub epoch: i32,
    pub is_transactional: bool,
    pub api_version: i16,
}

pub fn validate_commit(group: &ConsumerGroup, by: &Committer) -> Result<CommitCheck, ErrorCode> {
    if by.epoch < 0 && group.is_empty() {
        return Ok(CommitCheck::All);
    }
    // A transaction need not name a member.
    if by.is_transactional && by.epoch == -1 && by.member_id.is_empty() && by.instance_id.is_none() {
        return Ok(CommitCheck::All);
    }
    let member = group.member(by.member_id).ok_or(ErrorCode::UnknownMemberId)?;
    if !by.is_transactional && !member.is_classic() && by.api_version < COMMIT_WITH_EPOCH_VERSION {
        return Err(ErrorCode::UnsupportedVersion);
    }
    match by.epoch.cmp(&member.epoch) {
        std::cmp::Ordering::Equal => Ok(CommitCheck::All),
        std::cmp::Ordering::Greater => Err(stale(member, by.is_transactional)),
        std::cmp::Ordering::Less => {
            let is_transactional = by.is_transactional;
            Ok(CommitCheck::HeldSince { member: member.clone(), epoch: by.epoch, is_transactional })
        }
    }
}

/// A fetch may name no member.
pub fn validate_fetch(group: &ConsumerGroup, member_id: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
    if member_id.is_none() && epoch < 0 {
        return Ok(());
    }
    let member = group.member(member_id.unwrap_or_default()).ok_or(ErrorCode::UnknownMemberId)?;
    if member.epoch == epoch { Ok(()) } else { Err(stale(member, false)) }
}
