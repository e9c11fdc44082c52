//! One number for all that a group's assignment depends on in its topics: ids, names, partition counts. The group's
//! record keeps it; a different number means that the group must be assigned anew.

use super::xxh3::xxh3_64;
use crate::controller::topics::TopicsView;
use crate::model::TopicId;

/// Of the topics that exist, which must come in order of name. 0 when none does.
pub(super) fn hash_of_topics<'a>(names: impl Iterator<Item = &'a str>, topics: &dyn TopicsView) -> i64 {
    let mut hashes = Vec::new();
    for name in names {
        if let Some((id, partitions)) = topics.by_name(name) {
            hashes.extend(hash_of_topic(name, id, partitions).to_le_bytes());
        }
    }
    if hashes.is_empty() { 0 } else { xxh3_64(&hashes) as i64 }
}

fn hash_of_topic(name: &str, id: TopicId, partitions: i32) -> u64 {
    let (high, low) = id.0.as_u64_pair();
    let mut bytes = vec![0];
    bytes.extend(high.to_le_bytes());
    bytes.extend(low.to_le_bytes());
    let before = bytes.len();
    bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
    let units = (bytes.len() - before) / 2;
    bytes.extend((units as i32).to_le_bytes());
    bytes.extend(partitions.to_le_bytes());
    // Each partition would be followed by its racks; the one broker that holds them all adds nothing.
    bytes.extend((0..partitions).flat_map(i32::to_le_bytes));
    xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_hash_as_kafka_hashes_them() {
        let id = TopicId(uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210));
        let long = "y".repeat(200);
        let cases: [(&str, i32, i64); 10] = [
            ("a", 1, -6703480348170900200),
            ("a", 10, 250860139681826382),
            ("orders", 2, -1858927075428748546),
            ("orders", 50, 957326140368260366),
            ("orders", 300, -1785344560035814151),
            ("té", 2000, 1577902903354316923),
            (&"x".repeat(60), 3, 9182440117987991815),
            (&"x".repeat(60), 100, 6925459340517907792),
            (&long, 1, -663940545392573681),
            (&long, 2000, 3116724056860362577),
        ];
        for (name, partitions, expected) in cases {
            assert_eq!(hash_of_topic(name, id, partitions) as i64, expected, "{name} {partitions}");
        }
    }

    #[test]
    fn inputs_of_every_length_class_hash_as_the_reference() {
        let longs = |n: i64, step: i64| (0..n).flat_map(|i| (i * step).to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(xxh3_64(&1i64.to_le_bytes()) as i64, 3439722301264460078);
        assert_eq!(xxh3_64(&longs(3, 1)[8..]) as i64, 571542372673154031);
        assert_eq!(xxh3_64(&longs(4, 1)[8..]) as i64, 8964613590703056768);
        assert_eq!(xxh3_64(&longs(10, 1)[8..]) as i64, -2294696363456165517);
        assert_eq!(xxh3_64(&longs(40, 7919)) as i64, 6937562560228793022);
        assert_eq!(xxh3_64(b"a\0b\0\xe9\0\x03\0\0\0"), 0x930d_ef8c_bfc4_a7b2);
    }
}
