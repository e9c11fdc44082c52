//! Listeners: where the broker binds, what it tells clients, and which protocol each speaks.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::settings::Settings;
use crate::config::values::{Findings, Values};

/// What a connection speaks below Kafka's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Some(Self::Plaintext),
            "SSL" => Some(Self::Ssl),
            "SASL_PLAINTEXT" => Some(Self::SaslPlaintext),
            "SASL_SSL" => Some(Self::SaslSsl),
            _ => None,
        }
    }

    /// Kafka's number, as it stands in a broker's registration.
    pub const fn id(self) -> i16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::SaslPlaintext => 2,
            Self::SaslSsl => 3,
        }
    }
}

/// A host and a port as clients use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In capitals.
    pub name: String,
    pub protocol: SecurityProtocol,
    /// Empty binds every address.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    /// What clients of this listener are told; without it they are told the address that they reached.
    pub advertised: Option<Endpoint>,
}

/// Everything about listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// Served, in the order of the setting.
    pub served: Vec<Listener>,
    /// Named as controller listeners: served for tools that speak to the controller itself.
    pub controller: Vec<Listener>,
    /// The listener that other nodes would use; DescribeCluster and tools fall back to it.
    pub inter_broker: String,
}

impl Listeners {
    /// Whether a listener of this name is for the controller.
    pub fn is_controller(&self, name: &str) -> bool {
        self.controller.iter().any(|listener| listener.name.eq_ignore_ascii_case(name))
    }

    /// All that are bound. Controller listeners with TLS or SASL are not: nobody needs them on one node.
    pub fn bound(&self) -> impl Iterator<Item = &Listener> {
        let plain = |listener: &&Listener| listener.protocol == SecurityProtocol::Plaintext;
        self.served.iter().chain(self.controller.iter().filter(plain))
    }
}

/// `NAME://host:port`, with the name in capitals and the host without brackets.
fn parse_one(text: &str) -> Option<(String, String, u16)> {
    let (name, rest) = text.split_once("://")?;
    let (host, port) = rest.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => host,
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-%._:".contains(c);
    (!name.is_empty() && host.chars().all(good)).then_some(())?;
    Some((name.trim().to_ascii_uppercase(), host.to_string(), port.parse().ok()?))
}

type Parsed = Vec<(String, String, u16)>;

fn parse_all(settings: &Settings, values: &Values, key: &str, findings: &mut Findings) -> Parsed {
    let mut parsed: Parsed = Vec::new();
    for item in values.list(key) {
        match parse_one(item) {
            Some(one) if parsed.iter().any(|(name, ..)| *name == one.0) => {
                findings.mistake(settings, key, format!("two listeners are named {}", one.0), "give each its own name");
            }
            Some(one) => parsed.push(one),
            None => findings.mistake(
                settings,
                key,
                format!("{item} is no listener"),
                "write NAME://host:port, for example PLAINTEXT://0.0.0.0:9092",
            ),
        }
    }
    parsed
}

fn protocol_map(settings: &Settings, values: &Values, findings: &mut Findings) -> BTreeMap<String, SecurityProtocol> {
    const KEY: &str = "listener.security.protocol.map";
    let mut map = BTreeMap::new();
    for item in crate::config::value::items(values.text(KEY).unwrap_or("")) {
        match item.split_once(':').and_then(|(name, protocol)| Some((name, SecurityProtocol::parse(protocol.trim())?)))
        {
            Some((name, protocol)) => {
                map.insert(name.trim().to_ascii_uppercase(), protocol);
            }
            None => findings.mistake(
                settings,
                KEY,
                format!("{item} maps no listener to a protocol"),
                "write NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
            ),
        }
    }
    map
}

/// Reads everything about listeners.
pub fn read(settings: &Settings, values: &Values, findings: &mut Findings) -> Listeners {
    let bound = parse_all(settings, values, "listeners", findings);
    let advertised = parse_all(settings, values, "advertised.listeners", findings);
    let map = protocol_map(settings, values, findings);
    let mut controllers: Vec<String> =
        values.list("controller.listener.names").iter().map(|name| name.to_ascii_uppercase()).collect();
    if controllers.is_empty() {
        controllers.push("CONTROLLER".into());
    }
    let mut listeners = Listeners::default();
    for (name, host, port) in bound {
        let is_controller = controllers.contains(&name);
        let protocol = match map.get(&name) {
            Some(protocol) => *protocol,
            None if is_controller => SecurityProtocol::Plaintext,
            None => {
                let fix = format!("add {name}:PLAINTEXT to listener.security.protocol.map");
                findings.mistake(settings, "listeners", format!("listener {name} has no protocol"), fix);
                continue;
            }
        };
        if !is_controller && protocol != SecurityProtocol::Plaintext {
            let what = format!("listener {name} asks for TLS or SASL, which Ottla does not serve yet");
            findings.mistake(settings, "listeners", what, "give it the protocol PLAINTEXT or leave it out");
        }
        let told = advertised.iter().find(|(other, ..)| *other == name);
        let advertised = told
            .filter(|(_, host, _)| !host.is_empty())
            .map(|(_, host, port)| Endpoint { host: host.clone(), port: *port });
        let listener = Listener { name, protocol, host, port, advertised };
        if is_controller { listeners.controller.push(listener) } else { listeners.served.push(listener) }
    }
    check_advertised(settings, &listeners, &advertised, findings);
    check_bound(settings, &listeners, findings);
    listeners.inter_broker = inter_broker(settings, values, &listeners, findings);
    listeners
}

fn check_advertised(settings: &Settings, listeners: &Listeners, advertised: &Parsed, findings: &mut Findings) {
    const KEY: &str = "advertised.listeners";
    let names: Vec<&str> =
        listeners.served.iter().chain(&listeners.controller).map(|listener| listener.name.as_str()).collect();
    for (name, host, port) in advertised {
        if !names.contains(&name.as_str()) {
            let what = format!("{name} is not in listeners");
            findings.mistake(settings, KEY, what, format!("use names of listeners: {}", names.join(", ")));
        }
        if host == "0.0.0.0" || host == "::" {
            let what = format!("no client can reach {host}");
            findings.mistake(settings, KEY, what, "give the host name or address that clients use");
        }
        if *port == 0 {
            findings.mistake(settings, KEY, format!("{name} has port 0"), "give the port that clients use");
        }
    }
}

fn check_bound(settings: &Settings, listeners: &Listeners, findings: &mut Findings) {
    if listeners.served.is_empty() {
        let fix = "add one that is not in controller.listener.names, for example PLAINTEXT://:9092";
        findings.mistake(settings, "listeners", "no listener for clients", fix);
    }
    let all = |host: &str| host.is_empty() || host == "0.0.0.0" || host == "::";
    for (at, one) in listeners.bound().enumerate() {
        let clash = |other: &&Listener| {
            other.port == one.port && one.port != 0 && (other.host == one.host || (all(&other.host) && all(&one.host)))
        };
        if let Some(other) = listeners.bound().take(at).find(clash) {
            let what = format!("{} and {} have the same port {}", other.name, one.name, one.port);
            findings.mistake(settings, "listeners", what, "give each its own port");
        }
    }
}

/// The listener named for other brokers; without a name the one that speaks the named protocol, else the first.
fn inter_broker(settings: &Settings, values: &Values, listeners: &Listeners, findings: &mut Findings) -> String {
    const KEY: &str = "inter.broker.listener.name";
    if let Some(name) = values.text(KEY) {
        let name = name.to_ascii_uppercase();
        if !listeners.served.iter().any(|listener| listener.name == name) {
            let names: Vec<&str> = listeners.served.iter().map(|l| l.name.as_str()).collect();
            findings.mistake(settings, KEY, "no such listener", format!("use one of {}", names.join(", ")));
        }
        if settings.get("security.inter.broker.protocol").is_some() {
            let fix = format!("set {KEY} or security.inter.broker.protocol");
            findings.mistake(settings, "security.inter.broker.protocol", format!("{KEY} is set too"), fix);
        }
        return name;
    }
    let wanted = values.text("security.inter.broker.protocol").unwrap_or("PLAINTEXT");
    let named = listeners.served.iter().find(|listener| listener.name == wanted);
    named.or(listeners.served.first()).map_or(String::new(), |listener| listener.name.clone())
}

#[cfg(test)]
mod tests;
