//! Why an expression could not be evaluated. Values of the record are not shown: messages go to
//! logs and to headers of dead letters.

use cel::{ExecutionError, Value};

use super::record::Values;
use super::show::sign;

pub(super) fn explain(error: &ExecutionError, values: &Values<'_>) -> String {
    match error {
        ExecutionError::UndeclaredReference(name) => match values.why_missing(name) {
            Some(why) => why.to_owned(),
            None => format!("there is no {name}"),
        },
        ExecutionError::Overflow(operator, a, b) => {
            format!("{} goes beyond what its type holds", operation(operator, a, b))
        }
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "remainder of a division by zero".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, a, b) => {
            format!("there is no {}{}", operation(operator, a, b), hint(&[kind(a), kind(b)]))
        }
        ExecutionError::ValuesNotComparable(a, b) => {
            format!("{} and {} cannot be compared", kind(a), kind(b))
        }
        ExecutionError::NoSuchOverload(overload) => {
            let types: Vec<&str> =
                overload.argument_types().iter().map(|name| short(name)).collect();
            let name = overload.function();
            let what = match (sign(name), types.as_slice()) {
                (Some(sign), [one]) => format!("{sign}{one}"),
                (Some(sign), [a, b]) => format!("{a} {sign} {b}"),
                _ => format!("{}({})", name.trim_start_matches('@'), types.join(", ")),
            };
            format!("there is no {what}{}", hint(&types))
        }
        ExecutionError::NoSuchKey(name) => format!("there is no {name}: ask has(…) first"),
        ExecutionError::IndexOutOfBounds(_) => "the list has no such place".to_owned(),
        ExecutionError::UnexpectedType { got, want } => {
            format!(
                "a {} stands where {} is needed{}",
                short(got),
                short(want),
                hint(&[short(got)])
            )
        }
        ExecutionError::FunctionError { function, message } => {
            format!("{}(): {message}", function.trim_start_matches('@'))
        }
        ExecutionError::DuplicateKey(_) => "a map has the same key twice".to_owned(),
        ExecutionError::UnsupportedKeyType(_) => "that cannot be the key of a map".to_owned(),
        _ => "it cannot be evaluated".to_owned(),
    }
}

fn hint(types: &[&str]) -> &'static str {
    let any = |names: &[&str]| types.iter().any(|own| names.contains(own));
    if any(&["null"]) {
        ": ask has(…) first"
    } else if any(&["decimal"]) {
        ": a decimal is made a number by double(), or a text by string()"
    } else if any(&["int"]) && any(&["double"]) {
        ": make both double by double(…), or both int by int(…)"
    } else {
        ""
    }
}

/// Types as users write them.
fn short(name: &str) -> &str {
    match name {
        "null_type" => "null",
        name => name.rsplit('.').next().unwrap_or(name),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Null => "null",
        _ => "value",
    }
}

fn operation(operator: &str, a: &Value, b: &Value) -> String {
    let sign = match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    };
    format!("{} {sign} {}", kind(a), kind(b))
}
