//! Compaction beside a simple model: random keyed logs with tombstones, transactions and every codec, and power lost at
//! every operation. `OTTLA_LONG_TESTS=1` tries many more, `OTTLA_FIRST_SEED=n` others.

mod damage;
mod kafka;
mod model;
mod plain;
mod rules;
mod world;

use model::Model;
use ottla::disk::sim::{Rng, SimDisk};
use world::World;

const STEPS: u64 = 90;

fn long() -> bool {
    std::env::var_os("OTTLA_LONG_TESTS").is_some()
}

fn first_seed() -> u64 {
    std::env::var("OTTLA_FIRST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0)
}

fn run(disk: &SimDisk, seed: u64, mut each: impl FnMut(&mut World, u64)) -> (Model, Option<String>) {
    let mut rng = Rng::new(seed);
    let mut world = match World::open(disk.clone(), Model::default()) {
        Ok(world) => world,
        Err(why) => return (Model::default(), Some(why)),
    };
    for step in 0..STEPS {
        if let Err(why) = world.step(&mut rng) {
            return (world.model, Some(why));
        }
        each(&mut world, step);
    }
    (world.model, None)
}

#[test]
fn the_newest_record_of_every_key_stays_and_nothing_stale_does() {
    for seed in first_seed()..first_seed() + if long() { 2_000 } else { 40 } {
        let disk = SimDisk::new();
        let (_, failed) = run(&disk, seed, |world, step| {
            if step % 7 == 0 || step + 1 == STEPS {
                let mut seen = World::open(world.disk.killed_image(), world.model.clone())
                    .unwrap_or_else(|e| panic!("seed {seed}, step {step}: {e}"));
                seen.check(&format!("seed {seed}, step {step}, killed"));
            }
            if step % 20 == 0 {
                world.check_producers(&format!("seed {seed}, step {step}"));
            }
        });
        assert_eq!(failed, None, "seed {seed}");
    }
}

#[test]
fn no_crash_point_loses_a_newest_record_or_brings_an_aborted_one_back() {
    let (workloads, every, survivals) = if long() { (60, 1, 6) } else { (6, 17, 2) };
    let mut points = 0;
    for seed in first_seed()..first_seed() + workloads {
        let disk = SimDisk::new();
        assert_eq!(run(&disk, seed, |_, _| {}).1, None, "seed {seed} runs without a crash");
        let total = disk.ops();
        let mut at = seed % every;
        while at < total {
            let disk = SimDisk::new();
            disk.crash_at(at);
            let (model, _) = run(&disk, seed, |_, _| {});
            for survival in 0..survivals {
                let what = format!("seed {seed}, crash at {at} of {total}, survival {survival}");
                let image = disk.crash_image(survival);
                let mut world =
                    World::open(image, model.clone()).unwrap_or_else(|e| panic!("{what}: cannot be opened: {e}"));
                world.check(&what);
                let left = world.names();
                let unfinished = |n: &&String| n.ends_with(".cleaned") || n.ends_with(".swap");
                assert_eq!(left.iter().find(unfinished), None, "{what}");
                points += 1;
            }
            at += every;
        }
    }
    println!("{points} crash points from seed {} on", first_seed());
    assert!(points > 200, "only {points} crash points");
}
