//! The filter itself: opened once, asked about every device.

use std::sync::Arc;

use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};
use windlass_sdk::settings::NoSettings;
use windlass_sdk::{Condition, Filter};
use windlass_sdk::{Device, Problem, Projection, Timestamp};

use crate::check::{Type, check, problem};
use crate::conjuncts::{conjuncts, disjuncts};
use crate::fold::Folder;
use crate::narrow;
use crate::parse::parse;
use crate::reads::Reads;
use crate::source::Source;
use crate::value::{Constant, Row, environment};

/// An expression, ready to be asked about devices.
pub struct CelFilter {
    env: Arc<Env>,
    /// All of them must hold.
    conjuncts: Vec<Conjunct>,
    constants: Vec<Constant>,
    reads: Reads,
    narrow: Vec<Condition>,
}

struct Conjunct {
    part: Part,
    /// If it is a disjunction, its sides: they say more of why it is false.
    sides: Vec<Part>,
}

struct Part {
    expression: IdedExpr,
    /// As the operator wrote it.
    text: String,
    reads: Reads,
}

impl Filter for CelFilter {
    type Settings = NoSettings;

    fn open(expression: Option<&str>, _: NoSettings) -> Result<Self, Vec<Problem>> {
        let text = expression.unwrap_or_default();
        let env = environment().map_err(|error| Problem::settings(error.to_string()))?;
        let program = parse(&env, text)?;
        let source = Source::new(text, program.source_info());
        let whole = check(&source, program.expression());
        let mut problems = whole.problems;
        if problems.is_empty() && !whole.kind.fits(&Type::Bool) {
            let message = format!("the expression is a {}, and a bool is wanted", whole.kind);
            problems.push(problem(source.extent(program.expression()), message, None));
        }

        let env = Arc::new(env);
        let context = Context::with_env(Arc::clone(&env));
        let mut folder = Folder::new(&source, &context);
        let mut parts = Vec::new();
        let mut narrowed = Vec::new();
        for part in conjuncts(program.expression()) {
            narrowed.extend(narrow::condition(part));
            let mut expression = part.clone();
            folder.fold(&mut expression);
            let of = |expression: IdedExpr, written: &IdedExpr| Part {
                expression,
                text: source.text_of(written).to_owned(),
                reads: check(&source, written).reads,
            };
            let (sides, written) = (disjuncts(&expression), disjuncts(part));
            // A side that is a constant may have made the whole one.
            let sides = match sides.len() == written.len() && sides.len() > 1 {
                true => sides
                    .into_iter()
                    .zip(written)
                    .map(|(side, written)| of(side.clone(), written))
                    .collect(),
                false => Vec::new(),
            };
            parts.push(Conjunct {
                part: of(expression, part),
                sides,
            });
        }
        // A fault in a constant is often the fault found above, told again.
        if problems.is_empty() {
            problems.append(&mut folder.problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let constants = folder.constants;
        Ok(Self {
            env,
            conjuncts: parts,
            constants,
            reads: whole.reads,
            narrow: narrowed,
        })
    }

    fn reads(&self) -> Projection {
        self.reads.projection()
    }

    fn narrow(&self) -> Vec<Condition> {
        self.narrow.clone()
    }

    fn matches(&self, now: Timestamp, device: Device) -> Result<bool, String> {
        let row = Row::new(&device, now, &self.constants);
        let context = self.context(&row);
        Ok(self
            .conjuncts
            .iter()
            .all(|conjunct| conjunct.part.holds(&context) == Ok(true)))
    }

    fn explain(&self, now: Timestamp, device: Device) -> Option<String> {
        let row = Row::new(&device, now, &self.constants);
        let context = self.context(&row);
        self.conjuncts.iter().find_map(|conjunct| {
            let whole = conjunct.part.refusal(&context, &device)?;
            let sides = conjunct.sides.iter();
            let sides: Vec<_> = sides
                .filter_map(|side| side.refusal(&context, &device))
                .collect();
            Some(match sides.is_empty() {
                true => whole,
                false => sides.join(", and "),
            })
        })
    }
}

impl CelFilter {
    fn context<'v>(&self, row: &'v Row<'_>) -> Context<'v, 'v> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(row);
        context
    }
}

impl Part {
    /// Why it is not true, in one sentence; none if it is.
    fn refusal(&self, context: &Context<'_, '_>, device: &Device) -> Option<String> {
        let reason = match self.holds(context) {
            Ok(true) => return None,
            Ok(false) => "is false".to_owned(),
            Err(error) => format!("cannot be told: {}", in_words(error)),
        };
        let seen = self.reads.seen_in(device);
        Some(format!("`{}` {reason}{seen}", self.text))
    }

    /// Whether it is true; an error if the device's data does not allow to tell.
    fn holds(&self, context: &Context<'_, '_>) -> Result<bool, ExecutionError> {
        let value = Value::resolve_val(&self.expression, context)?;
        match value.downcast_ref::<CelBool>() {
            Some(truth) => Ok(*truth.inner()),
            None => Err(ExecutionError::UnexpectedType {
                got: value.get_type().name().to_owned(),
                want: "bool".to_owned(),
            }),
        }
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
