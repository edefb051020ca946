//! What is wrong with a value, and where.

use std::fmt::Write as _;

use gantry_model::Error;

/// One part of the way to a value.
#[derive(Debug)]
enum Part {
    Field(String),
    Item(usize),
    Key,
    /// The value of a key.
    Of(String),
}

/// Why a value cannot be written or read. The way to it is put together from its end, so that it
/// costs nothing where there is no fault.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The last part first.
    way: Vec<Part>,
    reason: String,
}

pub(super) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    #[cold]
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(Box::new(Inner { way: Vec::new(), reason: reason.into() }))
    }
    #[cold]
    pub(super) fn in_field(self, name: &str) -> Self {
        self.within(Part::Field(name.to_owned()))
    }
    #[cold]
    pub(super) fn in_item(self, at: usize) -> Self {
        self.within(Part::Item(at))
    }
    #[cold]
    pub(super) fn in_key(self) -> Self {
        self.within(Part::Key)
    }
    #[cold]
    pub(super) fn in_value_of(self, key: &str) -> Self {
        self.within(Part::Of(key.to_owned()))
    }

    fn within(mut self, part: Part) -> Self {
        self.0.way.push(part);
        self
    }

    /// `what` failed: `Avro data of field a.b[3]: …`.
    pub(super) fn into_error(self, what: &str) -> Error {
        let mut text = what.to_owned();
        let way = self.0.way.iter().rev();
        for (nth, part) in way.enumerate() {
            // Writing to a String cannot fail.
            _ = match part {
                Part::Field(name) if nth == 0 => write!(text, " of field {name}"),
                Part::Field(name) => write!(text, ".{name}"),
                Part::Item(at) => write!(text, "[{at}]"),
                Part::Key => write!(text, "[key]"),
                Part::Of(key) => write!(text, "[{key:?}]"),
            };
        }
        _ = write!(text, ": {}", self.0.reason);
        Error::data(text)
    }
}

impl From<Error> for Fault {
    #[cold]
    fn from(error: Error) -> Self {
        Self::new(error.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_begins_at_the_root() {
        let fault = Fault::new("no").in_value_of("k").in_item(3).in_field("b").in_field("a");
        assert_eq!(fault.into_error("Value").message(), r#"Value of field a.b[3]["k"]: no"#);
        assert_eq!(Fault::new("no").in_key().into_error("Value").message(), "Value[key]: no");
    }
}
