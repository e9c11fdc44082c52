//! Two instances copy a topic in transactions while they and the broker are killed at random: the copy is exact.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::broker::Broker;
use crate::tools::Python;

/// Records of one partition in one round.
const FILL: u64 = 60;

pub const SETTINGS: &[(&str, &str)] = &[
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "1000"),
    ("group.consumer.min.session.timeout.ms", "1000"),
    ("group.consumer.session.timeout.ms", "2000"),
    ("group.consumer.min.heartbeat.interval.ms", "100"),
    ("group.consumer.heartbeat.interval.ms", "200"),
];

/// Each round fills in more, lets the copiers take some steps and kills one of the three.
pub fn copy_through_kills(python: &Python, protocol: &str, seed: u64, rounds: u64) {
    println!("OTTLA_SEED={seed}");
    let mut random = Random(seed);
    let mut broker = Broker::start(SETTINGS);
    let address = broker.address();
    let fill = |round: u64| vec![address.clone(), "fill".into(), (round * FILL).to_string(), FILL.to_string()];
    python.run("copying.py", &words(&fill(0)));
    let (sender, steps) = channel();
    let mut copiers = [0, 1].map(|number| Copier::start(python, &address, number, protocol, &sender));
    for round in 1..rounds {
        let filling = python.start("copying.py", &words(&fill(round)));
        watch(&steps, random.below(60));
        match random.below(3) {
            2 => {
                println!("round {round}: the broker is killed");
                broker.kill();
                broker.restart();
            }
            number => {
                println!("round {round}: copier {number} is killed");
                copiers[number as usize] = Copier::start(python, &address, number, protocol, &sender);
            }
        }
        filling.finish();
    }
    let total = (rounds * FILL).to_string();
    python.run("copying.py", &[&address, "wait", &total]);
    drop(copiers);
    python.run("copying.py", &[&address, "check", &total]);
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// Lets the copiers take so many steps from here on. Where they have nothing more to do the kill comes as it is.
fn watch(steps: &Receiver<String>, count: u64) {
    while steps.try_recv().is_ok() {}
    for _ in 0..count {
        if steps.recv_timeout(Duration::from_secs(5)).is_err() {
            return;
        }
    }
}

/// A process that is killed without a word.
struct Copier(Child);

impl Copier {
    fn start(python: &Python, address: &str, number: u64, protocol: &str, steps: &Sender<String>) -> Copier {
        let mut process = python.spawn("copying.py", &[address, "copy", &number.to_string(), protocol]);
        let out = BufReader::new(process.stdout.take().unwrap());
        let steps = steps.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if line.starts_with("anew") {
                    println!("copier {number}: {line}");
                }
                // Nobody listens any more when the test is over.
                let _ = steps.send(line);
            }
        });
        Copier(process)
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
