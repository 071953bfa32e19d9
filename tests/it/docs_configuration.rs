//! `docs/configuration.md` names every key that the config may have, and its default.

use serde_json::Value;

/// Every key with its default, as `limits.turns`; names of the roster are `agents.*`.
fn keys(prefix: &str, schema: &Value, found: &mut Vec<(String, Option<Value>)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        if property["properties"].is_object() {
            keys(&format!("{path}."), property, found);
        } else if property["additionalProperties"].is_object() {
            keys(&format!("{path}.*."), &property["additionalProperties"], found);
        } else {
            found.push((path, property.get("default").cloned()));
        }
    }
}

#[test]
fn every_key_is_described() {
    let page = std::fs::read_to_string(format!("{}/docs/configuration.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let schema = turnstile::config::schema();
    let mut found = Vec::new();
    keys("", &schema["$defs"]["config"], &mut found);
    assert!(found.iter().any(|(path, _)| path == "agents.*.timeout"), "{found:?}");
    for (path, default) in found {
        // What this version acts on has a section per entry of the roster, where the prefix goes without saying.
        let names = [format!("`{path}`"), format!("| `{}` |", path.trim_start_matches("agents.*."))];
        let row = page.lines().find(|line| line.starts_with('|') && names.iter().any(|name| line.contains(name)));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md does not describe `{path}`"));
        let shown = match default {
            Some(Value::String(text)) => text,
            Some(Value::Array(items)) if items.is_empty() => "[]".to_owned(),
            Some(Value::Object(items)) if items.is_empty() => continue,
            Some(other) => other.to_string(),
            None => continue,
        };
        let is_shown = row.contains(&shown) || (shown == "[]" && row.contains("empty"));
        assert!(is_shown, "`{path}` has the default {shown}, and its row says: {row}");
    }
}
