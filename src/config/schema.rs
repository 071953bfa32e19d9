//! JSON Schema of the config and of a ticket's frontmatter, for editors: made of the same tables as the reader.

use serde_json::{Map, Value, json};

use super::keys::{self, Key, Shape};
use super::ticket_keys;
use super::unsupported::{self, Accepted};

/// The schemas: `$defs/config` and `$defs/ticket`, draft 2020-12.
pub fn schema() -> Value {
    let mut ticket = object("", ticket_keys::TICKET, &|_| None);
    ticket["patternProperties"] = json!({ "^x-": { "description": "kept and ignored" } });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "turnstile",
        "description": "the frontmatter of a ticket (`#/$defs/ticket`) and `.tickets/config.yaml` (`#/$defs/config`)",
        "$defs": { "config": object("", keys::CONFIG, &unsupported::accepted), "ticket": ticket },
    })
}

/// What of a key at a path is accepted, where this version does not support it.
type Unsupported<'a> = &'a dyn Fn(&str) -> Option<Accepted>;

fn object(pattern: &str, keys: &[Key], unsupported: Unsupported<'_>) -> Value {
    let properties = keys.iter().map(|key| {
        let path = format!("{pattern}{}", key.name);
        (key.name.to_owned(), property(&path, key, unsupported))
    });
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn property(path: &str, key: &Key, unsupported: Unsupported<'_>) -> Value {
    let only = match (unsupported(path), key.shape) {
        (Some(Accepted::Nothing), _) | (None, Shape::Only("")) => Some(json!({ "not": {} })),
        (Some(Accepted::Empty), _) => Some(json!({ "enum": [[], {}] })),
        (None, Shape::Only(value)) => Some(json!({ "const": plain(value) })),
        (None, _) => None,
    };
    let is_supported = only.is_none();
    let mut property = only.unwrap_or_else(|| described(path, key.shape, unsupported));
    let note = if is_supported { "" } else { "; not supported by this version" };
    property["description"] = Value::from(format!("{}{note}", key.meaning));
    if !key.default.is_empty() {
        property["default"] = plain(key.default);
    }
    property
}

fn described(path: &str, shape: Shape, unsupported: Unsupported<'_>) -> Value {
    match shape {
        Shape::Version => json!({ "const": super::CONFIG_VERSION }),
        Shape::Text => json!({ "type": "string", "minLength": 1 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count { least, most: u32::MAX } => json!({ "type": "integer", "minimum": least }),
        Shape::Count { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Cap => json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "off" }] }),
        Shape::Money => json!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "const": "off" }] }),
        Shape::Duration => json!({ "type": "string", "pattern": "^(off|0*[1-9][0-9]*[smh])$" }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
        Shape::Files(keys) => {
            let mut entry = object(&format!("{path}."), keys, unsupported);
            entry["required"] = json!(["path"]);
            json!({ "type": "array", "items": { "anyOf": [{ "type": "string", "minLength": 1 }, entry] } })
        }
        Shape::Checks(keys) => {
            let mut entry = object(&format!("{path}."), keys, unsupported);
            entry["required"] = json!(["run"]);
            json!({ "type": "array", "items": { "anyOf": [{ "type": "string", "minLength": 1 }, entry] } })
        }
        Shape::Commands => {
            json!({ "type": "object", "additionalProperties": { "type": "string", "minLength": 1 } })
        }
        Shape::Table(keys) => object(&format!("{path}."), keys, unsupported),
        Shape::Named(keys) => {
            let mut entry = object(&format!("{path}.*."), keys, unsupported);
            entry["required"] = json!(["kind"]);
            entry["if"] = json!({ "required": ["kind"], "properties": { "kind": { "const": "command" } } });
            entry["then"] = json!({ "required": ["command"] });
            json!({ "type": "object", "additionalProperties": entry })
        }
        Shape::Only(_) => json!({}),
    }
}

/// A default as JSON.
fn plain(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_else(|_| Value::from(yaml))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read;
    use crate::text::Source;

    /// A value that a shape allows, as YAML on one line.
    fn samples(shape: Shape) -> Vec<String> {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        match shape {
            Shape::Version => owned(&["1"]),
            Shape::Text => owned(&["shell"]),
            Shape::Flag => owned(&["true", "false"]),
            Shape::Count { least, most } => vec![least.to_string(), most.to_string()],
            Shape::Cap => owned(&["1", "off"]),
            Shape::Money => owned(&["5", "0.5", "off"]),
            Shape::Duration => owned(&["90s", "10m", "2h", "off"]),
            Shape::Word(words) => owned(words),
            Shape::Texts => owned(&["[]", "[a, b]"]),
            Shape::Words(words) => vec!["[]".to_owned(), format!("[{}]", words.join(", "))],
            Shape::Only(value) => owned(&[value]),
            Shape::Files(_) => owned(&["[]", "[a, {path: b, max_bytes: 1, required: true}]"]),
            Shape::Checks(_) => owned(&["[]", "[unit, make check, {id: a, run: b, required: false, timeout: off}]"]),
            Shape::Commands => owned(&["{}", "{unit: cargo test -q}"]),
            Shape::Table(_) | Shape::Named(_) => owned(&["{}"]),
        }
    }

    /// What the reader of the config says about one key of it.
    fn faults(path: &str, value: &str) -> Vec<String> {
        let text = match path.split('.').collect::<Vec<_>>()[..] {
            [key] => format!("{key}: {value}"),
            [table, key] => format!("{table}: {{{key}: {value}}}"),
            [table, _, "kind"] => format!("{table}: {{{value}: {{kind: {value}, env: []}}}}"),
            [table, _, "command"] => format!("{table}: {{mine: {{kind: command, command: {value}}}}}"),
            [table, _, key] => format!("{table}: {{mine: {{kind: codex, {key}: {value}}}}}"),
            _ => panic!("no key is so deep: {path}"),
        };
        let (_, faults) = read(Some(&Source::new(".tickets/config.yaml", text)));
        faults.into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
    }

    fn check_all(pattern: &str, keys: &[Key]) {
        for key in keys {
            let path = format!("{pattern}{}", key.name);
            let accepted = unsupported::accepted(&path);
            for value in samples(key.shape) {
                let mut faults = faults(&path, &value);
                // Whether an agent is there that says what it uses, no schema knows.
                faults.retain(|fault| !fault.starts_with("E023"));
                match accepted {
                    Some(_) if value != key.default => {
                        assert!(
                            faults.iter().all(|fault| fault.contains("not supported")),
                            "{path} {value} {faults:?}"
                        );
                    }
                    // Kind `command` needs more than its name, and an entry without a program is a fault.
                    _ if (path.as_str(), value.as_str()) == ("agents.*.kind", "command") => {}
                    _ if (path.as_str(), value.as_str()) == ("agents.*.command", "[]") => {}
                    // It needs checkpoints on the branch, which stand elsewhere.
                    _ if (path.as_str(), value.as_str()) == ("on_wait", "next") => {}
                    // These are neither addresses nor fingerprints.
                    _ if (path.as_str(), value.as_str()) == ("triggers.reviewers", "[a, b]") => {}
                    _ if (path.as_str(), value.as_str()) == ("commit.subject", "\"\"") => {}
                    _ => assert!(faults.is_empty(), "{path}: {value} {faults:?}"),
                }
            }
            if let Some(keys) = key.shape.table() {
                check_all(&format!("{path}."), keys);
            }
            if let Some(keys) = key.shape.named() {
                check_all(&format!("{path}.*."), keys);
            }
        }
    }

    #[test]
    fn what_the_schema_allows_the_reader_takes() {
        check_all("", keys::CONFIG);
    }

    fn ticket_faults(path: &str, value: &str) -> Vec<String> {
        let front = match path.split_once('.') {
            None => format!("{path}: {value}"),
            Some((table, key)) => format!("{table}: {{{key}: {value}}}"),
        };
        let source = Source::new(".tickets/001-a.md", format!("---\n{front}\n---\n# a\n"));
        let (_, faults) = crate::ticket::read(&source);
        faults.into_iter().map(|fault| format!("{} {}", fault.code, fault.message)).collect()
    }

    fn check_ticket(pattern: &str, keys: &[Key]) {
        for key in keys {
            let path = format!("{pattern}{}", key.name);
            for value in samples(key.shape) {
                assert_eq!(ticket_faults(&path, &value), Vec::<String>::new(), "{path}: {value}");
            }
            if let Shape::Only(_) = key.shape {
                let faults = ticket_faults(&path, "7");
                assert!(!faults.is_empty(), "{path} is supported by now: give it a shape");
            }
            if let Some(keys) = key.shape.table() {
                check_ticket(&format!("{path}."), keys);
            }
        }
    }

    #[test]
    fn what_the_schema_allows_the_reader_of_tickets_takes() {
        check_ticket("", ticket_keys::TICKET);
    }

    #[test]
    fn the_reader_of_tickets_knows_the_same_keys() {
        let same = |ours: &[Key], theirs: &[&str]| {
            let mut ours: Vec<&str> = ours.iter().map(|key| key.name).collect();
            let mut theirs = theirs.to_vec();
            ours.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(ours, theirs);
        };
        same(ticket_keys::TICKET, crate::ticket::TICKET_KEYS);
        same(ticket_keys::CONTEXT, crate::ticket::CONTEXT_KEYS);
        same(ticket_keys::LIMITS, crate::ticket::LIMIT_KEYS);
    }

    #[test]
    fn every_key_is_described() {
        let schema = schema();
        for (table, keys) in [("config", keys::CONFIG), ("ticket", ticket_keys::TICKET)] {
            let properties = schema["$defs"][table]["properties"].as_object().unwrap();
            assert_eq!(properties.len(), keys.len());
            for key in keys {
                assert!(properties[key.name]["description"].is_string(), "{table} {}", key.name);
            }
        }
    }

    #[test]
    fn an_entry_of_the_roster() {
        let entry = &schema()["$defs"]["config"]["properties"]["agents"]["additionalProperties"];
        insta::assert_snapshot!(serde_json::to_string_pretty(entry).unwrap(), @r#"
        {
          "additionalProperties": false,
          "if": {
            "properties": {
              "kind": {
                "const": "command"
              }
            },
            "required": [
              "kind"
            ]
          },
          "properties": {
            "args": {
              "default": [],
              "description": "arguments that are appended",
              "items": {
                "type": "string"
              },
              "type": "array"
            },
            "can_commit": {
              "description": "whether the agent is able to commit; turnstile commits for one that is not",
              "type": "boolean"
            },
            "command": {
              "description": "the program and its arguments, for kind `command`; `{prompt_file}` is the prompt's path",
              "items": {
                "type": "string"
              },
              "type": "array"
            },
            "env": {
              "default": [],
              "description": "names of variables that are passed through",
              "items": {
                "type": "string"
              },
              "type": "array"
            },
            "fallback": {
              "description": "the agent that takes over; not supported by this version",
              "not": {}
            },
            "idle_timeout": {
              "default": "off",
              "description": "how long a turn may print nothing",
              "pattern": "^(off|0*[1-9][0-9]*[smh])$",
              "type": "string"
            },
            "kind": {
              "description": "which program, and how it is spoken to",
              "enum": [
                "command",
                "codex",
                "claude",
                "opencode",
                "gemini",
                "aider",
                "shell"
              ]
            },
            "model": {
              "description": "the model, unless the ticket names one",
              "minLength": 1,
              "type": "string"
            },
            "output": {
              "description": "where a command's output holds its results; not supported by this version",
              "enum": [
                [],
                {}
              ]
            },
            "permissions": {
              "description": "what the agent may do unasked; not supported by this version",
              "not": {}
            },
            "timeout": {
              "default": "30m",
              "description": "the wall clock of one turn",
              "pattern": "^(off|0*[1-9][0-9]*[smh])$",
              "type": "string"
            }
          },
          "required": [
            "kind"
          ],
          "then": {
            "required": [
              "command"
            ]
          },
          "type": "object"
        }
        "#);
    }
}
