//! What `arg.properties` says, with the errors of Confluent's generator.

use std::cell::RefCell;

use serde_json::{Map, Value as Json};

use super::iteration::{Iteration, decimal, rescale};
use super::{Length, Range};
use crate::datagen::confluent::avro::Avro;
use crate::datagen::confluent::literal::class;

type Result<T> = std::result::Result<T, String>;

/// The property that everything here stands in.
pub(super) const ARGUMENTS: &str = "arg.properties";

pub(super) const OPTIONS: &str = "options";
pub(super) const ITERATION: &str = "iteration";
pub(super) const RANGE: &str = "range";
pub(super) const LENGTH: &str = "length";
pub(super) const REGEX: &str = "regex";
pub(super) const PREFIX: &str = "prefix";
pub(super) const SUFFIX: &str = "suffix";
pub(super) const ODDS: &str = "odds";
pub(super) const KEYS: &str = "keys";

/// Lengths where nothing is said.
const LENGTH_DEFAULT: Length = Length { min: 8, max: 16 };
/// Items and characters of one value.
const LENGTH_MAX: i64 = 16 * 1024 * 1024;

/// The properties of one type. Which of them are asked for is noted: others have no effect.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    all: Option<&'a Map<String, Json>>,
    used: RefCell<Vec<&'static str>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn of(avro: &'a Avro) -> Result<Self> {
        match avro.properties.get(ARGUMENTS) {
            None => Ok(Self { all: None, used: RefCell::default() }),
            Some(Json::Object(all)) => Ok(Self::new(all)),
            Some(other) => Err(format!(
                "{ARGUMENTS} property must be given as object, was {} instead",
                class(other)
            )),
        }
    }

    pub(super) fn new(all: &'a Map<String, Json>) -> Self {
        Self { all: Some(all), used: RefCell::default() }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&'a Json> {
        self.used.borrow_mut().push(key);
        self.all?.get(key)
    }

    /// Those that nobody asked for.
    pub(super) fn unused(&self) -> Vec<&'a str> {
        let used = self.used.borrow();
        let all = self.all.into_iter().flatten().map(|(key, _)| key.as_str());
        all.filter(|key| !used.contains(key)).collect()
    }

    /// Where `including` is given, none of the others may be.
    pub(super) fn exclude(&self, including: &str, others: &[&str]) -> Result<()> {
        let given = |key: &&&str| self.all.is_some_and(|all| all.contains_key(**key));
        match others.iter().find(given) {
            Some(other) => {
                Err(format!("Cannot specify {other} prop when {including} prop is given"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Option<&'a str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{key} property must be a string")),
        }
    }

    pub(super) fn odds(&self) -> Result<Option<f64>> {
        match self.get(ODDS) {
            None => Ok(None),
            Some(odds) => match odds.as_f64() {
                Some(odds) if (0.0..=1.0).contains(&odds) => Ok(Some(odds)),
                Some(_) => Err(format!("{ODDS} property must be in the range [0.0, 1.0]")),
                None => Err(format!("{ODDS} property must be a number, was {}", class(odds))),
            },
        }
    }

    /// How long values are; 8 to 15 where nothing is said.
    pub(super) fn length(&self) -> Result<Length> {
        let Some((min, max)) = self.bounds()? else { return Ok(LENGTH_DEFAULT) };
        // Without an end it would be far longer than what can be made.
        let max = max.unwrap_or(i64::MAX);
        if max > LENGTH_MAX + 1 {
            return Err(format!(
                "{LENGTH} property must have a max field of at most {}",
                LENGTH_MAX + 1
            ));
        }
        // Both are within the limit.
        Ok(Length { min: min as i32, max: max as i32 })
    }

    /// What `length` says: `min`, and `max` that is not reached, if there is one.
    pub(super) fn bounds(&self) -> Result<Option<(i64, Option<i64>)>> {
        let map = match self.get(LENGTH) {
            None => return Ok(None),
            Some(Json::Object(map)) => map,
            Some(number) => {
                let Some(number) = number.as_i64().filter(|n| *n < i64::from(i32::MAX)) else {
                    return Err(format!(
                        "{LENGTH} property must either be an integral number or an object, was {} \
                         instead",
                        class(number)
                    ));
                };
                if number < 0 {
                    return Err(format!(
                        "when given as integral number, {LENGTH} property cannot be negative"
                    ));
                }
                return Ok(Some((number, Some(number + 1))));
            }
        };
        if map.get("min").or_else(|| map.get("max")).is_none() {
            return Err(format!(
                "{LENGTH} property must contain at least one of 'min' or 'max' fields when given \
                 as object"
            ));
        }
        let min = whole_field(map, LENGTH, "min")?.unwrap_or(0);
        let max = whole_field(map, LENGTH, "max")?;
        if min < 0 {
            return Err(format!("min field of {LENGTH} property cannot be negative"));
        }
        if max.is_some_and(|max| max <= min) {
            return Err(format!(
                "max field must be strictly greater than min field for {LENGTH} property"
            ));
        }
        Ok(Some((min, max)))
    }

    fn range_map(&self) -> Result<Option<&'a Map<String, Json>>> {
        match self.get(RANGE) {
            None => Ok(None),
            Some(Json::Object(map)) => Ok(Some(map)),
            Some(_) => Err(format!("{RANGE} property must be an object")),
        }
    }

    /// The range of an int or a long.
    pub(super) fn whole_range<T>(&self, type_: &str, ends: (T, T)) -> Result<Option<Range<T>>>
    where
        T: TryFrom<i64> + Copy + PartialOrd,
    {
        let Some(map) = self.range_map()? else { return Ok(None) };
        let end = |key: &str, default: T| match whole_field(map, RANGE, key)? {
            None => Ok(default),
            Some(number) => T::try_from(number).map_err(|_| {
                format!(
                    "'{key}' field of {RANGE} property must be a valid {type_} for {type_} schemas"
                )
            }),
        };
        checked(end("min", ends.0)?, end("max", ends.1)?).map(Some)
    }

    /// The range of a double, or of a float as a double.
    pub(super) fn real_range(&self, ends: (f64, f64)) -> Result<Option<Range<f64>>> {
        let Some(map) = self.range_map()? else { return Ok(None) };
        let end = |key: &str, default: f64| match map.get(key) {
            None => Ok(default),
            Some(number) => number.as_f64().ok_or_else(|| {
                format!("'{key}' field of {RANGE} property must be a number, was {}", class(number))
            }),
        };
        checked(end("min", ends.0)?, end("max", ends.1)?).map(Some)
    }

    /// `start` of an iteration of flags.
    pub(super) fn flags(&self, iteration: &Json) -> Result<bool> {
        let map = iteration_map(iteration)?;
        if map.contains_key("restart") {
            return Err(format!(
                "{ITERATION} property cannot contain restart field for a boolean schema"
            ));
        }
        if map.contains_key("step") {
            return Err(format!(
                "{ITERATION} property cannot contain step field for a boolean schema"
            ));
        }
        let start = start(map)?;
        start.as_bool().ok_or_else(|| not("start", "a boolean", start))
    }

    /// An iteration of whole numbers between these.
    pub(super) fn whole_iteration(
        &self,
        iteration: &Json,
        (least, most): (i64, i64),
    ) -> Result<Iteration> {
        let map = iteration_map(iteration)?;
        start(map)?;
        let field = |key: &'static str| match map.get(key) {
            None => Ok(None),
            Some(json) => match json.as_i64().filter(|number| (least..=most).contains(number)) {
                Some(number) => Ok(Some((i128::from(number), 0))),
                None => Err(not(key, "an integral number of the schema's type", json)),
            },
        };
        let mut parts = Parts::new(field)?;
        if parts.restart.is_none() {
            let down = parts.step.is_some_and(|(step, _)| step < 0);
            parts.restart = Some((i128::from(if down { least } else { most }), 0));
        }
        parts.iteration()
    }

    /// An iteration of numbers with a fraction.
    pub(super) fn real_iteration(&self, iteration: &Json) -> Result<Iteration> {
        let map = iteration_map(iteration)?;
        start(map)?;
        let field = |key: &'static str| match map.get(key) {
            None => Ok(None),
            Some(json) => {
                let number = json.as_f64().ok_or_else(|| not(key, "a number", json))?;
                decimal(number).map(Some).ok_or_else(|| too_many_digits(key))
            }
        };
        Parts::new(field)?.iteration()
    }
}

fn checked<T: PartialOrd>(min: T, max: T) -> Result<Range<T>> {
    if min < max {
        return Ok(Range { min, max });
    }
    Err(format!("'min' field must be strictly less than 'max' field in {RANGE} property"))
}

fn whole_field(map: &Map<String, Json>, property: &str, key: &str) -> Result<Option<i64>> {
    match map.get(key) {
        None => Ok(None),
        Some(json) => json.as_i64().map(Some).ok_or_else(|| {
            format!(
                "'{key}' field of {property} property must be an integral number, was {}",
                class(json)
            )
        }),
    }
}

fn iteration_map(iteration: &Json) -> Result<&Map<String, Json>> {
    iteration.as_object().ok_or_else(|| {
        format!("{ITERATION} property must be an object, was {} instead", class(iteration))
    })
}

fn start(map: &Map<String, Json>) -> Result<&Json> {
    map.get("start").ok_or_else(|| format!("{ITERATION} property must contain start field"))
}

fn not(field: &str, what: &str, json: &Json) -> String {
    format!("{field} field of {ITERATION} property must be {what}, was {json}")
}

fn too_many_digits(field: &str) -> String {
    format!("{field} field of {ITERATION} property has more digits than an iteration counts with")
}

type Number = (i128, u32);

/// The fields of an iteration, each as digits and how many of them are behind the point.
struct Parts {
    start: Number,
    restart: Option<Number>,
    step: Option<Number>,
    initial: Option<Number>,
}

impl Parts {
    fn new(field: impl Fn(&'static str) -> Result<Option<Number>>) -> Result<Self> {
        Ok(Self {
            start: field("start")?.unwrap_or_default(),
            restart: field("restart")?,
            step: field("step")?,
            initial: field("initial")?,
        })
    }

    fn iteration(self) -> Result<Iteration> {
        let given = [Some(self.start), self.restart, self.step, self.initial];
        let scale = given.into_iter().flatten().map(|(_, scale)| scale).max().unwrap_or(0);
        let at = |field: &str, number: Number| {
            rescale(number, scale).ok_or_else(|| too_many_digits(field))
        };
        let start = at("start", self.start)?;
        let restart = self.restart.map(|number| at("restart", number)).transpose()?;
        let initial = self.initial.map_or(Ok(start), |number| at("initial", number))?;
        let down = restart.is_some_and(|restart| restart < start);
        let one = at("step", (if down { -1 } else { 1 }, 0))?;
        let step = self.step.map_or(Ok(one), |number| at("step", number))?;
        if step == 0 {
            return Err(format!("step field of {ITERATION} property cannot be zero"));
        }
        if restart == Some(start) {
            return Err(format!(
                "start and restart fields of {ITERATION} property cannot be equal"
            ));
        }
        if restart.is_some() && down != (step < 0) {
            let (sign, side) = if down { ("negative", "less") } else { ("positive", "greater") };
            return Err(format!(
                "step field of {ITERATION} property must be {sign} when restart field is {side} \
                 than start field"
            ));
        }
        let span = restart.map(|restart| restart - start);
        Ok(Iteration { start, first: initial - start, span, step, scale })
    }
}
