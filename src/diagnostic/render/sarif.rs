//! For code scanning: SARIF 2.1.0.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::diagnostic::{Code, Diagnostic};

/// The whole document: one run, with every code as a rule, whether it was broken or not.
pub fn sarif(diagnostics: &[Diagnostic]) -> Value {
    let rules: Vec<Value> = Code::ALL.iter().copied().map(rule).collect();
    let results: Vec<Value> = diagnostics.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "turnstile", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": { "text": code.title() },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

fn result(diagnostic: &Diagnostic) -> Value {
    let index = Code::ALL.iter().position(|code| *code == diagnostic.code);
    let text = match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    json!({
        "ruleId": diagnostic.code.id(),
        "ruleIndex": index,
        "level": diagnostic.severity.name(),
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&diagnostic.path) },
                "region": { "startLine": diagnostic.place.line, "startColumn": diagnostic.place.column },
            },
        }],
    })
}

/// A relative reference: everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes every write");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render::samples;

    #[test]
    fn one_run_with_its_results() {
        let mut document = sarif(&samples::diagnostics());
        document["runs"][0]["tool"]["driver"]["version"] = json!("[VERSION]");
        document["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap().truncate(1);
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap(), @r#"
        {
          "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
          "runs": [
            {
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "level": "error",
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": ".tickets/001-parse%2C%20dates.md"
                        },
                        "region": {
                          "startColumn": 8,
                          "startLine": 2
                        }
                      }
                    }
                  ],
                  "message": {
                    "text": "no agent `codexx` in the roster\nhelp: did you mean `codex`?"
                  },
                  "ruleId": "E007",
                  "ruleIndex": 6
                },
                {
                  "level": "error",
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": ".tickets/001-parse%2C%20dates.md"
                        },
                        "region": {
                          "startColumn": 17,
                          "startLine": 3
                        }
                      }
                    }
                  ],
                  "message": {
                    "text": "100% is too much:\nat most 99%"
                  },
                  "ruleId": "E012",
                  "ruleIndex": 11
                },
                {
                  "level": "warning",
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": ".tickets/001-parse%2C%20dates.md"
                        },
                        "region": {
                          "startColumn": 1,
                          "startLine": 4
                        }
                      }
                    }
                  ],
                  "message": {
                    "text": "unknown key `agnet`\nhelp: did you mean `agent`?"
                  },
                  "ruleId": "W101",
                  "ruleIndex": 23
                },
                {
                  "level": "error",
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": ".tickets/b%1Big.md"
                        },
                        "region": {
                          "startColumn": 1,
                          "startLine": 1
                        }
                      }
                    }
                  ],
                  "message": {
                    "text": "larger than 1 MiB"
                  },
                  "ruleId": "E014",
                  "ruleIndex": 13
                }
              ],
              "tool": {
                "driver": {
                  "name": "turnstile",
                  "rules": [
                    {
                      "defaultConfiguration": {
                        "level": "error"
                      },
                      "id": "E001",
                      "shortDescription": {
                        "text": "no frontmatter"
                      }
                    }
                  ],
                  "version": "[VERSION]"
                }
              }
            }
          ],
          "version": "2.1.0"
        }
        "#);
    }

    #[test]
    fn every_code_is_a_rule_and_every_result_points_at_its_own() {
        let document = sarif(&samples::diagnostics());
        let run = &document["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), Code::ALL.len());
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
    }
}
