//! What one key alone cannot tell: keys that contradict each other, and files written for more than one node.

use crate::config::settings::{Origin, Settings};
use crate::config::values::{Findings, Values};

/// The node's id out of `node.id` or its old name, made visible under both. 1 where nothing is said.
pub fn node_id(settings: &mut Settings, findings: &mut Findings) -> i32 {
    let read = |key: &str| settings.text(key).and_then(|text| text.trim().parse::<i32>().ok());
    let (new, old) = (read("node.id"), read("broker.id").filter(|id| *id >= 0));
    if let (Some(new), Some(old)) = (new, old)
        && new != old
    {
        findings.mistake(settings, "broker.id", format!("node.id says {new}"), "keep only node.id");
    }
    let id = new.or(old).unwrap_or(1);
    settings.imply("node.id", id.to_string());
    if settings.text("broker.id").is_none_or(|text| text.trim() == "-1") {
        settings.set("broker.id", id.to_string(), Origin::Implied);
    }
    id
}

const AUTHORIZERS: &[&str] = &["org.apache.kafka.metadata.authorizer.StandardAuthorizer"];

/// Finds contradictions between keys.
pub fn across_keys(settings: &Settings, values: &Values, findings: &mut Findings) {
    roles(settings, values, findings);
    voters(settings, values, findings);
    limits(settings, values, findings);
    group_ranges(settings, values, findings);
    if let Some(class) = values.text("authorizer.class.name")
        && !AUTHORIZERS.contains(&class)
    {
        let fix = format!("use {}", AUTHORIZERS.join(" or "));
        findings.mistake(settings, "authorizer.class.name", "Ottla cannot load a Java class", fix);
    }
    for name in values.list("group.consumer.assignors") {
        let short = name.rsplit('.').next().unwrap_or(name).trim_end_matches("Assignor");
        if !["uniform", "range"].contains(&short.to_ascii_lowercase().as_str()) {
            let what = format!("there is no assignor {name}");
            findings.mistake(settings, "group.consumer.assignors", what, "use uniform and range");
        }
    }
}

fn roles(settings: &Settings, values: &Values, findings: &mut Findings) {
    let roles = values.list("process.roles");
    if !["broker", "controller"].iter().all(|role| roles.iter().any(|other| other == role)) {
        let what = "Ottla is broker and controller in one process";
        findings.mistake(settings, "process.roles", what, "write broker,controller or remove the line");
    }
}

/// A single node has a single voter: itself.
fn voters(settings: &Settings, values: &Values, findings: &mut Findings) {
    const KEY: &str = "controller.quorum.voters";
    let voters = values.list(KEY);
    if voters.len() > 1 {
        let what = "Ottla is one node and joins no quorum of several voters";
        return findings.mistake(settings, KEY, what, "name this node only, or remove the line");
    }
    let Some(id) = values.int_or_absent("node.id").map(|id| id.to_string()) else { return };
    if let Some((voter, _)) = voters.first().and_then(|voter| voter.split_once('@'))
        && voter != id
    {
        let fix = format!("write {id}@localhost:9093, or remove the line");
        findings.mistake(settings, KEY, format!("this node has the id {id}"), fix);
    }
}

/// The key of a pair that somebody set: the mistake is told there.
fn blamed<'a>(settings: &Settings, key: &'a str, other: &'a str) -> &'a str {
    if settings.get(key).is_none() && settings.get(other).is_some() { other } else { key }
}

fn limits(settings: &Settings, values: &Values, findings: &mut Findings) {
    for (key, least) in [("log.retention.ms", 1), ("log.roll.ms", 1), ("log.roll.jitter.ms", 0)] {
        let endless = key == "log.retention.ms" && values.int_or_absent(key).is_some_and(|ms| ms < 0);
        if !endless && values.int_or_absent(key).is_some_and(|ms| ms < least) {
            let what = format!("must be at least {least}");
            findings.mistake(settings, key, what, "give milliseconds; -1 keeps records without end");
        }
    }
    let mut pair = |bad: bool, key: &str, other: &str, relation: &str| {
        if bad {
            let what = format!("{key} must be {relation} {other}");
            let fix = format!("they are {} and {}", values.int(key), values.int(other));
            findings.mistake(settings, blamed(settings, key, other), what, fix);
        }
    };
    let int = |key| values.int(key);
    let (buffer, threads) = ("log.cleaner.dedupe.buffer.size", "log.cleaner.threads");
    pair(int(buffer) / int(threads).max(1) <= 1024 * 1024, buffer, threads, "more than 1 MiB for each of");
    let (queued, request) = ("queued.max.request.bytes", "socket.request.max.bytes");
    pair(int(queued) > 0 && int(queued) < int(request), queued, request, "-1 or at least");
    let (delay, idle) = ("connection.failed.authentication.delay.ms", "connections.max.idle.ms");
    pair(int(idle) >= 0 && int(delay) >= int(idle), delay, idle, "less than");
    let (least, most) = ("log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms");
    pair(int(least) > int(most), least, most, "at most");
    let (least, most) = ("group.min.session.timeout.ms", "group.max.session.timeout.ms");
    pair(int(least) > int(most), least, most, "at most");
}

/// Group settings lie within their own bounds, and a session outlives a heartbeat.
fn group_ranges(settings: &Settings, values: &Values, findings: &mut Findings) {
    const RANGED: &[(&str, &str)] = &[
        ("consumer", "session.timeout.ms"),
        ("consumer", "heartbeat.interval.ms"),
        ("consumer", "assignment.interval.ms"),
        ("share", "session.timeout.ms"),
        ("share", "heartbeat.interval.ms"),
        ("share", "assignment.interval.ms"),
        ("share", "delivery.count.limit"),
        ("share", "record.lock.duration.ms"),
        ("share", "partition.max.record.locks"),
        ("streams", "session.timeout.ms"),
        ("streams", "heartbeat.interval.ms"),
        ("streams", "assignment.interval.ms"),
    ];
    for (kind, name) in RANGED {
        let key = format!("group.{kind}.{name}");
        let (low, high) = (format!("group.{kind}.min.{name}"), format!("group.{kind}.max.{name}"));
        let (value, least, most) = (values.int(&key), values.int(&low), values.int(&high));
        if least > most {
            let what = format!("{low} is more than {high} ({most})");
            findings.mistake(settings, blamed(settings, &low, &high), what, "change one of them");
        } else if !(least..=most).contains(&value) {
            let what = format!("{key} must be from {low} ({least}) to {high} ({most})");
            let bound = if value < least { &low } else { &high };
            findings.mistake(settings, blamed(settings, &key, bound), what, "change it, or the bounds");
        }
    }
    for kind in ["consumer", "share", "streams"] {
        let key = format!("group.{kind}.heartbeat.interval.ms");
        if values.int(&key) >= values.int(&format!("group.{kind}.session.timeout.ms")) {
            let session = format!("group.{kind}.session.timeout.ms");
            let what = format!("{key} must be less than {session}");
            findings.mistake(settings, blamed(settings, &key, &session), what, "change one of them");
        }
    }
    if values.int("group.streams.num.standby.replicas") > values.int("group.streams.max.standby.replicas") {
        let what = "must not be more than group.streams.max.standby.replicas";
        findings.mistake(settings, "group.streams.num.standby.replicas", what, "lower it");
    }
}

/// `host:count` pairs of `max.connections.per.ip.overrides`.
pub fn connections_per_ip(settings: &Settings, values: &Values, findings: &mut Findings) -> Vec<(String, i32)> {
    const KEY: &str = "max.connections.per.ip.overrides";
    let mut overrides = Vec::new();
    let items = crate::config::value::items(values.text(KEY).unwrap_or(""));
    for item in items.into_iter().filter(|item| !item.is_empty()) {
        match item.rsplit_once(':').and_then(|(host, count)| Some((host, count.trim().parse::<i32>().ok()?))) {
            Some((host, count)) if !host.is_empty() && count >= 0 => overrides.push((host.trim().to_string(), count)),
            _ => findings.mistake(settings, KEY, format!("{item} bounds nothing"), "write host:count"),
        }
    }
    if values.int("max.connections.per.ip") == 0 && overrides.is_empty() {
        let fix = format!("raise it, or list hosts in {KEY}");
        findings.mistake(settings, "max.connections.per.ip", "nobody could connect", fix);
    }
    overrides
}
