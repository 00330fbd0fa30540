//! The description says what the router does, both ways: its routes, its problems, and every answer that any
//! test of this room gets.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::house::{House, Who};
use crate::formats::json::problem::Kind;
use crate::intake::{description, table};

/// The room's tag: other rooms describe their routes in the same file.
const TAG: &str = "intake";

/// What only questions are answered with, by another room.
const OF_THE_DESK: [Kind; 8] = [
    Kind::QueryInvalid,
    Kind::AddressUnknown,
    Kind::CentreUnknown,
    Kind::RateUnbound,
    Kind::EndpointUnknown,
    Kind::ContentGone,
    Kind::EvidenceMissing,
    Kind::NotReady,
];

fn description() -> Value {
    serde_json::from_str(description::TEXT).unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn words(value: &Value) -> Vec<&str> {
    let words = value.as_array().unwrap().iter();
    words.map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn every_route_is_described_and_every_description_has_its_route() {
    let description = description();
    let described = object(&description["paths"])
        .iter()
        .flat_map(|(path, methods)| {
            let own = object(methods)
                .iter()
                .filter(|(_, operation)| words(&operation["tags"]).contains(&TAG));
            own.map(move |(method, _)| (method.clone(), path.clone()))
        });
    let routed = table().into_iter();
    let routed = routed.map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    assert_eq!(described.collect::<BTreeSet<_>>(), routed.collect());
}

#[test]
fn every_problem_is_described_under_its_status() {
    let description = description();
    for kind in Kind::ALL {
        // A status of rows alone has no answer of its own.
        let responses = &description["components"]["responses"];
        let response = &responses[format!("Problem{}", kind.status())];
        assert_eq!(response.is_null(), *kind == Kind::WithTheOthers, "{kind:?}");
    }
    for (name, response) in object(&description["components"]["responses"]) {
        let schema = &response["content"]["application/problem+json"]["schema"];
        let described: BTreeSet<_> = words(&schema["allOf"][1]["properties"]["type"]["enum"])
            .into_iter()
            .collect();
        let status: u16 = name.strip_prefix("Problem").unwrap().parse().unwrap();
        let kinds = Kind::ALL.iter().filter(|kind| kind.status() == status);
        assert_eq!(described, kinds.map(|kind| kind.uri()).collect(), "{name}");
    }
    let types = &description["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
    let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
    assert_eq!(words(types), all);
}

#[test]
fn every_problem_has_an_answer_among_the_fixtures() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/answers");
    let answers = fs::read_dir(directory).unwrap();
    let own = answers.map(|entry| entry.unwrap().path());
    let answers: String = own
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for kind in Kind::ALL.iter().filter(|kind| !OF_THE_DESK.contains(kind)) {
        assert!(answers.contains(&format!("\"{}\"", kind.uri())), "{kind:?}");
    }
}

#[tokio::test]
async fn anybody_reads_the_description() {
    let house = House::new().await;
    let answer = house
        .send(house.request(Who::Nobody, "GET", "/v1/openapi.json", ""))
        .await;
    assert_eq!((answer.status, answer.json), (200, description()));
}

/// Panics unless the description foresees this answer to this request.
pub(super) fn foresees(method: &str, path: &str, status: u16, media_type: &str, json: &Value) {
    let description = description();
    let matches = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template
                .zip(path)
                .all(|(one, other)| one == other || one.starts_with('{'))
    };
    let paths = object(&description["paths"]);
    let (_, methods) = paths
        .iter()
        .find(|(template, _)| matches(template))
        .unwrap();
    let response = &methods[method.to_lowercase()]["responses"][status.to_string()];
    let response = follow(&description, response);
    let schema = &response["content"][media_type]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} {status} {media_type} is not described"
    );
    conforms(&description, schema, json, path);
}

/// Follows a reference, if it is one.
fn follow<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => description.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

/// The part of JSON Schema that the description uses.
fn conforms(description: &Value, schema: &Value, json: &Value, at: &str) {
    let schema = follow(description, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        conforms(description, part, json, at);
    }
    let is = |word: &str| match word {
        "object" => json.is_object(),
        "array" => json.is_array(),
        "string" => json.is_string(),
        "integer" => json.is_u64() || json.is_i64(),
        "boolean" => json.is_boolean(),
        "null" => json.is_null(),
        _ => panic!("{word} is not checked"),
    };
    match &schema["type"] {
        Value::String(word) => assert!(is(word), "{at}: {json} is no {word}"),
        Value::Array(_) => assert!(words(&schema["type"]).into_iter().any(is), "{at}: {json}"),
        _ => {}
    }
    if let Some(list) = schema["enum"].as_array() {
        assert!(list.contains(json), "{at}: {json} is not in the list");
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        assert!(
            json.get(key.as_str().unwrap()).is_some(),
            "{at}: {key} is missing"
        );
    }
    if let (Some(properties), Some(json)) = (schema["properties"].as_object(), json.as_object()) {
        for (key, value) in json {
            match properties.get(key) {
                Some(schema) => conforms(description, schema, value, &format!("{at}/{key}")),
                None => assert!(
                    schema["additionalProperties"].is_null(),
                    "{at}/{key} is not described"
                ),
            }
        }
    }
    for item in json.as_array().into_iter().flatten() {
        conforms(description, &schema["items"], item, at);
    }
}
