//! Computes once, when the filter is opened, what is the same for every device.
//!
//! `semver("2.3.0")` or `["a", "b"]` would otherwise be parsed or built anew
//! for each device. Such a part is replaced by a variable that no expression
//! can spell and whose value [`Row`](crate::value::Row) answers.

use cel::common::ast::{EntryExpr, Expr, operators};
use cel::{Context, ExecutionError, IdedExpr, Value};
use windlass_sdk::Problem;

use crate::check::{problem, text_literal};
use crate::source::Source;
use crate::value::{Constant, Pattern};

/// Folds the constant parts of expressions into one table.
pub(crate) struct Folder<'a> {
    source: &'a Source<'a>,
    context: &'a Context<'static, 'static>,
    pub(crate) constants: Vec<Constant>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Folder<'a> {
    pub(crate) fn new(source: &'a Source<'a>, context: &'a Context<'static, 'static>) -> Self {
        Self {
            source,
            context,
            constants: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Replaces the largest constant parts of `node`.
    pub(crate) fn fold(&mut self, node: &mut IdedExpr) {
        if is_constant(node) && worth_folding(node) {
            return self.replace(node);
        }
        if let Some(path) = path(node) {
            node.expr = Expr::Ident(path);
            return;
        }
        match &mut node.expr {
            Expr::Call(call) => {
                if call.func_name == "matches"
                    && let Some(pattern) = call.args.last_mut()
                {
                    self.compile(pattern);
                }
                call.target.iter_mut().for_each(|target| self.fold(target));
                call.args
                    .iter_mut()
                    .for_each(|argument| self.fold(argument));
            }
            Expr::Select(select) => self.fold(&mut select.operand),
            Expr::List(list) => list
                .elements
                .iter_mut()
                .for_each(|element| self.fold(element)),
            Expr::Comprehension(comprehension) => {
                self.fold(&mut comprehension.iter_range);
                self.fold(&mut comprehension.loop_step);
            }
            Expr::Map(_)
            | Expr::Struct(_)
            | Expr::Ident(_)
            | Expr::Literal(_)
            | Expr::Unspecified => {}
        }
    }

    fn replace(&mut self, node: &mut IdedExpr) {
        let value =
            Value::resolve_val(node, self.context).map(cel::common::value::CowVal::into_owned);
        match value {
            Ok(value) => self.keep(node, value),
            Err(error) => {
                let message = match error {
                    ExecutionError::FunctionError { message, .. } => message,
                    other => other.to_string(),
                };
                self.problems
                    .push(problem(self.source.extent(node), message, None));
            }
        }
    }

    fn compile(&mut self, pattern: &mut IdedExpr) {
        let Some(text) = text_literal(pattern) else {
            return;
        };
        match Pattern::compile(text) {
            Ok(compiled) => self.keep(pattern, Box::new(compiled)),
            Err(error) => {
                let message = format!("this is no regular expression: {error}");
                self.problems
                    .push(problem(self.source.extent(pattern), message, None));
            }
        }
    }

    fn keep(&mut self, node: &mut IdedExpr, value: Constant) {
        node.expr = Expr::Ident(format!("@{}", self.constants.len()));
        self.constants.push(value);
    }
}

/// The variable that stands for a field or an attribute, `device.kind` as one
/// name: the interpreter finds it in one step, without putting the name together
/// for each device.
fn path(node: &IdedExpr) -> Option<String> {
    let (operand, name) = match &node.expr {
        Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [container, name] => (container, text_literal(name)?),
            _ => return None,
        },
        _ => return None,
    };
    let direct = match &operand.expr {
        Expr::Ident(variable) => variable == "device",
        Expr::Select(outer) => {
            outer.field == "attributes"
                && !outer.test
                && matches!(&outer.operand.expr, Expr::Ident(variable) if variable == "device")
        }
        _ => false,
    };
    let prefix = if matches!(operand.expr, Expr::Ident(_)) {
        "device"
    } else {
        "device.attributes"
    };
    // A dot in an attribute's name would read as a step into its value.
    (direct && !name.contains('.')).then(|| format!("{prefix}.{name}"))
}

fn is_constant(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Literal(_) => true,
        // A pattern is no value of the environment on its own.
        Expr::Call(call) if call.func_name == "matches" => false,
        Expr::Call(call) => {
            call.target.as_deref().is_none_or(is_constant) && call.args.iter().all(is_constant)
        }
        Expr::List(list) => list.elements.iter().all(is_constant),
        Expr::Map(map) => map.entries.iter().all(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => is_constant(&entry.key) && is_constant(&entry.value),
            EntryExpr::StructField(_) => false,
        }),
        Expr::Select(select) => is_constant(&select.operand),
        Expr::Comprehension(_) | Expr::Struct(_) | Expr::Ident(_) | Expr::Unspecified => false,
    }
}

/// A literal is borrowed from the tree as it is.
fn worth_folding(node: &IdedExpr) -> bool {
    !matches!(node.expr, Expr::Literal(_))
}
