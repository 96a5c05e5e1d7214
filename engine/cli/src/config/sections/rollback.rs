use super::release;
use crate::{
    config::{Located, PREVIOUS, ReleaseSection, RollbackSection, RollbackTo, reader::Reader},
    diagnostic::{Diagnostic, nearest, quote},
};

pub(in crate::config) fn rollback(
    root: &Reader<'_>,
    release: Option<&ReleaseSection>,
) -> RollbackSection {
    let Some(section) = root.section("rollback") else {
        return RollbackSection {
            to: RollbackTo::Previous,
            automatic: true,
            concurrency: None,
            releases: Vec::new(),
        };
    };
    let releases = earlier(&section, release);
    RollbackSection {
        to: section
            .text("to")
            .map_or(RollbackTo::Previous, |to| target(&section, to, &releases)),
        automatic: section.flag("automatic").unwrap_or(true),
        concurrency: section.small_count("concurrency"),
        releases,
    }
}

/// The releases to go back to. Going back to the release itself would be taken back in turn.
fn earlier(section: &Reader<'_>, release: Option<&ReleaseSection>) -> Vec<ReleaseSection> {
    let context = section.context;
    let mut found: Vec<ReleaseSection> = Vec::new();
    for (_, table) in section.sections("releases") {
        let name = release.map(|release| release.name.as_str());
        let Some(one) = release::read(&table, name) else {
            continue;
        };
        let shown = quote(&one.version.value);
        if let Some(release) = release
            && release.version.value == one.version.value
        {
            context.report(
                Diagnostic::error(format!("a rollback to {shown} would go back to itself"))
                    .at(context.source, one.version.span, "the release itself")
                    .see(context.source, release.version.span, "what is taken back")
                    .help("name an earlier version"),
            );
        }
        if let Some(first) = found
            .iter()
            .find(|other| other.version.value == one.version.value)
        {
            context.report(
                Diagnostic::error(format!("two releases to go back to are {shown}"))
                    .at(context.source, one.version.span, "again")
                    .see(context.source, first.version.span, "the first time"),
            );
        }
        found.push(one);
    }
    found
}

fn target(section: &Reader<'_>, to: Located<String>, releases: &[ReleaseSection]) -> RollbackTo {
    if to.value == PREVIOUS {
        return RollbackTo::Previous;
    }
    let known = || {
        releases
            .iter()
            .map(|release| release.version.value.as_str())
            .chain([PREVIOUS])
    };
    // Tables with errors of their own are not known here.
    let all_read = releases.len() == section.sections_written("releases");
    if all_read && known().all(|version| version != to.value) {
        let context = section.context;
        let problem = Diagnostic::error(format!(
            "there is no release {} to go back to",
            quote(&to.value)
        ))
        .at(
            context.source,
            to.span,
            "no `[[rollback.releases]]` has this version",
        );
        context.report(match nearest(&to.value, known()) {
            Some(meant) => problem.help(format!("did you mean {}?", quote(meant))),
            None => problem.help("add it, or write `to = \"previous\"`"),
        });
    }
    RollbackTo::Version(to.value)
}
