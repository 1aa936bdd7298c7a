//! The interface as an OpenAPI document, made from the table of calls and the types.

use super::call::{ACTOR, NONCE, SIGNATURE, TIME};
use super::routes::{self, Route};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Quorate",
        description = "Threshold signing that a quorum of nodes decides. Every call carries four \
                       headers that sign it; see spec/api.md."
    ),
    components(schemas(
        super::Accounts,
        super::Totals,
        super::Audit,
        super::Charter,
        super::ChildKeyView,
        super::BundleAnswer,
        super::CustodianView,
        super::CustodyView,
        super::DrillView,
        super::EntryPage,
        super::EpochRecordAnswer,
        super::ExportPartAnswer,
        super::ExportView,
        super::EvidenceAnswer,
        super::EvidenceView,
        super::ImportOfferAnswer,
        super::SubmitImport,
        super::ErrorAnswer,
        super::GenesisAnswer,
        super::HandoverAnswer,
        super::XpubView,
        super::CeremonyView,
        super::EpochView,
        super::KeyView,
        super::LastDrill,
        super::FreezeView,
        super::CessionView,
        super::SubmitCession,
        super::SubmitFreeze,
        super::MotionView,
        super::Notice,
        super::PolicyView,
        super::ReceiptAnswer,
        super::RecordDrill,
        super::RequestView,
        super::RosterAnswer,
        super::ShowPossession,
        super::SignMotion,
        super::Status,
        super::SubmitMotion,
        super::SubmitRequest,
        super::SubmitStatement,
    ))
)]
struct Types;

/// The document (API-09).
pub fn openapi() -> Value {
    let mut document = serde_json::to_value(Types::openapi()).unwrap_or_default();
    let mut paths = Map::new();
    for route in routes::ALL {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(item) = item {
            item.insert(route.method.to_lowercase(), operation(route));
        }
    }
    if let Value::Object(document) = &mut document {
        document.insert("paths".to_owned(), Value::Object(paths));
    }
    document
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {
            "200": { "description": route.summary, "content": content(route.answer) },
            "default": { "description": "What went wrong.", "content": content("ErrorAnswer") },
        },
    });
    if let (false, Value::Object(operation)) = (route.body.is_empty(), &mut operation) {
        let body = json!({ "required": true, "content": content(route.body) });
        operation.insert("requestBody".to_owned(), body);
    }
    operation
}

fn content(name: &str) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let schema = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        _ if name.is_empty() => return json!({}),
        Some(element) => json!({ "type": "array", "items": reference(element) }),
        None => reference(name),
    };
    json!({ "application/json": { "schema": schema } })
}

fn parameters(route: &Route) -> Vec<Value> {
    let parameter = |name: &str, place: &str, required: bool, says: &str| {
        json!({ "name": name, "in": place, "required": required, "description": says,
                "schema": { "type": "string" } })
    };
    let in_path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(parameter(name, "path", true, name))
    });
    let in_query = route.query.iter().map(|(name, says)| parameter(name, "query", false, says));
    let headers = [
        (ACTOR, "who calls: person:0x… or service:0x…"),
        (TIME, "milliseconds since 1970"),
        (NONCE, "16 fresh bytes"),
        (SIGNATURE, "binary SSHSIG over the call"),
    ];
    let headers = headers.iter().map(|(name, says)| parameter(name, "header", true, says));
    in_path.chain(in_query).chain(headers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_09_every_call_is_in_the_document_and_every_reference_resolves() {
        let document = openapi();
        for route in routes::ALL {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert_eq!(operation["summary"], route.summary);
        }
        let text = document.to_string();
        let references: Vec<_> = text.split("#/components/schemas/").skip(1).collect();
        assert!(references.len() > routes::ALL.len());
        for reference in references {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
