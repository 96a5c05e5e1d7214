use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::unix::pipe,
};

use super::COMMAND;
use crate::process;

/// The process of the devices; it ends with its handle.
pub(crate) struct Devices {
    process: Child,
    orders: pipe::Sender,
    answers: Lines<BufReader<pipe::Receiver>>,
    /// At which they listen, whatever their address.
    pub(crate) port: u16,
}

/// What the devices saw since they were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests that began.
    pub(crate) open: u64,
    /// Whole releases.
    pub(crate) pushes: u64,
    /// Bytes of bodies.
    pub(crate) bytes: u64,
    /// Broken bodies, and while digests were checked those with another one.
    pub(crate) wrong: u64,
    /// CPU time of their process.
    pub(crate) cpu: Duration,
}

/// What some work took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// On the clock.
    pub(crate) took: Duration,
    /// Of CPU time, of both ends.
    pub(crate) cpu: Duration,
}

impl Devices {
    /// Starts them.
    pub(crate) async fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the devices could not be started")?;
        let orders = process.stdin.take().context("it is piped")?;
        let orders = pipe::Sender::from_owned_fd(orders.into())?;
        let answers = process.stdout.take().context("it is piped")?;
        let answers = pipe::Receiver::from_owned_fd(answers.into())?;
        let mut answers = BufReader::new(answers).lines();
        let port = answers
            .next_line()
            .await?
            .context("the devices ended at once")?
            .parse()?;
        Ok(Self {
            process,
            orders,
            answers,
            port,
        })
    }

    /// Whether every digest is compared with what the sender says.
    pub(crate) async fn check_digests(&mut self, check: bool) -> Result<Counts> {
        self.order(if check { "check on" } else { "check off" })
            .await
    }

    /// Whether they leave the bodies that come from now on unread.
    pub(crate) async fn hold(&mut self, hold: bool) -> Result<Counts> {
        self.order(if hold { "hold" } else { "go on" }).await
    }

    /// They answer every push with an error from now on.
    pub(crate) async fn refuse(&mut self) -> Result<Counts> {
        self.order("refuse").await
    }

    /// What they saw so far.
    pub(crate) async fn counts(&mut self) -> Result<Counts> {
        self.order("counts").await
    }

    async fn order(&mut self, order: &str) -> Result<Counts> {
        self.orders
            .write_all(format!("{order}\n").as_bytes())
            .await?;
        let line = self
            .answers
            .next_line()
            .await?
            .context("the devices have ended")?;
        let numbers = line
            .split(' ')
            .map(str::parse)
            .collect::<Result<Vec<u64>, _>>()?;
        let [open, pushes, bytes, wrong, cpu] = numbers[..] else {
            anyhow::bail!("the devices answered {line:?}");
        };
        Ok(Counts {
            open,
            pushes,
            bytes,
            wrong,
            cpu: Duration::from_nanos(cpu),
        })
    }

    /// What `work` costs, in this process and in that of the devices.
    pub(crate) async fn cost(
        &mut self,
        work: impl Future<Output = Result<Duration>>,
    ) -> Result<Cost> {
        let theirs = self.counts().await?.cpu;
        let ours = process::own_cpu();
        let took = work.await?;
        let ours = process::own_cpu() - ours;
        let theirs = self.counts().await?.cpu - theirs;
        Ok(Cost {
            took,
            cpu: ours + theirs,
        })
    }

    /// That since `before` exactly `pushes` releases arrived, and none of them broken.
    pub(crate) async fn expect(&mut self, before: Counts, pushes: u64) -> Result<()> {
        let now = self.counts().await?;
        ensure!(
            now.pushes - before.pushes == pushes && now.wrong == before.wrong,
            "the devices took {} releases and refused {} instead of taking {pushes}",
            now.pushes - before.pushes,
            now.wrong - before.wrong,
        );
        Ok(())
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
