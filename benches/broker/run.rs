//! The order of things: look at the machine, start the brokers, let them take turns, show what came out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::cases::{self, Case, Kind, Scale, Stage};
use crate::machine::{self, describe};
use crate::process::broker::Home;
use crate::process::kafka::{self, Kafka};
use crate::process::settings::Durability;
use crate::process::{Broker, Product};
use crate::report::{CaseResult, Results, Sample, json, markdown, svg, table};

/// Room on the disk for the logs of a case on both brokers and the files between.
const ROOM_FACTOR: u64 = 6;
/// A broker whose turn in a case of its own takes longer has no further ones: Apache Kafka with 10 000 partitions takes
/// minutes.
const TURN_MAX: Duration = Duration::from_secs(60);
const LONG: Scale = Scale { rounds: 5, bytes: 1 << 30, time: Duration::from_secs(4), warm_up_bytes: 4 << 30 };
const QUICK: Scale = Scale { rounds: 3, bytes: 256 << 20, time: Duration::from_millis(1500), warm_up_bytes: 1 << 30 };

pub fn run(args: &Args) -> Result<()> {
    let target = target_dir()?;
    let out = args.out.clone().unwrap_or_else(|| target.join("broker-bench"));
    let data = args.data.clone().unwrap_or_else(|| out.join("data"));
    fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
    fs::create_dir_all(&out)?;
    let mut results = Results { date: describe::date(), machine: describe::machine(), ..Results::default() };
    let products = products(args, &target, &data, &mut results);
    if products.is_empty() {
        bail!("there is no broker to measure");
    }
    let kafka = products.iter().find_map(|p| match p {
        Product::Kafka(kafka) => Some(kafka),
        Product::Ottla => None,
    });
    let is_wanted = |case: &Case| match args.case.is_empty() {
        true => case.quick || !args.quick,
        false => args.case.iter().any(|text| case.name.contains(text)),
    };
    let cases: Vec<Case> = cases::all(kafka).into_iter().filter(is_wanted).collect();
    if args.list {
        cases.iter().for_each(|case| println!("{} ({})", case.name, case.durability.name()));
        return Ok(());
    }
    if cases.is_empty() {
        bail!("no case is named so; --list shows them");
    }
    let scale = fitting_scale(args, &data, &mut results)?;
    let run = Run { products, scale, data: data.clone(), out };
    for durability in [Durability::PageCache, Durability::Synced] {
        let (alone, shared): (Vec<&Case>, Vec<&Case>) = cases
            .iter()
            .filter(|case| case.durability == durability)
            .partition(|case| matches!(case.kind, Kind::Alone(_)));
        run.alone(&alone, &mut results);
        run.shared(&shared, durability, &mut results)?;
    }
    let _ = fs::remove_dir_all(&data);
    table::print(&results);
    let charts = write(&results, &run.out)?;
    println!(
        "\nAll figures: {}; beside it results.md for the README, and charts: {}",
        run.out.join("results.json").display(),
        charts.join(", ")
    );
    Ok(())
}

fn write(results: &Results, out: &Path) -> Result<Vec<String>> {
    json::write(results, &out.join("results.json"))?;
    markdown::write(results, &out.join("results.md"))?;
    svg::write(results, out)
}

/// `target`, two levels above the binary.
fn target_dir() -> Result<PathBuf> {
    let binary = Path::new(env!("CARGO_BIN_EXE_ottla"));
    Ok(binary.ancestors().nth(2).context("the binary lies in no target directory")?.to_path_buf())
}

fn products(args: &Args, target: &Path, data: &Path, results: &mut Results) -> Vec<Product> {
    let mut products = Vec::new();
    if !args.no_ottla {
        products.push(Product::Ottla);
    }
    if args.no_kafka {
        return products;
    }
    match Kafka::find(&target.join("kafka-bench")) {
        Ok(mut kafka) => {
            let read_ahead_kb = describe::read_ahead_kb(data);
            if let Some(setting) = kafka::index_remedy(read_ahead_kb) {
                kafka.extra_settings = setting.to_string();
                say(
                    results,
                    format!(
                        "read_ahead_kb is {} here, far above the usual 128: Kafka gets {} so that it does not pay for it",
                        read_ahead_kb.unwrap_or_default(),
                        setting.trim()
                    ),
                );
            }
            products.push(Product::Kafka(kafka));
        }
        Err(e) => say(results, format!("Apache Kafka is left out: {e:#}")),
    }
    products
}

/// The scale asked for, or a smaller one where the disk has no room for it.
fn fitting_scale(args: &Args, data: &Path, results: &mut Results) -> Result<Scale> {
    let mut scale = if args.quick { QUICK } else { LONG };
    scale.rounds = args.rounds.unwrap_or(scale.rounds).max(1);
    let free = describe::free_bytes(data)?;
    let needed = scale.bytes.max(scale.warm_up_bytes / 4) * ROOM_FACTOR;
    if free < needed {
        let bytes = free / ROOM_FACTOR;
        if bytes < 32 << 20 {
            bail!("{} has {} MB free; a run needs at least 200 MB", data.display(), free >> 20);
        }
        say(results, format!("the disk has room for {} MB a case only, instead of {}", bytes >> 20, scale.bytes >> 20));
        scale = Scale { bytes: scale.bytes.min(bytes), warm_up_bytes: scale.warm_up_bytes.min(bytes * 4), ..scale };
    }
    if cfg!(debug_assertions) {
        say(results, "this is a debug build: Ottla's figures mean nothing".into());
    }
    let load = describe::load_per_core();
    if load > 0.3 {
        say(results, format!("the machine is busy with other work (load {load:.1} per core): the figures are noisy"));
    }
    Ok(scale)
}

fn say(results: &mut Results, note: String) {
    println!("{note}");
    results.notes.push(note);
}

struct Run {
    products: Vec<Product>,
    scale: Scale,
    data: PathBuf,
    out: PathBuf,
}

impl Run {
    /// Cases with a broker of their own.
    fn alone(&self, cases: &[&Case], results: &mut Results) {
        for case in cases {
            let Kind::Alone(life) = &case.kind else { continue };
            let mut result = CaseResult::of(case);
            let mut too_slow = Vec::new();
            for round in 0..self.scale.rounds {
                for product in turns(&self.products, round) {
                    if too_slow.contains(&product.name()) {
                        continue;
                    }
                    let begin = Instant::now();
                    let sample = life.run(product, &self.data.join("alone"), &self.scale);
                    keep(&mut result, product, sample);
                    if begin.elapsed() > TURN_MAX && round + 1 < self.scale.rounds {
                        too_slow.push(product.name());
                        let seconds = begin.elapsed().as_secs();
                        note(&mut result, format!("{}: no further rounds, one takes {seconds} s", product.name()));
                    }
                }
            }
            progress(&result);
            put(results, case, result);
            self.save(results);
        }
    }

    /// What there is by now: whoever ends a long run early keeps it.
    fn save(&self, results: &Results) {
        if let Err(e) = write(results, &self.out) {
            println!("  the figures so far could not be written to {}: {e:#}", self.out.display());
        }
    }

    /// Cases on two brokers that stay, so that they are warm.
    fn shared(&self, cases: &[&Case], durability: Durability, results: &mut Results) -> Result<()> {
        if cases.is_empty() {
            return Ok(());
        }
        let mut homes = Vec::new();
        let mut brokers = Vec::new();
        for product in &self.products {
            match self.start(product, durability) {
                Ok((home, broker)) => {
                    homes.push(home);
                    brokers.push(broker);
                }
                Err(e) => say(results, format!("{} is left out ({}): {e:#}", product.name(), durability.name())),
            }
        }
        if brokers.is_empty() {
            return Ok(());
        }
        let mut found: Vec<CaseResult> = cases.iter().map(|case| CaseResult::of(case)).collect();
        for round in 0..self.scale.rounds {
            println!("round {} of {}, {}", round + 1, self.scale.rounds, durability.name());
            results.limits.push(machine::measure(&self.data, self.scale.bytes)?);
            for (case, result) in cases.iter().zip(&mut found) {
                let Kind::Shared(load) = &case.kind else { continue };
                for broker in turns(&brokers, round) {
                    let mut stage = Stage::new(broker, self.scale, &self.data);
                    let sample = load.run(&mut stage);
                    drop(stage);
                    keep(result, &broker.product, sample);
                }
                progress(result);
            }
            let mut so_far = results.clone();
            cases.iter().zip(&found).for_each(|(case, result)| put(&mut so_far, case, result.clone()));
            self.save(&so_far);
        }
        cases.iter().zip(found).for_each(|(case, result)| put(results, case, result));
        for broker in brokers {
            broker.stop()?;
        }
        homes.into_iter().for_each(Home::remove);
        Ok(())
    }

    fn start(&self, product: &Product, durability: Durability) -> Result<(Home, Broker)> {
        println!("starting {} ({}) and warming it up", product.name(), durability.name());
        let home = Home::new(product, self.data.join(product.name()), durability)?;
        let broker = home.start()?;
        cases::warm_up(&broker, self.scale, &self.data)?;
        Ok((home, broker))
    }
}

/// Who begins changes with every round.
fn turns<T>(items: &[T], round: usize) -> impl Iterator<Item = &T> {
    items.iter().cycle().skip(round % items.len().max(1)).take(items.len())
}

fn keep(result: &mut CaseResult, product: &Product, sample: Result<Sample>) {
    let samples = match product {
        Product::Ottla => &mut result.ottla,
        Product::Kafka(_) => &mut result.kafka,
    };
    match sample {
        Ok(sample) => samples.push(sample),
        Err(e) => note(result, format!("{}: {e:#}", product.name())),
    }
}

fn note(result: &mut CaseResult, note: String) {
    if !result.notes.contains(&note) {
        println!("  {}: {note}", result.name);
        result.notes.push(note);
    }
}

/// The case's figures, the others that it has too among them.
fn put(results: &mut Results, case: &Case, result: CaseResult) {
    let others = result.others(case);
    results.cases.push(result);
    results.cases.extend(others);
}

/// A line while it runs, so that nobody waits in the dark.
fn progress(result: &CaseResult) {
    let last = |samples: &crate::report::Samples| {
        samples.values(result.metric).last().map_or("-".into(), |value| table::number(*value))
    };
    println!("  {}: Ottla {}, Kafka {} {}", result.name, last(&result.ottla), last(&result.kafka), result.unit);
}
