//! Calls: of operators, which the parser turns into calls, and of functions.

use cel::IdedExpr;
use cel::common::ast::CallExpr;

use super::functions::signatures;
use super::names::nearest;
use super::{Checker, Type, text_literal};

impl Checker<'_> {
    pub(super) fn call(&mut self, node: &IdedExpr, call: &CallExpr) -> Type {
        if call.target.is_none()
            && let Some(kind) = self.operator(node, call)
        {
            return kind;
        }
        let operands: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let found: Vec<Type> = operands.iter().map(|operand| self.infer(operand)).collect();
        let method = call.target.is_some();
        let known = signatures();
        let mut candidates = known
            .iter()
            .filter(|known| known.name == call.func_name && known.method == method)
            .peekable();
        if candidates.peek().is_none() {
            self.unknown_function(node, call);
            return Type::Any;
        }
        let fits = |parameters: &[Type]| {
            parameters.len() == found.len()
                && found
                    .iter()
                    .zip(parameters)
                    .all(|(found, wanted)| found.fits(wanted))
        };
        let results: Vec<Type> = candidates
            .clone()
            .filter(|known| fits(&known.parameters))
            .map(|known| known.result.clone())
            .collect();
        if results.is_empty() {
            let wanted: Vec<String> = candidates
                .map(|known| spell(method, &call.func_name, &known.parameters))
                .collect();
            let message = format!("`{}` does not fit", spell(method, &call.func_name, &found));
            self.report(
                self.source.extent(node),
                message,
                Some(format!("it is {}", wanted.join(" or "))),
            );
            return Type::Any;
        }
        if call.func_name == "matches"
            && operands
                .last()
                .is_none_or(|pattern| text_literal(pattern).is_none())
        {
            let at = operands.last().map_or_else(
                || self.source.extent(node),
                |pattern| self.source.extent(pattern),
            );
            self.report(at, "a pattern is written out as a string literal", None);
        }
        Type::common(results)
    }

    fn unknown_function(&mut self, node: &IdedExpr, call: &CallExpr) {
        let name = &call.func_name;
        let at = self.source.function(node, call);
        let known = signatures();
        if let Some(other) = known.iter().find(|known| known.name == name) {
            let message = match other.method {
                true => format!("`{name}` is called on a value"),
                false => format!("`{name}` is not called on a value"),
            };
            let hint = format!("write {}", spell(other.method, name, &other.parameters));
            return self.report(at, message, Some(hint));
        }
        if let Some(example) = macro_example(name) {
            return self.report(
                at,
                format!("`{name}` is not called like this"),
                Some(format!("write `{example}`")),
            );
        }
        let hint = nearest(name, known.iter().map(|known| known.name))
            .map(|known| format!("did you mean `{known}`?"));
        self.report(at, format!("unknown function `{name}`"), hint);
    }
}

/// How a macro is used that the parser did not recognise, for its number of arguments.
fn macro_example(name: &str) -> Option<&'static str> {
    Some(match name {
        "has" => "has(device.kind)",
        "exists" => "device.tags.exists(x, x.startsWith(\"a\"))",
        "all" => "device.tags.all(x, x.startsWith(\"a\"))",
        "exists_one" | "existsOne" => "device.tags.exists_one(x, x.startsWith(\"a\"))",
        "map" => "device.tags.map(x, x.size())",
        "filter" => "device.tags.filter(x, x.size() > 3)",
        _ => return None,
    })
}

/// A call with types in the place of values.
fn spell(method: bool, name: &str, types: &[Type]) -> String {
    let list = |types: &[Type]| {
        types
            .iter()
            .map(Type::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match types.split_first() {
        Some((receiver, rest)) if method => format!("{receiver}.{name}({})", list(rest)),
        _ => format!("{name}({})", list(types)),
    }
}
