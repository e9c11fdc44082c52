//! What a new directory begins with: `bootstrap.checkpoint`, and for a quorum whose voters the log names, the first
//! snapshot that names them.

use std::io;
use std::path::Path;

use super::FOLDER;
use super::batches::Batcher;
use super::load::Quorum;
use super::snapshot;
use crate::controller::records::{METADATA_VERSION_LATEST, MetadataRecord};
use crate::disk::Together;
use crate::model::LeaderEpoch;
use crate::records::{ControlRecord, Voter};

/// Beside the partitions' folders: records that the metadata log begins with.
pub(super) const BOOTSTRAP: &str = "bootstrap.checkpoint";
/// The snapshot at offset 0 and epoch 0.
const FIRST_SNAPSHOT: &str = "00000000000000000000-0000000000.checkpoint";

/// What a directory is formatted with.
pub struct Formatting {
    /// The features' levels, then whatever else the cluster is to begin with.
    pub records: Vec<MetadataRecord>,
    /// The node itself as the only voter, when no voters are configured.
    pub voter: Option<Voter>,
    pub now_ms: i64,
}

/// Writes the files. The directory must exist.
pub fn format(together: &mut Together, log_dir: &Path, formatting: &Formatting) -> io::Result<()> {
    let bootstrap = snapshot_bytes(&Quorum::default(), &formatting.records, formatting.now_ms);
    together.replace(&log_dir.join(BOOTSTRAP), &bootstrap)?;
    if let Some(voter) = &formatting.voter {
        let quorum = Quorum { kraft_version: 1, voters: vec![voter.clone()], is_logged: false };
        let folder = log_dir.join(FOLDER);
        together.make_dir(&folder)?;
        together.replace(&folder.join(FIRST_SNAPSHOT), &snapshot_bytes(&quorum, &[], formatting.now_ms))?;
    }
    Ok(())
}

fn snapshot_bytes(quorum: &Quorum, records: &[MetadataRecord], now_ms: i64) -> Vec<u8> {
    let mut batcher = Batcher::new(0, LeaderEpoch(0), METADATA_VERSION_LATEST, now_ms);
    batcher.control(&snapshot::header(quorum, 0));
    for record in records {
        batcher.push(record);
    }
    batcher.control(&[ControlRecord::SnapshotFooter]);
    batcher.finish().concat()
}
