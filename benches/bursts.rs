//! What a burst over many files costs until it is on stable storage, way by way: `cargo bench --bench bursts [-- DIR]`.
//! The group commit's choice rests on these figures; run it on the disk in question before changing that.
//!
//! Every round appends 4 KiB to each file and makes all of it durable. The ways take turns round by round, so that a
//! busy device is busy for all of them. Printed: the median and the 90th percentile of a round in microseconds.

use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ottla::disk::{Disk, DiskFile, FileSystem, Open, RealDisk};

const FILES: [usize; 6] = [1, 2, 4, 16, 100, 1000];
const APPEND: [u8; 4096] = [0x5a; 4096];

#[derive(Clone, Copy)]
enum Way {
    /// fdatasync of one after the other.
    Serial,
    /// Write-back of all begun first, then one after the other.
    WritebackSerial,
    /// fdatasync by this many threads.
    Threads(usize),
    /// Write-back of all begun first, then by this many threads.
    WritebackThreads(usize),
    /// One sync of the whole file system, where the broker would trust in it.
    FileSystem,
    /// The same, then fdatasync of each, which reports errors by file.
    FileSystemThenThreads(usize),
}

const WAYS: [(&str, Way); 9] = [
    ("serial", Way::Serial),
    ("writeback, serial", Way::WritebackSerial),
    ("4 threads", Way::Threads(4)),
    ("8 threads", Way::Threads(8)),
    ("16 threads", Way::Threads(16)),
    ("writeback, 4 threads", Way::WritebackThreads(4)),
    ("writeback, 8 threads", Way::WritebackThreads(8)),
    ("syncfs", Way::FileSystem),
    ("syncfs, 4 threads", Way::FileSystemThenThreads(4)),
];

fn threads(files: &[Arc<dyn DiskFile>], count: usize) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            file.sync_data().unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..count.min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
}

/// False when it cannot be done here.
fn make_durable(way: Way, files: &[Arc<dyn DiskFile>], file_system: Option<&dyn FileSystem>) -> bool {
    let whole = || file_system.map(|file_system| file_system.sync().unwrap());
    match way {
        Way::Serial => files.iter().for_each(|file| file.sync_data().unwrap()),
        Way::WritebackSerial => {
            files.iter().for_each(|file| file.start_writeback());
            files.iter().for_each(|file| file.sync_data().unwrap());
        }
        Way::Threads(count) => threads(files, count),
        Way::WritebackThreads(count) => {
            files.iter().for_each(|file| file.start_writeback());
            threads(files, count);
        }
        Way::FileSystem => return whole().is_some(),
        Way::FileSystemThenThreads(count) => return whole().map(|()| threads(files, count)).is_some(),
    }
    true
}

fn main() {
    let given = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from);
    let tmp = tempfile::tempdir_in(given.unwrap_or_else(std::env::temp_dir)).unwrap();
    let file_system = RealDisk.file_system(tmp.path());
    println!("{:>6}  {:<22} {:>9} {:>9}", "files", "way", "median us", "p90 us");
    for count in FILES {
        let open = |n: usize| RealDisk.open(&tmp.path().join(format!("{count}-{n}")), Open::Create).unwrap();
        let files: Vec<Arc<dyn DiskFile>> = (0..count).map(open).collect();
        let rounds = (3000 / count).clamp(7, 200);
        let mut taken_us: Vec<Vec<u128>> = vec![Vec::new(); WAYS.len()];
        let mut at = 0;
        for _ in 0..rounds {
            for (n, (_, way)) in WAYS.iter().enumerate() {
                files.iter().for_each(|file| file.write_all_at(&[IoSlice::new(&APPEND)], at).unwrap());
                at += APPEND.len() as u64;
                let begun = Instant::now();
                if make_durable(*way, &files, file_system.as_deref()) {
                    taken_us[n].push(begun.elapsed().as_micros());
                }
            }
        }
        for ((name, _), taken) in WAYS.iter().zip(&mut taken_us) {
            taken.sort_unstable();
            let Some(median) = taken.get(taken.len() / 2) else { continue };
            println!("{count:>6}  {name:<22} {median:>9} {:>9}", taken[taken.len() * 9 / 10]);
        }
    }
}
