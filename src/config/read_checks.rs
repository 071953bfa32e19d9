//! `checks`, `verify` and `require_verify`: what decides whether claims hold.

use super::Config;
use super::read::set;
use super::values::{Faults, Table};
use crate::diagnostic::Code;
use crate::text::shown_line;
use crate::ticket::check;
use crate::ticket::yaml::Value;

/// Reads them.
pub(super) fn read_checks(table: &Table<'_>, config: &mut Config, faults: &mut Faults<'_>) {
    set(&mut config.require_verify, table, "require_verify", |path, node| faults.flag(path, node));
    if let Some((path, node)) = table.get("verify") {
        config.verify = check::read_items(&path, node, Code::UnknownConfigKey, &mut |code, span, message, help| {
            faults.add_with_help(code, span, message, help);
        });
    }
    let Some((path, node)) = table.get("checks") else { return };
    let Value::Mapping(entries) = &node.value else {
        faults.wrong_type(&path, node, "a mapping of names to command lines");
        return;
    };
    for (key, node) in entries {
        let mut report = |code, span, message: String, help: String| faults.add_with_help(code, span, message, help);
        let Value::Scalar { text, .. } = &node.value else {
            let message = format!("the check `{}` must be a command line, not {}", shown_line(&key.name), node.kind());
            report(Code::WrongType, node.span, message, "write `unit: cargo test -q`".to_owned());
            continue;
        };
        let named = check::is_name(&key.name, key.span, &mut report);
        if let Some(line) = check::read_command(text, node.span, &mut report).filter(|_| named) {
            config.checks.entry(key.name.clone()).or_insert(line);
        }
    }
}
