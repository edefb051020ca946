//! From text to what can be evaluated: parses an expression, finds what it takes from the record,
//! and puts limits into its loops.
//!
//! `value.a.b` becomes one name, `@0`: what is behind it is looked up and converted when it is
//! asked for, and nothing else of the record is. The pattern of `matches` is compiled here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::operators as op;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
};
use cel::parser::PrattParser;
use gantry_model::regex::JavaPattern;

use super::show::show;
use super::slot::{Pattern, Root, Slot, Table};
use super::text::check_size;

/// How deep loops (`all`, `exists`, `exists_one`, `map`, `filter`) may stand in each other.
const NESTED_LOOPS_MAX: usize = 2;
/// Most loops of one expression.
const LOOPS_MAX: usize = 4;
/// Most additions and elements of lists and maps within loops, the loops' own included: what grows
/// with each round must not grow by much.
const GROWTH_MAX: usize = 24;
/// The parser's own limit on brackets; ours is lower and is checked first.
const PARSER_DEPTH: u16 = 48;

/// Names of what a record has.
const ROOTS: [(&str, Root); 7] = [
    ("value", Root::Value),
    ("key", Root::Key),
    ("topic", Root::Topic),
    ("partition", Root::Partition),
    ("offset", Root::Offset),
    ("timestamp", Root::Timestamp),
    ("headers", Root::Headers),
];

/// An expression that can be checked and evaluated.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) expr: IdedExpr,
    /// Whether it takes nothing from the record.
    pub(super) is_constant: bool,
}

/// Parses an expression and binds it. `earlier` are the fields that were derived before it.
pub(super) fn bind(text: &str, earlier: &[&str], table: &mut Table) -> Result<Bound, String> {
    check_size(text)?;
    let mut expr = parse(text)?;
    let mut binder =
        Binder { earlier, table, variables: Vec::new(), loops: 0, growth: 0, is_constant: true };
    binder.bind(&mut expr)?;
    Ok(Bound { is_constant: binder.is_constant, expr })
}

fn parse(text: &str) -> Result<IdedExpr, String> {
    if text.trim().is_empty() {
        return Err("there is no expression".to_owned());
    }
    // The parser is another's: should it panic, the configuration is wrong, not the worker.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        PrattParser::new()
            .max_recursion_depth(PARSER_DEPTH)
            .enable_ident_escape_syntax(true)
            .parse(text)
    }));
    let Ok(parsed) = parsed else { return Err("it cannot be parsed".to_owned()) };
    parsed.map_err(|errors| {
        let Some(first) = errors.errors.first() else { return "it cannot be parsed".to_owned() };
        let (line, column) = first.pos;
        match (line, text.contains('\n')) {
            (1.., true) => format!("at line {line}, column {column}: {}", first.msg),
            (1.., false) => format!("at column {column}: {}", first.msg),
            _ => first.msg.clone(),
        }
    })
}

struct Binder<'a> {
    earlier: &'a [&'a str],
    table: &'a mut Table,
    /// Of the loops around, the innermost last.
    variables: Vec<String>,
    loops: usize,
    growth: usize,
    is_constant: bool,
}

impl Binder<'_> {
    fn bind(&mut self, expr: &mut IdedExpr) -> Result<(), String> {
        if let Some(slot) = self.slot(&expr.expr)? {
            self.is_constant = false;
            expr.expr = Expr::Ident(self.table.name(slot));
            return Ok(());
        }
        match &mut expr.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                self.bind(&mut select.operand)?;
                if select.test {
                    expr.expr = presence(std::mem::take(select));
                }
                Ok(())
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                self.grows(list.elements.len())?;
                list.elements.iter_mut().try_for_each(|item| self.bind(item))
            }
            Expr::Map(map) => {
                self.grows(map.entries.len())?;
                map.entries.iter_mut().try_for_each(|entry| match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        self.bind(&mut entry.key)?;
                        self.bind(&mut entry.value)
                    }
                    EntryExpr::StructField(_) => Err("a map needs keys".to_owned()),
                })
            }
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::Struct(inner) => Err(format!(
                "there is no type {}: a map is written {{'name': value}}",
                inner.type_name
            )),
            Expr::Unspecified => Err("a part of it is empty".to_owned()),
        }
    }

    fn variable(&self, name: &str) -> Result<(), String> {
        // Names with @ are the loops' own, or were put here.
        if name.starts_with('@') || self.variables.iter().any(|own| own == name) {
            return Ok(());
        }
        let names: Vec<&str> = ROOTS.iter().map(|(name, _)| *name).collect();
        Err(format!(
            "there is no variable {name}; there are {}. A field of the value is value.{name}, a text stands in \
             quotes",
            names.join(", ")
        ))
    }

    /// What an expression takes from the record, if it is no more than that.
    fn slot(&self, expr: &Expr) -> Result<Option<Slot>, String> {
        if let Expr::Select(SelectExpr { operand, field, test: true }) = expr {
            return Ok(self.path(&operand.expr)?.map(|mut slot| {
                slot.path.push(field.as_str().into());
                self.derived(Slot { test: true, ..slot })
            }));
        }
        Ok(self.path(expr)?.map(|slot| self.derived(slot)))
    }

    fn path(&self, expr: &Expr) -> Result<Option<Slot>, String> {
        let (inner, name) = match expr {
            Expr::Ident(name) => {
                let root = ROOTS.iter().find(|(own, _)| own == name);
                let shadowed = self.variables.contains(name);
                return Ok(root.filter(|_| !shadowed).map(|(_, root)| Slot::new(*root)));
            }
            Expr::Select(SelectExpr { operand, field, test: false }) => {
                (&**operand, field.as_str())
            }
            Expr::Call(CallExpr { func_name, target: None, args }) if func_name == op::INDEX => {
                match args.as_slice() {
                    [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] => {
                        (of, name.inner())
                    }
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let Some(mut slot) = self.path(&inner.expr)? else { return Ok(None) };
        if !slot.root.has_fields() {
            return Err(format!("{} has no fields, and so no {name}", slot.root.name()));
        }
        slot.path.push(name.into());
        Ok(Some(slot))
    }

    /// Takes a field that was derived before from where it was put.
    fn derived(&self, mut slot: Slot) -> Slot {
        let earlier = |name: &str| self.earlier.iter().position(|own| *own == name);
        if slot.root == self.table.own
            && let Some(place) = slot.path.first().and_then(|name| earlier(name))
        {
            slot.root = Root::Derived(place);
        }
        slot
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), String> {
        put_literal_right(call);
        if call.func_name == op::ADD {
            self.grows(1)?;
        }
        if call.func_name == "matches" {
            self.pattern(call)?;
        }
        match call.func_name.as_str() {
            // These grow by their arguments: our own have a limit.
            "replace" => call.func_name = "@replace".to_owned(),
            "join" => call.func_name = "@join".to_owned(),
            name if name.starts_with("_?") && name != op::CONDITIONAL || name == op::OPT_INDEX => {
                return Err("optional values (.? and [?) are not known here: use has()".to_owned());
            }
            _ => {}
        }
        // `math.round(x)`: the name of a function, not a call on something.
        if let Some(target) = call.target.as_mut()
            && !matches!(&target.expr, Expr::Ident(name) if name == "math" && !self.variables.contains(name))
        {
            self.bind(target)?;
        }
        call.args.iter_mut().try_for_each(|arg| self.bind(arg))
    }

    /// Compiles the pattern of `matches`.
    fn pattern(&mut self, call: &mut CallExpr) -> Result<(), String> {
        let Some(last) = call.args.last_mut() else { return Ok(()) };
        let Expr::Literal(LiteralValue::String(text)) = &last.expr else {
            return Err(format!(
                "the pattern of matches() must be a text in quotes, so that it is compiled once, and is {}",
                show(last, self.table)
            ));
        };
        let pattern = JavaPattern::compile(text.inner())
            .map_err(|error| format!("the pattern of matches(): {}", error.message()))?;
        last.expr = Expr::Ident(self.table.pattern(Pattern::new(pattern)));
        Ok(())
    }

    fn comprehension(&mut self, inner: &mut ComprehensionExpr) -> Result<(), String> {
        self.loops += 1;
        if self.loops > LOOPS_MAX || self.variables.len() >= NESTED_LOOPS_MAX {
            return Err(format!(
                "it has too many loops: {LOOPS_MAX} at most, {NESTED_LOOPS_MAX} in each other; divide it into \
                 several fields"
            ));
        }
        self.bind(&mut inner.iter_range)?;
        self.bind(&mut inner.accu_init)?;
        self.variables.push(inner.iter_var.clone());
        let bound = self
            .bind(&mut inner.loop_cond)
            .and_then(|()| self.bind(&mut inner.loop_step))
            .and_then(|()| self.bind(&mut inner.result));
        self.variables.pop();
        bound?;
        let range = std::mem::take(&mut inner.iter_range);
        inner.iter_range = IdedExpr { id: range.id, expr: call(KEYS, vec![range]) };
        limit(inner);
        Ok(())
    }

    fn grows(&mut self, by: usize) -> Result<(), String> {
        if self.variables.is_empty() {
            return Ok(());
        }
        self.growth += by;
        match self.growth > GROWTH_MAX {
            true => Err(format!(
                "it adds up too much within loops: {GROWTH_MAX} additions and elements of lists are the most"
            )),
            false => Ok(()),
        }
    }
}

/// Asks before each round of a loop whether it may go on. `map` and `filter` build their lists in
/// linear time only where their condition stays as it is, so theirs is asked within the step.
fn limit(inner: &mut ComprehensionExpr) {
    let go = ident(Table::go(size(&inner.loop_step)));
    let own = |arg: Expr| IdedExpr { id: 0, expr: arg };
    if !matches!(inner.accu_init.expr, Expr::List(_)) {
        let condition = std::mem::take(&mut inner.loop_cond);
        inner.loop_cond = own(call(op::LOGICAL_AND, vec![go, condition]));
        return;
    }
    let step = std::mem::take(&mut inner.loop_step);
    let (guard, step) = match step.expr {
        Expr::Call(CallExpr { func_name, target: None, mut args })
            if func_name == op::CONDITIONAL && args.len() == 3 =>
        {
            args.pop();
            let step = args.pop().unwrap_or_default();
            let guard = args.pop().unwrap_or_default();
            (own(call(op::LOGICAL_AND, vec![go, guard])), step)
        }
        expr => (go, IdedExpr { id: step.id, expr }),
    };
    let accumulated = ident(inner.accu_var.clone());
    inner.loop_step = own(call(op::CONDITIONAL, vec![guard, step, accumulated]));
}

/// `has()` on what is not directly the record's: null counts as missing there, too.
fn presence(select: SelectExpr) -> Expr {
    let name = LiteralValue::String(select.field.into());
    call("@has", vec![*select.operand, IdedExpr { id: 0, expr: Expr::Literal(name) }])
}

/// The function that loops go through the result of.
const KEYS: &str = "@keys";

/// What a loop goes through, as it was written.
pub(super) fn range(inner: &ComprehensionExpr) -> &IdedExpr {
    match &inner.iter_range.expr {
        Expr::Call(call) if call.func_name == KEYS => {
            call.args.first().unwrap_or(&inner.iter_range)
        }
        _ => &inner.iter_range,
    }
}

fn ident(name: String) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(name) }
}

fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args })
}

/// Turns `1 < value.x` into `value.x > 1`: a decimal can be compared where it stands on the left.
fn put_literal_right(call: &mut CallExpr) {
    let turned = match call.func_name.as_str() {
        op::EQUALS => op::EQUALS,
        op::NOT_EQUALS => op::NOT_EQUALS,
        op::LESS => op::GREATER,
        op::LESS_EQUALS => op::GREATER_EQUALS,
        op::GREATER => op::LESS,
        op::GREATER_EQUALS => op::LESS_EQUALS,
        _ => return,
    };
    let is_literal = |arg: &IdedExpr| matches!(arg.expr, Expr::Literal(_));
    if let [left, right] = call.args.as_mut_slice()
        && is_literal(left)
        && !is_literal(right)
    {
        std::mem::swap(left, right);
        call.func_name = turned.to_owned();
    }
}

/// How many nodes are evaluated at most in one round of a loop; those of loops in it count
/// themselves.
fn size(expr: &IdedExpr) -> usize {
    1 + match &expr.expr {
        Expr::Call(call) => {
            call.target.iter().map(|target| size(target)).sum::<usize>() + sizes(&call.args)
        }
        Expr::List(list) => sizes(&list.elements),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => size(&entry.key) + size(&entry.value),
                EntryExpr::StructField(field) => size(&field.value),
            })
            .sum(),
        Expr::Select(select) => size(&select.operand),
        Expr::Comprehension(inner) => size(&inner.iter_range),
        Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => 0,
    }
}

fn sizes(all: &[IdedExpr]) -> usize {
    all.iter().map(size).sum()
}
