//! What cannot be looked at whole is not trusted, and nobody trusts by accident what they were not shown.

use crate::support::TestEnv;

fn trusted(scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.asks_for_trust();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    let _ = env.turnstile(&["trust", "--yes"]).exits(0);
    env
}

#[test]
fn settings_are_found_among_however_many_files_and_too_many_of_them_are_not_trusted() {
    let env = trusted(&["claim"]);
    // Wherever they come in the order of the folder.
    for number in 0..12 {
        env.write(format!(".claude/settings.{number}.json"), "{}\n");
    }
    for number in 0..2000 {
        env.write(format!(".claude/{number}.md"), "");
    }
    env.commit_all("settings");
    let message = env.run_ends("untrusted");
    for number in 0..12 {
        assert!(message.contains(&format!(".claude/settings.{number}.json is new here")), "{message}");
    }
    for number in 12..1001 {
        env.write(format!(".claude/settings.{number}.json"), "{}\n");
    }
    env.commit_all("more settings");
    let message = env.run_ends("untrusted");
    assert!(message.contains(".claude cannot be read (more than 1000 files in it are named"), "{message}");
    let _ = env.turnstile(&["trust", "--yes"]).exits(3);
    env.ends(&["run", "--trust"], "untrusted");
}
