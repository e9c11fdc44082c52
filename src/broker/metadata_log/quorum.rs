//! The small files beside the log: `quorum-state`, `partition.metadata`, `leader-epoch-checkpoint`.

use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::error::MetadataLogError;
use crate::disk::{Disk, Together, read_small};
use crate::model::TopicId;

const QUORUM_STATE: &str = "quorum-state";
const PARTITION_METADATA: &str = "partition.metadata";
const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// The id of the metadata log's topic, the same in every cluster.
const METADATA_TOPIC_ID: TopicId = TopicId(uuid::Uuid::from_u128(1));
/// Nobody, as `quorum-state` writes a voter id.
const NOBODY: i64 = -1;

/// What `quorum-state` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumState {
    pub leader_epoch: i32,
    /// Voters of a quorum whose voters are configured; empty in the format of dynamic voters.
    pub voters: Vec<i32>,
}

/// `None` when there is no file yet.
pub fn read_state(disk: &dyn Disk, folder: &Path) -> Result<Option<QuorumState>, MetadataLogError> {
    let path = folder.join(QUORUM_STATE);
    let Some(bytes) = read_small(disk, &path).map_err(|e| MetadataLogError::io(&path, e))? else { return Ok(None) };
    let state: Value = serde_json::from_slice(&bytes).map_err(|e| MetadataLogError::malformed(&path, e.to_string()))?;
    match state["data_version"].as_i64() {
        Some(0 | 1) => {}
        Some(other) => {
            return Err(MetadataLogError::malformed(&path, format!("data_version {other} is of a newer version")));
        }
        None => return Err(MetadataLogError::malformed(&path, "there is no data_version")),
    }
    let leader_epoch = state["leaderEpoch"].as_i64().and_then(|epoch| i32::try_from(epoch).ok());
    let leader_epoch =
        leader_epoch.ok_or_else(|| MetadataLogError::malformed(&path, "leaderEpoch is no epoch"))?.max(0);
    let voters = state["currentVoters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let voters = voters.iter().filter_map(|voter| voter["voterId"].as_i64()).map(|id| id as i32).collect();
    Ok(Some(QuorumState { leader_epoch, voters }))
}

/// Says that this node leads in an epoch, in the format of static (0) or dynamic (1) voters.
pub fn write_state(
    together: &mut Together,
    folder: &Path,
    node_id: i32,
    epoch: i32,
    kraft_version: i16,
) -> io::Result<()> {
    let state = match kraft_version {
        0 => json!({
            "clusterId": "",
            "leaderId": node_id,
            "leaderEpoch": epoch,
            "votedId": NOBODY,
            "appliedOffset": 0,
            "currentVoters": [{"voterId": node_id}],
            "data_version": 0,
        }),
        _ => json!({
            "leaderId": node_id,
            "leaderEpoch": epoch,
            "votedId": NOBODY,
            "votedDirectoryId": TopicId::ZERO.to_string(),
            "data_version": 1,
        }),
    };
    together.replace(&folder.join(QUORUM_STATE), state.to_string().as_bytes())
}

pub fn write_partition_metadata(disk: &dyn Disk, together: &mut Together, folder: &Path) -> io::Result<()> {
    let path = folder.join(PARTITION_METADATA);
    if disk.stat(&path)?.is_some() {
        return Ok(());
    }
    together.replace(&path, format!("version: 0\ntopic_id: {METADATA_TOPIC_ID}").as_bytes())
}

/// Where each epoch of the log begins.
pub fn write_epochs(together: &mut Together, folder: &Path, epochs: &[(i32, i64)]) -> io::Result<()> {
    let mut text = format!("0\n{}\n", epochs.len());
    for (epoch, start) in epochs {
        text.push_str(&format!("{epoch} {start}\n"));
    }
    together.replace(&folder.join(LEADER_EPOCHS), text.as_bytes())
}
