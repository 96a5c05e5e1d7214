//! The parts of an expression that must all hold.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators};

/// Splits `a && b && c` into its parts, left to right.
///
/// A device matches the whole exactly if it matches every part: `&&` is true
/// only if both sides are, whatever errors they meet.
pub(crate) fn conjuncts(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Call(call) if call.target.is_none() && call.func_name == operators::LOGICAL_AND => {
            call.args.iter().flat_map(conjuncts).collect()
        }
        _ => vec![node],
    }
}
