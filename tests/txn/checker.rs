//! What no reader may ever see.

use std::collections::{BTreeMap, BTreeSet};

use crate::clients::Outcome;
use crate::partition::{Batch, Value};
use crate::world::World;

/// The number of visible values, or what is wrong.
pub fn check(world: &World) -> Result<usize, String> {
    if let Some(wrong) = world.wrong.first() {
        return Err(wrong.clone());
    }
    let visible: Vec<&Vec<Value>> = world.partitions.iter().map(|p| &p.shown).collect();
    let mut owners: BTreeMap<Value, usize> = BTreeMap::new();
    for (number, transaction) in world.transactions.iter().enumerate() {
        owners.extend(transaction.writes.iter().map(|(_, value, _)| (*value, number)));
    }
    nothing_twice(&visible)?;
    all_or_nothing(world, &visible)?;
    in_order(world, &visible, &owners)?;
    no_cycles(world, &visible, &owners)?;
    Ok(visible.iter().map(|values| values.len()).sum())
}

fn nothing_twice(visible: &[&Vec<Value>]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match visible.iter().copied().flatten().find(|value| !seen.insert(**value)) {
        Some(value) => Err(format!("value {value} is there twice")),
        None => Ok(()),
    }
}

fn all_or_nothing(world: &World, visible: &[&Vec<Value>]) -> Result<(), String> {
    for transaction in &world.transactions {
        let is_visible = |(partition, value, _): &&(usize, Value, bool)| visible[*partition].contains(value);
        let seen = transaction.writes.iter().filter(is_visible).count();
        let all = transaction.writes.len();
        let right = match transaction.outcome {
            Outcome::Committed => seen == all,
            Outcome::NotCommitted | Outcome::Refused => seen == 0,
            Outcome::Unknown => seen == 0 || seen == all,
        };
        if !right {
            return Err(format!("{seen} of {all} values are visible of {transaction:?}"));
        }
    }
    Ok(())
}

/// A producer's values stand in the order in which it sent them, and epochs never go back.
fn in_order(world: &World, visible: &[&Vec<Value>], owners: &BTreeMap<Value, usize>) -> Result<(), String> {
    for (index, values) in visible.iter().enumerate() {
        let mut last: BTreeMap<usize, Value> = BTreeMap::new();
        for value in values.iter() {
            let client = world.transactions[owners[value]].client;
            if last.insert(client, *value).is_some_and(|before| before > *value) {
                return Err(format!("partition {index}: the values of client {client} are out of order: {values:?}"));
            }
        }
        let mut epochs = BTreeMap::new();
        for batch in &world.partitions[index].batches {
            let (Batch::Data(producer, _) | Batch::Marker(producer, _)) = batch;
            if epochs.insert(producer.id, producer.epoch).is_some_and(|before| before > producer.epoch) {
                return Err(format!("partition {index}: an epoch of producer {} goes back", producer.id));
            }
        }
    }
    Ok(())
}

/// Transactions of one id follow one another: no two partitions show them in different orders.
fn no_cycles(world: &World, visible: &[&Vec<Value>], owners: &BTreeMap<Value, usize>) -> Result<(), String> {
    let mut after: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for values in visible {
        let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
        for value in values.iter() {
            let owner = owners[value];
            match latest.insert(world.transactions[owner].transactional_id, owner) {
                Some(before) if before != owner => after.entry(before).or_default().insert(owner),
                _ => false,
            };
        }
    }
    let mut done = BTreeSet::new();
    for start in after.keys() {
        if reaches_itself(*start, &after, &mut Vec::new(), &mut done) {
            return Err(format!("transactions of one id come in different orders, from {start}"));
        }
    }
    Ok(())
}

fn reaches_itself(
    at: usize,
    after: &BTreeMap<usize, BTreeSet<usize>>,
    path: &mut Vec<usize>,
    done: &mut BTreeSet<usize>,
) -> bool {
    if path.contains(&at) {
        return true;
    }
    if done.contains(&at) {
        return false;
    }
    path.push(at);
    let cycle = after.get(&at).is_some_and(|next| next.iter().any(|n| reaches_itself(*n, after, path, done)));
    path.pop();
    done.insert(at);
    cycle
}
