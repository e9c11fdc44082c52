//! What a person sees first: at most eight lines with what matters.

use std::net::SocketAddr;

use crate::config::BrokerConfig;
use crate::config::broker::AcksAll;

/// The lines, for a broker that listens on these addresses.
pub fn lines(config: &BrokerConfig, cluster_id: &str, bound: &[(String, SocketAddr)]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let listeners: Vec<String> = bound.iter().map(|(name, address)| format!("{name} on {address}")).collect();
    let dirs: Vec<String> = config.log_dirs.iter().map(|dir| dir.display().to_string()).collect();
    let acks = match config.durability.acks_all {
        AcksAll::Fsync => "kept through a power cut (ottla.acks.all=fsync)",
        AcksAll::PageCache => "kept if the process dies, not through a power cut (ottla.acks.all=page-cache)",
    };
    let connect = bound.first().map_or(String::new(), |(_, address)| reachable(*address));
    format!(
        "Ottla {version}, a one-node broker for Kafka clients\n  \
           node      {} of cluster {cluster_id}\n  \
           listens   {}\n  \
           data      {}\n  \
           acks=all  {acks}\n  \
           connect   bootstrap.servers={connect}\n",
        config.node_id.0,
        listeners.join(", "),
        dirs.join(", "),
    )
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() || address.ip().is_loopback() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn at_most_eight_lines_say_what_matters() {
        let config = BrokerConfig::read(Settings::new()).0.unwrap();
        let bound = [("PLAINTEXT".to_string(), "0.0.0.0:9092".parse().unwrap())];
        let text = lines(&config, "some-cluster", &bound);
        assert!(text.lines().count() <= 8, "{text}");
        for part in ["some-cluster", "PLAINTEXT on 0.0.0.0:9092", "/tmp/kafka-logs", "localhost:9092"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
