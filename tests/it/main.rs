//! The one integration binary: the real program, real git, real processes.
//!
//! Every file beside this one is listed here; `no_file_is_forgotten` fails otherwise.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod advice;
mod cli_demo;
mod cli_dispatch;
mod cli_doctor;
mod cli_init;
mod cli_lint;
mod cli_list;
mod cli_log;
mod cli_new;
mod cli_new_suggest;
mod cli_prompt;
mod cli_prune;
mod cli_reference;
mod cli_reply;
mod cli_report;
mod cli_show;
mod crash;
mod crash_effects;
mod crash_points;
mod disk;
mod docs;
mod docs_configuration;
mod docs_dependencies;
mod docs_links;
mod hook_calls;
mod hooks;
mod hooks_careful;
mod hooks_health;
mod hooks_lint;
mod hooks_tools;
mod hostile_files;
mod hostile_secrets;
mod hostile_text;
mod hub;
mod hub_careful;
mod hub_decisions;
mod hub_told;
mod injection;
mod notify;
mod power;
mod pushed_to;
mod reply_by_push;
mod repositories;
mod rooms;
mod run_notes;
mod runners;
mod shortage;
mod step_approvals;
mod step_checks;
mod step_claims;
mod step_commands;
mod step_decisions;
mod step_dirty;
mod step_documents;
mod step_done;
mod step_environment;
mod step_failure;
mod step_git;
mod step_hooks;
mod step_kinds;
mod step_limits;
mod step_lint;
mod step_message;
mod step_misplaced;
mod step_operator;
mod step_order;
mod step_permissions;
mod step_progress;
mod step_records;
mod step_runner_files;
mod step_scope;
mod step_tampering;
mod step_unusable;
mod step_wait;
mod support;
mod support_test;
mod ticket_cache;
mod told;
mod transports;
mod trigger_callers;
mod trigger_crash;
mod trigger_recursion;
mod trigger_storm;
mod triggers;
mod triggers_refused;
mod trust;
mod trust_closed;
mod trust_hub;
mod trust_store;
mod trust_without;
mod undo;
mod walk_throughs;
mod watch;

#[test]
fn no_file_is_forgotten() {
    let listed = include_str!("main.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        if module != "main" && !name.starts_with('.') {
            assert!(listed.lines().any(|line| line == format!("mod {module};")), "{name} is not listed in main.rs");
        }
    }
}
