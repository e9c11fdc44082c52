//! The APIs of consumer groups and committed offsets. Each asks the group's machine and waits for its answer.

pub(super) mod consumer_group_describe;
pub(super) mod consumer_group_heartbeat;
pub(super) mod delete_groups;
pub(super) mod describe_groups;
pub(super) mod find_coordinator;
pub(super) mod heartbeat;
pub(super) mod join_group;
pub(super) mod leave_group;
pub(super) mod list_groups;
pub(super) mod offset_commit;
pub(super) mod offset_delete;
pub(super) mod offset_fetch;
pub(super) mod sync_group;

use std::sync::Arc;

use uuid::Uuid;

use super::Context;
use crate::broker::coordinator::Asking;
use crate::broker::groups::{GroupHost, OFFSETS_TOPIC};
use crate::controller::group::assign::java_order;
use crate::controller::group::events::{Call, Caller, Event, Reply, Request};
use crate::controller::topics::Sight;
use crate::model::ErrorCode;
use crate::model::java_hash::java_hash;
use crate::security::{Operation, ResourceType};

/// What a machine answers of another kind than it was asked for cannot happen; the client hears of it as of any fault.
pub(super) const WRONG_REPLY: ErrorCode = ErrorCode::UnknownServerError;

/// A client's request as the machine hears it.
pub(super) fn call(cx: &Context, request: Request) -> Event {
    let sight = if cx.broker.authorizer().is_enabled() {
        let cx = cx.clone();
        Sight::through(move |topic| cx.allows(Operation::Describe, ResourceType::Topic, topic))
    } else {
        Sight::default()
    };
    let caller = Caller {
        sight,
        api_version: cx.version(),
        client_id: Arc::from(cx.client_id()),
        client_host: cx.peer.host.clone(),
    };
    // Entropy costs a system call.
    let fresh_id = if request.makes_members() { cx.broker.random_uuid() } else { Uuid::nil() };
    Event::Call(Box::new(Call { caller, fresh_id, request }))
}

/// Asks the machine of a group. The question is on its way when this returns: questions of one connection keep their
/// order.
pub(super) fn ask(cx: &Context, group: &str, request: Request) -> Asking<GroupHost> {
    match cx.broker.groups().shard_of(group) {
        Ok(shard) => shard.ask(call(cx, request)),
        Err(code) => Asking::Refused(code),
    }
}

/// Groups of one request by the partition that keeps them, in the order in which Kafka's table of partitions shows
/// them; within a partition in the order of the request.
fn by_partition(cx: &Context, groups: &[Arc<str>]) -> Vec<(Option<i32>, Vec<Arc<str>>)> {
    let mut split: Vec<(Option<i32>, Vec<Arc<str>>)> = Vec::new();
    for group in groups {
        // Without the topic all of them get the same answer.
        let partition = cx.broker.groups().partition_of(group);
        match split.iter_mut().find(|(known, _)| *known == partition) {
            Some((_, together)) => together.push(group.clone()),
            None => split.push((partition, vec![group.clone()])),
        }
    }
    let topic = java_hash(OFFSETS_TOPIC);
    let buckets = java_order::grown_table(split.len());
    java_order::sort(&mut split, buckets, |(partition, _)| {
        partition.unwrap_or(0).wrapping_add(31).wrapping_mul(31).wrapping_add(topic)
    });
    split
}

/// Asks each partition about its groups.
pub(super) async fn ask_each<T>(
    cx: &Context,
    groups: &[Arc<str>],
    request: impl Fn(Vec<Arc<str>>) -> Request,
    answers: impl Fn(Reply) -> Option<Vec<T>>,
    failed: impl Fn(&Arc<str>, ErrorCode) -> T,
) -> Vec<T> {
    let mut asked = Vec::new();
    for (partition, ids) in by_partition(cx, groups) {
        let shard = partition.ok_or(ErrorCode::CoordinatorNotAvailable).and_then(|p| cx.broker.groups().shard(p));
        let asking = shard.map(|shard| shard.ask(call(cx, request(ids.clone()))));
        asked.push((ids, asking));
    }
    let mut all = Vec::with_capacity(groups.len());
    for (ids, asking) in asked {
        let answered = match asking {
            Ok(asking) => asking.await,
            Err(code) => Err(code),
        };
        match answered.map(&answers) {
            Ok(Some(found)) => all.extend(found),
            other => {
                let code = other.err().unwrap_or(WRONG_REPLY);
                all.extend(ids.iter().map(|id| failed(id, code)));
            }
        }
    }
    all
}
