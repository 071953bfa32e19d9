//! For programs: the document of `lint --json`.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity};

/// The whole document; `files` is how many files were looked at. Texts are as they are: JSON escapes them.
pub fn json(files: usize, diagnostics: &[Diagnostic]) -> Value {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let list: Vec<Value> = diagnostics.iter().map(one).collect();
    json!({ "files": files, "errors": errors, "warnings": diagnostics.len() - errors, "diagnostics": list })
}

fn one(diagnostic: &Diagnostic) -> Value {
    json!({
        "path": &*diagnostic.path,
        "line": diagnostic.place.line,
        "column": diagnostic.place.column,
        "severity": diagnostic.severity.name(),
        "code": diagnostic.code.id(),
        "message": diagnostic.message,
        "help": diagnostic.help,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render::samples;

    #[test]
    fn the_document_of_lint() {
        let document = json(7, &samples::diagnostics());
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap(), @r#"
        {
          "diagnostics": [
            {
              "code": "E007",
              "column": 8,
              "help": "did you mean `codex`?",
              "line": 2,
              "message": "no agent `codexx` in the roster",
              "path": ".tickets/001-parse, dates.md",
              "severity": "error"
            },
            {
              "code": "E012",
              "column": 17,
              "help": null,
              "line": 3,
              "message": "100% is too much:\nat most 99%",
              "path": ".tickets/001-parse, dates.md",
              "severity": "error"
            },
            {
              "code": "W101",
              "column": 1,
              "help": "did you mean `agent`?",
              "line": 4,
              "message": "unknown key `agnet`",
              "path": ".tickets/001-parse, dates.md",
              "severity": "warning"
            },
            {
              "code": "E014",
              "column": 1,
              "help": null,
              "line": 1,
              "message": "larger than 1 MiB",
              "path": ".tickets/b\u001big.md",
              "severity": "error"
            }
          ],
          "errors": 3,
          "files": 7,
          "warnings": 1
        }
        "#);
    }

    #[test]
    fn no_faults_are_an_empty_list() {
        assert_eq!(json(0, &[]).to_string(), r#"{"diagnostics":[],"errors":0,"files":0,"warnings":0}"#);
    }
}
