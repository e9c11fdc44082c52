//! The table of every key that Kafka 4.3 knows, one resource type a file, and the look-ups in it.

pub mod broker;
pub mod client_metrics;
pub mod group;
mod index;
pub mod ottla;
pub mod removed;
pub mod suggest;
pub mod table;
pub mod topic;

pub use index::Index;
pub use table::{Importance, Key, Kind, Treatment, Update, Valid};

/// Keys that a broker declares, Ottla's own among them.
pub static BROKER: Index = Index::of(broker::ALL);
/// Keys that only the authorizer reads.
pub static AUTHORIZER: Index = Index::of(&[ottla::authorizer::KEYS]);
/// Keys of topics.
pub static TOPIC: Index = Index::of(&[topic::KEYS, topic::INTERNAL_KEYS]);
/// Keys of groups.
pub static GROUP: Index = Index::of(&[group::KEYS]);
/// Keys of client metrics subscriptions.
pub static CLIENT_METRICS: Index = Index::of(&[client_metrics::KEYS]);

/// Keys that may stand per SASL mechanism below a listener: `listener.name.NAME.MECHANISM.KEY`.
const PER_MECHANISM: &[&str] = &[
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.server.callback.handler.class",
    "connections.max.reauth.ms",
];

/// A broker key by its full name; `listener.name.NAME.KEY` is found as `KEY`.
pub fn broker_key(name: &str) -> Option<&'static Key> {
    let known = |name: &str| BROKER.get(name).or_else(|| AUTHORIZER.get(name));
    known(name).or_else(|| known(listener_base(name)?))
}

/// The key below a listener prefix: `ssl.keystore.location` of `listener.name.x.ssl.keystore.location`.
pub fn listener_base(name: &str) -> Option<&str> {
    let (listener, base) = name.strip_prefix("listener.name.")?.split_once('.')?;
    if listener.is_empty() {
        return None;
    }
    Some(PER_MECHANISM.iter().find(|key| base.ends_with(*key)).copied().unwrap_or(base))
}

/// Names under which one broker setting can be given, the strongest first.
pub fn broker_synonyms(name: &str) -> Vec<&str> {
    const FAMILIES: &[&[&str]] = &[
        &["log.roll.ms", "log.roll.hours"],
        &["log.roll.jitter.ms", "log.roll.jitter.hours"],
        &["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
    ];
    if let Some(family) = FAMILIES.iter().find(|family| family.contains(&name)) {
        return family.to_vec();
    }
    if name == "log.flush.interval.ms" {
        return vec![name, "log.flush.scheduler.interval.ms"];
    }
    match listener_base(name) {
        Some(base) => vec![name, base],
        None => vec![name],
    }
}

#[cfg(test)]
mod tests;
