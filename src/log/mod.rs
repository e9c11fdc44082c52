//! One partition on disk, in Apache Kafka's formats. See `FORMAT.md` beside this file.
