use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError},
};

use crate::limits::OUTPUT_BYTES;

/// The last words of a guest: what it wrote to stdout and stderr, in one bounded ring.
/// Nobody reads it unless something goes wrong.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<VecDeque<u8>>>);

impl Output {
    /// What is kept, with control characters but line feeds escaped; empties the ring.
    pub(crate) fn take(&self) -> String {
        let bytes: Vec<u8> = self.ring().drain(..).collect();
        escape(String::from_utf8_lossy(&bytes).trim_end())
    }

    fn write(&self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(OUTPUT_BYTES)..];
        let mut ring = self.ring();
        let excess = (ring.len() + kept.len()).saturating_sub(OUTPUT_BYTES);
        ring.drain(..excess);
        ring.extend(kept);
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces control characters but line feeds, so that a guest can neither forge log lines
/// nor speak to a terminal.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push('\n'),
            '\t' => escaped.push(' '),
            control if control.is_control() => escaped.extend(control.escape_default()),
            plain => escaped.push(plain),
        }
    }
    escaped
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        Self::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(OUTPUT_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Self::write(&self, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
