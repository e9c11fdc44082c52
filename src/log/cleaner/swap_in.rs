//! Putting a cleaned segment in the place of those it was made from, so that every moment is one the next start can go
//! on from, readers lose nothing, and nobody waits for a sync.
//!
//! 1. The new segment's files are renamed to `.swap`, the log last. From here on the next start finishes the job.
//! 2. Under the log's lock the new segment takes the old ones' place in the view, and these are renamed to `.deleted`.
//! 3. When those names are durable, the new files lose their suffix.

use std::io;
use std::sync::Arc;

use crate::disk::fault;
use crate::log::PartitionLog;
use crate::log::names::Stage;
use crate::log::retention::DeadFiles;
use crate::log::segment::Segment;

/// Where the log is to be found, behind whatever lock its writer uses.
pub trait Home {
    fn with_log<T>(&self, f: impl FnOnce(&mut PartitionLog) -> T) -> T;
}

/// Replaces `old` by `new`, whose files are complete and durable. `None`: the old ones are gone, and so is the new one.
pub fn swap_in(home: &impl Home, old: &[Arc<Segment>], new: &Arc<Segment>) -> io::Result<Option<DeadFiles>> {
    let disk = new.disk();
    new.change_stage(Stage::Swap, true)?;
    disk.sync_dir(&new.dir()).map_err(fault::of_sync)?;
    let Some(dead) = home.with_log(|log| log.take_in(old, new))? else {
        super::output::discard(new);
        disk.sync_dir(&new.dir()).map_err(fault::of_sync)?;
        return Ok(None);
    };
    disk.sync_dir(&new.dir()).map_err(fault::of_sync)?;
    // Retention may have taken it out of use since.
    new.change_stage_from(Stage::Swap, Stage::Live)?;
    disk.sync_dir(&new.dir()).map_err(fault::of_sync)?;
    Ok(Some(dead))
}

impl PartitionLog {
    fn take_in(&mut self, old: &[Arc<Segment>], new: &Arc<Segment>) -> io::Result<Option<DeadFiles>> {
        let view = self.view();
        // Retention may have taken some of them, from the front.
        let is_old = |s: &Arc<Segment>| old.iter().any(|o| Arc::ptr_eq(o, s));
        let Some(at) = view.segments.iter().position(is_old) else { return Ok(None) };
        let mut segments: Vec<_> = view.segments.iter().filter(|s| !is_old(s)).cloned().collect();
        segments.insert(at, new.clone());
        self.replace_view(segments);
        let mut dead = DeadFiles::default();
        for segment in view.segments.iter().filter(|s| is_old(s)) {
            self.bury(segment, &mut dead)?;
            if segment.base() != new.base() && self.snapshots.remove(&segment.base()) {
                self.bury_snapshot(segment.base(), &mut dead)?;
            }
        }
        Ok(Some(dead))
    }
}
