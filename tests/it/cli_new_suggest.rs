//! `turnstile new --suggest-verify`.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use insta::assert_snapshot;

use crate::support::TestEnv;

#[test]
fn checks_are_proposed_from_what_the_repository_has_and_nothing_is_written() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n");
    env.write("rustfmt.toml", "");
    env.write(
        "package.json",
        "{\"scripts\": {\n\"test\": \"echo \\\"Error: no test specified\\\" && exit 1\",\n\"lint\": \"eslint .\"}}",
    );
    env.write("Makefile", "build:\n\tcc a.c\ncheck: build\n\t./a.out\n");
    env.write(".github/workflows/ci.yml", "jobs:\n  a:\n    steps:\n      - run: cargo test --workspace\n");
    env.write(".ci/run", "#!/bin/sh\ncargo test\n");
    std::fs::set_permissions(env.path(".ci/run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let before = env.files("");
    assert_snapshot!(env.turnstile(&["new", "--suggest-verify"]).text(), @r#"
    --- stdout
    checks:
      ci: "./.ci/run"  # .ci/run:1
      test: cargo test --workspace  # Cargo.toml:1, .github/workflows/ci.yml:4
      fmt: cargo fmt --all --check  # rustfmt.toml:1
      lint: npm run lint  # package.json:3
      check: make check  # Makefile:3
    --- stderr
    nothing was written: try these commands, paste those that you want into `.tickets/config.yaml`, and let a ticket ask for one with `verify: [ci]`
    --- exit 0
    "#);
    assert_eq!(env.files(""), before);
    let document = env.json(&["new", "--suggest-verify"]);
    assert_eq!(
        document["suggested"][0],
        serde_json::json!({ "name": "ci", "command": "./.ci/run", "from": [".ci/run:1"] })
    );
    assert_eq!(document["passed_over"], serde_json::json!([]));
}

#[test]
fn with_a_title_the_ticket_is_made_and_its_path_alone_is_on_stdout() {
    let env = TestEnv::new();
    env.agent(&[]);
    env.write("Cargo.toml", "[package]\n");
    let output = env.turnstile(&["new", "A", "--suggest-verify"]).exits(0);
    assert_eq!(output.stdout, ".tickets/001-a.md\n");
    assert!(output.stderr.contains("  test: cargo test  # Cargo.toml:1\n"), "{}", output.text());
    let document = env.json(&["new", "B", "--suggest-verify"]);
    assert_eq!((&document["id"], &document["suggested"][0]["command"]), (&"002-b".into(), &"cargo test".into()));
    let refused = env.turnstile(&["new", "--suggest-verify", "--agent", "mine"]).exits(2);
    assert!(refused.stderr.contains("a ticket needs a title"), "{}", refused.text());
}

#[test]
fn no_file_outside_of_the_repository_is_read() {
    let env = TestEnv::new();
    env.agent(&[]);
    let outside = env.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("ci.yml"), "jobs: {a: {steps: [{run: cargo test}]}}").unwrap();
    std::fs::write(outside.join("run"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(outside.join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(outside.join("package.json"), "{\"scripts\": {\"test\": \"jest\"}}").unwrap();
    std::fs::create_dir(env.path(".github")).unwrap();
    symlink(&outside, env.path(".github/workflows")).unwrap();
    symlink(&outside, env.path(".ci")).unwrap();
    symlink(outside.join("package.json"), env.path("package.json")).unwrap();
    env.write("Makefile", [0xff, b'\n']);
    assert_snapshot!(env.turnstile(&["new", "--suggest-verify"]).text(), @r"
    --- stderr
    package.json was passed over: it is a symbolic link, or lies behind one; links are not followed
    Makefile was passed over: it is not UTF-8
    nothing to propose: no check was found in Cargo.toml, package.json, a Makefile, the files of GitHub's or GitLab's CI, or a script such as `.ci/run`
    --- exit 0
    ");
}
