use url::Url;
use windlass_model::Sha256;

use crate::{
    config::{DEFAULT_MEDIA_TYPE, Located, PayloadLocation, ReleaseSection, reader::Reader},
    diagnostic::Diagnostic,
};

pub(in crate::config) fn release(root: &Reader<'_>) -> Option<ReleaseSection> {
    let section = root.section("release")?;
    read(&section, None)
}

/// A release; its name is `name` if the table need not say it.
pub(super) fn read(section: &Reader<'_>, name: Option<&str>) -> Option<ReleaseSection> {
    let context = section.context;
    let own_name = section.name("name").map(|name| name.value);
    let version = section.name("version");
    let payload = payload(section);
    let sha256 = digest(section);
    let media_type = section.name("media_type");
    let payload = payload?;
    if matches!(payload.value, PayloadLocation::Url(_)) && section.value("sha256").is_none() {
        context.report(
            Diagnostic::warning("the payload comes from a URL and has no `sha256`")
                .at(context.source, payload.span, "")
                .note("whatever the server answers goes to the devices")
                .help("add `sha256 = \"…\"` beside it"),
        );
    }
    Some(ReleaseSection {
        name: own_name.or_else(|| name.map(str::to_owned))?,
        version: version?,
        payload,
        sha256,
        media_type: media_type.map_or_else(|| DEFAULT_MEDIA_TYPE.to_owned(), |text| text.value),
    })
}

fn payload(section: &Reader<'_>) -> Option<Located<PayloadLocation>> {
    let text = section.text("payload")?;
    let Some((scheme, _)) = text.value.split_once("://") else {
        return Some(text.map(|path| PayloadLocation::File(section.context.resolve(&path))));
    };
    let why = match Url::parse(&text.value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            return Some(text.map(PayloadLocation::Url));
        }
        Ok(_) => format!("`payload` must be a path or an http(s) URL, not {scheme}://"),
        Err(cause) => format!("`payload` is not a URL: {cause}"),
    };
    section
        .context
        .error(text.span, why, "expected a path or an http(s) URL");
    None
}

fn digest(section: &Reader<'_>) -> Option<Located<Sha256>> {
    let text = section.text("sha256")?;
    match text.value.parse() {
        Ok(value) => Some(Located {
            value,
            span: text.span,
        }),
        Err(why) => {
            let found = text.value.chars().count();
            let message = format!("`sha256`: {why}");
            let label = if found == 64 {
                "not hexadecimal".to_owned()
            } else {
                format!("{found} characters")
            };
            section.context.error(text.span, message, label);
            None
        }
    }
}
