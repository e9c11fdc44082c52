//! DescribeLogDirs (35), versions 1-5: the log directories, the partitions in them and the room there is. A client needs
//! DESCRIBE on the cluster.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::broker::durability::GroupCommit;
use crate::broker::log_dirs::BrokerDir;
use crate::broker::moving::Move;
use crate::broker::partition::Partition;
use crate::model::{ErrorCode, TopicPartition};
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::wire::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, StrBytes};

use super::{Context, Outcome, encode, topic_name};

/// Partitions that were asked for, by topic; `None` is all.
type Asked = Option<HashMap<String, HashSet<i32>>>;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: DescribeLogDirsRequest = codec::decode(cx.version(), body)?;
    // It asks the file system, which is no work for a network worker.
    Ok(Outcome::Later(Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || encode(&cx, &respond(&cx, request))).await;
        match done {
            Ok(outcome) => outcome.unwrap_or_else(|e| Outcome::Close(e.to_string())),
            Err(e) => Outcome::Close(format!("describing log directories failed: {e}")),
        }
    })))
}

fn respond(cx: &Context, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let mut response = DescribeLogDirsResponse::default();
    if let Err(error) = cx.needs_on_cluster(Operation::Describe) {
        response.error_code = error.code.code();
        return response;
    }
    let asked: Asked = request.topics.map(|topics| {
        let mut asked: HashMap<String, HashSet<i32>> = HashMap::new();
        for topic in topics {
            asked.entry(topic.topic.to_string()).or_default().extend(topic.partitions);
        }
        asked
    });
    let held = Held::now(cx);
    response.results = cx.broker.log_dirs().dirs.iter().map(|dir| describe(cx, dir, &held, &asked)).collect();
    response
}

/// What lies in the directories, and what comes, all of one moment: a partition that moves is seen in one of them.
struct Held {
    partitions: Vec<(Arc<Partition>, Arc<GroupCommit>)>,
    moves: Vec<Arc<Move>>,
}

impl Held {
    fn now(cx: &Context) -> Held {
        let mut moves = cx.broker.moves().all();
        let with_place = |partition: Arc<Partition>| (partition.clone(), partition.commit());
        let partitions: Vec<_> = cx.broker.partitions().all().into_iter().map(with_place).collect();
        moves.retain(|coming| !coming.partition.is_in(&coming.to));
        Held { partitions, moves }
    }
}

fn describe(cx: &Context, dir: &BrokerDir, held: &Held, asked: &Asked) -> DescribeLogDirsResult {
    let path = std::path::absolute(dir.dir.path()).unwrap_or_else(|_| dir.dir.path().to_path_buf());
    let mut result = DescribeLogDirsResult {
        log_dir: StrBytes::from_string(path.to_string_lossy().into_owned()),
        total_bytes: -1,
        usable_bytes: -1,
        is_cordoned: cx.broker.config().is_cordoned(dir.dir.path()),
        ..Default::default()
    };
    let space = cx.broker.disk().space(dir.dir.path()).ok().filter(|_| !dir.commit.is_offline());
    let Some(space) = space else {
        result.error_code = ErrorCode::KafkaStorageError.code();
        return result;
    };
    result.total_bytes = i64::try_from(space.total_bytes).unwrap_or(i64::MAX);
    result.usable_bytes = i64::try_from(space.usable_bytes).unwrap_or(i64::MAX);
    let mut topics: BTreeMap<&str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    let is_asked = |name: &TopicPartition| {
        let has = |indexes: &HashSet<i32>| indexes.contains(&name.partition.0);
        asked.as_ref().is_none_or(|topics| topics.get(&*name.topic).is_some_and(has))
    };
    let here = held.partitions.iter().filter(|(_, place)| Arc::ptr_eq(place, &dir.commit));
    for (partition, _) in here.filter(|(partition, _)| is_asked(partition.name())) {
        topics.entry(&partition.name().topic).or_default().push(DescribeLogDirsPartition {
            partition_index: partition.name().partition.0,
            partition_size: size_bytes(cx, partition),
            offset_lag: 0,
            is_future_key: false,
        });
    }
    let comes = |coming: &&Arc<Move>| std::ptr::eq(&*coming.to, dir) && is_asked(coming.partition.name());
    for coming in held.moves.iter().filter(comes) {
        topics.entry(&coming.partition.name().topic).or_default().push(DescribeLogDirsPartition {
            partition_index: coming.partition.name().partition.0,
            partition_size: i64::try_from(coming.copied_bytes()).unwrap_or(i64::MAX),
            offset_lag: coming.lag(),
            is_future_key: true,
        });
    }
    let topic = |(name, partitions)| DescribeLogDirsTopic { name: topic_name(name), partitions };
    result.topics = topics.into_iter().map(topic).collect();
    result
}

/// Bytes of a partition's batches. Those of a log that nobody has used yet are looked up without loading it.
fn size_bytes(cx: &Context, partition: &Partition) -> i64 {
    let loaded = partition.reader().size_bytes();
    let bytes = loaded.unwrap_or_else(|_| {
        let dir = partition.log().dir();
        let entries = cx.broker.disk().list(&dir).unwrap_or_default();
        entries.iter().filter(|entry| entry.name.ends_with(".log")).map(|entry| entry.size_bytes).sum()
    });
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
