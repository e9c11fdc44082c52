//! Which quota is for whom. The most specific one counts: user and client id, user and the default client id, user
//! alone, then the same for the default user, then the client id, then the default client id.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::controller::metadata::QuotaEntity;

/// What is limited for users and client ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ProducerByteRate,
    ConsumerByteRate,
    RequestPercentage,
    ControllerMutationRate,
}

impl Kind {
    pub const ALL: [Kind; 4] =
        [Kind::ProducerByteRate, Kind::ConsumerByteRate, Kind::RequestPercentage, Kind::ControllerMutationRate];

    fn key(self) -> &'static str {
        match self {
            Kind::ProducerByteRate => "producer_byte_rate",
            Kind::ConsumerByteRate => "consumer_byte_rate",
            Kind::RequestPercentage => "request_percentage",
            Kind::ControllerMutationRate => "controller_mutation_rate",
        }
    }
}

const CONNECTION_RATE: &str = "connection_creation_rate";

/// Those who share one meter: all clients of a user, one client id of all users, or one client id of one user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meter {
    pub user: Option<String>,
    pub client_id: Option<String>,
}

/// A part of a quota's entity: absent, the default, or a name.
type Part = Option<Option<String>>;

/// All quotas of this moment.
#[derive(Debug, Default)]
pub struct Limits {
    clients: [HashMap<(Part, Part), f64>; 4],
    ips: HashMap<IpAddr, f64>,
    ip_default: Option<f64>,
}

impl Limits {
    pub fn new<'a>(quotas: impl Iterator<Item = (&'a QuotaEntity, &'a Arc<BTreeMap<String, f64>>)>) -> Self {
        let mut limits = Limits::default();
        for (entity, keys) in quotas {
            if let Some(ip) = entity.part("ip") {
                limits.limit_connections(ip, keys.get(CONNECTION_RATE).copied());
                continue;
            }
            let part = |kind| entity.part(kind).map(|name| name.map(str::to_owned));
            for kind in Kind::ALL {
                if let Some(limit) = keys.get(kind.key()) {
                    limits.clients[kind as usize].insert((part("user"), part("client-id")), *limit);
                }
            }
        }
        limits
    }

    fn limit_connections(&mut self, ip: Option<&str>, limit: Option<f64>) {
        let Some(limit) = limit else { return };
        match ip {
            None => self.ip_default = Some(limit),
            Some("localhost") => {
                self.ips.insert(IpAddr::from([127, 0, 0, 1]), limit);
                self.ips.insert(IpAddr::from(std::net::Ipv6Addr::LOCALHOST), limit);
            }
            Some(ip) => {
                if let Ok(ip) = ip.parse() {
                    self.ips.insert(ip, limit);
                }
            }
        }
    }

    pub fn has(&self, kind: Kind) -> bool {
        !self.clients[kind as usize].is_empty()
    }

    /// Whether any of a client's requests has to be watched.
    pub fn has_any_for_clients(&self) -> bool {
        self.clients.iter().any(|kind| !kind.is_empty())
    }

    /// Connections a second from one address.
    pub fn connection_rate(&self, ip: IpAddr) -> Option<f64> {
        self.ips.get(&ip).copied().or(self.ip_default)
    }

    /// The quota of a client, and with whom it shares it.
    pub fn of(&self, kind: Kind, user: &str, client_id: &str) -> Option<(Meter, f64)> {
        let limits = &self.clients[kind as usize];
        if limits.is_empty() {
            return None;
        }
        let named = |name: &str| Some(Some(name.to_owned()));
        let default = || Some(None);
        let of_both = || Meter { user: Some(user.into()), client_id: Some(client_id.into()) };
        let of_user = || Meter { user: Some(user.into()), client_id: None };
        let of_client = || Meter { user: None, client_id: Some(client_id.into()) };
        let find = |user: Part, client: Part| limits.get(&(user, client)).copied();
        let both = || {
            find(named(user), named(client_id))
                .or_else(|| find(named(user), default()))
                .map(|limit| (of_both(), limit))
                .or_else(|| find(named(user), None).map(|limit| (of_user(), limit)))
        };
        let by_default = || {
            find(default(), named(client_id))
                .or_else(|| find(default(), default()))
                .map(|limit| (of_both(), limit))
                .or_else(|| find(default(), None).map(|limit| (of_user(), limit)))
        };
        let client = || find(None, named(client_id)).or_else(|| find(None, default())).map(|l| (of_client(), l));
        both().or_else(by_default).or_else(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a quota's entity.
    type Parts = &'static [(&'static str, Option<&'static str>)];

    fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
        QuotaEntity::new(parts.iter().map(|(kind, name)| (kind.to_string(), name.map(str::to_owned))).collect())
    }

    /// Laid on one after the other, each is more specific than all before it.
    #[test]
    fn the_most_specific_quota_counts() {
        let both = ("U", "C");
        let rising: [(Parts, (bool, bool)); 8] = [
            (&[("client-id", None)], (false, true)),
            (&[("client-id", Some("C"))], (false, true)),
            (&[("user", None)], (true, false)),
            (&[("user", None), ("client-id", None)], (true, true)),
            (&[("user", None), ("client-id", Some("C"))], (true, true)),
            (&[("user", Some("U"))], (true, false)),
            (&[("user", Some("U")), ("client-id", None)], (true, true)),
            (&[("user", Some("U")), ("client-id", Some("C"))], (true, true)),
        ];
        let mut quotas: Vec<(QuotaEntity, Arc<BTreeMap<String, f64>>)> = Vec::new();
        for (n, (parts, (per_user, per_client))) in rising.into_iter().enumerate() {
            let limit = n as f64 + 1.0;
            quotas.push((entity(parts), Arc::new([("producer_byte_rate".to_owned(), limit)].into())));
            let limits = Limits::new(quotas.iter().map(|(entity, keys)| (entity, keys)));
            let (meter, found) = limits.of(Kind::ProducerByteRate, both.0, both.1).unwrap();
            assert_eq!(found, limit, "{parts:?}");
            assert_eq!((meter.user.is_some(), meter.client_id.is_some()), (per_user, per_client), "{parts:?}");
            assert_eq!(limits.of(Kind::ConsumerByteRate, both.0, both.1), None);
        }
        let limits = Limits::new(quotas.iter().map(|(entity, keys)| (entity, keys)));
        assert_eq!(limits.of(Kind::ProducerByteRate, "other", "C").unwrap().1, 5.0);
        assert_eq!(limits.of(Kind::ProducerByteRate, "other", "other").unwrap().1, 4.0);
    }

    #[test]
    fn an_address_has_its_own_limit_or_the_default() {
        let keys: Arc<BTreeMap<String, f64>> = Arc::new([("connection_creation_rate".to_owned(), 5.0)].into());
        let quotas = [(entity(&[("ip", Some("10.0.0.1"))]), keys)];
        let limits = Limits::new(quotas.iter().map(|(entity, keys)| (entity, keys)));
        assert_eq!(limits.connection_rate("10.0.0.1".parse().unwrap()), Some(5.0));
        assert_eq!(limits.connection_rate("10.0.0.2".parse().unwrap()), None);
        assert!(!limits.has_any_for_clients());
    }
}
