//! Change data capture, on servers that tests/native/jdbc.py has started.

mod postgres;
