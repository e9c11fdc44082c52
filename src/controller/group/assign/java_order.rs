//! The order in which Java's hash tables are walked. Kafka's results depend on it in places; it is a pure function of
//! the keys' hash codes, the size of the table, and within one bucket of the order of insertion.

use std::cmp::Ordering;

use crate::model::{PartitionIndex, TopicId};

/// `String.hashCode`: over UTF-16 code units.
pub fn hash_of_str(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The hash code of Kafka's own uuid class: all four 32-bit words together.
pub fn hash_of_topic(id: TopicId) -> i32 {
    let (high, low) = id.0.as_u64_pair();
    let both = high ^ low;
    ((both >> 32) as i32) ^ (both as i32)
}

pub fn hash_of_partition(partition: PartitionIndex) -> i32 {
    partition.0
}

/// Buckets of a table that grew entry by entry from the default size.
pub fn grown_table(entries: usize) -> usize {
    let mut buckets = 16;
    while entries > buckets / 4 * 3 {
        buckets *= 2;
    }
    buckets
}

/// Buckets of a set made as a copy of another collection.
pub fn copied_table(entries: usize) -> usize {
    ((entries as f32 / 0.75) as usize + 1).max(16).next_power_of_two()
}

/// Sorts items, given in order of insertion, into the order of iteration.
pub fn sort<T>(items: &mut [T], buckets: usize, hash: impl Fn(&T) -> i32) {
    let mask = buckets - 1;
    items.sort_by_key(|item| {
        let hash = hash(item) as u32;
        (hash ^ (hash >> 16)) as usize & mask
    });
}

/// Where strings stand in the coordinator's own hash tables, which take the highest bits of a product as the slot.
pub fn slot_of_str(text: &str) -> u64 {
    i64::from(hash_of_str(text)).wrapping_mul(-7_046_029_254_386_353_131) as u64
}

/// `String.compareTo`: by UTF-16 code units.
pub fn compare_str(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Kafka compares the halves of a uuid as signed numbers.
pub fn compare_topics(a: TopicId, b: TopicId) -> Ordering {
    let signed = |id: TopicId| {
        let (high, low) = id.0.as_u64_pair();
        (high as i64, low as i64)
    };
    signed(a).cmp(&signed(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hash_as_in_java() {
        assert_eq!(hash_of_str(""), 0);
        assert_eq!(hash_of_str("hello"), 99162322);
        assert_eq!(hash_of_str("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn slots_of_members_are_those_that_kafka_shows() {
        assert!(slot_of_str("member-2") < slot_of_str("member-1"));
    }

    #[test]
    fn tables_grow_at_three_quarters() {
        assert_eq!((grown_table(12), grown_table(13), grown_table(25)), (16, 32, 64));
        assert_eq!((copied_table(3), copied_table(11), copied_table(12)), (16, 16, 32));
    }

    #[test]
    fn buckets_come_in_order_and_keep_the_order_of_insertion() {
        let mut items = [17, 2, 1, 18];
        sort(&mut items, 16, |i| *i);
        assert_eq!(items, [17, 1, 2, 18]);
    }
}
