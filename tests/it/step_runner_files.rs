//! Config and templates say what turnstile itself does: a turn that changes them does not go by unseen.

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn a_changed_config_is_shown_and_waits_for_a_person() {
    let env = world(&["echo 'limits: {turns: 500}' >> .tickets/config.yaml\nclaim"]);
    let message = env.run_ends("runner_files_changed");
    assert!(message.contains("\n+limits: {turns: 500}"), "the diff is there: {message}");
    assert!(message.contains("turnstile resume"), "{message}");
    assert!(env.read(".tickets/config.yaml").ends_with("limits: {turns: 500}\n"), "nothing is put back");
    assert_eq!(env.run_ends("runner_files_changed"), message, "it stands");
    assert_eq!(env.turns(), ["1 001-a"], "and no turn is spent");
    assert_eq!(env.git(&["log", "-1", "--format=%s"]), "tickets", "nothing is committed meanwhile");
}

#[test]
fn what_is_put_back_needs_no_answer() {
    let env = world(&["echo 'limits: {turns: 500}' >> .tickets/config.yaml\nclaim"]);
    let message = env.run_ends("runner_files_changed");
    let back = message.split('`').find(|part| part.starts_with("git restore")).unwrap().to_owned();
    let arguments: Vec<&str> = back.split(' ').skip(1).collect();
    env.git(&arguments);
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a"], "the claim waited and was judged without a turn");
}

#[test]
fn resume_accepts_what_is_there() {
    let env = world(&["echo 'checkpoint: {mode: branch}' >> .tickets/config.yaml\necho one > file", "claim"]);
    env.run_ends("runner_files_changed");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("completed");
    assert_eq!(env.turns(), ["1 001-a", "2 001-a"]);
    assert!(env.read(".tickets/config.yaml").ends_with("checkpoint: {mode: branch}\n"));
}

#[test]
fn templates_count_and_other_files_of_the_folder_do_not() {
    let env = world(&[
        "mkdir -p .tickets/context .tickets/templates\necho hi > .tickets/context/spec.md\necho hi > .tickets/templates/turn.md",
        "claim",
    ]);
    let message = env.run_ends("runner_files_changed");
    assert!(message.contains(".tickets/templates/turn.md") && !message.contains("spec.md"), "{message}");
    env.remove(".tickets/templates/turn.md");
    env.run_ends("completed");
}

#[test]
fn a_person_may_change_them_between_turns() {
    let env = world(&["true", "claim"]);
    env.step_comes_to("progressed");
    let config = env.read(".tickets/config.yaml");
    env.write(".tickets/config.yaml", format!("{config}limits: {{turns: 500}}\n"));
    env.run_ends("completed");
}

#[test]
fn what_a_turn_breaks_is_put_back_or_accepted_like_what_it_changes() {
    let config = ".tickets/config.yaml";
    for (script, broken) in [
        ("echo 'limits: [' >> .tickets/config.yaml", config),
        ("ln -sf /dev/null .tickets/config.yaml", config),
        ("rm .tickets/config.yaml\nmkdir .tickets/config.yaml", config),
        ("rm .tickets/config.yaml\nmkfifo .tickets/config.yaml", config),
        ("ln -s / .tickets/templates", ".tickets/templates"),
    ] {
        let env = world(&[&format!("{script}\nclaim")]);
        let message = env.run_ends("runner_files_changed");
        assert!(message.contains(broken), "{script}: {message}");
        assert_eq!(env.run_ends("runner_files_changed"), message, "{script}: it stands");
        assert_eq!(env.next(), "stop runner_files_changed", "{script}");
        assert_eq!(env.json(&["status"])["status"], "paused", "{script}");
        env.remove(broken);
        if broken == config {
            env.git(&["restore", config]);
        }
        env.run_ends("completed");
        assert_eq!(env.turns().len(), 1, "{script}");
    }
}

#[test]
fn what_is_broken_and_accepted_is_a_fault_like_any_other() {
    let env = world(&["echo 'limits: [' >> .tickets/config.yaml\nclaim"]);
    env.run_ends("runner_files_changed");
    drop(env.turnstile(&["resume"]).exits(0));
    env.run_ends("invalid");
    env.git(&["restore", ".tickets/config.yaml"]);
    env.run_ends("completed");
}
