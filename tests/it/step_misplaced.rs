//! What stands where a folder of `.tickets/` belongs: a turn's doing is put back, a person's is named.

use std::os::unix::fs::symlink;

use crate::support::TestEnv;

fn world(scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent(scripts);
    env.ticket("001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env
}

#[test]
fn an_outbox_that_a_turn_replaced_is_a_folder_again_and_the_agent_is_told() {
    for replace in [
        "rm -rf $TURNSTILE_OUTBOX; ln -s /tmp $TURNSTILE_OUTBOX",
        "rm -rf $TURNSTILE_OUTBOX; echo x > $TURNSTILE_OUTBOX",
        "rm -rf $TURNSTILE_OUTBOX; mkfifo $TURNSTILE_OUTBOX",
    ] {
        let env = world(&[replace, "tell 'Hello'\nclaim"]);
        env.step_comes_to("progressed");
        assert!(env.path(".tickets/outbox").symlink_metadata().unwrap().is_dir(), "{replace}");
        let kept = env.run_folder().join("turns/0001/overwritten/.tickets/outbox");
        assert!(kept.symlink_metadata().is_ok(), "{replace}: what was there is kept");
        env.run_ends("completed");
        assert!(env.prompt(2).contains(".tickets/outbox: "), "{}", env.prompt(2));
        assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
    }
}

#[test]
fn a_turn_that_moves_the_tickets_behind_a_link_gets_them_put_back() {
    let env = world(&["mv .tickets $AGENT/stolen; ln -s $AGENT/stolen .tickets", "claim"]);
    let before = env.files(".tickets");
    env.step_comes_to("retry_asked");
    assert!(env.path(".tickets").symlink_metadata().unwrap().is_dir());
    for file in before.iter().filter(|file| !file.starts_with("outbox")) {
        assert!(env.files(".tickets").contains(file), "{file}: {:?}", env.files(".tickets"));
    }
    env.run_ends("completed");
    assert!(env.prompt(2).contains(".tickets: "), "{}", env.prompt(2));
}

#[test]
fn an_archive_that_a_turn_linked_elsewhere_is_put_back() {
    let env = world(&["mkdir -p .tickets/history; ln -s /tmp .tickets/history/001-a; tell 'Hello'", "claim"]);
    env.run_ends("completed");
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
}

#[test]
fn what_a_person_put_in_place_of_a_folder_is_named_with_what_to_type() {
    for folder in ["context", "history", "outbox", "reply", "templates"] {
        let env = world(&["claim"]);
        let path = format!(".tickets/{folder}");
        symlink("/tmp", env.path(&path)).unwrap();
        let expected = format!("{path}:1:1: E016: a symbolic link, which is never followed; `rm {path}`");
        let message = env.run_ends("invalid");
        assert!(message.contains(&expected), "{message}");
        assert_eq!(env.next(), "wait invalid");
        let lint = env.turnstile(&["lint", "--format", "github"]).exits(3);
        assert_eq!(lint.stdout.matches("E016").count(), 1, "{}", lint.stdout);
        std::fs::remove_file(env.path(&path)).unwrap();
        env.run_ends("completed");
    }
}

#[test]
fn a_linked_tickets_folder_is_one_fault() {
    let env = world(&["claim"]);
    std::fs::rename(env.path(".tickets"), env.root().join("elsewhere")).unwrap();
    symlink("../elsewhere", env.path(".tickets")).unwrap();
    let message = env.run_ends("invalid");
    assert_eq!(message.matches("E016").count(), 1, "{message}");
    assert!(message.contains("`rm .tickets`"), "{message}");
    let lint = env.turnstile(&["lint", "--format", "github"]).exits(3);
    assert_eq!(lint.stdout.matches("E016").count(), 1, "{}", lint.stdout);
}
