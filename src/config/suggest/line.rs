//! Whether a command line is a check, and what it is called.

/// What ends in success whatever happened.
const NEVER_FAIL: [&str; 5] = ["true", ":", "exit 0", "echo", "printf"];

/// Words in a name that say that it changes something, or never ends.
const NO_CHECK: [&str; 13] =
    ["fix", "write", "update", "watch", "dev", "serve", "server", "start", "debug", "open", "ui", "clean", "install"];

/// The words by which scripts and targets are known for checks.
const CHECK: [&str; 17] = [
    "test",
    "tests",
    "check",
    "checks",
    "lint",
    "linter",
    "typecheck",
    "types",
    "tsc",
    "vet",
    "verify",
    "validate",
    "clippy",
    "fmt",
    "format",
    "style",
    "audit",
];

/// Commands that are checks by their first words, and what they are called.
const COMMANDS: [(&str, &str); 51] = [
    ("cargo test", "test"),
    ("cargo nextest run", "test"),
    ("cargo clippy", "clippy"),
    ("cargo check", "check"),
    ("cargo fmt", "fmt"),
    ("cargo deny check", "deny"),
    ("cargo audit", "audit"),
    ("cargo hack", "hack"),
    ("cargo miri test", "miri"),
    ("go test", "test"),
    ("go vet", "vet"),
    ("golangci-lint run", "lint"),
    ("staticcheck", "staticcheck"),
    ("pytest", "test"),
    ("python -m pytest", "test"),
    ("python3 -m pytest", "test"),
    ("python -m unittest", "test"),
    ("python3 -m unittest", "test"),
    ("tox", "tox"),
    ("nox", "nox"),
    ("ruff check", "ruff"),
    ("ruff format", "format"),
    ("mypy", "mypy"),
    ("pyright", "pyright"),
    ("flake8", "flake8"),
    ("pylint", "pylint"),
    ("black", "black"),
    ("isort", "isort"),
    ("tsc", "tsc"),
    ("eslint", "eslint"),
    ("prettier", "prettier"),
    ("biome ci", "biome"),
    ("biome check", "biome"),
    ("jest", "test"),
    ("vitest run", "test"),
    ("deno test", "test"),
    ("deno lint", "lint"),
    ("deno check", "check"),
    ("bun test", "test"),
    ("mvn test", "test"),
    ("mvn verify", "verify"),
    ("./mvnw verify", "verify"),
    ("./gradlew test", "test"),
    ("./gradlew check", "check"),
    ("gradle test", "test"),
    ("gradle check", "check"),
    ("dotnet test", "test"),
    ("rspec", "test"),
    ("rubocop", "rubocop"),
    ("mix test", "test"),
    ("ctest", "test"),
];

/// Commands that rewrite files unless one of these words is among them.
const REWRITE_WITHOUT: [(&str, &[&str]); 5] = [
    ("cargo fmt", &["--check"]),
    ("ruff format", &["--check", "--diff"]),
    ("black", &["--check", "--diff"]),
    ("isort", &["--check", "--check-only", "-c"]),
    ("prettier", &["--check", "-c", "--list-different", "-l"]),
];

/// Words that make any of them rewrite files, or go on for ever.
const REWRITES: [&str; 6] = ["--fix", "--write", "--watch", "--watchAll", "--apply", "--update-snapshots"];

/// Words in front of a command that are none of it.
const WRAPPERS: [&str; 7] = ["npx", "uv run", "poetry run", "pipenv run", "bundle exec", "pnpm exec", "yarn run -T"];

/// Whether the name of a script or a target is a check's.
pub(super) fn is_check_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(|character: char| !character.is_ascii_alphanumeric()).collect();
    let formats = |word: &&str| matches!(*word, "fmt" | "format" | "style");
    // `format` alone rewrites; `format:check` does not.
    let only_formats = words.iter().all(|word| formats(word) || !CHECK.contains(word));
    words.iter().any(|word| CHECK.contains(word)) && !words.iter().any(|word| NO_CHECK.contains(word)) && !only_formats
}

/// What a command line is called, if it is a check that means here what it means where it stands.
pub(super) fn check_of(line: &str) -> Option<&'static str> {
    if line.contains(['$', '`', '|', ';', '<', '>', '\\', '(', ')', '{', '}', '#']) {
        return None;
    }
    let mut found = None;
    for part in line.split("&&") {
        // A `&` that is left puts something into the background.
        let name = if part.contains('&') { None } else { name_of(part) }?;
        found = found.or(Some(name));
    }
    found
}

/// The name of one command.
fn name_of(part: &str) -> Option<&'static str> {
    let words: Vec<&str> = part.split_whitespace().collect();
    let is_setting = |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_variable(name));
    let start = words.iter().take_while(|word| is_setting(word)).count();
    let bare: Vec<&str> = words[start..].iter().copied().filter(|word| !word.starts_with('+')).collect();
    let mut bare = bare.join(" ");
    for wrapper in WRAPPERS {
        if let Some(rest) = bare.strip_prefix(wrapper).and_then(|rest| rest.strip_prefix(' ')) {
            bare = rest.to_owned();
        }
    }
    if words.iter().any(|word| REWRITES.contains(word)) {
        return None;
    }
    let begins = |command: &str| bare == command || bare.starts_with(&format!("{command} "));
    let rewrites = REWRITE_WITHOUT
        .iter()
        .any(|(command, needs)| begins(command) && !words.iter().any(|word| needs.contains(word)));
    if rewrites {
        return None;
    }
    COMMANDS.iter().find(|(command, _)| begins(command)).map(|(_, name)| *name)
}

/// The script or target that a line runs, if it is a check by its name: `make lint`, `npm run lint`.
pub(super) fn runs_named(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = match words.as_slice() {
        ["make" | "just" | "task" | "yarn" | "pnpm", name]
        | ["npm" | "pnpm" | "yarn" | "bun", "run", name]
        | ["npm", name @ ("test" | "t")] => *name,
        _ => return None,
    };
    let is_plain = name.chars().all(|character| character.is_ascii_alphanumeric() || ":._-/".contains(character));
    (is_plain && (name == "t" || is_check_name(name))).then_some(if name == "t" { "test" } else { name })
}

/// Whether a command line can end with another status than 0.
pub(super) fn can_fail(line: &str) -> bool {
    let bare = line.trim().trim_end_matches(';').trim_end();
    let last = bare.rsplit(['|', ';']).next().unwrap_or_default().trim();
    let never = |part: &str| {
        NEVER_FAIL.iter().any(|word| part == *word || part.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
    };
    !bare.is_empty() && !last.split("&&").all(|part| never(part.trim()))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
