//! Seeded histories of transactional producers against the coordinator's machine, with crashes that lose whatever was
//! not synced; [`checker`] then says whether any reader could have seen something a transaction must never show.

mod checker;
mod clients;
mod partition;
mod random;
mod world;

use world::World;

fn play(seeds: std::ops::Range<u64>, steps: usize, crashes: bool) -> usize {
    let mut committed = 0;
    for seed in seeds {
        let mut world = World::new(seed, crashes);
        for _ in 0..steps {
            world.step();
        }
        world.settle();
        match checker::check(&world) {
            Ok(visible) => committed += visible,
            Err(wrong) => panic!("seed {seed} (crashes: {crashes}): {wrong}"),
        }
    }
    committed
}

#[test]
fn transactions_are_all_or_nothing_whatever_the_order_of_events() {
    assert!(play(0..500, 400, false) > 800, "too few values were ever committed to prove anything");
}

#[test]
fn transactions_are_all_or_nothing_across_crashes() {
    assert!(play(10_000..10_700, 400, true) > 800, "too few values were ever committed to prove anything");
}

#[test]
fn long_histories_with_crashes() {
    play(50_000..50_020, 4_000, true);
}
