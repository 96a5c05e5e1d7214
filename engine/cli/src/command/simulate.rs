use std::{fs, path::Path};

use windlass_simulate::show;

use super::Failure;
use crate::{
    args::{Output, SimulateArgs},
    console,
    diagnostic::Diagnostic,
    exit::Exit,
    simulate::{self, look, session_json},
};

pub(super) async fn simulate(args: &SimulateArgs) -> Result<Exit, Failure> {
    if let Some(page) = &args.html {
        // Not after minutes of work.
        has_a_place(page)?;
    }
    let sessions = simulate::all(args).await?;
    match args.output {
        Output::Human => console::show(&match sessions.as_slice() {
            [only] => show::text(only, &look()),
            several => show::side_by_side(several, &look()),
        })?,
        Output::Json => {
            for session in &sessions {
                console::show_line(&session_json(session).to_string())?;
            }
        }
    }
    if let Some(page) = &args.html {
        fs::write(page, show::html(&sessions)).map_err(|error| unwritable(page, &error))?;
    }
    Ok(Exit::Success)
}

fn has_a_place(page: &Path) -> Result<(), Diagnostic> {
    if page.is_dir() {
        let error = Diagnostic::error(format!("{} is a directory", page.display()));
        return Err(error.help("name a file in it"));
    }
    let folder = page
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(Diagnostic::error(format!(
            "there is no directory {}",
            folder.display()
        ))
        .help("make it, or name another file with --html")),
        Some(_) | None => Ok(()),
    }
}

fn unwritable(page: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write {}: {error}", page.display()))
}
