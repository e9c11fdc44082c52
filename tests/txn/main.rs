//! Seeded histories of transactional producers against the coordinator's machine, with crashes that lose whatever was
//! not synced; [`checker`] then says whether any reader could have seen something a transaction must never show.
//! `OTTLA_LONG_TESTS=1` plays a hundred times as many, `OTTLA_FIRST_SEED=n` others.

mod checker;
mod clients;
mod partition;
mod random;
mod world;

use world::World;

fn play(first: u64, count: u64, steps: usize, crashes: bool) -> usize {
    let begin = std::env::var("OTTLA_FIRST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(first);
    let times = if std::env::var_os("OTTLA_LONG_TESTS").is_some() { 100 } else { 1 };
    let mut committed = 0;
    for seed in begin..begin + count * times {
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
    assert!(play(0, 500, 400, false) > 800, "too few values were ever committed to prove anything");
}

#[test]
fn transactions_are_all_or_nothing_across_crashes() {
    assert!(play(10_000, 700, 400, true) > 800, "too few values were ever committed to prove anything");
}

#[test]
fn long_histories_with_crashes() {
    play(50_000, 20, 4_000, true);
}
