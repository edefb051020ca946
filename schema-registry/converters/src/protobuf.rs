//! Protobuf data.
