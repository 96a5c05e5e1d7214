use std::sync::Arc;

use windlass_model::{DeviceId, PluginName};

use crate::{
    bindings::job::{Host, Level},
    guest::{State, escape},
    lease::Lease,
    limits::{CHECKPOINT_BYTES, LOG_LINE_BYTES, LOG_LINES},
};

/// The job that an instance has in hand.
pub(crate) struct CurrentJob {
    lease: Arc<Lease>,
    plugin: PluginName,
    device: DeviceId,
    log_lines: u32,
}

impl CurrentJob {
    pub(crate) fn new(lease: Arc<Lease>, plugin: PluginName, device: DeviceId) -> Self {
        Self {
            lease,
            plugin,
            device,
            log_lines: 0,
        }
    }

    pub(crate) fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    fn log(&mut self, level: Level, message: &str) {
        self.log_lines = self.log_lines.saturating_add(1);
        let (plugin, device) = (&self.plugin, &self.device);
        if self.log_lines > LOG_LINES {
            if self.log_lines == LOG_LINES + 1 {
                tracing::warn!(
                    target: "windlass::plugin", %plugin, %device,
                    "the plugin writes more than {LOG_LINES} lines; the rest of this job is left out"
                );
            }
            return;
        }
        let end = message.floor_char_boundary(LOG_LINE_BYTES);
        let message = escape(&message[..end]).replace('\n', "\\n");
        match level {
            Level::Trace => {
                tracing::trace!(target: "windlass::plugin", %plugin, %device, "{message}")
            }
            Level::Debug => {
                tracing::debug!(target: "windlass::plugin", %plugin, %device, "{message}")
            }
            Level::Info => {
                tracing::info!(target: "windlass::plugin", %plugin, %device, "{message}")
            }
            Level::Warn => {
                tracing::warn!(target: "windlass::plugin", %plugin, %device, "{message}")
            }
            Level::Error => {
                tracing::error!(target: "windlass::plugin", %plugin, %device, "{message}")
            }
        }
    }
}

impl Host for State {
    fn report(&mut self, bytes: u64) -> wasmtime::Result<()> {
        if let Some(job) = &self.job {
            job.lease.claim(bytes);
        }
        Ok(())
    }

    fn checkpoint(&mut self, data: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        if data.len() > CHECKPOINT_BYTES {
            return Ok(Err(format!(
                "a checkpoint has at most {CHECKPOINT_BYTES} bytes, not {}",
                data.len()
            )));
        }
        Ok(match &self.job {
            Some(job) if job.lease.check().is_ok() => {
                job.lease.terms().observer.checkpoint(data);
                Ok(())
            }
            Some(_) | None => Err("there is no job to keep a checkpoint for".to_owned()),
        })
    }

    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        match &mut self.job {
            Some(job) => job.log(level, &message),
            None => tracing::debug!(
                target: "windlass::plugin", plugin = %self.plugin,
                "a line outside any job is left out"
            ),
        }
        Ok(())
    }
}
