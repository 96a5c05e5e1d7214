//! The filter itself: opened once, asked about every device.

use std::sync::Arc;

use cel::{Context, Env, IdedExpr, Program};
use windlass_sdk::settings::NoSettings;
use windlass_sdk::{Condition, Filter, Refusal};
use windlass_sdk::{Device, Problem, Projection, Timestamp};

use crate::check::{Type, check, problem};
use crate::conjuncts::conjuncts;
use crate::explain::{Explainer, truth};
use crate::fold::Folder;
use crate::narrow;
use crate::parse::parse;
use crate::reads::Reads;
use crate::source::Source;
use crate::value::{Constant, Row, environment};

/// An expression, ready to be asked about devices.
pub struct CelFilter {
    env: Arc<Env>,
    text: String,
    /// As it was written.
    program: Program,
    /// All of them must hold. Their constant parts are computed.
    conjuncts: Vec<IdedExpr>,
    constants: Vec<Constant>,
    reads: Reads,
    narrow: Vec<Condition>,
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
        let mut folded = Vec::new();
        let mut narrowed = Vec::new();
        for part in conjuncts(program.expression()) {
            narrowed.extend(narrow::condition(part));
            let mut part = part.clone();
            folder.fold(&mut part);
            folded.push(part);
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
            text: text.to_owned(),
            program,
            conjuncts: folded,
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
            .all(|conjunct| truth(conjunct, &context) == Ok(true)))
    }

    fn explain(&self, now: Timestamp, device: Device) -> Vec<Refusal> {
        let row = Row::new(&device, now, &self.constants);
        let context = self.context(&row);
        let source = Source::new(&self.text, self.program.source_info());
        let written = conjuncts(self.program.expression());
        let parts = written.into_iter().zip(&self.conjuncts);
        Explainer::new(&source, &context, &device).refusals(parts)
    }
}

impl CelFilter {
    fn context<'v>(&self, row: &'v Row<'_>) -> Context<'v, 'v> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(row);
        context
    }
}
