//! Makes values as a schema and the `arg.properties` in it say.
//!
//! [`compile`] turns a schema into a tree of [`Gen`]s once; a record then costs a walk over it, the
//! random numbers and the values.

mod arguments;
mod automaton;
mod binary;
mod compile;
mod iteration;
mod options;
mod regex;

use std::fmt::Write as _;
use std::sync::Arc;

use gantry_api::model::Decimal;
use gantry_api::{Error, Result, Schema, Struct, Value};
use num_bigint::BigInt;

use super::literal::{self, Form};
use super::random::Random;
pub(super) use compile::{Compiled, compile};
use iteration::Iteration;
use regex::Pattern;

/// The random characters of texts without a pattern are those of ASCII.
const CHARACTERS: i32 = 128;

/// What changes from value to value.
#[derive(Debug)]
pub(super) struct State {
    pub(super) random: Random,
    /// How often each `iteration` has given a value.
    counters: Vec<i64>,
    /// Where texts are put together.
    text: String,
    /// About how many bytes were made, so that a batch can end in time.
    pub(super) bytes: usize,
}

impl State {
    /// A state in which `count` records were made, of each of which `iteration`s have given one
    /// value.
    pub(super) fn new(random: Random, counters: usize, count: i64) -> Self {
        Self { random, counters: vec![count; counters], text: String::new(), bytes: 0 }
    }
}

/// From `min` to below `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    min: i32,
    max: i32,
}

impl Length {
    fn draw(self, random: &mut Random) -> usize {
        usize::try_from(self.min + random.below(self.max - self.min)).unwrap_or(0)
    }
}

/// From `min` to below `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range<T> {
    min: T,
    max: T,
}

/// What a text is made of.
#[derive(Debug)]
struct Texts {
    prefix: String,
    middle: Middle,
    suffix: String,
}

#[derive(Debug)]
enum Middle {
    Any(Length),
    Pattern(Box<Pattern>),
    Numbers { counter: usize, iteration: Iteration },
}

impl Texts {
    fn write(&self, state: &mut State) {
        state.text.clear();
        state.text.push_str(&self.prefix);
        match &self.middle {
            Middle::Any(length) => {
                for _ in 0..length.draw(&mut state.random) {
                    let code = state.random.below(CHARACTERS) as u8;
                    state.text.push(char::from(code));
                }
            }
            Middle::Pattern(pattern) => pattern.write(&mut state.random, &mut state.text),
            Middle::Numbers { counter, iteration } => {
                let number = iteration.whole(count(&mut state.counters, *counter));
                // Writing to a String cannot fail.
                let _ = write!(state.text, "{number}");
            }
        }
        state.text.push_str(&self.suffix);
        state.bytes += state.text.len();
    }

    fn value(&self, state: &mut State) -> Value {
        self.write(state);
        Value::str(&state.text)
    }
}

/// The number of the next value of an iteration.
fn count(counters: &mut [i64], counter: usize) -> i64 {
    let Some(count) = counters.get_mut(counter) else { return 0 };
    let number = *count;
    *count = number.saturating_add(1);
    number
}

/// Makes the values of one place of a schema.
#[derive(Debug)]
enum Gen {
    Null,
    /// One of these.
    Options(Vec<Value>),
    /// One of these, each as likely.
    Union(Vec<Gen>),
    /// The struct of a union of several types, with the value in that field.
    Branch {
        schema: Schema,
        field: usize,
        of: Box<Gen>,
    },
    Boolean {
        odds: Option<f64>,
    },
    Flags {
        counter: usize,
        start: bool,
    },
    Int {
        form: Form,
        range: Option<Range<i32>>,
    },
    Long {
        form: Form,
        range: Option<Range<i64>>,
    },
    Float(Option<Range<f32>>),
    Double(Option<Range<f64>>),
    Ints {
        form: Form,
        counter: usize,
        iteration: Iteration,
    },
    Longs {
        form: Form,
        counter: usize,
        iteration: Iteration,
    },
    Floats {
        counter: usize,
        iteration: Iteration,
    },
    Doubles {
        counter: usize,
        iteration: Iteration,
    },
    Text(Texts),
    Bytes {
        form: Form,
        length: Length,
    },
    Fixed {
        form: Form,
        size: usize,
    },
    Decimal {
        scale: i32,
        digits: u32,
    },
    Array {
        items: Box<Gen>,
        length: Length,
    },
    Map {
        keys: Box<Gen>,
        values: Box<Gen>,
        length: Length,
    },
    Record {
        schema: Schema,
        fields: Vec<Gen>,
    },
}

impl Gen {
    fn value(&self, state: &mut State) -> Result<Value> {
        let random = &mut state.random;
        // The place that a value takes by itself.
        state.bytes += size_of::<Value>();
        Ok(match self {
            Self::Null => Value::Null,
            Self::Options(list) => list.get(random.place(list.len())).cloned().unwrap_or_default(),
            Self::Union(list) => match list.get(random.place(list.len())) {
                Some(branch) => branch.value(state)?,
                None => Value::Null,
            },
            Self::Branch { schema, field, of } => {
                literal::in_union(schema, *field, of.value(state)?)
            }
            Self::Boolean { odds: None } => Value::Boolean(random.boolean()),
            Self::Boolean { odds: Some(odds) } => Value::Boolean(random.double() < *odds),
            Self::Flags { counter, start } => {
                Value::Boolean(*start ^ (count(&mut state.counters, *counter) % 2 != 0))
            }
            Self::Int { form, range } => int(form, draw_int(*range, random))?,
            Self::Long { form, range } => form.long(draw_long(*range, random)),
            Self::Float(range) => Value::Float32(draw_float(*range, random)),
            Self::Double(range) => Value::Float64(draw_double(*range, random)),
            Self::Ints { form, counter, iteration } => {
                let number = iteration.whole(count(&mut state.counters, *counter));
                int(form, number as i32)?
            }
            Self::Longs { form, counter, iteration } => {
                let number = iteration.whole(count(&mut state.counters, *counter));
                form.long(number)
            }
            Self::Floats { counter, iteration } => {
                Value::Float32(iteration.real(count(&mut state.counters, *counter)) as f32)
            }
            Self::Doubles { counter, iteration } => {
                Value::Float64(iteration.real(count(&mut state.counters, *counter)))
            }
            Self::Text(texts) => texts.value(state),
            Self::Bytes { form, length } => {
                let length = length.draw(random);
                bytes(form, length, state)?
            }
            Self::Fixed { form, size } => bytes(form, *size, state)?,
            Self::Decimal { scale, digits } => decimal(*scale, *digits, random),
            Self::Array { .. } | Self::Map { .. } => self.many(state)?,
            Self::Record { schema, fields } => {
                let values = fields.iter().map(|field| field.value(state));
                let values = values.collect::<Result<Vec<_>>>()?;
                let own = Struct::from_values(Schema::clone(schema), values);
                Value::Struct(Arc::new(own))
            }
        })
    }

    fn many(&self, state: &mut State) -> Result<Value> {
        Ok(match self {
            Self::Array { items, length } => {
                let count = length.draw(&mut state.random);
                let list = (0..count).map(|_| items.value(state));
                Value::array(list.collect::<Result<_>>()?)
            }
            Self::Map { keys, values, length } => {
                let count = length.draw(&mut state.random);
                let entries = (0..count).map(|_| Ok((keys.value(state)?, values.value(state)?)));
                literal::hash_map(entries.collect::<Result<_>>()?)
            }
            _ => Value::Null,
        })
    }
}

fn int(form: &Form, number: i32) -> Result<Value> {
    form.int(number).map_err(Error::data)
}

fn bytes(form: &Form, length: usize, state: &mut State) -> Result<Value> {
    state.bytes += length;
    form.bytes(state.random.bytes(length)).map_err(Error::data)
}

// A part of the way from the smallest to the largest number, cut to whole ones, as Confluent's
// generator has it. The way is measured where it cannot overflow.

fn draw_int(range: Option<Range<i32>>, random: &mut Random) -> i32 {
    let Some(Range { min, max }) = range else { return random.int() };
    let way = f64::from(max) - f64::from(min);
    (i64::from(min) + (random.double() * way) as i64) as i32
}

fn draw_long(range: Option<Range<i64>>, random: &mut Random) -> i64 {
    let Some(Range { min, max }) = range else { return random.long() };
    let way = i128::from(max) - i128::from(min);
    let offset = ((random.double() * way as f64) as i128).min(way - 1);
    (i128::from(min) + offset) as i64
}

fn draw_float(range: Option<Range<f32>>, random: &mut Random) -> f32 {
    let Some(Range { min, max }) = range else { return random.float() };
    let way = f64::from(max) - f64::from(min);
    (f64::from(min) + random.double() * way) as f32
}

fn draw_double(range: Option<Range<f64>>, random: &mut Random) -> f64 {
    let Some(Range { min, max }) = range else { return random.double() };
    let part = random.double();
    // Both products are finite where the way between them is not.
    let way = max - min;
    if way.is_finite() { min + part * way } else { min * (1.0 - part) + max * part }
}

/// As many digits as the precision allows, or fewer where the first ones are 0.
fn decimal(scale: i32, digits: u32, random: &mut Random) -> Value {
    let mut number = 0_i128;
    for _ in 0..digits {
        number = number * 10 + i128::from(random.below(10));
    }
    if random.boolean() {
        number = -number;
    }
    Value::Decimal(Arc::new(Decimal { unscaled: BigInt::from(number), scale }))
}
