use serde_json::json;
use windlass_host::Inspection;

use super::Failure;
use crate::{
    args::{Output, PluginInspectArgs},
    config::ComponentLocation,
    console,
    diagnostic::Diagnostic,
    exit::Exit,
    render,
    setup::{self, ComponentError, component_bytes, with_causes},
};

pub(super) async fn inspect(args: PluginInspectArgs) -> Result<Exit, Failure> {
    let location = match args.component.strip_prefix("builtin:") {
        Some(name) => ComponentLocation::Builtin(name.into()),
        None => ComponentLocation::File(args.component.clone().into()),
    };
    let bytes = component_bytes(&location).map_err(|error| match error {
        ComponentError::Unreadable(path, cause) => {
            Diagnostic::error(format!("cannot read {}: {cause}", path.display()))
        }
        ComponentError::NoBuiltin => {
            let known: Vec<_> = windlass_builtin::ALL
                .iter()
                .map(|builtin| builtin.name)
                .collect();
            Diagnostic::error(format!("there is no built-in plugin `{}`", args.component))
                .help(format!("the built-in plugins are {}", known.join(", ")))
        }
    })?;
    let host = setup::plain_host()?;
    let inspection = host.inspect(bytes).await.map_err(|error| {
        with_causes(
            Diagnostic::error(error.to_string()).in_file(args.component.clone()),
            &error,
        )
    })?;
    match args.output {
        Output::Human => console::show(&text(&args.component, &inspection))?,
        Output::Json => console::show_line(&as_json(&inspection).to_string())?,
    }
    Ok(Exit::Success)
}

fn as_json(inspection: &Inspection) -> serde_json::Value {
    json!({
        "kind": inspection.kind.to_string(),
        "world": inspection.kind.world(),
        "contract": inspection.contract.to_string(),
        "sha256": inspection.digest,
        "size": inspection.size,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "capabilities": capabilities(inspection),
        "settings_schema": inspection.settings_schema,
    })
}

fn text(component: &str, inspection: &Inspection) -> String {
    let mut text = format!(
        "{component}\n  kind      {} (world {} of windlass:plugin@{})\n  sha256    {}\n  size      {}\n",
        inspection.kind,
        inspection.kind.world(),
        inspection.contract,
        inspection.digest,
        render::bytes(inspection.size as u64),
    );
    let can = capabilities(inspection);
    if !can.is_empty() {
        text.push_str(&format!("  can       {}\n", can.join(", ")));
    }
    text.push_str("  imports\n");
    for import in &inspection.imports {
        text.push_str(&format!("    {import}\n"));
    }
    text.push_str("  settings\n");
    let properties = inspection
        .settings_schema
        .get("properties")
        .and_then(|value| value.as_object());
    for (name, schema) in properties.into_iter().flatten() {
        let about = schema
            .get("description")
            .and_then(|text| text.as_str())
            .unwrap_or("");
        text.push_str(&format!("    {name:<18} {about}\n"));
    }
    if properties.is_none_or(serde_json::Map::is_empty) {
        text.push_str("    none\n");
    }
    text
}

/// What a delivery says it can do, in words.
fn capabilities(inspection: &Inspection) -> Vec<&'static str> {
    let Some(can) = &inspection.capabilities else {
        return Vec::new();
    };
    let all = [
        (can.probes, "probe"),
        (can.verifies, "verify"),
        (can.idempotent_push, "push twice without harm"),
        (can.resumes, "resume"),
        (can.interprets, "interpret reports"),
    ];
    all.into_iter()
        .filter_map(|(can, word)| can.then_some(word))
        .collect()
}
