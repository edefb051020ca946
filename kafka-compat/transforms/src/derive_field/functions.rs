//! The functions of expressions: the standard library's, its extensions for texts and numbers, and
//! our own. What may be called at all, the signatures say.

use std::sync::{Arc, LazyLock};

use cel::common::functions::Function;
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelString, DYN_TYPE, LIST_TYPE,
    STRING_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError, extensions};

use super::decimal::{DECIMAL, DecimalValue};
use super::slot::Pattern;

/// Most bytes that `replace` and `join` make.
const TEXT_BYTES_MAX: usize = 16 << 20;

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// One for all transformations.
pub(super) fn environment() -> Result<Arc<Env>, String> {
    static ENVIRONMENT: LazyLock<Result<Arc<Env>, String>> =
        LazyLock::new(|| build().map(Arc::new).map_err(|error| error.to_string()));
    ENVIRONMENT.clone()
}

fn build() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    env.add_extension(extensions::math)?;
    let text = || vec![STRING_TYPE];
    let pattern = || <Pattern as Val>::cel_type().to_owned();
    env.add_overload("matches", "text_matches", vec![STRING_TYPE, pattern()], matches as Function)?;
    env.add_member_overload(
        "matches",
        "matches_text",
        STRING_TYPE,
        vec![pattern()],
        matches as Function,
    )?;
    env.add_overload("@has", "has", vec![DYN_TYPE, STRING_TYPE], has as Function)?;
    env.add_overload("@keys", "keys", vec![DYN_TYPE], keys as Function)?;
    let texts = |n: usize| std::iter::repeat_with(text).take(n).flatten().collect::<Vec<Type>>();
    env.add_member_overload("@replace", "replace", STRING_TYPE, texts(2), replace as Function)?;
    env.add_member_overload("@join", "join", LIST_TYPE, Vec::new(), join as Function)?;
    env.add_member_overload("@join", "join_by", LIST_TYPE, text(), join as Function)?;
    let decimal = || vec![DECIMAL.to_owned()];
    env.add_overload("double", "decimal_to_double", decimal(), decimal_to_double as Function)?;
    env.add_overload("int", "decimal_to_int", decimal(), decimal_to_int as Function)?;
    env.add_overload("string", "decimal_to_string", decimal(), decimal_to_string as Function)?;
    Ok(env)
}

/// An argument that an overload's types promise.
fn wrong(function: &str) -> ExecutionError {
    ExecutionError::function_error(function, "its arguments have other types")
}

fn text<'a>(
    function: &str,
    args: &'a [CowVal<'_, '_>],
    place: usize,
) -> Result<&'a str, ExecutionError> {
    let arg = args.get(place).ok_or_else(|| wrong(function))?;
    arg.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(|| wrong(function))
}

fn own<'a, T: StaticVal>(
    function: &str,
    args: &'a [CowVal<'_, '_>],
    place: usize,
) -> Result<&'a T, ExecutionError> {
    args.get(place)
        .and_then(|arg| arg.as_ref().as_any()?.downcast_ref())
        .ok_or_else(|| wrong(function))
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let pattern: &Pattern = own("matches", &args, 1)?;
    Ok(CowVal::owned(CelBool::from(pattern.is_found(text("matches", &args, 0)?))))
}

/// Whether there is such a field, and it is not null.
fn has<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let [of, name] = args.as_slice() else { return Err(wrong("has")) };
    let found = match of.as_indexer().map(|inner| inner.get(name.as_ref())) {
        Some(Ok(value)) => value.downcast_ref::<CelNull>().is_none(),
        Some(Err(ExecutionError::NoSuchKey(_))) => false,
        Some(Err(error)) => return Err(error),
        None if of.downcast_ref::<CelNull>().is_some() => false,
        None => {
            return Err(ExecutionError::function_error("has", "it is asked of what has no fields"));
        }
    };
    Ok(CowVal::owned(CelBool::from(found)))
}

/// What a loop goes through: of a map its keys, always in the same order, so that a record that
/// comes again gives the same.
fn keys<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let Some(of) = args.pop() else { return Err(wrong("keys")) };
    let sorted = of.downcast_ref::<CelMap<'_>>().map(|map| {
        let mut keys: Vec<_> = map.inner().keys().collect();
        keys.sort_unstable();
        CelList::from(keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect::<Vec<_>>())
    });
    match sorted {
        Some(sorted) => Ok(CowVal::owned(sorted)),
        None => Ok(of),
    }
}

fn replace<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let [of, old, new] = [0, 1, 2].map(|place| text("replace", &args, place));
    let (of, old, new) = (of?, old?, new?);
    let grown = of.matches(old).count().saturating_mul(new.len());
    fits("replace", of.len().saturating_add(grown))?;
    Ok(CowVal::owned(CelString::from(of.replace(old, new))))
}

fn join<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let list = args.first().and_then(|list| list.downcast_ref::<CelList<'_>>());
    let items = list.ok_or_else(|| wrong("join"))?.inner();
    let between = if args.len() > 1 { text("join", &args, 1)? } else { "" };
    let mut joined = String::new();
    for (place, item) in items.iter().enumerate() {
        let item = item.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(|| {
            let what = format!("item {place} is a {}, not a string", item.get_type().name());
            ExecutionError::function_error("join", what)
        })?;
        fits("join", joined.len().saturating_add(between.len()).saturating_add(item.len()))?;
        if place > 0 {
            joined.push_str(between);
        }
        joined.push_str(item);
    }
    Ok(CowVal::owned(CelString::from(joined)))
}

fn fits(function: &str, bytes: usize) -> Result<(), ExecutionError> {
    match bytes > TEXT_BYTES_MAX {
        true => Err(ExecutionError::function_error(
            function,
            format!("the text would have more than {TEXT_BYTES_MAX} bytes"),
        )),
        false => Ok(()),
    }
}

fn decimal_to_double<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let decimal: &DecimalValue = own("double", &args, 0)?;
    Ok(CowVal::owned(CelDouble::from(decimal.0.double_value())))
}

/// Without what stands behind the point, as `int(double)`.
fn decimal_to_int<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    const DIGITS: usize = 19;
    let decimal: &DecimalValue = own("int", &args, 0)?;
    let whole = decimal.0.to_integer(DIGITS).and_then(|whole| i64::try_from(whole).ok());
    match whole {
        Some(whole) => Ok(CowVal::owned(CelInt::from(whole))),
        None => Err(ExecutionError::function_error("int", "the decimal has more than 64 bits")),
    }
}

fn decimal_to_string<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let decimal: &DecimalValue = own("string", &args, 0)?;
    fits("string", decimal.0.scale.unsigned_abs() as usize)?;
    Ok(CowVal::owned(CelString::from(decimal.0.to_plain_string())))
}
