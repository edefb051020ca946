//! Expressions as text again, for messages.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::bind::range;
use super::slot::{Name, Table};

/// Most characters of an expression in a message.
const SHOWN_MAX: usize = 200;

/// What an expression was before it was bound.
pub(super) fn show(expr: &IdedExpr, table: &Table) -> String {
    cut(&whole(expr, table))
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn whole(expr: &IdedExpr, table: &Table) -> String {
    match &expr.expr {
        Expr::Literal(literal) => literal_text(literal),
        Expr::Ident(name) => ident(name, table),
        Expr::Select(select) if select.test => {
            format!("has({}.{})", operand(&select.operand, table), select.field)
        }
        Expr::Select(select) => format!("{}.{}", operand(&select.operand, table), select.field),
        Expr::Call(call) => call_text(call, table),
        Expr::List(inner) => format!("[{}]", list(&inner.elements, table)),
        Expr::Map(inner) => {
            let entries = inner.entries.iter().map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    format!("{}: {}", whole(&entry.key, table), whole(&entry.value, table))
                }
                EntryExpr::StructField(field) => {
                    format!("{}: {}", field.field, whole(&field.value, table))
                }
            });
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Expr::Comprehension(inner) => comprehension(inner, table),
        Expr::Struct(inner) => format!("{}{{…}}", inner.type_name),
        Expr::Unspecified => String::new(),
    }
}

fn literal_text(literal: &LiteralValue) -> String {
    match literal {
        LiteralValue::Boolean(flag) => flag.inner().to_string(),
        LiteralValue::Bytes(_) => "b'…'".to_owned(),
        LiteralValue::Double(number) => gantry_model::text::double(*number.inner()),
        LiteralValue::Int(number) => number.inner().to_string(),
        LiteralValue::Null => "null".to_owned(),
        LiteralValue::String(text) => format!("'{}'", text.inner()),
        LiteralValue::UInt(number) => format!("{}u", number.inner()),
    }
}

fn ident(name: &str, table: &Table) -> String {
    match Table::read(name) {
        Some(Name::Slot(place)) => {
            table.slots.get(place).map_or_else(String::new, |slot| slot.show(table.own))
        }
        Some(Name::Pattern(place)) => table
            .patterns
            .get(place)
            .map_or_else(String::new, |pattern| format!("'{}'", pattern.as_str())),
        Some(Name::Go(_)) => "true".to_owned(),
        None => name.to_owned(),
    }
}

fn list(all: &[IdedExpr], table: &Table) -> String {
    all.iter().map(|item| whole(item, table)).collect::<Vec<_>>().join(", ")
}

/// In brackets where it would else be read otherwise.
fn operand(expr: &IdedExpr, table: &Table) -> String {
    let text = whole(expr, table);
    let is_joined = matches!(&expr.expr, Expr::Call(call)
        if call.target.is_none() && sign(&call.func_name).is_some() && call.func_name != op::INDEX);
    if is_joined { format!("({text})") } else { text }
}

/// How a message names an operator or a function.
pub(super) fn sign(name: &str) -> Option<&str> {
    Some(match name {
        op::CONDITIONAL => "?:",
        op::INDEX => "[]",
        op::IN => "in",
        op::LOGICAL_NOT => "!",
        op::NEGATE => "-",
        name => name.strip_prefix('_')?.strip_suffix('_')?,
    })
}

fn call_text(call: &CallExpr, table: &Table) -> String {
    let name = call.func_name.trim_start_matches('@');
    match (call.func_name.as_str(), &call.target, call.args.as_slice()) {
        (op::CONDITIONAL, None, [condition, yes, no]) => {
            let [a, b, c] = [condition, yes, no].map(|part| operand(part, table));
            format!("{a} ? {b} : {c}")
        }
        (op::INDEX, None, [of, index]) => {
            format!("{}[{}]", operand(of, table), whole(index, table))
        }
        (op::NOT_STRICTLY_FALSE, None, [inner]) => whole(inner, table),
        (own, None, [inner]) if sign(own).is_some() => {
            format!("{}{}", sign(own).unwrap_or_default(), operand(inner, table))
        }
        (op::IN, None, [left, right]) => {
            format!("{} in {}", operand(left, table), operand(right, table))
        }
        (own, None, [left, right]) if sign(own).is_some() => {
            let sign = sign(own).unwrap_or_default();
            format!("{} {sign} {}", operand(left, table), operand(right, table))
        }
        (_, Some(target), args) => {
            format!("{}.{name}({})", operand(target, table), list(args, table))
        }
        (_, None, args) => format!("{name}({})", list(args, table)),
    }
}

fn comprehension(inner: &ComprehensionExpr, table: &Table) -> String {
    let name = match &inner.accu_init.expr {
        Expr::List(_) => "map",
        Expr::Literal(LiteralValue::Boolean(all)) if *all.inner() => "all",
        Expr::Literal(LiteralValue::Boolean(_)) => "exists",
        _ => "exists_one",
    };
    format!("{}.{name}({}, …)", operand(range(inner), table), inner.iter_var)
}
