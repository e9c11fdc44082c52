//! Numbers that a running broker does not take, though a file could say them.

use crate::config::broker::BrokerConfig;
use crate::config::describe::THROTTLES;
use crate::config::topic::Overrides;
use crate::config::value::ValueError;

/// Pools of threads at most double or halve in one step.
pub fn check_steps(config: &BrokerConfig, settings: &Overrides) -> Result<(), ValueError> {
    const POOLS: &[&str] = &[
        "num.io.threads",
        "num.network.threads",
        "num.replica.fetchers",
        "num.recovery.threads.per.data.dir",
        "background.threads",
        "remote.log.reader.threads",
        "remote.log.manager.copier.thread.pool.size",
        "remote.log.manager.expiration.thread.pool.size",
        "remote.log.manager.follower.thread.pool.size",
    ];
    const CLEANERS: &str = "log.cleaner.threads";
    for name in POOLS.iter().chain(&[CLEANERS]) {
        let Some(wanted) = settings.get(*name).and_then(|text| text.trim().parse::<i64>().ok()) else { continue };
        let now = config.values.int(name);
        let bad = match wanted {
            _ if *name == CLEANERS && ((now / 2).max(1)..=now * 2).contains(&wanted) => continue,
            _ if *name == CLEANERS && wanted > now * 2 => {
                return Err(invalid(&format!(
                    "Log cleaner threads cannot be increased to more than double the current value {now}"
                )));
            }
            _ if *name == CLEANERS && wanted > 0 => {
                return Err(invalid(&format!(
                    "Log cleaner threads cannot be reduced to less than half the current value {now}"
                )));
            }
            _ if wanted < 1 => "value should be at least 1".to_string(),
            _ if wanted < now / 2 => format!("value should be at least half the current value {now}"),
            _ if wanted > now * 2 => format!("value should not be greater than double the current value {now}"),
            _ => continue,
        };
        return Err(invalid(&format!("Dynamic thread count update validation failed for {name}={wanted}, {bad}")));
    }
    Ok(())
}

/// How Kafka tells what a part of it refuses.
fn invalid(why: &str) -> ValueError {
    let what = "Invalid value org.apache.kafka.common.config.ConfigException";
    ValueError(format!("{what}: {why} for configuration Invalid dynamic configuration"))
}

/// Rates that no file can set stand in no table of keys.
pub fn check_throttles(settings: &Overrides) -> Result<(), ValueError> {
    for name in THROTTLES {
        let Some(text) = settings.get(*name) else { continue };
        let why = match text.trim().parse::<i64>() {
            Err(_) => "Not a number of type LONG",
            Ok(rate) if rate < 0 => "Value must be at least 0",
            Ok(_) => continue,
        };
        return Err(ValueError(format!("Invalid value {text} for configuration {name}: {why}")));
    }
    Ok(())
}

/// A running broker does not shut everybody out.
pub fn check_connections(settings: &Overrides) -> Result<(), ValueError> {
    for name in ["max.connections", "max.connection.creation.rate"] {
        let wanted = settings.get(name).and_then(|text| text.trim().parse::<i64>().ok());
        if let Some(wanted) = wanted.filter(|wanted| *wanted <= 0) {
            return Err(invalid(&format!("Invalid {name} {wanted}")));
        }
    }
    Ok(())
}

/// What is kept here is no more than what is kept at all.
pub fn check_local_retention(config: &BrokerConfig) -> Result<(), ValueError> {
    /// As much as is kept at all.
    const LIKE_ALL: i64 = -2;
    let topic = config.topic(&Overrides::new());
    let kinds = [
        ("log.local.retention.ms", "log.retention.ms", topic.retention_ms),
        ("log.local.retention.bytes", "log.retention.bytes", topic.retention_bytes),
    ];
    for (name, whole_name, whole) in kinds {
        let local = config.values.int(name);
        let why = match local {
            _ if whole < 0 || local == LIKE_ALL => continue,
            -1 => format!("Value must not be -1 as {whole_name} value is set as {whole}."),
            _ if local > whole => format!("Value must not be more than {whole_name} property value: {whole}"),
            _ => continue,
        };
        return Err(invalid(&format!("Invalid value {local} for configuration {name}: {why}")));
    }
    Ok(())
}
