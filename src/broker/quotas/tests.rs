use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::config::Settings;
use crate::controller::metadata::QuotaEntity;

const CLIENT: Client<'static> = Client { user: "ANONYMOUS", client_id: "c" };

fn quotas(entity: &[(&str, Option<&str>)], key: &str, limit: f64) -> Quotas {
    let config = BrokerConfig::read(Settings::new()).0.unwrap();
    let quotas = Quotas::new(&config);
    let parts = entity.iter().map(|(kind, name)| (kind.to_string(), name.map(str::to_owned))).collect();
    let mut image = MetadataImage::default();
    image.quotas.insert(QuotaEntity::new(parts), Arc::new(BTreeMap::from([(key.to_owned(), limit)])));
    quotas.adopt(&image);
    quotas
}

#[test]
fn nobody_is_slowed_down_without_a_quota() {
    let quotas = quotas(&[("client-id", Some("other"))], "producer_byte_rate", 1.0);
    assert_eq!(quotas.record(Kind::ProducerByteRate, CLIENT, 1e12, 0), 0);
    assert_eq!(quotas.mutate(CLIENT, 1e12, true, 0), Ok(0));
    assert_eq!(quotas.fetch_bytes_max(CLIENT), None);
}

#[test]
fn clients_of_one_user_share_its_quota() {
    let quotas = quotas(&[("user", None)], "producer_byte_rate", 100.0);
    assert_eq!(quotas.record(Kind::ProducerByteRate, CLIENT, 1000.0, 0), 0);
    let other = Client { client_id: "d", ..CLIENT };
    assert_eq!(quotas.record(Kind::ProducerByteRate, other, 100.0, 0), 1000);
    let stranger = Client { user: "alice", ..CLIENT };
    assert_eq!(quotas.record(Kind::ProducerByteRate, stranger, 100.0, 0), 0);
}

#[test]
fn a_share_of_time_is_paid_back_in_one_window_at_most() {
    let quotas = quotas(&[("client-id", None)], "request_percentage", 1.0);
    assert_eq!(quotas.record(Kind::RequestPercentage, CLIENT, 1000.0, 0), 1000);
}

#[test]
fn a_reader_is_given_no_more_than_it_may_have() {
    let quotas = quotas(&[("client-id", None)], "consumer_byte_rate", 1024.0);
    assert_eq!(quotas.fetch_bytes_max(CLIENT), Some(10 * 1024));
}

#[test]
fn changes_are_refused_while_earlier_ones_are_owed() {
    let quotas = quotas(&[("user", Some("ANONYMOUS"))], "controller_mutation_rate", 2.0);
    // 22 at once, and the last may go beyond.
    assert_eq!(quotas.mutate(CLIENT, 20.0, true, 0), Ok(0));
    assert_eq!(quotas.mutate(CLIENT, 6.0, true, 0), Ok(0));
    assert_eq!(quotas.mutate(CLIENT, 1.0, true, 0), Err(2000));
    assert_eq!(quotas.mutate(CLIENT, 1.0, false, 0), Ok(2500));
    assert_eq!(quotas.mutate(CLIENT, 1.0, true, 2500), Ok(0));
}

#[test]
fn connections_of_one_address_are_counted_apart() {
    let quotas = quotas(&[("ip", None)], "connection_creation_rate", 2.0);
    let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
    assert!((0..20).all(|_| quotas.connect(one, 0).is_ok()));
    // 21 in 10 s, which half a second more would make right.
    assert!((0..9).all(|_| quotas.connect(one, 0) == Err(500)));
    assert_eq!(quotas.connect(other, 0), Ok(()));
    assert_eq!(quotas.connect(one, 10_600), Ok(()), "what was refused was not counted");
}
