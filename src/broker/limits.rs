//! The settings that guard the front door, as plain numbers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::config::BrokerConfig;

/// Long enough to be never, short enough for any timer.
const NEVER_MS: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// What a connection may do, and how many there may be.
#[derive(Clone, Debug)]
pub struct Limits {
    pub socket_request_max_bytes: usize,
    pub connections_max_idle: Duration,
    pub max_connections: usize,
    /// Connections a second that are accepted, from all clients together.
    pub connections_per_second_max: i32,
    pub max_connections_per_ip: usize,
    pub max_connections_per_ip_overrides: HashMap<IpAddr, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            socket_request_max_bytes: 100 * 1024 * 1024,
            connections_max_idle: Duration::from_secs(600),
            max_connections: i32::MAX as usize,
            connections_per_second_max: i32::MAX,
            max_connections_per_ip: i32::MAX as usize,
            max_connections_per_ip_overrides: HashMap::new(),
        }
    }
}

impl Limits {
    pub fn from_config(config: &BrokerConfig) -> Self {
        let network = &config.network;
        let idle_ms = u64::try_from(network.idle_max_ms).unwrap_or(NEVER_MS);
        let count = |n: i32| usize::try_from(n).unwrap_or(0);
        Limits {
            socket_request_max_bytes: network.request_max_bytes,
            connections_max_idle: Duration::from_millis(idle_ms.min(NEVER_MS)),
            max_connections: count(network.connections_max),
            connections_per_second_max: network.connections_per_second_max,
            max_connections_per_ip: count(network.connections_per_ip_max),
            max_connections_per_ip_overrides: config
                .connections_per_ip_overrides
                .iter()
                .flat_map(|(host, max)| addresses(host).into_iter().map(|ip| (ip, count(*max))))
                .collect(),
        }
    }

    pub fn max_connections_per_ip_of(&self, ip: IpAddr) -> usize {
        self.max_connections_per_ip_overrides.get(&ip).copied().unwrap_or(self.max_connections_per_ip)
    }
}

/// A host of the overrides is an address or a name; a name that does not resolve limits nobody.
fn addresses(host: &str) -> Vec<IpAddr> {
    if let Ok(ip) = host.parse() {
        return vec![ip];
    }
    use std::net::ToSocketAddrs;
    match (host, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(e) => {
            tracing::warn!("max.connections.per.ip.overrides names {host}, which does not resolve: {e}");
            Vec::new()
        }
    }
}
