//! The settings that guard the front door, as plain numbers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// What a connection may do, and how many there may be.
#[derive(Clone, Debug)]
pub struct Limits {
    pub socket_request_max_bytes: usize,
    pub connections_max_idle: Duration,
    pub max_connections: usize,
    pub max_connections_per_ip: usize,
    pub max_connections_per_ip_overrides: HashMap<IpAddr, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            socket_request_max_bytes: 100 * 1024 * 1024,
            connections_max_idle: Duration::from_secs(600),
            max_connections: i32::MAX as usize,
            max_connections_per_ip: i32::MAX as usize,
            max_connections_per_ip_overrides: HashMap::new(),
        }
    }
}

impl Limits {
    pub fn max_connections_per_ip_of(&self, ip: IpAddr) -> usize {
        self.max_connections_per_ip_overrides.get(&ip).copied().unwrap_or(self.max_connections_per_ip)
    }
}
