//! Power is lost at every operation of a random workload; many possible remains of each are opened and compared with
//! what had been promised. `OTTLA_LONG_TESTS=1` tries many more, `OTTLA_FIRST_SEED=n` others.

use ottla::disk::sim::{Rng, SimDisk};

use super::world::{Model, World};

const STEPS: u64 = 60;

fn long() -> bool {
    std::env::var_os("OTTLA_LONG_TESTS").is_some()
}

/// Runs the workload of a seed until it is over or power is lost.
fn run(disk: &SimDisk, seed: u64) -> (Model, Option<String>) {
    let mut rng = Rng::new(seed);
    let mut world = match World::open(disk.clone(), Model::default()) {
        Ok(world) => world,
        Err(why) => return (Model::default(), Some(why)),
    };
    for _ in 0..STEPS {
        world = match world.step(&mut rng) {
            Ok(world) => world,
            Err((model, why)) => return (model, Some(why)),
        };
    }
    (world.model.clone(), None)
}

#[test]
fn nothing_promised_is_lost_at_any_crash_point() {
    let (workloads, every, survivals) = if long() { (40, 1, 10) } else { (6, 5, 3) };
    let mut points = 0;
    let first: u64 = std::env::var("OTTLA_FIRST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    for workload in first..first + workloads {
        let disk = SimDisk::new();
        let (_, failed) = run(&disk, workload);
        assert_eq!(failed, None, "workload {workload} runs without a crash");
        let total = disk.ops();
        let mut at = workload % every;
        while at < total {
            let disk = SimDisk::new();
            disk.crash_at(at);
            let (model, _) = run(&disk, workload);
            for survival in 0..survivals {
                let what = format!("workload {workload}, crash at {at} of {total}, survival {survival}");
                recover_and_go_on(disk.crash_image(survival), model.clone(), &what);
                points += 1;
            }
            at += every;
        }
    }
    println!("{points} crash points from seed {first} on");
    assert!(points > 300, "only {points} crash points");
}

/// Opens what a crash left, checks it, works on it, crashes again, and checks again.
fn recover_and_go_on(disk: SimDisk, model: Model, what: &str) {
    let mut world = World::open(disk.clone(), model).unwrap_or_else(|e| panic!("{what}: cannot be opened: {e}"));
    world.check(what);
    world.settle();
    let mut rng = Rng::new(disk.ops() ^ 0x5eed);
    for _ in 0..8 {
        world = world.step(&mut rng).unwrap_or_else(|(_, e)| panic!("{what}: no work after it: {e}"));
    }
    world.sync().unwrap();
    let model = world.model.clone();
    drop(world);
    let again = format!("{what}, then once more");
    World::open(disk.crash_image(7), model).unwrap_or_else(|e| panic!("{again}: cannot be opened: {e}")).check(&again);
}

#[test]
fn a_killed_process_loses_nothing_that_was_appended() {
    for workload in 0..if long() { 200 } else { 20 } {
        let disk = SimDisk::new();
        let (mut model, _) = run(&disk, workload);
        model.synced = model.batches.last().map_or(model.synced, |b| b.next);
        let mut world = World::open(disk.killed_image(), model).unwrap();
        world.check(&format!("workload {workload}, killed"));
    }
}
