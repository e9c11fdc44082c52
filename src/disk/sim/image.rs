//! What a crash leaves of a simulated disk.

use super::tree::{self, Change, Dir, File, Node, Tree};

/// Power is lost in the middle of a write at no finer grain than this.
const SECTOR_BYTES: u64 = 512;

/// A small random number generator; the same seed gives the same numbers for ever.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub fn number(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is at least 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    pub fn coin(&mut self) -> bool {
        self.number() & 1 == 1
    }
}

/// How much of what was pending got through.
enum Survival {
    Nothing,
    All,
    /// The first changes, in order.
    Prefix(usize),
    /// Each change, or each sector of it, by itself.
    Any,
}

fn survival(rng: &mut Rng, changes: usize) -> Survival {
    match rng.below(4) {
        0 => Survival::Nothing,
        1 => Survival::All,
        2 => Survival::Prefix(rng.below(changes as u64 + 1) as usize),
        _ => Survival::Any,
    }
}

/// One possible disk after a crash: all of it durable, nothing pending.
pub fn draw(from: &Tree, rng: &mut Rng) -> Tree {
    let mut after = from.clone();
    // In a fixed order, so that the seed alone decides.
    let mut inos: Vec<_> = after.nodes.keys().copied().collect();
    inos.sort_unstable();
    for ino in inos {
        match after.nodes.get_mut(&ino) {
            Some(Node::File(file)) => crash_file(file, rng),
            Some(Node::Dir(dir)) => crash_dir(dir, rng),
            None => {}
        }
    }
    after
}

fn crash_dir(dir: &mut Dir, rng: &mut Rng) {
    let how = survival(rng, dir.pending.len());
    for (n, change) in std::mem::take(&mut dir.pending).iter().enumerate() {
        let survives = match how {
            Survival::Nothing => false,
            Survival::All => true,
            Survival::Prefix(first) => n < first,
            Survival::Any => rng.coin(),
        };
        if survives {
            tree::rename_in(&mut dir.durable, change);
        }
    }
    dir.now = dir.durable.clone();
}

fn crash_file(file: &mut File, rng: &mut Rng) {
    let how = survival(rng, file.pending.len());
    let size_now = file.now.len();
    for (n, change) in std::mem::take(&mut file.pending).iter().enumerate() {
        match how {
            Survival::Nothing => {}
            Survival::All => tree::apply(&mut file.durable, change),
            Survival::Prefix(first) if n < first => tree::apply(&mut file.durable, change),
            // The change that power was lost in.
            Survival::Prefix(first) if n == first => tear(&mut file.durable, change, rng),
            Survival::Prefix(_) => {}
            Survival::Any => tear(&mut file.durable, change, rng),
        }
    }
    // The size may get through without the bytes, which then read as zeros.
    if matches!(how, Survival::Any) && rng.coin() && file.durable.len() < size_now {
        file.durable.resize(size_now, 0);
    }
    file.now = file.durable.clone();
}

fn tear(durable: &mut Vec<u8>, change: &Change, rng: &mut Rng) {
    match change {
        Change::Truncate(_) => {
            if rng.coin() {
                tree::apply(durable, change);
            }
        }
        Change::Write { at, bytes } => {
            let mut start = 0;
            while start < bytes.len() {
                let sector_end = (*at + start as u64) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES;
                let end = ((sector_end - *at) as usize).min(bytes.len());
                if rng.coin() {
                    let piece = Change::Write { at: *at + start as u64, bytes: bytes[start..end].to_vec() };
                    tree::apply(durable, &piece);
                }
                start = end;
            }
        }
    }
}
