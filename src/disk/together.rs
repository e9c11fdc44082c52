//! Small files and names that become durable together. Each file by itself costs two waits for the device, one for its
//! bytes and one for its name; several at once cost little more than one.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, fault, put_in_place, write_beside};

/// Changes that are durable, and files that have taken their places, when [`Together::commit`] returns. A crash before
/// that leaves any of the files in its old or its new form, whole: who reads them must cope with every mixture.
pub struct Together {
    disk: Arc<dyn Disk>,
    beside: Vec<(PathBuf, Arc<dyn DiskFile>)>,
    files: Vec<Arc<dyn DiskFile>>,
    dirs: BTreeSet<PathBuf>,
}

impl Together {
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Together { disk, beside: Vec::new(), files: Vec::new(), dirs: BTreeSet::new() }
    }

    /// Replaces a small file. It is seen under its name only when all is committed.
    pub fn replace(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.beside.push((path.to_owned(), write_beside(&*self.disk, path, bytes)?));
        self.dirs.extend(path.parent().map(Path::to_owned));
        Ok(())
    }

    /// Makes a directory and those above it.
    pub fn make_dir(&mut self, dir: &Path) -> io::Result<()> {
        let mut at = Some(dir);
        while let Some(missing) = at.filter(|d| !d.as_os_str().is_empty()) {
            if self.disk.stat(missing)?.is_some() {
                break;
            }
            at = missing.parent();
            self.names_in(at.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        }
        self.disk.create_dir_all(dir)
    }

    /// The bytes that were written to a file.
    pub fn bytes_of(&mut self, file: Arc<dyn DiskFile>) {
        self.files.push(file);
    }

    /// The names that came and went in a directory.
    pub fn names_in(&mut self, dir: &Path) {
        self.dirs.insert(dir.to_owned());
    }

    /// Bytes first, then the names they have.
    pub fn commit(self) -> io::Result<()> {
        let files = || self.beside.iter().map(|(_, file)| file).chain(&self.files);
        if self.beside.len() + self.files.len() > 1 {
            // What the first sync finds begun it waits for as well, and the others have little left to do.
            files().for_each(|file| file.start_writeback());
        }
        files().try_for_each(|file| file.sync_data()).map_err(fault::of_sync)?;
        self.beside.iter().try_for_each(|(path, _)| put_in_place(&*self.disk, path))?;
        self.dirs.iter().try_for_each(|dir| self.disk.sync_dir(dir)).map_err(fault::of_sync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{SimDisk, read_small};

    #[test]
    fn a_crash_before_the_commit_leaves_the_old_and_one_after_it_the_new() {
        let (old, new) = (Path::new("/a/b/old"), Path::new("/a/b/c/new"));
        let disk = Arc::new(SimDisk::new());
        let mut first = Together::new(disk.clone());
        first.make_dir(Path::new("/a/b")).unwrap();
        first.replace(old, b"1").unwrap();
        first.commit().unwrap();
        let mut second = Together::new(disk.clone());
        second.make_dir(Path::new("/a/b/c")).unwrap();
        second.replace(old, b"2").unwrap();
        second.replace(new, b"3").unwrap();
        assert_eq!(read_small(&*disk, old).unwrap().unwrap(), b"1");
        let crashed = disk.crash_image(1);
        assert_eq!(read_small(&crashed, old).unwrap().unwrap(), b"1");
        second.commit().unwrap();
        let crashed = disk.crash_image(2);
        assert_eq!(read_small(&crashed, old).unwrap().unwrap(), b"2");
        assert_eq!(read_small(&crashed, new).unwrap().unwrap(), b"3");
    }
}
