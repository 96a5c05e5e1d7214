//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

/// Why what a command has to say reached nobody.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// The other end of the pipe is closed (`| head`).
    #[error("nobody reads standard output any more")]
    ReaderGone,
    /// It could not be written: the disk behind it is full, for one.
    #[error("standard output could not be written")]
    Failed(#[source] io::Error),
}

/// Writes one line to standard output, for a command that does nothing but tell.
///
/// # Errors
///
/// See [`Unheard`]: there is no use in telling more.
pub fn show_line(text: &str) -> Result<(), Unheard> {
    heard(write_line(text))
}

/// Writes text as it is to standard output, for a command that does nothing but tell.
///
/// # Errors
///
/// See [`Unheard`].
pub fn show(text: &str) -> Result<(), Unheard> {
    heard(write_text(text))
}

/// Writes one line to standard output. A reader that has gone away (`| head`) ends no
/// rollout, and undoes no order: such an error is ignored.
pub fn line(text: &str) {
    write_line(text).ok();
}

/// Writes text as it is to standard output, as [`line()`] does.
pub fn text(text: &str) {
    write_text(text).ok();
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

fn write_text(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush())
}

fn heard(written: io::Result<()>) -> Result<(), Unheard> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Unheard::ReaderGone,
        _ => Unheard::Failed(error),
    })
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
