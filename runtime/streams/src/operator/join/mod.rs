//! Records that meet others of their key.

mod side;
mod stream;

pub(crate) use stream::{Joiner, LeftPort, RightPort, StreamJoin, Tells};
