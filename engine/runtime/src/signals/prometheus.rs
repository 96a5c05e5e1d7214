//! The instant query of the Prometheus HTTP API.

use serde::Deserialize;
use serde_json::Value;
use url::Url;
use windlass_model::Reading;

use super::judge::{number, quoted};

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

/// Where the query is asked.
pub(super) fn url(base: &Url, query: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!(
        "{}/api/v1/query",
        base.path().trim_end_matches('/')
    ));
    url.query_pairs_mut().append_pair("query", query);
    url
}

/// What an answer says. `refused` says that the server did not answer well.
pub(super) fn judge(bytes: &[u8], refused: Option<&str>) -> Reading {
    let answer: Answer = match (serde_json::from_slice(bytes), refused) {
        (Ok(answer), _) => answer,
        (Err(_), Some(refused)) => return Reading::Failed(refused.to_owned()),
        (Err(error), None) => {
            return Reading::Failed(format!("the answer is not one of Prometheus: {error}"));
        }
    };
    match answer.data.filter(|_| answer.status == "success") {
        Some(data) => result(data),
        None => Reading::Failed(format!("the query failed: {}", quoted(&answer.error))),
    }
}

fn result(Data { kind, result }: Data) -> Reading {
    let garbled = |error: serde_json::Error| {
        Reading::Failed(format!("the answer is not one of Prometheus: {error}"))
    };
    match kind.as_str() {
        "scalar" => match serde_json::from_value::<(f64, String)>(result) {
            Ok((_, value)) => number(&value),
            Err(error) => garbled(error),
        },
        "vector" => match serde_json::from_value::<Vec<Sample>>(result).as_deref() {
            Ok([]) => Reading::Missing("the query has no result".to_owned()),
            Ok([only]) => number(&only.value.1),
            Ok(several) => Reading::Failed(format!(
                "the query has {} results, and one is wanted, such as with sum(…) or max(…)",
                several.len()
            )),
            Err(error) => Reading::Failed(format!("the answer is not one of Prometheus: {error}")),
        },
        other => Reading::Failed(format!(
            "the query gives a {}, and a scalar or a vector of one sample is wanted",
            quoted(other)
        )),
    }
}
