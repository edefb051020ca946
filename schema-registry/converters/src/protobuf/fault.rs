//! What was wrong with a value, and where it stood.

use std::fmt::Write as _;

use gantry_model::Error;

/// What was wrong, and the way to it, which grows from the inside out. One pointer wide.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    reason: String,
    way: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Element(usize),
}

pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    #[cold]
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(Box::new(Inner { reason: reason.into(), way: Vec::new() }))
    }

    /// It was in a field.
    #[cold]
    pub(super) fn in_field(mut self, name: &str) -> Self {
        self.0.way.push(Step::Field(name.to_owned()));
        self
    }

    /// It was in an element of a list, counted from 0.
    #[cold]
    pub(super) fn in_element(mut self, at: usize) -> Self {
        self.0.way.push(Step::Element(at));
        self
    }

    /// The error (`DataException`) for a value of a message.
    pub(super) fn into_error(self, message: &str) -> Error {
        let Inner { reason, way } = *self.0;
        let mut path = String::new();
        for step in way.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => drop(write!(path, ".{name}")),
                Step::Element(at) => drop(write!(path, "[{at}]")),
            }
        }
        Error::data(match path.is_empty() {
            true => format!("Protobuf message {message}: {reason}"),
            false => format!("Protobuf message {message}, field {path}: {reason}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_told_from_the_outside_in() {
        let fault = Fault::new("too long").in_field("c").in_element(2).in_field("b").in_field("a");
        assert_eq!(
            fault.into_error("t.M").message(),
            "Protobuf message t.M, field a.b[2].c: too long"
        );
        assert_eq!(Fault::new("no").into_error("M").message(), "Protobuf message M: no");
    }
}
