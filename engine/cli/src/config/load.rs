use std::{cell::RefCell, fs, path::Path, sync::Arc};

use toml::de::DeTable;

use super::{Config, Overrides, check, keys, reader::Context, reader::Reader, sections};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile, quote};

/// Reads a configuration. `builtins` are the names that may follow `builtin:`.
///
/// # Errors
///
/// Everything that is wrong with the file, as far as the file alone tells, in the order of
/// its lines. The second part of the success are warnings.
pub fn load_config(
    path: &Path,
    overrides: &Overrides,
    builtins: &[&str],
) -> Result<(Config, Diagnostics), Diagnostics> {
    let source = Arc::new(read(path)?);
    let (document, errors) = DeTable::parse_recoverable(source.text());
    if !errors.is_empty() {
        return Err(errors
            .iter()
            .map(|error| syntax_error(&source, error))
            .collect());
    }
    let context = Context {
        source: &source,
        directory: path.parent().unwrap_or(Path::new("")),
        problems: RefCell::default(),
    };
    let config = read_root(&context, document.get_ref(), builtins);
    let mut problems = context.problems.into_inner();
    problems.sort_by_place();
    match config {
        Some(mut config) if !problems.has_errors() => {
            overrides.apply(&mut config.engine);
            Ok((config, problems))
        }
        _ => Err(problems),
    }
}

fn read_root(context: &Context<'_>, document: &DeTable<'_>, builtins: &[&str]) -> Option<Config> {
    let root = Reader::open(context, document, None, &keys::ROOT);
    let engine = sections::engine(&root);
    let devices = sections::fleet(&root);
    let release = sections::release(&root);
    let plugins = sections::plugins(&root, builtins);
    let signals = sections::signals(&root);
    let rollout = sections::rollout(&root);
    let rollback = sections::rollback(&root, release.as_ref());
    let retention = sections::retention(&root);
    if let Some(rollout) = &rollout {
        check::references(context, &plugins, rollout);
    }
    let mut config = Config {
        engine,
        devices,
        release: release?,
        plugins,
        signals,
        rollout: rollout?,
        rollback,
        retention,
        source: Arc::clone(context.source),
    };
    sections::add_immediate_policy(&mut config);
    Some(config)
}

fn read(path: &Path) -> Result<SourceFile, Diagnostic> {
    let name = path.display().to_string();
    let unreadable = |why: String| {
        Diagnostic::error(format!("cannot read the configuration: {why}")).in_file(name.clone())
    };
    let bytes = fs::read(path).map_err(|cause| unreadable(cause.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SourceFile::whole(name, text)),
        Err(cause) => {
            let offset = cause.utf8_error().valid_up_to();
            Err(unreadable(format!("it is not UTF-8 at byte {offset}")))
        }
    }
}

fn syntax_error(source: &Arc<SourceFile>, error: &toml::de::Error) -> Diagnostic {
    let message = error.message().lines().next().unwrap_or_default();
    let problem = Diagnostic::error(format!("not TOML: {message}"));
    match error.span() {
        Some(span) => {
            let problem = problem.at(source, span.clone().into(), "");
            match source.text().get(span) {
                Some(key) if message == "duplicate key" => {
                    problem.note(format!("{} is there already", quote(key)))
                }
                _ => problem,
            }
        }
        None => problem.in_file(source.name()),
    }
}
