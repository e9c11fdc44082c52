//! Client quotas: who may send, read, occupy and change how much. What is above its quota is slowed down, not refused:
//! the answer says how long to wait, and the connection is not read for that long. Only changes of the metadata are
//! refused, for clients that know the code for it.

mod limits;
mod rate;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::config::BrokerConfig;
use crate::controller::metadata::MetadataImage;

pub use limits::Kind;
use limits::{Limits, Meter};
use rate::{Rate, TokenBucket, Windows};

/// Meters are looked through for unused ones when there are twice as many as the last look left, and not before this.
const METERS_BEFORE_SWEEP: usize = 1000;

/// Meters by who shares them; those that say nothing any more are swept out as others come.
#[derive(Debug)]
struct Meters<K, M> {
    by_key: HashMap<K, M>,
    sweep_at: usize,
}

impl<K: std::hash::Hash + Eq, M: Default> Meters<K, M> {
    fn new() -> Self {
        Meters { by_key: HashMap::new(), sweep_at: METERS_BEFORE_SWEEP }
    }

    fn get(&mut self, key: K, mut is_spent: impl FnMut(&mut M) -> bool) -> &mut M {
        if self.by_key.len() >= self.sweep_at {
            self.by_key.retain(|_, meter| !is_spent(meter));
            self.sweep_at = METERS_BEFORE_SWEEP.max(self.by_key.len() * 2);
        }
        self.by_key.entry(key).or_default()
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    pub user: &'a str,
    pub client_id: &'a str,
}

/// All quotas and what was measured against them.
pub struct Quotas {
    limits: ArcSwap<Limits>,
    /// In one glance, for the hot path.
    watches_clients: AtomicBool,
    windows: Windows,
    mutation_windows: Windows,
    /// By [`Kind`]; the one of mutations stays empty.
    rates: [Mutex<Meters<Meter, Rate>>; 4],
    mutations: Mutex<Meters<Meter, TokenBucket>>,
    connections: Mutex<Meters<IpAddr, Rate>>,
    all_connections: Mutex<Rate>,
}

impl Quotas {
    pub fn new(config: &BrokerConfig) -> Self {
        let quotas = &config.quotas;
        Quotas {
            limits: ArcSwap::default(),
            watches_clients: AtomicBool::new(false),
            windows: Windows::new(quotas.window_samples, quotas.window_seconds),
            mutation_windows: Windows::new(quotas.controller_window_samples, quotas.controller_window_seconds),
            rates: std::array::from_fn(|_| Mutex::new(Meters::new())),
            mutations: Mutex::new(Meters::new()),
            connections: Mutex::new(Meters::new()),
            all_connections: Mutex::new(Rate::default()),
        }
    }

    /// Takes over the quotas of new metadata.
    pub fn adopt(&self, image: &MetadataImage) {
        let limits = Limits::new(image.quotas.iter());
        self.watches_clients.store(limits.has_any_for_clients(), Ordering::Release);
        self.limits.store(limits.into());
    }

    /// Whether any client has a quota at all.
    pub fn watches_clients(&self) -> bool {
        self.watches_clients.load(Ordering::Acquire)
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.limits.load().has(kind)
    }

    /// Counts what a client did; says for how long it has to pause.
    pub fn record(&self, kind: Kind, client: Client<'_>, value: f64, now_ms: i64) -> i64 {
        let Some((meter, bound)) = self.limits.load().of(kind, client.user, client.client_id) else { return 0 };
        let windows = self.windows;
        let mut rates = self.rates[kind as usize].lock();
        let rate = rates.get(meter, |rate| rate.is_spent(windows, now_ms));
        rate.record(windows, value, now_ms);
        let throttle_ms = rate.throttle_ms(windows, bound, now_ms);
        // A share of time is paid back window by window.
        if kind == Kind::RequestPercentage { throttle_ms.min(windows.window_ms) } else { throttle_ms }
    }

    /// The most that a client can read at once without having to pause.
    pub fn fetch_bytes_max(&self, client: Client<'_>) -> Option<i64> {
        let (_, bound) = self.limits.load().of(Kind::ConsumerByteRate, client.user, client.client_id)?;
        Some((bound * self.windows.full_windows_seconds()).min(f64::from(i32::MAX)) as i64)
    }

    /// Takes changes of the metadata from a client's bucket. A client that knows how is refused while it owes;
    /// the others pay by waiting. The error is the time to wait.
    pub fn mutate(&self, client: Client<'_>, amount: f64, strict: bool, now_ms: i64) -> Result<i64, i64> {
        let kind = Kind::ControllerMutationRate;
        let Some((meter, bound)) = self.limits.load().of(kind, client.user, client.client_id) else { return Ok(0) };
        let windows = self.mutation_windows;
        let mut mutations = self.mutations.lock();
        // Whoever owes nothing for a whole span has a full bucket again, as one that is new.
        let bucket = mutations.get(meter, |bucket| bucket.is_full(windows, now_ms));
        let owed_ms = bucket.throttle_ms(windows, bound, now_ms);
        if strict && owed_ms > 0 {
            return Err(owed_ms);
        }
        bucket.take(windows, bound, amount, now_ms);
        Ok(if strict { 0 } else { bucket.throttle_ms(windows, bound, now_ms) })
    }

    /// Counts a connection from an address. An error is for how long to keep it waiting before it is closed; it then does
    /// not count.
    pub fn connect(&self, ip: IpAddr, now_ms: i64) -> Result<(), i64> {
        let Some(bound) = self.limits.load().connection_rate(ip) else { return Ok(()) };
        let windows = self.windows;
        let mut connections = self.connections.lock();
        let rate = connections.get(ip, |rate| rate.is_spent(windows, now_ms));
        rate.record(windows, 1.0, now_ms);
        let throttle_ms = rate.throttle_ms(windows, bound, now_ms).min(windows.window_ms);
        if throttle_ms == 0 {
            return Ok(());
        }
        rate.record(windows, -1.0, now_ms);
        Err(throttle_ms)
    }

    /// Counts a connection of the whole broker; says for how long no further one may be accepted.
    pub fn accept(&self, bound: i32, now_ms: i64) -> i64 {
        if bound == i32::MAX {
            return 0;
        }
        let mut rate = self.all_connections.lock();
        rate.record(self.windows, 1.0, now_ms);
        rate.throttle_ms(self.windows, f64::from(bound.max(1)), now_ms).min(self.windows.window_ms)
    }
}

#[cfg(test)]
mod tests;
