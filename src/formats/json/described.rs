//! Holds answers and routes against the description of the gateway's HTTP, in the tests of every room that
//! answers. It knows the part of JSON Schema that the description uses and fails at any other keyword.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::claims::id::DocumentId;
use crate::claims::time::{Day, Timestamp};

/// The description, read.
pub(crate) fn description() -> Value {
    serde_json::from_str(include_str!("../../../schemas/gateway-1.openapi.json")).unwrap()
}

/// Method and path of every operation with this tag.
pub(crate) fn operations(tag: &str) -> BTreeSet<(String, String)> {
    let description = description();
    let mut found = BTreeSet::new();
    for (path, methods) in object(&description["paths"]) {
        for (method, operation) in object(methods) {
            if words(&operation["tags"]).contains(&tag) {
                found.insert((method.clone(), path.clone()));
            }
        }
    }
    found
}

/// Method and path of every operation that reads a query.
pub(crate) fn queried() -> BTreeSet<(String, String)> {
    let description = description();
    let mut found = BTreeSet::new();
    for (path, methods) in object(&description["paths"]) {
        for (method, operation) in object(methods) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut parameters = parameters.map(|parameter| follow(&description, parameter));
            if parameters.any(|parameter| parameter["in"] == "query") {
                found.insert((method.clone(), path.clone()));
            }
        }
    }
    found
}

/// A path of a template, its parts filled with something.
pub(crate) fn filled(template: &str) -> String {
    let parts = template.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Panics unless the description foresees this answer to this request. The path is without its query, the JSON
/// null where the answer is none.
pub(crate) fn foresees(method: &str, path: &str, status: u16, media_type: &str, json: &Value) {
    let description = description();
    let response = match json["type"].as_str() {
        // These are no operation's own.
        Some("urn:bordereau:problem:address-unknown") => {
            &description["components"]["responses"]["Problem404"]
        }
        Some("urn:bordereau:problem:method-unknown") => {
            &description["components"]["responses"]["Problem405"]
        }
        Some(_) | None => response(&description, &method.to_lowercase(), path, status),
    };
    let content = &response["content"];
    assert!(
        response.is_object(),
        "{method} {path} {status} is not described"
    );
    if content.is_null() && media_type.is_empty() {
        return;
    }
    let schema = &content[media_type]["schema"];
    assert!(
        schema.is_object(),
        "{method} {path} {status} {media_type} is not described"
    );
    if media_type.ends_with("json") {
        check(&description, schema, json, path);
    }
}

/// Panics unless the JSON is as the description has the schema of this name.
pub(crate) fn conforms(name: &str, json: &Value) {
    let description = description();
    let schema = &description["components"]["schemas"][name];
    assert!(schema.is_object(), "{name} is not described");
    check(&description, schema, json, name);
}

/// The words that a schema of the description lists.
pub(crate) fn listed(pointer: &str) -> BTreeSet<String> {
    let description = description();
    let list = description.pointer(pointer).unwrap();
    words(list).into_iter().map(str::to_owned).collect()
}

/// What an operation answers with a status; null where nothing is described.
fn response<'a>(description: &'a Value, method: &str, path: &str, status: u16) -> &'a Value {
    let matches = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template
                .zip(path)
                .all(|(one, other)| one == other || one.starts_with('{'))
    };
    let mut paths = object(&description["paths"]).iter();
    let methods = paths.find(|(template, _)| matches(template));
    methods.map_or(&Value::Null, |(_, methods)| {
        let responses = &methods[method]["responses"];
        follow(description, &responses[status.to_string()])
    })
}

fn check(description: &Value, schema: &Value, json: &Value, at: &str) {
    if let Err(fault) = fits(description, schema, json) {
        panic!("{at}{fault}");
    }
}

/// Whether the JSON is as the schema says; otherwise where it is not, and why.
fn fits(description: &Value, schema: &Value, json: &Value) -> Result<(), String> {
    for (keyword, value) in object(schema) {
        match keyword.as_str() {
            "$ref" => fits(description, follow(description, schema), json)?,
            "allOf" => {
                for part in list(value) {
                    fits(description, part, json)?;
                }
            }
            "anyOf" => any_of(description, list(value), json)?,
            "type" => of_type(value, json)?,
            "enum" => test(list(value).contains(json), || {
                format!(": {json} is not in the list")
            })?,
            "format" => formatted(value, json)?,
            "required" => {
                for key in words(value) {
                    test(json.get(key).is_some(), || format!("/{key} is missing"))?;
                }
            }
            "properties" => properties(description, object(value), json)?,
            "additionalProperties" | "unevaluatedProperties" => {
                others(description, schema, value, json)?;
            }
            "items" => {
                for (index, item) in json.as_array().into_iter().flatten().enumerate() {
                    fits(description, value, item).map_err(|fault| format!("/{index}{fault}"))?;
                }
            }
            // Texts for people, and bounds of what callers write.
            "description" | "default" | "minLength" | "maxLength" | "minimum" => {}
            other => panic!("the keyword {other} is not checked"),
        }
    }
    Ok(())
}

fn any_of(description: &Value, choices: &[Value], json: &Value) -> Result<(), String> {
    let mut faults = Vec::new();
    for choice in choices {
        match fits(description, choice, json) {
            Ok(()) => return Ok(()),
            Err(fault) => faults.push(fault),
        }
    }
    Err(faults.join(", or "))
}

fn of_type(value: &Value, json: &Value) -> Result<(), String> {
    let is = |word: &str| match word {
        "object" => json.is_object(),
        "array" => json.is_array(),
        "string" => json.is_string(),
        "integer" => json.is_u64() || json.is_i64(),
        "boolean" => json.is_boolean(),
        "null" => json.is_null(),
        _ => panic!("the type {word} is not checked"),
    };
    let fits = match value {
        Value::String(word) => is(word),
        _ => words(value).into_iter().any(is),
    };
    test(fits, || format!(": {json} is no {value}"))
}

fn formatted(format: &Value, json: &Value) -> Result<(), String> {
    let Some(text) = json.as_str() else {
        return Ok(());
    };
    let fits = match format.as_str().unwrap() {
        "uuid" => DocumentId::parse(text).is_ok(),
        "date" => Day::parse(text).is_some(),
        "date-time" => Timestamp::parse(text).is_some(),
        other => panic!("the format {other} is not checked"),
    };
    test(fits, || format!(": {json} is no {format}"))
}

fn properties(
    description: &Value,
    properties: &Map<String, Value>,
    json: &Value,
) -> Result<(), String> {
    for (key, value) in json.as_object().into_iter().flatten() {
        if let Some(schema) = properties.get(key) {
            fits(description, schema, value).map_err(|fault| format!("/{key}{fault}"))?;
        }
    }
    Ok(())
}

/// Properties that the schema does not name: none, or each as another schema says.
fn others(
    description: &Value,
    schema: &Value,
    allowed: &Value,
    json: &Value,
) -> Result<(), String> {
    let mut known = BTreeSet::new();
    name(description, schema, &mut known);
    for (key, value) in json.as_object().into_iter().flatten() {
        match allowed {
            _ if known.contains(key) => {}
            Value::Bool(false) => return Err(format!("/{key} is not described")),
            schema => {
                fits(description, schema, value).map_err(|fault| format!("/{key}{fault}"))?;
            }
        }
    }
    Ok(())
}

/// All properties that a schema names, itself or by its parts.
fn name(description: &Value, schema: &Value, known: &mut BTreeSet<String>) {
    let schema = follow(description, schema);
    let own = schema["properties"].as_object().into_iter().flatten();
    known.extend(own.map(|(key, _)| key.clone()));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        name(description, part, known);
    }
}

/// Follows a reference, if it is one.
fn follow<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => description.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

fn test(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn words(value: &Value) -> Vec<&str> {
    let words = list(value).iter();
    words.map(|word| word.as_str().unwrap()).collect()
}

/// The description's own tests: its problems, its words, and the rates that are kept as golden files.
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::claims::standing::Standing;
    use crate::formats::json::problem::Kind;

    fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let paths = fs::read_dir(directory).unwrap();
        let paths = paths.map(|entry| entry.unwrap().path());
        let found: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect();
        assert!(!found.is_empty());
        found
    }

    #[test]
    fn every_problem_is_described_under_its_status() {
        let description = description();
        let mut expected: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for kind in Kind::ALL {
            // A status of rows alone has no answer of its own.
            if *kind != Kind::WithTheOthers {
                let name = format!("Problem{}", kind.status());
                expected.entry(name).or_default().push(kind.uri());
            }
        }
        let responses = object(&description["components"]["responses"]).iter();
        let described: BTreeMap<String, Vec<&str>> = responses
            .map(|(name, response)| {
                let schema = &response["content"]["application/problem+json"]["schema"];
                let kinds = words(&schema["allOf"][1]["properties"]["type"]["enum"]);
                (name.clone(), kinds)
            })
            .collect();
        assert_eq!(described, expected);
        let types = &description["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
        let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(words(types), all);
    }

    #[test]
    fn every_problem_has_an_answer_among_the_fixtures() {
        let answers = ["fixtures/answers", "fixtures/answers/desk"].into_iter();
        let answers: String = answers
            .flat_map(|directory| files(directory, "http"))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        for kind in Kind::ALL {
            assert!(answers.contains(&format!("\"{}\"", kind.uri())), "{kind:?}");
        }
    }

    #[test]
    fn every_standing_is_listed() {
        let standings = Standing::ALL.map(|standing| standing.as_str().to_owned());
        let described = listed("/components/schemas/Standing/enum");
        assert_eq!(described, standings.into());
    }

    #[test]
    fn golden_rates_are_as_described() {
        for path in files("fixtures/reports", "json") {
            let pages: Vec<Value> =
                serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            for page in pages {
                conforms("Rates", &page);
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_described_is_found() {
        let document = fs::read_to_string("fixtures/answers/desk/rejected.json").unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        conforms("Document", &document);
        let fault = |change: fn(&mut Map<String, Value>)| {
            let mut document = document.clone();
            change(document.as_object_mut().unwrap());
            let description = description();
            let schema = &description["components"]["schemas"]["Document"];
            fits(&description, schema, &document).unwrap_err()
        };
        let unknown = fault(|it| {
            it.insert("other".into(), Value::Null);
        });
        assert_eq!(unknown, "/other is not described");
        let missing = fault(|it| {
            it.remove("late");
        });
        assert_eq!(missing, "/late is missing");
        let word = fault(|it| {
            it.insert("standing".into(), "elsewhere".into());
        });
        assert_eq!(word, "/standing: \"elsewhere\" is not in the list");
        let form = fault(|it| {
            it["lot"]["attempted"] = "yesterday".into();
        });
        assert!(form.contains("/attempted: \"yesterday\" is no"), "{form}");
    }
}
