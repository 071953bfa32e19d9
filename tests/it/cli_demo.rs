//! `demo`: needs nothing, shows the whole way, and checks what it tells.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::TestEnv;

fn program(env: &TestEnv, path: &str, text: &str) {
    env.write(path, text);
    std::fs::set_permissions(env.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn it_runs_to_its_end_whatever_the_settings_of_the_person_are_and_goes_on_from_there() {
    let mut env = TestEnv::without_repository();
    let home = env.root().join("home");
    std::fs::create_dir_all(home.join("hooks")).unwrap();
    let hooks = home.join("hooks").display().to_string();
    program(&env, &format!("{hooks}/pre-commit"), "#!/bin/sh\necho no >&2\nexit 1\n");
    let settings = format!(
        "[commit]\ngpgsign = true\n[gpg]\nprogram = /nowhere\n[core]\nhooksPath = {hooks}\nautocrlf = true\n\
         [init]\ntemplateDir = {hooks}\ndefaultBranch = trunk\n[user]\nuseConfigOnly = true\n"
    );
    std::fs::write(home.join(".gitconfig"), settings).unwrap();
    let output = env.turnstile(&["demo", "repo"]).exits(0);
    assert!(output.stderr.is_empty(), "{}", output.text());
    for told in [
        "$ turnstile run\n",
        "user_dispatch: 002-currency asks: Which currency do the prices have?",
        "$ turnstile reply --answer EUR -m 'The bakery is in Lyon.'\n",
        "  check `total` is unmet: exit status 1\n",
        "turn 6 of 003-total by forgetful: only the commit\n",
        "completed: every ticket is done\n",
        "$ git log --oneline\n",
        "One of each: 21.80 EUR\n",
        "turnstile reopen 004 && turnstile run\n",
    ] {
        assert!(output.stdout.contains(told), "{told}: {}", output.text());
    }

    // From here on in the repository that was left, as the last lines say, with the person's own settings.
    env.write("data/prices.csv", env.read("data/prices.csv") + "tart;24.00\n");
    env.git(&["commit", "-qam", "A tart"]);
    let _ = env.turnstile(&["reopen", "004"]).exits(0);
    let _ = env.turnstile(&["run"]).exits(0);
    assert!(env.read("PRICES.md").contains("One of each: 45.80 EUR"));
    assert_eq!(env.subjects()[..3], ["Write the price list", "A tart", "004-price-list: done"]);
    env.set("TURNSTILE_IN_TURN", env.path(".git").to_str().unwrap());
    assert_eq!(env.json(&["status"])["tickets"]["done"], 4);
}

#[test]
fn a_folder_that_is_in_use_is_refused_and_left_alone() {
    let env = TestEnv::new();
    let output = env.turnstile(&["--json", "demo", "."]).exits(3);
    assert_eq!(output.error()["code"], "invalid");
    assert_eq!(env.files("."), ["README.md"]);
    assert_eq!(env.turnstile(&["--json", "demo", "README.md"]).exits(7).error()["code"], "io");
}

#[test]
fn it_fails_where_something_does_not_come_out_as_told() {
    let mut env = TestEnv::without_repository();
    program(&env, "programs/awk", "#!/bin/sh\necho 0.00\n");
    env.programs("programs");
    let output = env.turnstile(&["--json", "demo", env.path("demo").to_str().unwrap()]).exits(7);
    assert_eq!(output.error()["code"], "demo_failed");
    assert!(output.error()["message"].as_str().unwrap().contains("003 is asked for its commit once"));
}
