//! Settings: the `.properties` format, the table of all Kafka keys, and the typed values that code reads.
