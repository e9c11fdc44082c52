//! The table of served APIs and their handlers, one file per Kafka API.
