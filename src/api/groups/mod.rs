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

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use super::Context;
use crate::controller::group::events::{Call, Caller, Event, Reply, Request};
use crate::model::ErrorCode;

/// What a machine answers of another kind than it was asked for cannot happen; the client hears of it as of any fault.
pub(super) const WRONG_REPLY: ErrorCode = ErrorCode::UnknownServerError;

fn call(cx: &Context, request: Request) -> Event {
    let caller = Caller {
        api_version: cx.version(),
        client_id: Arc::from(cx.client_id()),
        client_host: Arc::from(cx.peer.host()),
    };
    Event::Call(Box::new(Call { caller, fresh_id: cx.broker.random_uuid(), request }))
}

/// Asks the machine of a group. The question is on its way when this returns: questions of one connection keep their
/// order.
pub(super) fn ask(
    cx: &Context,
    group: &str,
    request: Request,
) -> impl Future<Output = Result<Reply, ErrorCode>> + Send + use<> {
    let asking = cx.broker.groups().shard_of(group).map(|shard| shard.ask(call(cx, request)));
    async move { asking?.await }
}

/// Groups of one request by the partition that keeps them, with their places in the request.
pub(super) fn by_partition(cx: &Context, groups: &[Arc<str>]) -> BTreeMap<i32, Vec<(usize, Arc<str>)>> {
    let mut split: BTreeMap<i32, Vec<(usize, Arc<str>)>> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        // Without the topic all of them get the same answer.
        let partition = cx.broker.groups().partition_of(group).unwrap_or(-1);
        split.entry(partition).or_default().push((place, group.clone()));
    }
    split
}

/// Asks each partition about its groups, and puts the answers in the order of the request.
pub(super) async fn ask_each<T>(
    cx: &Context,
    groups: &[Arc<str>],
    request: impl Fn(Vec<Arc<str>>) -> Request,
    answers: impl Fn(Reply) -> Option<Vec<T>>,
    failed: impl Fn(&Arc<str>, ErrorCode) -> T,
) -> Vec<T> {
    let mut placed: Vec<(usize, T)> = Vec::with_capacity(groups.len());
    let mut asked = Vec::new();
    for (partition, members) in by_partition(cx, groups) {
        let ids = members.iter().map(|(_, id)| id.clone()).collect();
        let shard = match partition {
            -1 => Err(ErrorCode::CoordinatorNotAvailable),
            partition => cx.broker.groups().shard(partition),
        };
        asked.push((members, shard.map(|shard| shard.ask(call(cx, request(ids))))));
    }
    for (members, asking) in asked {
        let answered = match asking {
            Ok(asking) => asking.await,
            Err(code) => Err(code),
        };
        match answered.map(&answers) {
            Ok(Some(found)) => placed.extend(members.into_iter().map(|(place, _)| place).zip(found)),
            other => {
                let code = other.err().unwrap_or(WRONG_REPLY);
                placed.extend(members.iter().map(|(place, id)| (*place, failed(id, code))));
            }
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, answer)| answer).collect()
}
