//! Avro data.
