//! What a stop leaves half done in a partition directory: files to be removed, and segments about to be replaced.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::names::{self, FileKind, Stage};
use super::walk::Walk;
use crate::disk::{Disk, Entry, Open};
use crate::model::Offset;

/// Removes what was to be removed, drops replacements that were not complete, and finishes those that were. True when
/// something changed.
pub fn settle(disk: &dyn Disk, dir: &Path, entries: &[Entry]) -> io::Result<bool> {
    let named: Vec<_> = entries
        .iter()
        .filter(|e| !e.is_dir)
        .filter_map(|e| names::parse(&e.name).map(|(base, kind, stage)| (base, kind, stage, e.name.as_str())))
        .collect();
    if named.iter().all(|(_, _, stage, _)| *stage == Stage::Live) {
        return Ok(false);
    }
    let in_stage = |wanted: Stage| named.iter().filter(move |(_, _, stage, _)| *stage == wanted);
    // A replacement of which some files were still being written was not begun: the old segments are all there.
    let incomplete = in_stage(Stage::Cleaned).map(|(base, ..)| *base).min();
    for (base, _, stage, name) in &named {
        let dead = match stage {
            Stage::Deleted | Stage::Cleaned => true,
            Stage::Swap => incomplete.is_some_and(|least| *base >= least),
            Stage::Live => false,
        };
        if dead {
            disk.remove_file(&dir.join(name))?;
        }
    }
    let swaps: BTreeSet<(Offset, FileKind)> = in_stage(Stage::Swap)
        .filter(|(base, ..)| incomplete.is_none_or(|least| *base < least))
        .map(|(base, kind, ..)| (*base, *kind))
        .collect();
    let logs: Vec<Offset> = swaps.iter().filter(|(_, kind)| *kind == FileKind::Log).map(|(base, _)| *base).collect();
    if let (Some(first), Some(last)) = (logs.first(), logs.last()) {
        let end = end_of(disk, &dir.join(names::file(*last, FileKind::Log, Stage::Swap)), *last)?;
        for (base, kind, _, name) in in_stage(Stage::Live) {
            if *kind != FileKind::Snapshot && *base >= *first && *base < end {
                disk.remove_file(&dir.join(name))?;
            }
        }
        // The old ones must not come back beside the new ones.
        disk.sync_dir(dir)?;
    }
    for (base, kind) in swaps {
        let from = dir.join(names::file(base, kind, Stage::Swap));
        disk.rename(&from, &dir.join(names::file(base, kind, Stage::Live)))?;
    }
    Ok(true)
}

fn end_of(disk: &dyn Disk, path: &Path, base: Offset) -> io::Result<Offset> {
    let file = disk.open(path, Open::Read)?;
    let mut walk = Walk::new(&*file, 0, file.size_bytes()?);
    let mut end = base.plus(1);
    while let Some((_, header)) = walk.next()? {
        end = header.next_offset();
    }
    Ok(end)
}
