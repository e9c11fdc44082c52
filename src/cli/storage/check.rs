//! `ottla storage check`: what is damaged in data directories, and with `--repair` the mending of it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::load;
use crate::disk::Disk;
use crate::disk::real::RealDisk;
use crate::log::check::{self, Checked, Severity};
use crate::log::checkpoint::{self, Offsets};
use crate::log::names::DirState;
use crate::log::{DirError, LogDir};
use crate::model::{Offset, TopicPartition};

/// The metadata log's directory looks like a partition's, and its batches are checked like one's.
const METADATA_LOG: &str = "__cluster_metadata-0";

/// What was found in all.
#[derive(Default)]
struct Sum {
    partitions: usize,
    batches: u64,
    size_bytes: u64,
    damaged: usize,
    mended: usize,
}

pub fn run(dirs: &[PathBuf], config: Option<&Path>, repair: bool) -> Exit {
    let mut dirs = dirs.to_vec();
    if let Some(file) = config {
        match load::load(Some(file), &[], &[]).config {
            Ok(config) => dirs.extend(super::info::directories(&config)),
            Err(mistakes) => {
                load::tell("The settings cannot be used:", &mistakes);
                return Exit::Config;
            }
        }
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut sum = Sum::default();
    for dir in &dirs {
        // Opening would make it.
        if !dir.is_dir() {
            eprintln!("{} is not a directory", dir.display());
            return Exit::Failure;
        }
        if let Err(e) = check_dir(&disk, dir, repair, &mut sum) {
            eprintln!("ottla: {e}");
            return Exit::Failure;
        }
    }
    println!("{} partitions, {} batches, {} bytes", sum.partitions, sum.batches, sum.size_bytes);
    match (sum.damaged, sum.mended) {
        (0, _) => println!("Nothing is damaged."),
        (damaged, 0) if !repair => {
            println!("{damaged} findings of damage. --repair takes out what is damaged and keeps the rest.")
        }
        (damaged, mended) => println!("{mended} of {damaged} findings of damage were mended."),
    }
    if sum.damaged == sum.mended { Exit::Success } else { Exit::Failure }
}

fn check_dir(disk: &Arc<dyn Disk>, path: &Path, repair: bool, sum: &mut Sum) -> Result<(), DirError> {
    let at = |source| DirError::Io { dir: path.into(), source };
    // Held to the end: no broker may start meanwhile.
    let dir = LogDir::open(disk.clone(), path)?;
    dir.identity()?;
    let mut recovery = checkpoints(&dir, repair, sum).map_err(at)?;
    let mut found = dir.partitions().map_err(at)?;
    found.retain(|partition| partition.state == DirState::Live);
    found.sort_by(|a, b| (&a.name.topic, a.name.partition.0).cmp(&(&b.name.topic, b.name.partition.0)));
    let mut shortened = HashMap::new();
    for partition in found {
        let recovery_point = match partition.path.ends_with(METADATA_LOG) {
            true => Offset(0),
            false => recovery.get(&partition.name).copied().unwrap_or_default(),
        };
        let checked = check::partition(&**disk, &partition.path, recovery_point).map_err(at)?;
        sum.partitions += 1;
        sum.batches += checked.batches;
        sum.size_bytes += checked.size_bytes;
        // Metadata without one of its changes would be other metadata: nothing is taken out of its log.
        let repair = repair && !partition.path.ends_with(METADATA_LOG);
        let mended = tell(&**disk, &checked, repair, sum).map_err(at)?;
        if mended && checked.end < recovery_point {
            shortened.insert(partition.name, checked.end);
        }
    }
    if !shortened.is_empty() {
        recovery.extend(shortened);
        dir.set_checkpoint(checkpoint::RECOVERY_POINT, &recovery).map_err(at)?;
    }
    Ok(())
}

/// Tells the findings of one partition, and mends them when asked. True when it did.
fn tell(disk: &dyn Disk, checked: &Checked, repair: bool, sum: &mut Sum) -> io::Result<bool> {
    for finding in &checked.findings {
        let severity = match finding.severity {
            Severity::Note => "note",
            Severity::Damage => "DAMAGED",
        };
        println!("{severity}: {}: {}", finding.path.display(), finding.what);
    }
    if !checked.is_damaged() {
        return Ok(false);
    }
    let damaged = checked.findings.iter().filter(|finding| finding.severity == Severity::Damage).count();
    sum.damaged += damaged;
    if !repair {
        return Ok(false);
    }
    checked.findings.iter().try_for_each(|finding| check::mend(disk, finding))?;
    // One finding may mend others of its file; a log that ends early is mended by setting its recovery point back.
    let mended = |path: &Path| path.is_dir() || checked.findings.iter().any(|f| f.path == path && f.mend.is_some());
    let damaged = checked.findings.iter().filter(|f| f.severity == Severity::Damage);
    sum.mended += damaged.filter(|f| mended(&f.path)).count();
    Ok(true)
}

/// The recovery points. Checkpoint files that cannot be read are damage too.
fn checkpoints(dir: &LogDir, repair: bool, sum: &mut Sum) -> io::Result<Offsets> {
    let files = [
        (checkpoint::RECOVERY_POINT, "logs are read from their start instead"),
        (checkpoint::LOG_START, "without it deleted records come back"),
        (checkpoint::HIGH_WATERMARK, "it is made anew"),
    ];
    let mut recovery: HashMap<TopicPartition, Offset> = HashMap::new();
    for (file, consequence) in files {
        let (offsets, wrong) = dir.checkpoint(file)?;
        if let Some(what) = wrong {
            println!("DAMAGED: {}: {what}; {consequence}", dir.path().join(file).display());
            sum.damaged += 1;
            if repair {
                dir.set_checkpoint(file, &Offsets::new())?;
                sum.mended += 1;
            }
        }
        if file == checkpoint::RECOVERY_POINT {
            recovery = offsets;
        }
    }
    Ok(recovery)
}
