//! What the operators make of their operands.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, operators as op};

use super::{Checker, Type, text_literal};
use crate::fields::Field;

impl Checker<'_> {
    /// The type of an operator's result, or none if the call is no operator's.
    pub(super) fn operator(&mut self, node: &IdedExpr, call: &CallExpr) -> Option<Type> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, [left, right]) => {
                self.condition(left);
                self.condition(right);
                Some(Type::Bool)
            }
            (op::LOGICAL_NOT, [operand]) => {
                self.condition(operand);
                Some(Type::Bool)
            }
            (op::CONDITIONAL, [condition, yes, no]) => {
                self.condition(condition);
                let types = vec![self.infer(yes), self.infer(no)];
                Some(Type::common(types))
            }
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => {
                self.equality(node, left, right);
                Some(Type::Bool)
            }
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                self.order(node, left, right);
                Some(Type::Bool)
            }
            (op::IN, [element, container]) => {
                self.membership(node, element, container);
                Some(Type::Bool)
            }
            (op::INDEX, [container, index]) => Some(self.index(node, container, index)),
            (op::NEGATE, [operand]) => Some(self.infer(operand)),
            (op::NOT_STRICTLY_FALSE, [_]) => Some(Type::Bool),
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [left, right]) => {
                let (left, right) = (self.infer(left), self.infer(right));
                let kind = arithmetic(&call.func_name, &left, &right);
                if kind.is_none() {
                    let message = format!(
                        "`{}` is not defined for {left} and {right}",
                        self.sign(node)
                    );
                    self.report(self.source.extent(node), message, None);
                }
                Some(kind.unwrap_or(Type::Any))
            }
            _ => None,
        }
    }

    /// Infers an operand that must be true or false.
    fn condition(&mut self, operand: &IdedExpr) {
        let kind = self.infer(operand);
        if !kind.fits(&Type::Bool) {
            let text = self.source.text_of(operand);
            self.report(
                self.source.extent(operand),
                format!("`{text}` is a {kind}, and a bool is wanted"),
                None,
            );
        }
    }

    fn equality(&mut self, node: &IdedExpr, left: &IdedExpr, right: &IdedExpr) {
        let kinds = (self.infer(left), self.infer(right));
        let operand = if kinds.0 == Type::Null { right } else { left };
        let other = if kinds.0 == Type::Null {
            &kinds.1
        } else {
            &kinds.0
        };
        let names_null = kinds.0 == Type::Null || kinds.1 == Type::Null;
        if names_null && *other != Type::Any {
            let text = self.source.text_of(operand);
            let message = format!("`{text}` is never null: what a device lacks is absent");
            return self.report(
                self.source.extent(node),
                message,
                Some(format!("write `has({text})` or `!has({text})`")),
            );
        }
        if !kinds.0.comparable(&kinds.1) {
            let message = format!("a {} never equals a {}", kinds.0, kinds.1);
            self.report(self.source.extent(node), message, None);
        }
    }

    fn order(&mut self, node: &IdedExpr, left: &IdedExpr, right: &IdedExpr) {
        let (one, other) = (self.infer(left), self.infer(right));
        if !one.ordered(&other) {
            let message = format!("there is no order between {one} and {other}");
            return self.report(self.source.extent(node), message, None);
        }
        let version = |node: &IdedExpr| self.is_field(node, Field::Version);
        if (version(left) || version(right)) && one == Type::Text && other == Type::Text {
            let message = format!(
                "`{}` compares text, and as text 10.0.0 comes before 9.0.0",
                self.sign(node)
            );
            let (left, right) = (self.source.text_of(left), self.source.text_of(right));
            let hint = format!("write `semver({left}) {} semver({right})`", self.sign(node));
            self.report(self.source.extent(node), message, Some(hint));
        }
    }

    fn membership(&mut self, node: &IdedExpr, element: &IdedExpr, container: &IdedExpr) {
        let kind = self.infer(element);
        if self.is_attributes(container) {
            match text_literal(element) {
                Some(name) => drop(self.reads.attributes.insert(name.to_owned())),
                None => self.reads.all_attributes = true,
            }
            return;
        }
        match self.infer(container) {
            Type::Any | Type::Map | Type::Attributes => {}
            Type::List(element) if kind.comparable(&element) => {}
            Type::List(element) => {
                self.report(
                    self.source.extent(node),
                    format!("a list of {element} never holds a {kind}"),
                    None,
                );
            }
            other => {
                let text = self.source.text_of(container);
                let hint = (other == Type::Text)
                    .then(|| format!("a part of text is found by `{text}.contains(…)`"));
                self.report(
                    self.source.extent(node),
                    format!("`in` looks into lists and maps, and `{text}` is a {other}"),
                    hint,
                );
            }
        }
    }

    fn index(&mut self, node: &IdedExpr, container: &IdedExpr, index: &IdedExpr) -> Type {
        if self.is_device(container) {
            let hint = text_literal(index).map(|name| format!("write `device.{name}`"));
            self.report(
                self.source.extent(node),
                "the fields of a device are selected by name",
                hint,
            );
            return Type::Any;
        }
        if self.is_attributes(container) {
            let kind = self.infer(index);
            match text_literal(index) {
                Some(name) => drop(self.reads.attributes.insert(name.to_owned())),
                None => self.reads.all_attributes = true,
            }
            if !kind.fits(&Type::Text) {
                self.report(
                    self.source.extent(index),
                    format!("attributes are named by a string, not a {kind}"),
                    None,
                );
            }
            return Type::Any;
        }
        let container_kind = self.infer(container);
        self.infer(index);
        match container_kind {
            Type::List(element) => *element,
            Type::Any | Type::Map | Type::Attributes => Type::Any,
            other => {
                let text = self.source.text_of(container);
                self.report(
                    self.source.extent(node),
                    format!("`{text}` is a {other} and has no elements"),
                    None,
                );
                Type::Any
            }
        }
    }

    /// The operator as it was written.
    fn sign(&self, node: &IdedExpr) -> &str {
        self.source.token_text(node)
    }
}

fn arithmetic(operator: &str, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Any, Bytes, Duration, List, Text, Timestamp};
    Some(match (operator, left, right) {
        (_, Any, _) | (_, _, Any) => Any,
        (op::MODULO, Type::Double, _) => return None,
        (_, left, right) if left.is_number() && left == right => left.clone(),
        (op::ADD, Text, Text) => Text,
        (op::ADD, Bytes, Bytes) => Bytes,
        (op::ADD, List(_), List(_)) => List(Box::new(Any)),
        (op::ADD, Timestamp, Duration)
        | (op::ADD, Duration, Timestamp)
        | (op::SUBSTRACT, Timestamp, Duration) => Timestamp,
        (op::ADD | op::SUBSTRACT, Duration, Duration) | (op::SUBSTRACT, Timestamp, Timestamp) => {
            Duration
        }
        _ => return None,
    })
}
