//! The functions that expressions may call, with the types they take and give.

use super::types::Type;

/// What an argument must be, or a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    Decimal,
    List,
    Map,
    Texts,
    Pattern,
}

impl Arg {
    pub(super) fn of(self) -> Type {
        match self {
            Self::Any => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::Text => Type::Text,
            Self::Bytes => Type::Bytes,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Decimal => Type::Decimal(None),
            Self::List => Type::list(Type::Dyn),
            Self::Map => Type::map(Type::Dyn),
            Self::Texts => Type::list(Type::Text),
            Self::Pattern => Type::Pattern,
        }
    }
}

/// One form of a function. The first argument of a member is what it is called on.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) member: bool,
    pub(super) args: &'static [Arg],
    pub(super) result: Arg,
}

const fn global(name: &'static str, args: &'static [Arg], result: Arg) -> Signature {
    Signature { name, member: false, args, result }
}

const fn member(name: &'static str, args: &'static [Arg], result: Arg) -> Signature {
    Signature { name, member: true, args, result }
}

use Arg::{
    Any, Bool, Bytes, Decimal, Double, Duration, Int, List, Map, Pattern, Text, Texts, Timestamp,
    Uint,
};

/// All functions. Names with `@` are those that were given another name when they were bound.
pub(super) static SIGNATURES: &[Signature] = &[
    global("size", &[Text], Int),
    global("size", &[Bytes], Int),
    global("size", &[List], Int),
    global("size", &[Map], Int),
    member("size", &[Text], Int),
    member("size", &[Bytes], Int),
    member("size", &[List], Int),
    member("size", &[Map], Int),
    global("@has", &[Any, Text], Bool),
    global("dyn", &[Any], Any),
    global("bool", &[Bool], Bool),
    global("bool", &[Text], Bool),
    global("int", &[Int], Int),
    global("int", &[Uint], Int),
    global("int", &[Double], Int),
    global("int", &[Text], Int),
    global("int", &[Timestamp], Int),
    global("int", &[Decimal], Int),
    global("uint", &[Uint], Uint),
    global("uint", &[Int], Uint),
    global("uint", &[Double], Uint),
    global("uint", &[Text], Uint),
    global("double", &[Double], Double),
    global("double", &[Int], Double),
    global("double", &[Uint], Double),
    global("double", &[Text], Double),
    global("double", &[Decimal], Double),
    global("string", &[Text], Text),
    global("string", &[Bool], Text),
    global("string", &[Int], Text),
    global("string", &[Uint], Text),
    global("string", &[Double], Text),
    global("string", &[Bytes], Text),
    global("string", &[Timestamp], Text),
    global("string", &[Duration], Text),
    global("string", &[Decimal], Text),
    global("bytes", &[Text], Bytes),
    global("bytes", &[Bytes], Bytes),
    global("timestamp", &[Text], Timestamp),
    global("timestamp", &[Timestamp], Timestamp),
    global("timestamp", &[Int], Timestamp),
    global("duration", &[Text], Duration),
    global("duration", &[Duration], Duration),
    member("contains", &[Text, Text], Bool),
    member("startsWith", &[Text, Text], Bool),
    member("endsWith", &[Text, Text], Bool),
    member("matches", &[Text, Pattern], Bool),
    global("matches", &[Text, Pattern], Bool),
    member("charAt", &[Text, Int], Text),
    member("indexOf", &[Text, Text], Int),
    member("indexOf", &[Text, Text, Int], Int),
    member("lastIndexOf", &[Text, Text], Int),
    member("lastIndexOf", &[Text, Text, Int], Int),
    member("lowerAscii", &[Text], Text),
    member("upperAscii", &[Text], Text),
    member("trim", &[Text], Text),
    member("reverse", &[Text], Text),
    member("substring", &[Text, Int], Text),
    member("substring", &[Text, Int, Int], Text),
    member("split", &[Text, Text], Texts),
    member("split", &[Text, Text, Int], Texts),
    member("@replace", &[Text, Text, Text], Text),
    member("@join", &[List], Text),
    member("@join", &[List, Text], Text),
    member("getFullYear", &[Timestamp], Int),
    member("getFullYear", &[Timestamp, Text], Int),
    member("getMonth", &[Timestamp], Int),
    member("getMonth", &[Timestamp, Text], Int),
    member("getDate", &[Timestamp], Int),
    member("getDate", &[Timestamp, Text], Int),
    member("getDayOfMonth", &[Timestamp], Int),
    member("getDayOfMonth", &[Timestamp, Text], Int),
    member("getDayOfWeek", &[Timestamp], Int),
    member("getDayOfWeek", &[Timestamp, Text], Int),
    member("getDayOfYear", &[Timestamp], Int),
    member("getDayOfYear", &[Timestamp, Text], Int),
    member("getHours", &[Timestamp], Int),
    member("getHours", &[Timestamp, Text], Int),
    member("getHours", &[Duration], Int),
    member("getMinutes", &[Timestamp], Int),
    member("getMinutes", &[Timestamp, Text], Int),
    member("getMinutes", &[Duration], Int),
    member("getSeconds", &[Timestamp], Int),
    member("getSeconds", &[Timestamp, Text], Int),
    member("getSeconds", &[Duration], Int),
    member("getMilliseconds", &[Timestamp], Int),
    member("getMilliseconds", &[Timestamp, Text], Int),
    member("getMilliseconds", &[Duration], Int),
    global("math.ceil", &[Double], Double),
    global("math.floor", &[Double], Double),
    global("math.round", &[Double], Double),
    global("math.trunc", &[Double], Double),
    global("math.sqrt", &[Double], Double),
    global("math.sqrt", &[Int], Double),
    global("math.sqrt", &[Uint], Double),
    global("math.abs", &[Int], Int),
    global("math.abs", &[Uint], Uint),
    global("math.abs", &[Double], Double),
    global("math.sign", &[Int], Int),
    global("math.sign", &[Uint], Uint),
    global("math.sign", &[Double], Double),
    global("math.isNaN", &[Double], Bool),
    global("math.isInf", &[Double], Bool),
    global("math.isFinite", &[Double], Bool),
];

/// What a call gives, or why there is no such call.
pub(super) fn call(name: &str, is_member: bool, args: &[Type]) -> Result<Type, String> {
    let shown = name.trim_start_matches('@');
    let named: Vec<&Signature> = SIGNATURES.iter().filter(|s| s.name == name).collect();
    if named.is_empty() {
        return Err(unknown(shown));
    }
    let styled: Vec<&Signature> = named.iter().copied().filter(|s| s.member == is_member).collect();
    let Some(first) = styled.first() else {
        let form = if is_member { format!("{shown}(x)") } else { format!("x.{shown}()") };
        return Err(format!("{shown} is written {form}"));
    };
    let counted: Vec<&Signature> =
        styled.iter().copied().filter(|s| s.args.len() == args.len()).collect();
    if counted.is_empty() {
        let own = usize::from(is_member);
        let mut counts: Vec<String> =
            styled.iter().map(|s| (s.args.len() - own).to_string()).collect();
        counts.dedup();
        return Err(format!(
            "{shown}() takes {} and has {} arguments",
            counts.join(" or "),
            args.len().saturating_sub(own)
        ));
    }
    let fits = |s: &&&Signature| s.args.iter().zip(args).all(|(arg, own)| own.can_be(&arg.of()));
    let mut results = counted.iter().filter(fits).map(|s| s.result);
    let Some(result) = results.next() else {
        return Err(no_form(shown, is_member, args, &counted, first.args.len()));
    };
    Ok(if results.all(|other| other == result) { result.of() } else { Type::Dyn })
}

fn unknown(name: &str) -> String {
    let mut names: Vec<&str> = SIGNATURES.iter().map(|s| s.name.trim_start_matches('@')).collect();
    names.sort_unstable();
    names.dedup();
    format!(
        "there is no function {name}; there are has, all, exists, exists_one, map, filter, {}",
        names.join(", ")
    )
}

fn no_form(
    name: &str,
    is_member: bool,
    args: &[Type],
    forms: &[&Signature],
    count: usize,
) -> String {
    let list = |all: &mut dyn Iterator<Item = String>| {
        let all: Vec<String> = all.collect();
        match (is_member, all.split_first()) {
            (true, Some((target, rest))) => format!("{target}.{name}({})", rest.join(", ")),
            _ => format!("{name}({})", all.join(", ")),
        }
    };
    let found = list(&mut args.iter().map(ToString::to_string));
    let known: Vec<String> =
        forms.iter().map(|s| list(&mut s.args.iter().map(|arg| arg.of().to_string()))).collect();
    let hint = match args.first() {
        Some(Type::Decimal(_)) => ": a decimal is made a number by double() or a text by string()",
        Some(own) if own.is_number() && count > 0 && is_member => ": make it a text by string()",
        _ => "",
    };
    format!("there is no {found}, only {}{hint}", known.join(", "))
}
