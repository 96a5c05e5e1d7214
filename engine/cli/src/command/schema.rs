use super::Failure;
use crate::{config, console, exit::Exit};

pub(super) fn schema() -> Result<Exit, Failure> {
    console::show_line(&format!("{:#}", config::json_schema()))?;
    Ok(Exit::Success)
}
