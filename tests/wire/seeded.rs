//! Randomness that a failing test can repeat.

/// SplitMix64: small, and good enough to choose test bytes.
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Seeded(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// The seed to start from: `OTTLA_TEST_SEED`, or the time, so that every run tries something else. It is printed, and a
/// failing test shows what it printed.
pub fn seed() -> u64 {
    let given = std::env::var("OTTLA_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        now.as_nanos() as u64
    });
    println!("OTTLA_TEST_SEED={seed} repeats this");
    seed
}

/// How much to try: `rounds`, or as many times that as `OTTLA_TEST_LONG` says.
pub fn rounds(rounds: usize) -> usize {
    let times = std::env::var("OTTLA_TEST_LONG").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    rounds * times
}
