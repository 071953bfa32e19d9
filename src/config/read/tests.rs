use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn source(text: &str) -> Source {
    Source::new(".tickets/config.yaml", text)
}

/// The settings of a text without faults.
fn clean(text: &str) -> Config {
    let (config, faults) = read(Some(&source(text)));
    assert_eq!(faults, [], "{text}");
    config
}

/// The faults of a text, each on a line.
fn faults(text: &str) -> String {
    let mut out = String::new();
    for fault in read(Some(&source(text))).1 {
        write!(out, "{}:{} {} {}", fault.place.line, fault.place.column, fault.code, fault.message).unwrap();
        writeln!(out, "{}", fault.help.map(|help| format!(" [{help}]")).unwrap_or_default()).unwrap();
    }
    out
}

#[test]
fn no_file_and_a_file_that_says_nothing_are_the_defaults() {
    assert_eq!(read(None), (Config::default(), Vec::new()));
    for text in [
        "",
        "\n",
        "# nothing\n",
        "\u{feff}# nothing\r\n",
        "---\n",
        "{}",
        "version: 1\n",
        "limits: {}\n",
        "limits:\nverify:\nenv:\n  pass:\nagents:\n",
    ] {
        assert_eq!(clean(text), Config::default(), "{text:?}");
    }
}

#[test]
fn everything_that_can_be_set() {
    let config = clean(
        "\u{feff}version: 1\r\n\
         default_agent: mine\r\n\
         agents:\r\n  \
           codex: {kind: codex, model: gpt-5-codex, can_commit: true}\r\n  \
           mine:  {kind: command, command: [./agent.sh, \"{prompt_file}\"], timeout: 90s, idle_timeout: 5m, env: [OPENAI_API_KEY], args: [-v]}\r\n  \
           shell: {kind: shell, timeout: off}\r\n\
         limits: {total_turns: off, turns: 3, time: 2h, no_progress: off, failures: 1}\r\n\
         retries: {lint: 0, commit: 7, transient: 0}\r\n\
         checkpoint: {mode: branch}\r\n\
         commit: {by: runner, hooks: skip, subject: \"[{id}] {title}: {what}\"}\r\n\
         on_wait: next\r\n\
         env: {inherit: minimal, pass: [SSH_AUTH_SOCK]}\r\n\
         prompt: {max_bytes: 1000, previous_ticket: true}\r\n\
        verify: [unit, {id: slow, run: make, required: false, timeout: off}]\r\nrequire_verify: true\r\n\
        checks: {unit: cargo test -q}\r\n\
         notify: {command: [./tell.sh, now], events: [failed]}\r\n\
         approval: {risk: [high], tags: [deploy]}\r\n\
         protect: {paths: ['*.lock']}\r\n\
         triggers: {branches: [main, refs/heads/next], inline_commands: true, reviewers: [a@b.c]}\r\n",
    );
    insta::assert_debug_snapshot!(config, @r#"
    Config {
        default_agent: Some(
            "mine",
        ),
        default_agent_at_fault: false,
        agents: {
            "codex": RosterEntry {
                kind: Codex,
                command: [],
                model: Some(
                    "gpt-5-codex",
                ),
                args: [],
                env: [],
                timeout: Some(
                    1800s,
                ),
                idle_timeout: None,
                can_commit: true,
            },
            "mine": RosterEntry {
                kind: Command,
                command: [
                    "./agent.sh",
                    "{prompt_file}",
                ],
                model: None,
                args: [
                    "-v",
                ],
                env: [
                    "OPENAI_API_KEY",
                ],
                timeout: Some(
                    90s,
                ),
                idle_timeout: Some(
                    300s,
                ),
                can_commit: true,
            },
            "shell": RosterEntry {
                kind: Shell,
                command: [],
                model: None,
                args: [],
                env: [],
                timeout: None,
                idle_timeout: None,
                can_commit: false,
            },
            "user": RosterEntry {
                kind: User,
                command: [],
                model: None,
                args: [],
                env: [],
                timeout: Some(
                    1800s,
                ),
                idle_timeout: None,
                can_commit: true,
            },
        },
        limits: Limits {
            total_turns: None,
            turns: Some(
                3,
            ),
            time: Some(
                7200s,
            ),
            no_progress: None,
            failures: Some(
                1,
            ),
            cost: None,
            tokens: None,
        },
        retries: Retries {
            lint: 0,
            verify: 3,
            commit: 7,
            transient: 0,
        },
        checkpoint: Branch,
        commit: Commit {
            by: Runner,
            hooks: false,
            subject: "[{id}] {title}: {what}",
        },
        env: EnvPolicy {
            inherit: Minimal,
            pass: [
                "SSH_AUTH_SOCK",
            ],
        },
        on_wait: Next,
        prompt: PromptSettings {
            max_bytes: 1000,
            previous_ticket: true,
        },
        verify: [
            CheckItem {
                id: None,
                run: "unit",
                required: true,
                timeout: Some(
                    600s,
                ),
            },
            CheckItem {
                id: Some(
                    "slow",
                ),
                run: "make",
                required: false,
                timeout: None,
            },
        ],
        require_verify: true,
        checks: {
            "unit": "cargo test -q",
        },
        notify: Notify {
            command: [
                "./tell.sh",
                "now",
            ],
            events: [
                Failed,
            ],
        },
        approval: ApprovalPolicy {
            risk: [
                High,
            ],
            tags: [
                "deploy",
            ],
        },
        protect: [
            "*.lock",
        ],
        trigger_branches: [
            "main",
            "refs/heads/next",
        ],
        trigger_commands: true,
        trigger_reviewers: [
            "a@b.c",
        ],
    }
    "#);
}

#[test]
fn a_given_roster_replaces_the_default_one_but_for_the_built_ins() {
    assert_eq!(clean("agents: {c: {kind: claude}}").roster_names(), ["c", "shell", "user"]);
    assert_eq!(clean("agents: {}").roster_names(), ["shell", "user"]);
    assert_eq!(clean("agents: {c: {kind: codex}}").agent("c"), Some(&RosterEntry::new(AgentKind::Codex)));
}

#[test]
fn all_faults_at_once_each_in_its_place() {
    insta::assert_snapshot!(faults("\
defualt_agent: codex
default_agent: kodex
agents:
  codex: {kind: codex, modle: x, timeout: 0m}
limits: {turns: 0, time: -5m, total_turns: many}
retries: {lint: -1}
checkpoint: {mode: brunch}
prompt: {previous_ticket: yes}
"), @"
    1:1 E019 unknown key `defualt_agent` [did you mean `default_agent`?]
    2:16 E007 no agent `kodex` in the roster [did you mean `codex`?]
    4:24 E019 unknown key `agents.codex.modle` [did you mean `model`?]
    4:43 E012 `agents.codex.timeout`: a duration must be more than 0 [write `off` for none]
    5:17 E012 `limits.turns` is 0, and must be at least 1 [write `off` for no cap]
    5:26 E012 `limits.time`: a duration must be more than 0 [write `off` for none]
    5:44 E006 `limits.total_turns` must be a whole number [write `off` for no cap]
    6:17 E012 `retries.lint` is -1, and must be at least 0
    7:20 E012 `checkpoint.mode` must be one of `ref`, `branch` [did you mean `branch`?]
    8:27 E006 `prompt.previous_ticket` must be `true` or `false` [write true]
    ");
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(faults("\
version: '1'
default_agent: [codex]
agents:
  a: codex
  n:
  b: {kind: command, command: ./agent.sh, env: {A: b}, args: [1, [x], y]}
  c: {kind: codex, model: 5, can_commit: 1, timeout: 90, idle_timeout: 10x}
limits: 3
retries: [lint]
commit: {hooks: true, subject: }
prompt: {max_bytes: 1.5}
"), @r#"
    1:10 E006 `version` must be a whole number [write a whole number, without quotes, or remove it]
    2:16 E006 `default_agent` must be a text [write a text, or remove it]
    4:6 E006 `agents.a` must be a mapping [write a mapping, or remove it]
    5:5 E006 `agents.n` must be a mapping [write a mapping, or remove it]
    6:31 E006 `agents.b.command` must be a list of texts [write [./agent.sh]]
    6:48 E006 `agents.b.env` must be a list of texts [write a list of texts, or remove it]
    6:63 E006 `agents.b.args[0]` must be a text, and YAML reads this as something else [quote it: "1"]
    6:66 E006 `agents.b.args[1]` must be a text [write a text, or remove it]
    7:27 E006 `agents.c.model` must be a text, and YAML reads this as something else [quote it: "5"]
    7:42 E006 `agents.c.can_commit` must be `true` or `false` [write `true` or `false`, or remove it]
    7:54 E006 `agents.c.timeout`: not a duration: write a number and a unit, as `90s`, `10m` or `2h` [write `off` for none]
    7:72 E006 `agents.c.idle_timeout`: not a duration: write a number and a unit, as `90s`, `10m` or `2h` [write `off` for none]
    8:9 E006 `limits` must be a mapping [write a mapping, or remove it]
    9:10 E006 `retries` must be a mapping [write a mapping, or remove it]
    10:17 E012 `commit.hooks` must be one of `run`, `skip`
    11:21 E006 `prompt.max_bytes` must be a whole number [write a whole number, or remove it]
    "#);
}

#[test]
fn values_out_of_range() {
    insta::assert_snapshot!(faults("\
agents:
  '': {kind: codex}
  ' a': {kind: codex}
  \"b\\nTurnstile-Run: 1\": {kind: codex}
  user: {kind: user}
  shell: {kind: codex}
  sh: {kind: shell}
  none: {model: x}
  claude: {}
  d: {kind: clod}
  e: {kind: codex, command: [x]}
  f: {kind: command}
  g: {kind: command, command: []}
  h: {kind: command, command: [' ']}
  i: {kind: codex, model: '', env: [A=b], timeout: 9999h}
limits: {turns: 5000000000, time: 0}
commit: {subject: '{idd}: x'}
env: {pass: ['']}
prompt: {max_bytes: 0}
"), @r#"
    2:3 E012 a name of the roster must not be empty
    3:3 E012 the name ` a` begins or ends with a blank, or holds a character that is not seen
    4:3 E012 the name `b\nTurnstile-Run: 1` begins or ends with a blank, or holds a character that is not seen
    5:3 E012 `user` is built in and stands for a person [choose another name]
    6:3 E012 `shell` is built in and stands for itself [choose another name]
    7:14 E012 kind `shell` is built in and has no other name [name the entry `shell`]
    8:3 E012 `agents.none.kind` is missing [add one of `command`, `codex`, `claude`, `opencode`, `gemini`, `aider`, `shell`]
    9:3 E012 `agents.claude.kind` is missing [add `kind: claude`]
    10:13 E012 `agents.d.kind` must be one of `command`, `codex`, `claude`, `opencode`, `gemini`, `aider`, `shell`
    11:29 E012 `agents.e.command` means nothing for kind `codex` [remove it]
    12:3 E012 `agents.f.command` is missing, and kind `command` needs it [add `command: [./agent.sh]`]
    13:31 E012 `agents.g.command` names no program [write `[./agent.sh]`]
    14:31 E012 `agents.h.command` names no program [write `[./agent.sh]`]
    15:27 E012 `agents.i.model` must not be empty
    15:36 E012 `A=b` in `agents.i.env` is not the name of a variable [write names only, as `OPENAI_API_KEY`]
    15:52 E012 `agents.i.timeout`: a duration must be at most `8760h` [write `off` for none]
    16:17 E012 `limits.turns` is 5000000000, and must be 1 to 4294967295 [write `off` for no cap]
    16:35 E012 `limits.time`: a duration must be more than 0 [write `off` for none]
    17:19 E012 `commit.subject` holds a brace that stands for nothing [known: `{id}`, `{title}`, `{what}`]
    18:13 E012 `` in `env.pass` is not the name of a variable [write names only, as `OPENAI_API_KEY`]
    19:21 E012 `prompt.max_bytes` is 0, and must be 1 to 16777216
    "#);
}

#[test]
fn shapes_of_the_whole_file() {
    assert_eq!(faults("- a\n"), "1:1 E004 the config is not a mapping [write lines of the form `key: value`]\n");
    assert_eq!(faults("codex"), "1:1 E004 the config is not a mapping [write lines of the form `key: value`]\n");
    assert!(faults("limits: {turns: 1, turns: 2}").contains("E005"), "{}", faults("limits: {turns: 1, turns: 2}"));
    assert!(faults("a: [").contains("E003"));
    assert!(faults("a: &x 1\nb: *x\n").contains("E018"));
}

#[test]
fn a_character_that_nobody_sees_is_a_warning() {
    let (config, faults) = read(Some(&source("commit: {subject: \"{id}\"} # \u{202e}x\u{2066}\n")));
    assert_eq!(config.commit.subject, "{id}");
    assert_eq!(
        faults.iter().map(|fault| (fault.code, fault.place.column)).collect::<Vec<_>>(),
        [(Code::HiddenCharacter, 29), (Code::HiddenCharacter, 31)]
    );
}

#[test]
fn a_newer_version_is_one_fault_that_names_what_is_needed() {
    let text = "version: 2\nnew_key: x\n";
    insta::assert_snapshot!(faults(text), @"1:10 E012 this config needs a turnstile that reads version 2, and this one reads 1 [install a newer turnstile, or write the config for version 1]");
    assert_eq!(read(Some(&source(text))).0, Config::default());
    assert_eq!(faults("version: 0"), "1:10 E012 `version` is 0, and must be 1\n");
    assert!(faults("version: 99999999999999999999").starts_with("1:10 E012 this config needs"));
}

#[test]
fn passing_over_who_waits_needs_checkpoints_on_the_branch() {
    insta::assert_snapshot!(faults("on_wait: next"), @"
    1:10 E012 `on_wait: next` needs `checkpoint: {mode: branch}`: the work of a ticket that waits would lie in the way of the next one's [add `checkpoint: {mode: branch}`, or write `stop`]
    ");
    insta::assert_snapshot!(faults("checkpoint: {mode: ref}\non_wait: next"), @"
    2:10 E012 `on_wait: next` needs `checkpoint: {mode: branch}`: the work of a ticket that waits would lie in the way of the next one's [add `checkpoint: {mode: branch}`, or write `stop`]
    ");
    insta::assert_snapshot!(faults("on_wait: nxt"), @"
    1:10 E012 `on_wait` must be one of `stop`, `next` [did you mean `next`?]
    ");
    clean("on_wait: stop");
    assert_eq!(clean("on_wait: next\ncheckpoint: {mode: branch}").on_wait, OnWait::Next);
}

#[test]
fn a_cap_on_what_agents_use_needs_agents_that_say_it() {
    insta::assert_snapshot!(faults("\
agents:
  fast: {kind: claude}
limits:
  turns: 3
  cost_usd: 2.50
  tokens: 100000
"), @"
    5:3 E023 `limits.cost_usd` cannot be observed: `fast`, `shell` report no usage [remove it; `limits.turns` and `limits.time` hold for every agent]
    6:3 E023 `limits.tokens` cannot be observed: `fast`, `shell` report no usage [remove it; `limits.turns` and `limits.time` hold for every agent]
    ");
    insta::assert_snapshot!(faults("limits: {cost_usd: 0, tokens: -1}"), @"
    1:20 E012 `limits.cost_usd` is 0, and must be more than 0, with at most 6 decimals [write `off` for no cap]
    1:31 E012 `limits.tokens` is -1, and must be at least 1 [write `off` for no cap]
    ");
    insta::assert_snapshot!(faults("limits: {cost_usd: [], tokens: '5'}"), @"
    1:20 E006 `limits.cost_usd` must be a number of US dollars such as `2.50`, or `off` [write a number of US dollars such as `2.50`, or `off`, or remove it]
    1:32 E006 `limits.tokens` must be a whole number [write `off` for no cap]
    ");
    clean("limits: {cost_usd: off, tokens: off}");
}

#[test]
fn what_is_not_supported_is_refused_unless_it_asks_for_nothing() {
    let asks_for_nothing = "\
triggers: {inline_commands: false, reviewers: []}
agents: {c: {kind: codex, output: {}}}
";
    clean(asks_for_nothing);
    insta::assert_snapshot!(faults("\
triggers: {branches: [main], inline_commands: true, reviewers: [a@b.c], brunches: []}
agents: {c: {kind: codex, output: {final: /x}, permissions: allow, fallback: d}, g: {kind: goose}}
default_agent: g
"), @"
    1:73 E019 unknown key `triggers.brunches` [did you mean `branches`?]
    2:27 E012 `agents.c.output` is not supported by this version of turnstile [remove it, or leave it empty]
    2:48 E012 `agents.c.permissions` is not supported by this version of turnstile [remove it]
    2:68 E012 `agents.c.fallback` is not supported by this version of turnstile [remove it]
    2:92 E012 `kind: goose` is not supported by this version of turnstile [use one of `command`, `codex`, `claude`, `opencode`, `gemini`, `aider`, `shell`]
    ");
}

#[test]
fn what_is_told_is_one_of_some_words_and_needs_a_program() {
    let config = clean("notify: {command: [./n, x]}");
    assert_eq!(
        (config.notify.command, config.notify.events),
        (vec!["./n".into(), "x".into()], NotifyEvent::ALL.to_vec())
    );
    assert_eq!(clean("notify: {events: [failed]}").notify.events, [NotifyEvent::Failed]);
    insta::assert_snapshot!(faults("notify: {command: ['', x], events: [pause, failed]}"), @"
    1:19 E012 `notify.command` names no program [write `[./notify.sh]`, or remove it]
    1:37 E012 `notify.events[0]` must be one of `paused`, `completed`, `failed` [did you mean `paused`?]
    ");
}

#[test]
fn what_is_protected_is_a_list_of_globs() {
    assert_eq!(clean("protect: {paths: ['.github/**', ci/]}").protect, [".github/**", "ci/"]);
    insta::assert_snapshot!(faults("protect: {paths: ['src/[a', /etc]}"), @"
    1:19 E020 bad glob: unclosed character class; missing ']' [write one as `.github/**` or `*.lock`]
    1:29 E020 bad glob: it would match nothing: it is taken from the top of the worktree [write one as `.github/**` or `*.lock`]
    ");
}

#[test]
fn approvals_are_asked_for_by_risk_and_tag() {
    let approval = clean("approval: {risk: [high, medium], tags: [deploy]}").approval;
    assert_eq!(
        approval,
        crate::config::ApprovalPolicy { risk: vec![Risk::High, Risk::Medium], tags: vec!["deploy".to_owned()] }
    );
    assert_eq!(clean("approval: {risk: [], tags: []}").approval, crate::config::ApprovalPolicy::default());
    insta::assert_snapshot!(faults("approval: {risk: [hihg], tags: deploy}"), @"
    1:19 E012 `approval.risk[0]` must be one of `low`, `medium`, `high` [did you mean `high`?]
    1:32 E006 `approval.tags` must be a list of texts [write [deploy]]
    ");
    assert!(faults("notify: {events: failed}").contains("1:18 E006 `notify.events` must be a list of `paused`"));
}

#[test]
fn the_default_agent_is_in_the_roster() {
    assert_eq!(clean("default_agent: user").default_agent.as_deref(), Some("user"));
    assert!(faults("default_agent: codx").contains("E007 no agent `codx` in the roster [did you mean `codex`?]"));
    // An entry with a fault of its own is named all the same: one mistake, one message.
    assert_eq!(faults("default_agent: a\nagents: {a: {kind: 1}}").lines().count(), 1);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "((agents|limits|version|env|a): ?[-{}\\[\\],:a0-9'\"&*#\u{e9}\u{202e}]{0,12}\n?){0,6}") {
        let source = source(&text);
        let (config, faults) = read(Some(&source));
        prop_assert!(config.agent("user").is_some());
        for fault in faults {
            let span = fault.span.unwrap_or_default();
            prop_assert!(text.get(span.start..span.end).is_some());
        }
    }
}
