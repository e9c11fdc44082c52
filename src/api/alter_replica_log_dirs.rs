//! AlterReplicaLogDirs (34), versions 1-2. The answer comes when the move is accepted; DescribeLogDirs
//! tells how far it is. Asking for the directory where a partition is calls its move off. A client needs ALTER on the
//! cluster.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use crate::wire::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

use super::{Context, Outcome, answer, topic_name};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse {
    let denied = cx.needs_on_cluster(Operation::Alter).err().map(|error| error.code);
    let mut topics: BTreeMap<String, Vec<AlterReplicaLogDirPartitionResult>> = BTreeMap::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            for index in &topic.partitions {
                let code = denied.unwrap_or_else(|| place(cx, &dir.path, &topic.name, *index));
                topics.entry(topic.name.to_string()).or_default().push(
                    AlterReplicaLogDirPartitionResult::default()
                        .with_partition_index(*index)
                        .with_error_code(code.code()),
                );
            }
        }
    }
    let topic = |(name, partitions): (String, _)| {
        AlterReplicaLogDirTopicResult::default().with_topic_name(topic_name(&name)).with_partitions(partitions)
    };
    AlterReplicaLogDirsResponse::default().with_results(topics.into_iter().map(topic).collect())
}

fn place(cx: &Context, path: &str, topic: &str, index: i32) -> ErrorCode {
    let wanted = cx.broker.log_dirs().by_path(Path::new(path));
    let Some(wanted) = wanted.filter(|_| Path::new(path).is_absolute()) else { return ErrorCode::LogDirNotFound };
    let partition = match cx.broker.served_partition(topic, index) {
        Ok(partition) => partition,
        Err(code) => return code,
    };
    if cx.broker.config().is_cordoned(wanted.dir.path()) {
        return ErrorCode::InvalidReplicaAssignment;
    }
    cx.broker.place(&partition, wanted).err().unwrap_or(ErrorCode::None)
}
