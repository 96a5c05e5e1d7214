use std::{collections::BTreeMap, sync::Arc};

use url::Url;
use windlass_model::SignalName;
use windlass_runtime::signals::{Access, Secret, SignalOrigin, SignalSource};

use crate::{
    config::{
        DEFAULT_SIGNAL_EVERY, DEFAULT_SIGNAL_STALE, DEFAULT_SIGNAL_TIMEOUT, LEAST_SIGNAL_EVERY,
        Located, MAX_NAME_BYTES, SignalSection, reader::Reader,
    },
    diagnostic::{Diagnostic, Span, quote},
    units::format_duration,
};

pub(in crate::config) fn signals(root: &Reader<'_>) -> BTreeMap<SignalName, SignalSection> {
    let read = root.named("signals").into_iter();
    read.filter_map(|(name, span, section)| {
        let name = signal_name(&section, name)?;
        let source = source(&section, name.clone(), span)?;
        let source = Arc::new(source);
        Some((name, SignalSection { source, span }))
    })
    .collect()
}

fn signal_name(section: &Reader<'_>, name: Located<String>) -> Option<SignalName> {
    let length = name.value.len();
    if !(1..=MAX_NAME_BYTES).contains(&length) || name.value.chars().any(char::is_control) {
        let message = format!(
            "a signal's name has 1 to {MAX_NAME_BYTES} bytes, none of them a control character"
        );
        section.context.error(name.span, message, "not a name");
        return None;
    }
    Some(SignalName::new(name.value))
}

fn source(section: &Reader<'_>, name: SignalName, span: Span) -> Option<SignalSource> {
    let origin = origin(section, span);
    let every = section.length("every");
    if let Some(every) = every
        .as_ref()
        .filter(|every| every.value < LEAST_SIGNAL_EVERY)
    {
        let least = format_duration(LEAST_SIGNAL_EVERY);
        let message = format!("`every` must be at least {least}");
        section.context.error(every.span, message, "too short");
        return None;
    }
    let every = every.map_or(DEFAULT_SIGNAL_EVERY, |every| every.value);
    let timeout = section.length("timeout");
    if let Some(timeout) = timeout.as_ref().filter(|timeout| timeout.value >= every) {
        let every = format_duration(every);
        let message = format!("`timeout` must be less than `every`, which is {every}");
        section.context.error(timeout.span, message, "too long");
    }
    let stale = section.length("stale");
    if let Some(stale) = stale.as_ref().filter(|stale| stale.value < every) {
        let every = format_duration(every);
        let message = format!("`stale` must be at least `every`, which is {every}");
        section.context.error(stale.span, message, "too short");
    }
    Some(SignalSource {
        name,
        origin: origin?,
        every,
        timeout: timeout.map_or(DEFAULT_SIGNAL_TIMEOUT.min(every / 2), |timeout| {
            timeout.value
        }),
        stale: stale.map_or(every.saturating_mul(DEFAULT_SIGNAL_STALE), |stale| {
            stale.value
        }),
    })
}

/// Exactly one of the three, with the keys that belong to it.
fn origin(section: &Reader<'_>, span: Span) -> Option<SignalOrigin> {
    const ORIGINS: [&str; 3] = ["url", "prometheus", "file"];
    let context = section.context;
    let named: Vec<_> = ORIGINS
        .into_iter()
        .filter(|key| section.value(key).is_some())
        .collect();
    let [origin] = named.as_slice() else {
        let message = match named.as_slice() {
            [] => "the signal has no source".to_owned(),
            several => format!("the signal has several sources: {}", several.join(", ")),
        };
        context.report(
            Diagnostic::error(message)
                .at(context.source, span, "")
                .help("a signal has one of `url`, `prometheus` and `file`"),
        );
        return None;
    };
    let foreign: &[&str] = match *origin {
        "url" => &["query"],
        "prometheus" => &["pointer"],
        _ => &["query", "bearer", "headers"],
    };
    for key in foreign {
        if let Some(value) = section.value(key) {
            let message = format!("`{key}` says nothing of a signal with `{origin}`");
            context.error(value.span().into(), message, "has no effect");
        }
    }
    match *origin {
        "url" => {
            let (url, pointer, access) =
                (url(section, "url", span), pointer(section), access(section));
            Some(SignalOrigin::Http {
                url: url?,
                pointer: pointer?,
                access,
            })
        }
        "prometheus" => {
            let (base, access) = (url(section, "prometheus", span), access(section));
            if section.value("query").is_none() {
                context.report(
                    Diagnostic::error("a signal of Prometheus needs a `query`")
                        .at(context.source, span, "has no `query`")
                        .help("such as query = \"sum(rate(errors_total[5m]))\""),
                );
            }
            Some(SignalOrigin::Prometheus {
                base: base?,
                query: section.text("query")?.value,
                access,
            })
        }
        _ => {
            let pointer = pointer(section);
            Some(SignalOrigin::File {
                path: context.resolve(&section.text("file")?.value),
                pointer: Some(pointer?).filter(|pointer| !pointer.is_empty()),
            })
        }
    }
}

/// Problems are shown without the line: the URL in it may hold a secret.
fn url(section: &Reader<'_>, key: &str, header: Span) -> Option<Url> {
    let text = section.text(key)?;
    let refuse = |why: String| {
        let context = section.context;
        context.error(header, format!("`{key}` {why}"), format!("its `{key}`"));
        None
    };
    match Url::parse(&text.value) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            refuse(format!("must be an http(s) URL, not {}:", url.scheme()))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            refuse("has a user name or password in it: use `bearer` or `headers`".to_owned())
        }
        Ok(url) => Some(url),
        Err(cause) => refuse(format!("is not a URL: {cause}")),
    }
}

/// Empty for the document as a whole, which is what it means (RFC 6901).
fn pointer(section: &Reader<'_>) -> Option<String> {
    if section.value("pointer").is_none() {
        return Some(String::new());
    }
    let text = section.text("pointer")?;
    if !text.value.starts_with('/') {
        let message = format!("{} is not a JSON pointer", quote(&text.value));
        section.context.report(
            Diagnostic::error(message)
                .at(section.context.source, text.span, "")
                .help("a pointer begins with `/`, such as `/errors/rate`"),
        );
        return None;
    }
    Some(text.value)
}

fn access(section: &Reader<'_>) -> Access {
    let bearer = section.section("bearer").and_then(|bearer| {
        let span = section.value("bearer")?.span().into();
        secret(&bearer, span)
    });
    let headers = section.named("headers").into_iter();
    let headers = headers.filter_map(|(name, span, header)| {
        let secret = secret(&header, span);
        match name.value.parse() {
            Ok(name) => Some((name, secret?)),
            Err(_) => {
                let message = format!("{} is not the name of a header", quote(&name.value));
                section.context.error(name.span, message, "");
                None
            }
        }
    });
    Access {
        bearer,
        headers: headers.collect(),
    }
}

fn secret(section: &Reader<'_>, span: Span) -> Option<Secret> {
    let (env, file) = (section.name("env"), section.text("file"));
    let written = ["env", "file"].map(|key| section.value(key).is_some());
    if written == [true, true] || written == [false, false] {
        let context = section.context;
        context.report(
            Diagnostic::error("a secret is in one place")
                .at(context.source, span, "")
                .help("such as { env = \"METRICS_TOKEN\" } or { file = \"token\" }"),
        );
        return None;
    }
    env.map(|env| Secret::Environment(env.value))
        .or_else(|| file.map(|file| Secret::File(section.context.resolve(&file.value))))
}
