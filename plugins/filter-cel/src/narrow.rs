//! Conditions that an index can answer, taken from an expression's conjuncts.
//!
//! Only conditions that are *exactly* a conjunct, or weaker, may be given:
//! devices they leave out are not shown to the filter. Numbers are left to the
//! filter, because to CEL `1 == 1.0` and to an index it need not be.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators as op};
use windlass_sdk::Value;
use windlass_sdk::{Condition, IndexedField, Relation};

use crate::check::text_literal;

/// The longest list of alternatives worth an index look-up.
const MAX_ALTERNATIVES: usize = 1000;

/// The condition that `conjunct` amounts to, if an index knows it.
pub(crate) fn condition(conjunct: &IdedExpr) -> Option<Condition> {
    let (field, mut values) = match indexed(conjunct) {
        Some(attribute @ IndexedField::Attribute(_)) => (attribute, vec![Value::Boolean(true)]),
        _ => alternatives(conjunct)?,
    };
    let relation = match values.len() {
        1 => Relation::Equals(values.remove(0)),
        _ => Relation::OneOf(values),
    };
    Some(Condition { field, relation })
}

/// One field and the values it may have.
fn alternatives(node: &IdedExpr) -> Option<(IndexedField, Vec<Value>)> {
    let Expr::Call(call) = &node.expr else {
        return None;
    };
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    match call.func_name.as_str() {
        op::EQUALS => {
            let (field, literal) = match indexed(left) {
                Some(field) => (field, right),
                None => (indexed(right)?, left),
            };
            Some((field, vec![value(literal)?]))
        }
        op::IN => {
            if is_device_field(right, "tags") {
                return Some((IndexedField::Tag, vec![value(left)?]));
            }
            let Expr::List(list) = &right.expr else {
                return None;
            };
            let values: Option<Vec<Value>> = list.elements.iter().map(value).collect();
            let values = values.filter(|values| values.len() <= MAX_ALTERNATIVES)?;
            Some((indexed(left)?, values))
        }
        op::LOGICAL_OR => {
            let (one, mut values) = alternatives(left)?;
            let (other, more) = alternatives(right)?;
            values.extend(more);
            (same(&one, &other) && values.len() <= MAX_ALTERNATIVES).then_some((one, values))
        }
        _ => None,
    }
}

fn indexed(node: &IdedExpr) -> Option<IndexedField> {
    match &node.expr {
        Expr::Select(select) if select.test => None,
        Expr::Select(select) if is_device_field(&select.operand, "attributes") => {
            Some(IndexedField::Attribute(select.field.clone()))
        }
        Expr::Select(select) if is_device(&select.operand) => match select.field.as_str() {
            "id" => Some(IndexedField::Id),
            "kind" => Some(IndexedField::Kind),
            "version" => Some(IndexedField::Version),
            "status" => Some(IndexedField::Status),
            "location" => Some(IndexedField::Location),
            _ => None,
        },
        Expr::Call(call) if call.target.is_none() && call.func_name == op::INDEX => {
            match call.args.as_slice() {
                [container, name] if is_device_field(container, "attributes") => {
                    Some(IndexedField::Attribute(text_literal(name)?.to_owned()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn same(one: &IndexedField, other: &IndexedField) -> bool {
    match (one, other) {
        (IndexedField::Attribute(one), IndexedField::Attribute(other)) => one == other,
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

fn is_device(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name == "device")
}

fn is_device_field(node: &IdedExpr, field: &str) -> bool {
    matches!(&node.expr, Expr::Select(select)
        if !select.test && select.field == field && is_device(&select.operand))
}

fn value(node: &IdedExpr) -> Option<Value> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(Value::Text(text.inner().to_owned())),
        Expr::Literal(LiteralValue::Boolean(truth)) => Some(Value::Boolean(*truth.inner())),
        _ => None,
    }
}
