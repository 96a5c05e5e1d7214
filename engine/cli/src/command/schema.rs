use crate::{config, console, exit::Exit};

pub(super) fn schema() -> Exit {
    console::line(&format!("{:#}", config::json_schema()));
    Exit::Success
}
