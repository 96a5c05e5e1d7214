//! Which parts of an expression keep a device out.

use cel::common::ast::{CallExpr, Expr, operators};
use cel::common::types::CelBool;
use cel::{Context, ExecutionError, IdedExpr, Value};
use windlass_sdk::{Device, Refusal};

use crate::check::check;
use crate::conjuncts::{conjuncts, disjuncts};
use crate::source::Source;

/// Parts that are named one by one. Of a longer list, such as one of device ids, the whole is
/// named.
const MAX_PARTS: usize = 8;

/// Whether an expression is true; an error if the device's data does not allow to tell.
pub(crate) fn truth(
    expression: &IdedExpr,
    context: &Context<'_, '_>,
) -> Result<bool, ExecutionError> {
    let value = Value::resolve_val(expression, context)?;
    match value.downcast_ref::<CelBool>() {
        Some(truth) => Ok(*truth.inner()),
        None => Err(ExecutionError::UnexpectedType {
            got: value.get_type().name().to_owned(),
            want: "bool".to_owned(),
        }),
    }
}

/// Finds the smallest parts that decide. A part goes by two trees: as it was written, which
/// has a place in the text, and with its constants computed, which can be asked.
pub(crate) struct Explainer<'a> {
    source: &'a Source<'a>,
    context: &'a Context<'a, 'a>,
    device: &'a Device,
}

type Part<'a> = (&'a IdedExpr, &'a IdedExpr);

impl<'a> Explainer<'a> {
    pub(crate) fn new(
        source: &'a Source<'a>,
        context: &'a Context<'a, 'a>,
        device: &'a Device,
    ) -> Self {
        Self {
            source,
            context,
            device,
        }
    }

    /// Of parts that must all hold, those that do not.
    pub(crate) fn refusals<'p>(&self, parts: impl Iterator<Item = Part<'p>>) -> Vec<Refusal> {
        parts
            .flat_map(|part| self.against(part, true))
            .take(MAX_PARTS)
            .collect()
    }

    /// The smallest parts that keep `part` from being what is wanted; none if it is that.
    fn against(&self, part: Part<'_>, wanted: bool) -> Vec<Refusal> {
        let (written, folded) = part;
        let found = truth(folded, self.context);
        if found.as_ref() == Ok(&wanted) {
            return Vec::new();
        }
        // Of `a && b` and of `a || b` alike, the sides that are not what is wanted of the whole
        // have made it so.
        let smaller = match Shape::of(part) {
            Shape::Sides(sides) => sides
                .into_iter()
                .flat_map(|side| self.against(side, wanted))
                .collect(),
            Shape::Not(inner) => self.against(inner, !wanted),
            Shape::Choice(condition, yes, no) => match truth(condition.1, self.context) {
                Ok(true) => self.against(yes, wanted),
                Ok(false) => self.against(no, wanted),
                Err(_) => self.against(condition, true),
            },
            Shape::Whole => Vec::new(),
        };
        match smaller.len() {
            1..=MAX_PARTS => smaller,
            _ => vec![self.refusal(written, found)],
        }
    }

    fn refusal(&self, written: &IdedExpr, found: Result<bool, ExecutionError>) -> Refusal {
        let said = match found {
            Ok(truth) => format!("is {truth}"),
            Err(error) => format!("cannot be told: {}", in_words(error)),
        };
        let seen = check(self.source, written).reads.seen_in(self.device);
        Refusal::part(self.source.extent(written), format!("{said}{seen}"))
    }
}

/// How an expression is made of others.
enum Shape<'a> {
    /// Joined by `&&`, or by `||`.
    Sides(Vec<Part<'a>>),
    /// The negation of one that is made of others.
    Not(Part<'a>),
    /// `condition ? yes : no`.
    Choice(Part<'a>, Part<'a>, Part<'a>),
    /// Of none.
    Whole,
}

impl<'a> Shape<'a> {
    fn of((written, folded): Part<'a>) -> Self {
        // One that is a constant is no call any more.
        let (Some(call), Some(other)) = (operator(written), operator(folded)) else {
            return Self::Whole;
        };
        if call.func_name != other.func_name {
            return Self::Whole;
        }
        let sides = |split: fn(&IdedExpr) -> Vec<&IdedExpr>| {
            let (written, folded) = (split(written), split(folded));
            match written.len() == folded.len() {
                true => Self::Sides(written.into_iter().zip(folded).collect()),
                false => Self::Whole,
            }
        };
        match (
            call.func_name.as_str(),
            call.args.as_slice(),
            other.args.as_slice(),
        ) {
            (operators::LOGICAL_AND, _, _) => sides(conjuncts),
            (operators::LOGICAL_OR, _, _) => sides(disjuncts),
            (operators::LOGICAL_NOT, [inner], [folded]) => match Self::of((inner, folded)) {
                // What is negated is read with its sign.
                Self::Whole => Self::Whole,
                _ => Self::Not((inner, folded)),
            },
            (operators::CONDITIONAL, [condition, yes, no], [folded, then, other]) => {
                Self::Choice((condition, folded), (yes, then), (no, other))
            }
            _ => Self::Whole,
        }
    }
}

fn operator(node: &IdedExpr) -> Option<&CallExpr> {
    match &node.expr {
        Expr::Call(call) if call.target.is_none() => Some(call),
        _ => None,
    }
}

fn in_words(error: ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("the device has no `{name}`"),
        // A field or attribute is asked for by its whole path.
        ExecutionError::UndeclaredReference(path) => {
            let name = path.rsplit('.').next().unwrap_or_default();
            format!("the device has no `{name}`")
        }
        ExecutionError::FunctionError { message, .. } => message,
        ExecutionError::UnexpectedType { got, want } => {
            format!("a {want} is wanted, and it is a {got}")
        }
        other => other.to_string(),
    }
}
