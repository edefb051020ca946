//! What is wrong with a value, and where.

use std::fmt::Write as _;

use gantry_model::Error;

/// An error that learns its path while it goes up through the structs and lists around it.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

pub(crate) type Checked<T> = std::result::Result<T, Fault>;

#[derive(Debug)]
struct Inner {
    error: Error,
    /// Innermost first.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Item(usize),
}

impl Fault {
    #[cold]
    pub(crate) fn new(error: Error) -> Self {
        Self(Box::new(Inner { error, path: Vec::new() }))
    }
    #[cold]
    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(Error::data(message))
    }
    /// It is in a field.
    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.0.path.push(Step::Field(name.to_owned()));
        self
    }
    /// It is in an element of a list.
    #[cold]
    pub(crate) fn in_item(mut self, index: usize) -> Self {
        self.0.path.push(Step::Item(index));
        self
    }
    /// The error, its message beginning with the path.
    pub(crate) fn into_error(self) -> Error {
        let Inner { error, path } = *self.0;
        let message = format!("{}: {}", written(&path), error.message());
        let named = Error::new(error.kind().clone(), message);
        match error.cause() {
            Some(cause) => named.caused_by(cause.clone()),
            None => named,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

fn written(path: &[Step]) -> String {
    let mut text = "$".to_owned();
    for step in path.iter().rev() {
        // Writing to a text cannot fail.
        let _ = match step {
            Step::Field(name) if is_plain(name) => write!(text, ".{name}"),
            Step::Field(name) => write!(text, "[{name:?}]"),
            Step::Item(index) => write!(text, "[{index}]"),
        };
    }
    text
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_from_outside() {
        let fault = Fault::data("wrong").in_field("a b").in_item(3).in_field("list");
        assert_eq!(fault.into_error().message(), "$.list[3][\"a b\"]: wrong");
        assert_eq!(Fault::data("wrong").into_error().message(), "$: wrong");
    }
}
