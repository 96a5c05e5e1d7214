//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

/// Writes one line to standard output. A reader that has gone away (`| head`) ends no
/// rollout: such an error is ignored.
pub fn line(text: &str) {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).ok();
}

/// Writes text as it is to standard output.
pub fn text(text: &str) {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).ok();
}

/// Writes one line to standard error.
pub fn error(text: &str) {
    writeln!(anstream::stderr().lock(), "{text}").ok();
}

/// The columns of the terminal that standard output is, if it is one.
pub fn columns() -> Option<usize> {
    let out = io::stdout();
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    (out.is_terminal() && size.ws_col > 0).then_some(size.ws_col.into())
}

/// Whether a person watches: standard output and standard error are a terminal that can
/// move its cursor.
pub fn is_live() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && io::stderr().is_terminal() && !dumb
}
