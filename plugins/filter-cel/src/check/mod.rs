//! Finds what can never work before a single device is asked: unknown names,
//! wrong arguments, comparisons that no device could pass.
//!
//! CEL is dynamically typed, and [`Type::Any`] stands for whatever is known
//! only of a device, such as an attribute's value. What is certain to fail for
//! every device is a problem; everything else is left to the evaluation.

mod calls;
mod functions;
mod names;
mod operators;
mod types;

use std::ops::Range;

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr};
use windlass_sdk::Problem;

use crate::fields::Field;
use crate::reads::Reads;
use crate::source::Source;
pub(crate) use types::Type;

/// What [`check`] found out about an expression.
pub(crate) struct Checked {
    pub(crate) kind: Type,
    pub(crate) reads: Reads,
    pub(crate) problems: Vec<Problem>,
}

/// Infers the type of `node` and collects every problem in it.
pub(crate) fn check(source: &Source<'_>, node: &IdedExpr) -> Checked {
    let mut checker = Checker {
        source,
        variables: Vec::new(),
        reads: Reads::default(),
        problems: Vec::new(),
    };
    let kind = checker.infer(node);
    Checked {
        kind,
        reads: checker.reads,
        problems: checker.problems,
    }
}

/// A problem at a place of the expression.
pub(crate) fn problem(
    at: Range<usize>,
    message: impl Into<String>,
    hint: Option<String>,
) -> Problem {
    let problem = Problem::expression(at, message);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

struct Checker<'a> {
    source: &'a Source<'a>,
    /// The variables of the macros around the node, innermost last.
    variables: Vec<(String, Type)>,
    reads: Reads,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn infer(&mut self, node: &IdedExpr) -> Type {
        match &node.expr {
            Expr::Literal(literal) => Type::of(literal),
            Expr::Ident(name) => self.variable(node, name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(node, call),
            Expr::List(list) => {
                let types: Vec<Type> = list
                    .elements
                    .iter()
                    .map(|element| self.infer(element))
                    .collect();
                Type::List(Box::new(Type::common(types)))
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.infer(&entry.key);
                        self.infer(&entry.value);
                    }
                }
                Type::Map
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(literal) => {
                let message = format!(
                    "there is no message type `{}` to construct",
                    literal.type_name
                );
                self.report(self.source.extent(node), message, None);
                Type::Any
            }
            // Left behind by a parse error only, and those end the check.
            Expr::Unspecified => Type::Any,
        }
    }

    fn variable(&mut self, node: &IdedExpr, name: &str) -> Type {
        if let Some((_, kind)) = self
            .variables
            .iter()
            .rev()
            .find(|(variable, _)| variable == name)
        {
            return kind.clone();
        }
        let at = self.source.token(node);
        match name {
            "now" => Type::Timestamp,
            "device" => {
                self.report(
                    at,
                    "`device` is no value of its own",
                    Some("name one of its fields, such as `device.kind`".into()),
                );
                Type::Any
            }
            _ => {
                let hint = names::unknown_variable(name);
                self.report(at, format!("unknown variable `{name}`"), Some(hint));
                Type::Any
            }
        }
    }

    fn select(&mut self, select: &SelectExpr) -> Type {
        if self.is_device(&select.operand) {
            return match Field::named(&select.field) {
                Some(Field::Attributes) if !select.test => {
                    self.reads.all_attributes = true;
                    Type::Attributes
                }
                Some(field) => {
                    self.read(field);
                    if select.test {
                        Type::Bool
                    } else {
                        field.kind()
                    }
                }
                None => {
                    let at = self.source.field(&select.operand, &select.field);
                    let hint = names::unknown_field(&select.field);
                    self.report(
                        at,
                        format!("a device has no field `{}`", select.field),
                        Some(hint),
                    );
                    Type::Any
                }
            };
        }
        if self.is_attributes(&select.operand) {
            self.reads.attributes.insert(select.field.clone());
            return if select.test { Type::Bool } else { Type::Any };
        }
        let operand = self.infer(&select.operand);
        if !matches!(operand, Type::Any | Type::Map) {
            let at = self.source.field(&select.operand, &select.field);
            let of = self.source.text_of(&select.operand);
            self.report(
                at,
                format!("`{of}` is a {operand} and has no field `{}`", select.field),
                None,
            );
        }
        if select.test { Type::Bool } else { Type::Any }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Type {
        let range = &comprehension.iter_range;
        let element = match self.infer(range) {
            Type::List(element) => *element,
            Type::Any => Type::Any,
            Type::Attributes | Type::Map => {
                let at = self.source.extent(range);
                self.report(
                    at,
                    "the members of a map have no order to go through",
                    Some("test one by name: `\"region\" in device.attributes`".into()),
                );
                Type::Any
            }
            other => {
                let at = self.source.extent(range);
                let text = self.source.text_of(range);
                self.report(
                    at,
                    format!("`{text}` is a {other}, and only lists can be gone through"),
                    None,
                );
                Type::Any
            }
        };
        if matches!(comprehension.iter_var.as_str(), "device" | "now") {
            let at = self.source.extent(&comprehension.loop_step);
            self.report(
                at,
                format!("`{}` already has a meaning", comprehension.iter_var),
                Some("name the element otherwise, such as `x`".into()),
            );
        }
        let init = self.infer(&comprehension.accu_init);
        let accumulator = match init {
            Type::List(_) => Type::List(Box::new(Type::Any)),
            other => other,
        };
        self.variables
            .push((comprehension.iter_var.clone(), element));
        self.variables
            .push((comprehension.accu_var.clone(), accumulator));
        self.infer(&comprehension.loop_step);
        let result = self.infer(&comprehension.result);
        self.variables.truncate(self.variables.len() - 2);
        result
    }

    /// Whether `node` is the variable `device`, not a macro's variable of that name.
    fn is_device(&self, node: &IdedExpr) -> bool {
        matches!(&node.expr, Expr::Ident(name) if name == "device")
            && !self
                .variables
                .iter()
                .any(|(variable, _)| variable == "device")
    }

    fn is_attributes(&self, node: &IdedExpr) -> bool {
        matches!(&node.expr, Expr::Select(select)
            if !select.test && select.field == Field::Attributes.name() && self.is_device(&select.operand))
    }

    fn is_field(&self, node: &IdedExpr, field: Field) -> bool {
        matches!(&node.expr, Expr::Select(select)
            if !select.test && select.field == field.name() && self.is_device(&select.operand))
    }

    fn read(&mut self, field: Field) {
        match field {
            Field::Attributes => self.reads.all_attributes = true,
            _ => {
                self.reads.fields.insert(field);
            }
        }
    }

    fn report(&mut self, at: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        self.problems.push(problem(at, message, hint));
    }
}

/// The text of a string literal.
pub(crate) fn text_literal(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
