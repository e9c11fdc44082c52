//! Where a partition's files are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::log::handles::Handles;

/// The directory, shared by a partition's segments so that a renamed directory is renamed for all.
pub struct Place {
    handles: Arc<Handles>,
    dir: ArcSwap<PathBuf>,
}

impl Place {
    pub fn new(handles: Arc<Handles>, dir: PathBuf) -> Arc<Self> {
        Arc::new(Place { handles, dir: ArcSwap::from_pointee(dir) })
    }

    pub fn dir(&self) -> Arc<PathBuf> {
        self.dir.load_full()
    }

    /// Another directory's, with the same handles.
    pub(in crate::log) fn beside(&self, dir: PathBuf) -> Arc<Place> {
        Place::new(self.handles.clone(), dir)
    }

    pub fn moved_to(&self, dir: PathBuf) {
        self.dir.store(Arc::new(dir));
    }

    pub fn handles(&self) -> &Handles {
        &self.handles
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.load().join(name)
    }
}
