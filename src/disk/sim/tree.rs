//! The files and directories of a simulated disk: what is seen now, what is durable, and what lies in between.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::disk::{Entry, Stat};

pub type Ino = u64;

const ROOT: Ino = 0;

/// A change to a file that is not durable yet.
#[derive(Clone)]
pub enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Truncate(u64),
}

/// Names that change together: set to a file, or gone.
pub type NameChange = Vec<(String, Option<Ino>)>;

#[derive(Clone, Default)]
pub struct File {
    pub now: Vec<u8>,
    pub durable: Vec<u8>,
    pub pending: Vec<Change>,
    modified_ms: i64,
}

#[derive(Clone, Default)]
pub struct Dir {
    pub now: BTreeMap<String, Ino>,
    pub durable: BTreeMap<String, Ino>,
    pub pending: Vec<NameChange>,
}

#[derive(Clone)]
pub enum Node {
    File(File),
    Dir(Dir),
}

/// Every node by its number; the root is 0.
#[derive(Clone)]
pub struct Tree {
    pub nodes: HashMap<Ino, Node>,
    next: Ino,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { nodes: [(ROOT, Node::Dir(Dir::default()))].into(), next: 1 }
    }
}

pub fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate(size) => bytes.resize(*size as usize, 0),
        Change::Write { at, bytes: new } => {
            let end = *at as usize + new.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at as usize..end].copy_from_slice(new);
        }
    }
}

pub fn rename_in(names: &mut BTreeMap<String, Ino>, change: &NameChange) {
    for (name, ino) in change {
        match ino {
            Some(ino) => names.insert(name.clone(), *ino),
            None => names.remove(name),
        };
    }
}

impl Tree {
    fn file(&mut self, ino: Ino) -> io::Result<&mut File> {
        match self.nodes.get_mut(&ino) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn dir(&mut self, ino: Ino) -> io::Result<&mut Dir> {
        match self.nodes.get_mut(&ino) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn is_dir(&self, ino: Ino) -> bool {
        matches!(self.nodes.get(&ino), Some(Node::Dir(_)))
    }

    pub fn find(&self, path: &Path) -> Option<Ino> {
        let mut at = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let Some(Node::Dir(dir)) = self.nodes.get(&at) else { return None };
                at = *dir.now.get(name.to_str()?)?;
            }
        }
        Some(at)
    }

    fn parent_of(&self, path: &Path) -> io::Result<(Ino, String)> {
        let name = path.file_name().and_then(OsStr::to_str).ok_or(io::ErrorKind::InvalidInput)?;
        let parent = path.parent().and_then(|p| self.find(p)).ok_or(io::ErrorKind::NotFound)?;
        Ok((parent, name.to_string()))
    }

    fn add(&mut self, node: Node) -> Ino {
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, node);
        ino
    }

    fn change_names(&mut self, dir: Ino, change: NameChange) -> io::Result<()> {
        let dir = self.dir(dir)?;
        rename_in(&mut dir.now, &change);
        dir.pending.push(change);
        Ok(())
    }

    pub fn create_file(&mut self, path: &Path, now_ms: i64) -> io::Result<Ino> {
        let (parent, name) = self.parent_of(path)?;
        let ino = self.add(Node::File(File { modified_ms: now_ms, ..File::default() }));
        self.change_names(parent, vec![(name, Some(ino))])?;
        Ok(ino)
    }

    pub fn create_dirs(&mut self, path: &Path) -> io::Result<()> {
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        if self.find(parent).is_none() {
            self.create_dirs(parent)?;
        }
        let (parent, name) = self.parent_of(path)?;
        let ino = self.add(Node::Dir(Dir::default()));
        self.change_names(parent, vec![(name, Some(ino))])
    }

    pub fn unlink(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        self.change_names(parent, vec![(name, None)])
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let ino = self.find(from).ok_or(io::ErrorKind::NotFound)?;
        let (from_dir, from_name) = self.parent_of(from)?;
        let (to_dir, to_name) = self.parent_of(to)?;
        if from_dir == to_dir {
            return self.change_names(from_dir, vec![(from_name, None), (to_name, Some(ino))]);
        }
        self.change_names(to_dir, vec![(to_name, Some(ino))])?;
        self.change_names(from_dir, vec![(from_name, None)])
    }

    pub fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let ino = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        let Some(Node::Dir(dir)) = self.nodes.get(&ino) else {
            return Err(io::ErrorKind::NotADirectory.into());
        };
        let entry = |(name, ino): (&String, &Ino)| {
            let stat = self.stat(*ino);
            Entry { name: name.clone(), is_dir: stat.is_dir, size_bytes: stat.size_bytes }
        };
        Ok(dir.now.iter().map(entry).collect())
    }

    pub fn stat(&self, ino: Ino) -> Stat {
        match self.nodes.get(&ino) {
            Some(Node::File(f)) => Stat { is_dir: false, size_bytes: f.now.len() as u64, modified_ms: f.modified_ms },
            _ => Stat { is_dir: true, size_bytes: 0, modified_ms: 0 },
        }
    }

    pub fn size(&self, ino: Ino) -> u64 {
        self.stat(ino).size_bytes
    }

    pub fn read(&mut self, ino: Ino, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let bytes = &self.file(ino)?.now;
        let from = bytes.get((at as usize).min(bytes.len())..).unwrap_or_default();
        let n = from.len().min(buf.len());
        buf[..n].copy_from_slice(&from[..n]);
        Ok(n)
    }

    pub fn write(&mut self, ino: Ino, bytes: Vec<u8>, at: u64, now_ms: i64) -> io::Result<()> {
        self.change(ino, Change::Write { at, bytes }, now_ms)
    }

    pub fn truncate(&mut self, ino: Ino, size: u64, now_ms: i64) -> io::Result<()> {
        self.change(ino, Change::Truncate(size), now_ms)
    }

    pub fn set_modified(&mut self, ino: Ino, now_ms: i64) -> io::Result<()> {
        self.file(ino)?.modified_ms = now_ms;
        Ok(())
    }

    fn change(&mut self, ino: Ino, change: Change, now_ms: i64) -> io::Result<()> {
        let file = self.file(ino)?;
        apply(&mut file.now, &change);
        file.pending.push(change);
        file.modified_ms = now_ms;
        Ok(())
    }

    /// Makes what is pending of a node durable, or loses it for good.
    pub fn settle(&mut self, ino: Ino, lose: bool) -> io::Result<()> {
        match self.nodes.get_mut(&ino).ok_or(io::ErrorKind::NotFound)? {
            Node::File(file) => {
                for change in file.pending.drain(..) {
                    if !lose {
                        apply(&mut file.durable, &change);
                    }
                }
            }
            Node::Dir(dir) => {
                for change in dir.pending.drain(..) {
                    if !lose {
                        rename_in(&mut dir.durable, &change);
                    }
                }
            }
        }
        Ok(())
    }

    pub fn settle_all(&mut self, lose: bool) -> io::Result<()> {
        let all: Vec<Ino> = self.nodes.keys().copied().collect();
        all.into_iter().try_for_each(|ino| self.settle(ino, lose))
    }

    /// Everything that has a name, directories after what is in them.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.paths_below(ROOT, Path::new("/"), &mut found);
        found
    }

    fn paths_below(&self, ino: Ino, path: &Path, found: &mut Vec<PathBuf>) {
        if let Some(Node::Dir(dir)) = self.nodes.get(&ino) {
            dir.now.iter().for_each(|(name, ino)| self.paths_below(*ino, &path.join(name), found));
        }
        found.push(path.to_path_buf());
    }

    /// Bytes of all files that have a name.
    pub fn used_bytes(&self) -> u64 {
        let named = self.nodes.values().filter_map(|node| match node {
            Node::Dir(dir) => Some(dir.now.values()),
            Node::File(_) => None,
        });
        named.flatten().map(|ino| self.size(*ino)).sum()
    }
}
