//! The parts of an expression that must all hold, and those of which one must.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

/// Splits `a && b && c` into its parts, left to right.
///
/// A device matches the whole exactly if it matches every part: `&&` is true
/// only if both sides are, whatever errors they meet.
pub(crate) fn conjuncts(node: &IdedExpr) -> Vec<&IdedExpr> {
    split(node, operators::LOGICAL_AND)
}

/// Splits `a || b || c` into its sides, left to right.
pub(crate) fn disjuncts(node: &IdedExpr) -> Vec<&IdedExpr> {
    split(node, operators::LOGICAL_OR)
}

fn split<'a>(node: &'a IdedExpr, operator: &str) -> Vec<&'a IdedExpr> {
    match &node.expr {
        Expr::Call(call) if call.target.is_none() && call.func_name == operator => call
            .args
            .iter()
            .flat_map(|side| split(side, operator))
            .collect(),
        _ => vec![node],
    }
}
