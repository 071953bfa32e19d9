use super::*;

fn of(files: &[(&str, &str)]) -> Suggestions {
    let texts = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
    suggest(&Repository { texts, ..Repository::default() })
}

fn lines(files: &[(&str, &str)]) -> String {
    suggested_yaml(&of(files).checks, true)
}

#[test]
fn scripts_are_checks_by_name_and_only_where_they_can_fail() {
    let scripts = r#"{
      "packageManager": "pnpm@9",
      "scripts": {
        "test": "echo \"Error: no test specified\" && exit 1",
        "pretest": "x",
        "test:unit": "vitest run",
        "test:watch": "vitest",
        "lint": "eslint .",
        "lint:fix": "eslint --fix .",
        "check": "echo nothing to check",
        "typecheck": "tsc --noEmit || true",
        "format": "prettier --write .",
        "format:check": "prettier --check ."
      }
    }"#;
    assert_eq!(
        lines(&[("package.json", scripts)]),
        "checks:\n  test-unit: \"pnpm run test:unit\"  # package.json:6\n  lint: pnpm run lint  # package.json:8\n  format-check: \"pnpm run format:check\"  # package.json:13\n"
    );
}

#[test]
fn a_target_is_a_check_by_name_and_only_where_it_can_fail() {
    let makefile = "\
VERSION := 1
.PHONY: test lint check
all: build
test: build
lint:
\t@golint ./...
check:
\t-golint ./...
\t@echo done
test-all: FLAGS = -v
vet: ; go vet ./...
fmt:
\tgofmt -w .
verify-$(VERSION):
\ttrue
define test-macro
validate:
\tx
endef
latest:
\tx
";
    assert_eq!(
        lines(&[("Makefile", makefile)]),
        "checks:\n  test: make test  # Makefile:4\n  lint: make lint  # Makefile:5\n  vet: make vet  # Makefile:11\n"
    );
}

#[test]
fn of_ci_only_lines_are_taken_that_mean_the_same_here() {
    let workflow = r"
on: [push]
jobs:
  a:
    steps:
      - uses: actions/checkout@v4
      - run: cargo +nightly fmt --all --check
      - name: tests
        run: |
          cargo test --locked
          RUSTFLAGS=-Dwarnings cargo clippy
          cargo test 2>&1 | tee log
          cargo test || true
          cargo fmt
          cargo publish
          cd sub
          cargo check
      - run: cargo test --features ${{ matrix.features }}
      - run: pytest
        working-directory: python
      - run: mypy .
        continue-on-error: true
      - run: tox
        shell: pwsh
      - run: |
          if [ -f x ]; then
            nox
          fi
  b:
    continue-on-error: true
    steps:
      - run: rspec
  c:
    steps:
      - run: npm ci && npm test
      - run: make lint
";
    assert_eq!(
        lines(&[(".github/workflows/ci.yml", workflow)]),
        "\
checks:
  fmt: \"cargo +nightly fmt --all --check\"  # .github/workflows/ci.yml:7
  test: cargo test --locked  # .github/workflows/ci.yml:10
  clippy: \"RUSTFLAGS=-Dwarnings cargo clippy\"  # .github/workflows/ci.yml:11
  lint: make lint  # .github/workflows/ci.yml:36
"
        .replace("\"cargo +nightly fmt --all --check\"", "cargo +nightly fmt --all --check")
        .replace("\"RUSTFLAGS=-Dwarnings cargo clippy\"", "RUSTFLAGS=-Dwarnings cargo clippy")
    );
    let gitlab = "
stages: [test]
.base: {script: [cargo test]}
unit:
  script:
    - cargo nextest run
    - cd web
    - eslint .
may:
  allow_failure: true
  script: tox
lint: {script: ruff check}
";
    assert_eq!(
        lines(&[(".gitlab-ci.yml", gitlab)]),
        "checks:\n  test: cargo nextest run  # .gitlab-ci.yml:6\n  ruff: ruff check  # .gitlab-ci.yml:12\n"
    );
}

#[test]
fn a_command_is_proposed_once_and_names_are_unique() {
    let files = [
        ("Cargo.toml", "[package]\nname = \"a\"\n"),
        ("Makefile", "test:\n\tcargo test\n"),
        (".github/workflows/a.yml", "jobs: {a: {steps: [{run: cargo test}, {run: cargo test -p b}]}}"),
        (".github/workflows/b.yml", "jobs: {a: {steps: [{run: cargo test -p c}, {run: cargo  test}]}}"),
    ];
    assert_eq!(
        lines(&files),
        "\
checks:
  test: cargo test  # Cargo.toml:1, .github/workflows/a.yml:1, .github/workflows/b.yml:1
  make-test: make test  # Makefile:1
  ci-test: cargo test -p b  # .github/workflows/a.yml:1
  ci-test-2: cargo test -p c  # .github/workflows/b.yml:1
"
    );
}

#[test]
fn what_the_config_has_is_not_proposed_again() {
    let known = known_checks(&Source::new("config.yaml", "checks: {test: make t, unit: {run: cargo test}}\n"));
    assert_eq!(known, [("test".to_owned(), "make t".to_owned()), ("unit".to_owned(), "cargo test".to_owned())]);
    let texts = vec![Source::new("Cargo.toml", "[package]"), Source::new("Makefile", "test: a")];
    let found = suggest(&Repository { texts, known, ..Repository::default() });
    assert_eq!(suggested_yaml(&found.checks, false), "  make-test: make test  # Makefile:1\n");
}

#[test]
fn hostile_files_give_nothing_or_say_why() {
    let deep = "[".repeat(4000);
    let bomb = format!("a: &a [x]\nb: {}", "[*a,".repeat(40));
    let found = of(&[
        ("package.json", &deep),
        (".gitlab-ci.yml", &bomb),
        ("Makefile", "test\u{202e}: x\n\tx\n: test\n::\n=\n\t\n"),
        (
            ".github/workflows/x.yml",
            "jobs: {a: {steps: [{run: \"cargo test \\u202e\"}, {run: \"cargo test \\u0007\"}]}}",
        ),
        ("Cargo.toml", "# [package]\n"),
    ]);
    assert_eq!(found.checks, []);
    let passed: Vec<&str> = found.passed_over.iter().map(|passed| passed.path.as_str()).collect();
    assert_eq!(passed, ["package.json", ".gitlab-ci.yml"]);
}

#[test]
fn what_is_printed_is_read_back_as_it_was() {
    let commands = ["cargo test", "a: b", "x # y", "'q' \"r\"", "true x", "- a", "1 2", "npm run a:b", "a\\b", "é x"];
    let checks: Vec<Suggestion> = commands
        .iter()
        .enumerate()
        .map(|(at, command)| Suggestion {
            name: format!("c{at}"),
            command: (*command).to_owned(),
            from: vec!["f: #\u{202e}:1".to_owned()],
        })
        .collect();
    let read = known_checks(&Source::new("config.yaml", suggested_yaml(&checks, true)));
    let read: Vec<&str> = read.iter().map(|(_, command)| command.as_str()).collect();
    assert_eq!(read, commands);
}
