//! From what a program asks for to the operators of a task.

pub(crate) mod assembly;
mod describe;
pub(crate) mod graph;
