//! What a compacted log must still say, kept as plain lists.

use std::collections::{BTreeMap, HashMap};

use ottla::model::Offset;

#[derive(Clone, Debug)]
pub struct Record {
    pub key: Option<String>,
    pub value: Option<String>,
    pub timestamp_ms: i64,
    /// Which transaction it belongs to.
    pub txn: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
pub struct Txn {
    pub first: Offset,
    /// Committed or not, and where the marker lies.
    pub end: Option<(bool, Offset)>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub records: BTreeMap<Offset, Record>,
    pub txns: Vec<Txn>,
    /// Producer to its open transaction.
    pub open: HashMap<i64, usize>,
    pub sequences: HashMap<i64, i32>,
    /// Acknowledged as durable.
    pub synced: Offset,
    /// Tombstones that a pass has been over, and when first.
    pub passed_ms: HashMap<Offset, i64>,
    pub now_ms: i64,
}

impl Model {
    /// What a reader of committed records may see, of the first `end` offsets.
    pub fn committed(&self, end: Offset) -> Vec<(Offset, &Record)> {
        let stable = self.last_stable(end);
        let is_committed = |r: &Record| match r.txn.and_then(|t| self.txns.get(t)) {
            None => true,
            Some(txn) => txn.end.is_some_and(|(commit, marker)| commit && marker < end),
        };
        let below = self.records.range(..stable).filter(|(_, r)| is_committed(r));
        below.map(|(offset, r)| (*offset, r)).collect()
    }

    pub fn is_aborted(&self, record: &Record) -> bool {
        record.txn.and_then(|t| self.txns[t].end).is_some_and(|(commit, _)| !commit)
    }

    pub fn last_stable(&self, end: Offset) -> Offset {
        let open = |t: &&Txn| t.first < end && t.end.is_none_or(|(_, marker)| marker >= end);
        self.txns.iter().filter(open).map(|t| t.first).min().unwrap_or(end)
    }

    /// Key to its newest committed record.
    pub fn newest(&self, end: Offset) -> HashMap<&str, (Offset, &Record)> {
        let keyed = self.committed(end).into_iter().filter_map(|(o, r)| Some((r.key.as_deref()?, (o, r))));
        keyed.collect()
    }

    /// Forgets what a crash took.
    pub fn cut(&mut self, end: Offset) {
        self.records.split_off(&end);
        let gone = |offset: Offset| offset >= end;
        for txn in &mut self.txns {
            txn.end = txn.end.filter(|(_, marker)| !gone(*marker));
        }
    }
}
