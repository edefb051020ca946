//! Types of bound expressions: what can never be right is found before the first record, and what
//! an expression gives decides the schema of its field.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::bind::range;
use super::show::{show, sign};
use super::signature;
use super::slot::{Name, Table};
use super::types::{Known, Type};

/// The type of an expression whose slots have these types.
pub(super) fn check(expr: &IdedExpr, table: &Table, slots: &[Known]) -> Result<Known, String> {
    Checker { table, slots, scope: Vec::new() }.check(expr)
}

struct Checker<'a> {
    table: &'a Table,
    slots: &'a [Known],
    /// Variables of loops with their types, the innermost last.
    scope: Vec<(&'a str, Type)>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, expr: &'a IdedExpr) -> Result<Known, String> {
        match &expr.expr {
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => Ok(self.ident(name)),
            Expr::Select(select) => match self.check(&select.operand)?.of {
                Type::Dyn => Ok(Known::DYN),
                Type::Map(item) => Ok(Known::nullable(*item)),
                other => Err(self.fault(expr, &format!("{other} has no fields"))),
            },
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => {
                let mut item: Option<Type> = None;
                for element in &list.elements {
                    let of = self.check(element)?.of;
                    item = Some(item.map_or_else(|| of.clone(), |item| common(&item, &of)));
                }
                Ok(Known::never_null(Type::list(item.unwrap_or(Type::Dyn))))
            }
            Expr::Map(map) => {
                let mut item: Option<Type> = None;
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
                    let key = self.check(&entry.key)?.of;
                    if !matches!(key, Type::Text | Type::Int | Type::Uint | Type::Bool | Type::Dyn)
                    {
                        return Err(
                            self.fault(&entry.key, &format!("{key} cannot be the key of a map"))
                        );
                    }
                    let of = self.check(&entry.value)?.of;
                    item = Some(item.map_or_else(|| of.clone(), |item| common(&item, &of)));
                }
                Ok(Known::never_null(Type::map(item.unwrap_or(Type::Dyn))))
            }
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::Struct(_) | Expr::Unspecified => Err(self.fault(expr, "it has no type")),
        }
    }

    fn fault(&self, expr: &IdedExpr, what: &str) -> String {
        format!("`{}`: {what}", show(expr, self.table))
    }

    fn ident(&self, name: &str) -> Known {
        match Table::read(name) {
            Some(Name::Slot(place)) => self.slots.get(place).cloned().unwrap_or(Known::DYN),
            Some(Name::Pattern(_)) => Known::never_null(Type::Pattern),
            Some(Name::Go(_)) => Known::never_null(Type::Bool),
            None => {
                let own = self.scope.iter().rev().find(|(own, _)| *own == name);
                own.map_or(Known::DYN, |(_, of)| Known::nullable(of.clone()))
            }
        }
    }

    fn call(&mut self, expr: &'a IdedExpr, call: &'a CallExpr) -> Result<Known, String> {
        if let Some(target) = &call.target {
            return self.member(expr, call, target);
        }
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(self.check(arg)?);
        }
        match (call.func_name.as_str(), args.as_slice()) {
            (op::CONDITIONAL, [condition, yes, no]) => self.conditional(expr, condition, yes, no),
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, args) => {
                match args.iter().find(|arg| !arg.of.can_be(&Type::Bool)) {
                    Some(other) => Err(self.fault(expr, &needs_bool(&other.of))),
                    None => Ok(Known::never_null(Type::Bool)),
                }
            }
            (op::INDEX, [of, index]) => self.index(expr, &of.of, &index.of),
            (name, args) => {
                let types: Vec<Type> = args.iter().map(|arg| arg.of.clone()).collect();
                let result = match (sign(name), types.as_slice()) {
                    (Some(_), [one]) if name == op::NEGATE => negate(one),
                    (Some(_), [left, right]) => binary(name, left, right),
                    _ => signature::call(name, false, &types),
                };
                result.map(Known::never_null).map_err(|what| self.fault(expr, &what))
            }
        }
    }

    fn member(
        &mut self,
        expr: &'a IdedExpr,
        call: &'a CallExpr,
        target: &'a IdedExpr,
    ) -> Result<Known, String> {
        // What is left unbound is the first half of a function's name.
        let qualified = match &target.expr {
            Expr::Ident(name)
                if name == "math" && !self.scope.iter().any(|(own, _)| own == name) =>
            {
                Some(format!("{name}.{}", call.func_name))
            }
            _ => None,
        };
        let mut types = Vec::with_capacity(call.args.len() + 1);
        if qualified.is_none() {
            types.push(self.check(target)?.of);
        }
        for arg in &call.args {
            types.push(self.check(arg)?.of);
        }
        let result = match &qualified {
            Some(name) => signature::call(name, false, &types),
            None => signature::call(&call.func_name, true, &types),
        };
        result.map(Known::never_null).map_err(|what| self.fault(expr, &what))
    }

    fn conditional(
        &self,
        expr: &IdedExpr,
        condition: &Known,
        yes: &Known,
        no: &Known,
    ) -> Result<Known, String> {
        if !condition.of.can_be(&Type::Bool) {
            return Err(self.fault(expr, &needs_bool(&condition.of)));
        }
        let nullable = yes.nullable || no.nullable;
        match (&yes.of, &no.of) {
            (Type::Null, Type::Null) => Ok(Known::nullable(Type::Null)),
            (Type::Null, other) | (other, Type::Null) => Ok(Known::nullable(other.clone())),
            (a, b) if a.can_be(b) => Ok(Known { of: common(a, b), nullable }),
            (a, b) => Err(self.fault(
                expr,
                &format!("it is {a} or {b}: both must be of one type; {}", conversion(a, b)),
            )),
        }
    }

    fn index(&self, expr: &IdedExpr, of: &Type, index: &Type) -> Result<Known, String> {
        match of {
            Type::Dyn => Ok(Known::DYN),
            Type::List(item) if index.is_number() || *index == Type::Dyn => {
                Ok(Known::nullable((**item).clone()))
            }
            Type::Map(item) => Ok(Known::nullable((**item).clone())),
            Type::List(_) => {
                Err(self.fault(expr, &format!("the place in a list is an int, not {index}")))
            }
            other => Err(self.fault(expr, &format!("{other} is neither list nor map"))),
        }
    }

    fn comprehension(&mut self, inner: &'a ComprehensionExpr) -> Result<Known, String> {
        let item = match self.check(range(inner))?.of {
            Type::Dyn => Type::Dyn,
            Type::List(item) => *item,
            // Keys, of which nearly all are texts.
            Type::Map(_) => Type::Dyn,
            other => {
                let what = format!(
                    "all, exists, exists_one, map and filter go through lists and maps, not {other}"
                );
                return Err(self.fault(range(inner), &what));
            }
        };
        let accumulated = self.check(&inner.accu_init)?.of;
        let is_list = matches!(accumulated, Type::List(_));
        let depth = self.scope.len();
        self.scope.push((&inner.accu_var, accumulated));
        self.scope.push((&inner.iter_var, item));
        let checked = self
            .check(&inner.loop_cond)
            .and_then(|_| self.check(&inner.loop_step))
            .and_then(|_| self.check(&inner.result));
        let element = match (&checked, is_list.then(|| appended(inner)).flatten()) {
            (Ok(_), Some(element)) => Some(self.check(element)?.of),
            _ => None,
        };
        self.scope.truncate(depth);
        let result = checked?;
        Ok(element.map_or(result, |element| Known::never_null(Type::list(element))))
    }
}

/// What `map` or `filter` puts into its list: `go ? @result + [element] : @result`.
fn appended(inner: &ComprehensionExpr) -> Option<&IdedExpr> {
    let Expr::Call(step) = &inner.loop_step.expr else { return None };
    let Expr::Call(sum) = &step.args.get(1)?.expr else { return None };
    let Expr::List(list) = &sum.args.get(1)?.expr else { return None };
    list.elements.first()
}

fn literal_type(literal: &LiteralValue) -> Known {
    Known::never_null(match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => return Known::nullable(Type::Null),
        LiteralValue::String(_) => Type::Text,
        LiteralValue::UInt(_) => Type::Uint,
    })
}

/// The type that covers two, which is dyn where they differ.
fn common(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::List(a), Type::List(b)) => Type::list(common(a, b)),
        (Type::Map(a), Type::Map(b)) => Type::map(common(a, b)),
        (Type::Null, other) | (other, Type::Null) => other.clone(),
        (a, b) if a == b => a.clone(),
        _ => Type::Dyn,
    }
}

fn needs_bool(found: &Type) -> String {
    format!("conditions are bool, not {found}: compare with something, or ask has(…)")
}

/// How two types are made one.
fn conversion(a: &Type, b: &Type) -> String {
    match (a, b) {
        (Type::Decimal(_), _) | (_, Type::Decimal(_)) => {
            "a decimal is made a number by double(), or a text by string()".to_owned()
        }
        (Type::Text, _) | (_, Type::Text) => "string() makes a text of the other one".to_owned(),
        (a, b) if a.is_number() && b.is_number() => {
            "write both with a point (2.0), or convert by double() or int()".to_owned()
        }
        _ => "convert one of them".to_owned(),
    }
}

fn negate(one: &Type) -> Result<Type, String> {
    match one {
        Type::Int | Type::Double | Type::Dyn => Ok(one.clone()),
        other => Err(format!("there is no -{other}")),
    }
}

fn binary(name: &str, a: &Type, b: &Type) -> Result<Type, String> {
    let sign = sign(name).unwrap_or(name);
    let none = || Err(format!("there is no {a} {sign} {b}: {}", conversion(a, b)));
    match name {
        op::EQUALS | op::NOT_EQUALS if a.can_equal(b) => Ok(Type::Bool),
        op::EQUALS | op::NOT_EQUALS if matches!(b, Type::Decimal(_)) && a.is_number() => {
            Err(format!("there is no {a} {sign} decimal: put the decimal on the left"))
        }
        op::EQUALS | op::NOT_EQUALS => {
            Err(format!("{a} and {b} are never equal: {}", conversion(a, b)))
        }
        op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => match is_ordered(a, b) {
            true => Ok(Type::Bool),
            false if matches!(b, Type::Decimal(_)) && a.is_number() => {
                Err(format!("there is no {a} {sign} decimal: put the decimal on the left"))
            }
            false => none(),
        },
        op::IN => match b {
            Type::Dyn | Type::Map(_) => Ok(Type::Bool),
            Type::List(item) if item.can_equal(a) => Ok(Type::Bool),
            Type::List(item) => {
                Err(format!("{a} is never in a list of {item}: {}", conversion(a, item)))
            }
            other => Err(format!(
                "in looks into lists and maps, not into {other}; a text has contains()"
            )),
        },
        _ => match arithmetic(name, a, b) {
            Some(result) => Ok(result),
            None => none(),
        },
    }
}

fn is_ordered(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Null | Type::List(_) | Type::Map(_) | Type::Pattern, _)
        | (_, Type::Null | Type::List(_) | Type::Map(_) | Type::Pattern) => false,
        (a, b) if a.is_number() && b.is_number() => true,
        (Type::Decimal(_), b) if b.is_number() => true,
        (a, b) => a.can_be(b),
    }
}

/// What `+ - * / %` give; `None` where they cannot be.
fn arithmetic(name: &str, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Bytes, Double, Duration, Dyn, Int, List, Text, Timestamp, Uint};
    let (plus, minus, rest) = (name == op::ADD, name == op::SUBSTRACT, name == op::MODULO);
    Some(match (a, b) {
        (Dyn, Dyn) => Dyn,
        (Int, Int | Dyn) | (Dyn, Int) => Int,
        (Uint, Uint | Dyn) | (Dyn, Uint) => Uint,
        (Double, Double | Dyn) | (Dyn, Double) if !rest => Double,
        (Text, Text | Dyn) | (Dyn, Text) if plus => Text,
        (Bytes, Bytes | Dyn) | (Dyn, Bytes) if plus => Bytes,
        (List(a), List(b)) if plus => Type::list(common(a, b)),
        (List(_), Dyn) | (Dyn, List(_)) if plus => Type::list(Dyn),
        (Timestamp, Duration) if plus || minus => Timestamp,
        (Duration, Timestamp) if plus => Timestamp,
        (Timestamp, Timestamp) if minus => Duration,
        (Duration, Duration) if plus || minus => Duration,
        (Timestamp, Dyn) if plus => Timestamp,
        (Timestamp, Dyn) if minus => Dyn,
        (Dyn, Timestamp) if plus => Timestamp,
        (Dyn, Timestamp) if minus => Duration,
        (Duration, Dyn) | (Dyn, Duration) if plus || minus => Dyn,
        _ => return None,
    })
}
