//! Room on a log directory's disk. What clients write stops while some room is left (`ottla.disk.reserve.bytes`), so
//! that the broker's own records (committed offsets, transactions, metadata, checkpoints) go on for longer, and deleting
//! is possible at all. Nothing is lost when it ends: writes are refused before a byte of them is on the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use tracing::{error, info};

use crate::disk::Disk;

/// Bytes that may be written between two looks at the disk, which others fill too.
const BETWEEN_LOOKS_BYTES_MAX: i64 = 16 << 20;
/// The broker's own records may use this part of the reserve.
const OWN_RECORDS_KEEP_DIVISOR: u64 = 4;

/// There is room again when this part of the reserve is free above it, lest the log flickers.
const ROOM_AGAIN_DIVISOR: u64 = 16;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Clients,
    /// Coordinators: committed offsets, transactions and their markers.
    OwnRecords,
}

/// See the module's page.
pub struct Room {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    reserve_bytes: AtomicU64,
    /// What may be written before the disk is asked again.
    unasked_bytes: AtomicI64,
    short: AtomicBool,
}

impl Room {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        let (reserve_bytes, unasked_bytes) = (AtomicU64::new(0), AtomicI64::new(0));
        Room { disk, dir, reserve_bytes, unasked_bytes, short: AtomicBool::new(false) }
    }

    pub fn set_reserve(&self, bytes: u64) {
        self.reserve_bytes.store(bytes, Ordering::Relaxed);
        self.unasked_bytes.store(0, Ordering::Relaxed);
    }

    /// Whether clients are refused at present.
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Whether this much may be written, which is then counted.
    pub fn admits(&self, bytes: u64, purpose: Purpose) -> bool {
        let counted = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.unasked_bytes.fetch_sub(counted, Ordering::Relaxed) >= counted {
            return true;
        }
        let Some(usable_bytes) = self.look() else { return true };
        self.unasked_bytes.fetch_sub(counted, Ordering::Relaxed);
        let reserve_bytes = self.reserve_bytes.load(Ordering::Relaxed);
        let kept_bytes = match purpose {
            Purpose::Clients => reserve_bytes,
            Purpose::OwnRecords => reserve_bytes / OWN_RECORDS_KEEP_DIVISOR,
        };
        let admitted = usable_bytes >= kept_bytes.saturating_add(bytes);
        if !admitted && purpose == Purpose::Clients {
            self.tell(true, usable_bytes);
        }
        admitted
    }

    /// Asks the file system; `None` when it does not say.
    pub fn look(&self) -> Option<u64> {
        let usable_bytes = self.disk.space(&self.dir).ok()?.usable_bytes;
        let reserve_bytes = self.reserve_bytes.load(Ordering::Relaxed);
        let above = i64::try_from(usable_bytes.saturating_sub(reserve_bytes)).unwrap_or(i64::MAX);
        self.unasked_bytes.store(above.min(BETWEEN_LOOKS_BYTES_MAX), Ordering::Relaxed);
        if usable_bytes.saturating_sub(reserve_bytes) > reserve_bytes / ROOM_AGAIN_DIVISOR {
            self.tell(false, usable_bytes);
        }
        Some(usable_bytes)
    }

    fn tell(&self, short: bool, usable_bytes: u64) {
        if self.short.swap(short, Ordering::Relaxed) == short {
            return;
        }
        let (dir, reserve_bytes) = (self.dir.display(), self.reserve_bytes.load(Ordering::Relaxed));
        match short {
            true => error!(
                "The disk of {dir} is full: {usable_bytes} bytes are free and ottla.disk.reserve.bytes keeps \
                 {reserve_bytes}. Producers get KAFKA_STORAGE_ERROR until there is room; reading and deleting go on."
            ),
            false => info!("The disk of {dir} has room again: {usable_bytes} bytes are free"),
        }
    }
}
