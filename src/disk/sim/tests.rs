use std::io::{self, IoSlice};

use super::*;
use crate::disk::{read_small, write_atomically};

fn path(p: &str) -> PathBuf {
    PathBuf::from(p)
}

fn disk_with_dir() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir_all(&path("/d")).unwrap();
    disk.sync_dir(&path("/")).unwrap();
    disk
}

fn write(disk: &SimDisk, name: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open(&path(name), Open::Create).unwrap();
    file.write_all_at(&[IoSlice::new(bytes)], 0).unwrap();
    file
}

#[test]
fn what_was_synced_survives_every_crash_and_what_was_not_survives_some() {
    let disk = disk_with_dir();
    write(&disk, "/d/kept", b"kept").sync_data().unwrap();
    disk.sync_dir(&path("/d")).unwrap();
    write(&disk, "/d/loose", b"loose");
    write(&disk, "/d/kept", b"late");
    let (mut loose, mut late) = (0, 0);
    for seed in 0..200 {
        let after = disk.crash_image(seed);
        let kept = read_small(&after, &path("/d/kept")).unwrap().expect("its name was synced");
        assert!(kept == b"kept" || kept == b"late", "seed {seed}: {kept:?}");
        late += usize::from(kept == b"late");
        loose += usize::from(read_small(&after, &path("/d/loose")).unwrap().is_some_and(|b| b == b"loose"));
    }
    assert!((20..180).contains(&late), "{late}");
    assert!((10..180).contains(&loose), "{loose}");
}

#[test]
fn a_file_synced_without_its_name_can_be_lost() {
    let disk = disk_with_dir();
    write(&disk, "/d/f", b"x").sync_data().unwrap();
    assert!((0..50).any(|seed| read_small(&disk.crash_image(seed), &path("/d/f")).unwrap().is_none()));
}

#[test]
fn writes_tear_at_sectors() {
    let disk = disk_with_dir();
    let file = write(&disk, "/d/f", &[0; 4096]);
    file.sync_data().unwrap();
    disk.sync_dir(&path("/d")).unwrap();
    file.write_all_at(&[IoSlice::new(&[1; 4096])], 0).unwrap();
    let torn = (0..100).filter_map(|seed| {
        let bytes = read_small(&disk.crash_image(seed), &path("/d/f")).unwrap().unwrap();
        let sectors: Vec<u8> = bytes.chunks(512).map(|s| s[0]).collect();
        assert!(bytes.chunks(512).zip(&sectors).all(|(s, first)| s.iter().all(|b| b == first)));
        (sectors.contains(&0) && sectors.contains(&1)).then_some(())
    });
    assert!(torn.count() > 10);
}

#[test]
fn an_atomic_replacement_is_seen_whole_or_not_at_all() {
    let disk = disk_with_dir();
    write_atomically(&disk, &path("/d/c"), &[1; 3000]).unwrap();
    let before = disk.ops();
    write_atomically(&disk, &path("/d/c"), &[2; 2000]).unwrap();
    let after = disk.ops();
    for at in before..=after {
        let disk = disk_with_dir();
        write_atomically(&disk, &path("/d/c"), &[1; 3000]).unwrap();
        disk.crash_at(at);
        let done = write_atomically(&disk, &path("/d/c"), &[2; 2000]).is_ok();
        for seed in 0..30 {
            let found = read_small(&disk.crash_image(seed), &path("/d/c")).unwrap().unwrap();
            assert!(found == [2; 2000] || (!done && found == [1; 3000]), "cut at {at}, seed {seed}");
        }
    }
}

#[test]
fn a_failed_sync_loses_its_bytes_for_good() {
    let disk = disk_with_dir();
    let file = write(&disk, "/d/f", b"lost");
    disk.sync_dir(&path("/d")).unwrap();
    disk.fail_next_sync("/d/f");
    assert!(file.sync_data().is_err());
    // The second says yes, and the bytes can still be read; on the disk they are not.
    file.sync_data().unwrap();
    assert_eq!(read_small(&disk, &path("/d/f")).unwrap().unwrap(), b"lost");
    assert_eq!(read_small(&disk.crash_image(1), &path("/d/f")).unwrap().unwrap(), b"");
}

#[test]
fn a_failed_sync_may_be_one_of_everything() {
    let disk = disk_with_dir();
    write(&disk, "/d/f", b"lost");
    disk.fail_next_sync("/d/g");
    FileSystem::sync(&disk).unwrap();
    write(&disk, "/d/g", b"lost");
    assert!(FileSystem::sync(&disk).is_err());
    FileSystem::sync(&disk).unwrap();
    let left = disk.crash_image(1);
    assert_eq!(read_small(&left, &path("/d/f")).unwrap().unwrap(), b"lost");
    assert!(read_small(&left, &path("/d/g")).unwrap().is_none_or(|bytes| bytes.is_empty()));
}

#[test]
fn a_full_disk_takes_no_more_and_overwrites_still() {
    let disk = disk_with_dir();
    disk.set_capacity(Some(10));
    let file = write(&disk, "/d/f", &[1; 8]);
    let full = file.write_all_at(&[IoSlice::new(&[2; 8])], 4).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    file.write_all_at(&[IoSlice::new(&[3; 8])], 0).unwrap();
}
