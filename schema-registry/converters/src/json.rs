//! JSON Schema data.
