//! From what a program asks for to the operators of a task.

pub(crate) mod assembly;
pub(crate) mod graph;
