//! Java's string hash, which places groups and transactional ids on the partitions of their internal topics.

/// `String.hashCode`: over UTF-16 units, as Java counts them.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The partition of an internal topic that keeps `key`. Kafka's absolute value turns the smallest number into 0.
pub fn partition_for(key: &str, partitions: i32) -> i32 {
    java_hash(key).checked_abs().unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_java() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("a"), 97);
        assert_eq!(java_hash("hello world"), 1_794_106_052);
        // Outside the basic plane one character is two units.
        assert_eq!(java_hash("\u{1F600}"), 1_772_899);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn a_key_keeps_its_partition() {
        assert_eq!(partition_for("hello world", 50), 1_794_106_052 % 50);
        assert_eq!(partition_for("polygenelubricants", 50), 0);
        assert_eq!(partition_for("zzzzzz", 50), java_hash("zzzzzz").abs() % 50);
        assert_eq!(partition_for("g", 0), 0);
    }
}
