//! Measurements that need a process of their own, because they are of the process: this
//! program again, which prints one number.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{busy, cpu, engine, instructions, memory, process};

/// What turns this program into a part.
pub(crate) const COMMAND: &str = "part";

/// Runs part `name`; the number that it printed.
pub(crate) async fn run(name: &str, arguments: &[&str]) -> Result<f64> {
    let mut part = Command::new(std::env::current_exe()?);
    part.arg(COMMAND)
        .arg(name)
        .args(arguments)
        .stderr(Stdio::inherit());
    let output = process::output(part).await?;
    String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .with_context(|| format!("the part `{name}` failed"))
}

/// The part `words` names; its number.
pub(crate) async fn be(mut words: impl Iterator<Item = String>) -> Result<f64> {
    let name = words.next().context("which part?")?;
    let mut word = || words.next().context("a part needs more words");
    match name.as_str() {
        "warm" => engine::warm(word()?.as_ref()).await.map(|()| 0.0),
        "large" => memory::large(word()?.parse()?, word()?.as_ref()).await,
        "slow" => memory::slow(word()?.parse()?, word()?.as_ref()).await,
        "registered" => {
            memory::registered(word()?.as_ref(), word()?.parse()?, word()?.as_ref()).await
        }
        "hot" => instructions::hot(&word()?, word()?.parse()?, word()?.as_ref()).await,
        "busy" => {
            let (way, pushes, address) = (word()?, word()?.parse()?, word()?);
            let bytes = word()?.parse()?;
            busy::part(&way, pushes, &address, bytes, word()?.as_ref()).await
        }
        "cpu" => cpu::part(word()?.as_ref(), word()?.parse()?).await,
        name => anyhow::bail!("there is no part {name}"),
    }
}
