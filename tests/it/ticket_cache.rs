//! What was read of the tickets is kept from one process to the next, and is never more than a shortcut.

use crate::support::TestEnv;

const CACHE: &str = ".git/turnstile/cache/tickets-main";

/// Two tickets that were read and kept a while ago.
fn world(scripts: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    env.looks_itself();
    env.agent(scripts);
    env.ticket("001-a", "title: First\ndone: false", "Do it.");
    env.ticket("002-b", "title: Second\ndone: false", "Do it.");
    env.commit_all("tickets");
    // Tickets younger than a tick of the file system's clock are not kept.
    std::thread::sleep(std::time::Duration::from_millis(50));
    env
}

fn titles(env: &TestEnv) -> Vec<String> {
    let list = env.json(&["list"]);
    let tickets = list.as_array().unwrap();
    tickets.iter().map(|ticket| ticket["title"].as_str().unwrap().to_owned()).collect()
}

/// The cache with another title in it, and a checksum that fits.
fn forged(env: &TestEnv) -> Vec<u8> {
    forged_at(env, usize::MAX)
}

/// The same where the title stands at first: in what was concluded of the tickets, and not in the tickets.
fn forged_conclusion(env: &TestEnv) -> Vec<u8> {
    forged_at(env, 1)
}

fn forged_at(env: &TestEnv, most: usize) -> Vec<u8> {
    let mut content = std::fs::read(env.path(CACHE)).unwrap()[4..].to_vec();
    let places = content.windows(6).enumerate().filter(|(_, text)| text == b"Second").map(|(at, _)| at);
    let places: Vec<usize> = places.take(most).collect();
    assert!(!places.is_empty(), "the title is in it");
    for at in places {
        content[at..at + 6].copy_from_slice(b"Forged");
    }
    [crc32fast::hash(&content).to_le_bytes().to_vec(), content].concat()
}

#[test]
fn a_ticket_that_changed_is_read_again_and_the_others_are_not() {
    let env = world(&["echo work", "echo work"]);
    drop(env.turnstile(&["step"]));
    // Only a shortcut that is taken shows what is forged in it.
    std::fs::write(env.path(CACHE), forged(&env)).unwrap();
    assert_eq!(titles(&env), ["First", "Forged"]);
    env.ticket("002-b", "title: Third\ndone: false", "Do it.");
    assert_eq!(titles(&env), ["First", "Third"]);
    env.remove(CACHE);
    assert_eq!(titles(&env), ["First", "Third"]);
}

#[test]
fn what_a_turn_puts_there_is_not_believed() {
    let env = world(&["echo work", "cp ../forged .git/turnstile/cache/tickets-main; echo work"]);
    drop(env.turnstile(&["step"]));
    std::fs::write(env.root().join("forged"), forged(&env)).unwrap();
    drop(env.turnstile(&["step"]));
    assert_eq!(env.turns().len(), 2);
    assert_eq!(titles(&env), ["First", "Second"]);
}

#[test]
fn neither_while_the_turn_is_open_nor_by_the_step_that_takes_it_up() {
    let wait =
        "cp ../forged .git/turnstile/cache/tickets-main; touch ../begun; while [ ! -e ../go ]; do sleep 0.05; done";
    let env = world(&["echo work", wait]);
    drop(env.turnstile(&["step"]));
    std::fs::write(env.root().join("forged"), forged(&env)).unwrap();
    let mut runner = env.spawn(&["step"]);
    env.until("the turn has begun", |env| env.root().join("begun").exists());
    assert_eq!(titles(&env), ["First", "Second"], "while it runs");
    runner.kill().unwrap();
    drop(env.wait(runner));
    std::fs::write(env.root().join("go"), "").unwrap();
    drop(env.turnstile(&["step"]));
    assert_eq!(titles(&env), ["First", "Second"], "after it");
}

#[test]
fn what_was_concluded_is_believed_of_the_same_tickets_by_the_same_config_only() {
    let env = world(&["echo work", "echo work"]);
    drop(env.turnstile(&["step"]));
    std::fs::write(env.path(CACHE), forged_conclusion(&env)).unwrap();
    assert_eq!(titles(&env), ["First", "Forged"], "the shortcut is taken");
    let config = std::fs::read_to_string(env.path(".tickets/config.yaml")).unwrap();
    env.write(".tickets/config.yaml", format!("{config}limits: {{turns: 7}}\n"));
    assert_eq!(titles(&env), ["First", "Second"], "by another config");
    env.write(".tickets/config.yaml", config);
    assert_eq!(titles(&env), ["First", "Forged"]);
    // As long as before, within the same second, and at a time that was before.
    let ticket = env.path(".tickets/001-a.md");
    let before = std::fs::metadata(&ticket).unwrap().modified().unwrap();
    let text = std::fs::read_to_string(&ticket).unwrap().replace("First", "Other");
    std::fs::write(&ticket, text).unwrap();
    std::fs::File::options().append(true).open(&ticket).unwrap().set_modified(before).unwrap();
    assert_eq!(titles(&env), ["Other", "Second"], "of other tickets");
}

#[test]
fn a_step_concludes_anew_what_the_config_changed() {
    let env = world(&["echo work", "echo work", "echo work"]);
    drop(env.turnstile(&["step"]));
    let config = std::fs::read_to_string(env.path(".tickets/config.yaml")).unwrap();
    env.write(".tickets/config.yaml", format!("{config}limits: {{turns: 7}}\n"));
    env.commit_all("config");
    drop(env.turnstile(&["step"]));
    std::fs::write(env.path(CACHE), forged_conclusion(&env)).unwrap();
    assert_eq!(titles(&env), ["First", "Forged"], "what is kept was concluded by the config that is there");
}

/// Whether a step took what the turn's own process saw as it ended for its own look.
fn takes_over(env: &TestEnv) -> bool {
    env.turnstile(&["step"]).stderr.contains("saw as it ended still holds")
}

#[test]
fn what_the_turns_own_process_saw_stands_for_a_look_where_no_ticket_has_changed() {
    let same_size = "sed -i s/Second/Secand/ .tickets/002-b.md";
    let touched = "touch .tickets/002-b.md";
    let another = "printf -- '---\\ndone: false\\n---\\n' > .tickets/003-c.md";
    let work = "echo work > file.txt; git add -A; git commit -qm work";
    let mut env = world(&["echo work", work, same_size, touched, another, "echo work"]);
    env.set("TURNSTILE_LOG", "turnstile=debug");
    assert!(takes_over(&env), "nothing changed");
    assert!(takes_over(&env), "a commit of other files");
    for what in ["as long as before", "the same text again", "one more"] {
        assert!(!takes_over(&env), "{what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(env.kinds().contains(&"contract.restored".to_owned()), "what it changed was seen: {:?}", env.kinds());
}

#[test]
fn whoever_has_not_looked_before_the_turn_looks_behind_it() {
    let mut env = world(&["touch ../begun; while [ ! -e ../go ]; do sleep 0.05; done"]);
    env.set("TURNSTILE_LOG", "turnstile=debug");
    let mut runner = env.spawn(&["step"]);
    env.until("the turn has begun", |env| env.root().join("begun").exists());
    runner.kill().unwrap();
    drop(env.wait(runner));
    let next = env.spawn(&["step"]);
    env.until("the next one waits for it", |env| env.kinds().contains(&"turn.adopted".to_owned()));
    std::fs::write(env.root().join("go"), "").unwrap();
    let next = env.wait(next);
    assert!(next.stderr.contains("looked at the worktree"), "{}", next.stderr);
    assert!(!next.stderr.contains("saw as it ended still holds"), "{}", next.stderr);
}
