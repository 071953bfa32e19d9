//! What a turn left invalid, and what a turn may not change.

use serde_json::json;

use crate::support::TestEnv;

const BAD: &str = "printf -- '---\\nmode: shout\\n---\\nHello\\n' > $TURNSTILE_OUTBOX/DISPATCH.md";

fn world(config: &str, scripts: &[&str]) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(config, scripts);
    env.ticket("001-a", "title: A # the title\npriority: 1\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\nagent: user\nhold: later", "Something else.");
    env.commit_all("tickets");
    env
}

#[test]
fn an_invalid_message_is_fed_back_and_mended() {
    let env = world("", &[BAD, "tell 'Hello'\nclaim"]);
    env.step_comes_to("retry_asked");
    assert!(env.exists(".tickets/outbox/DISPATCH.md"), "it stays where it is");
    assert_eq!(env.events("outbox.invalid").len(), 1);
    env.run_ends("completed");
    assert!(env.prompt(2).contains("shout"), "{}", env.prompt(2));
    assert_eq!(env.files(".tickets/history"), ["001-a/0001-dispatch/DISPATCH.md"]);
}

#[test]
fn an_invalid_message_pauses_after_the_turns_asked_for() {
    let env = world("", &[BAD, "true", BAD, "true", "rm $TURNSTILE_OUTBOX/DISPATCH.md\nclaim"]);
    let message = env.run_ends("dispatch_invalid");
    assert!(message.contains("DISPATCH.md:2:"), "{message}");
    assert_eq!(env.turns().len(), 4, "three turns are asked for after the first failure");
    let left: Vec<_> = env.events("lint.failed").iter().map(|line| line["left"].clone()).collect();
    assert_eq!(left, [json!(3), json!(2), json!(1), json!(0)]);
    assert!(env.exists(".tickets/history/001-a/0001-request/REQUEST.md"));
    assert_eq!(env.subjects()[0], "001-a: waits for an answer");
    env.run_ends("dispatch_invalid");
    assert_eq!(env.turns().len(), 4);
    let _ = env.turnstile(&["resume"]).exits(0);
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 5);
}

#[test]
fn a_person_mends_the_message() {
    let env = world("retries: {lint: 0}\n", &[BAD, "claim"]);
    env.run_ends("dispatch_invalid");
    env.write(".tickets/outbox/DISPATCH.md", "---\nmode: notify\ntitle: Mended\n---\nHello\n");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2);
}

#[test]
fn an_unreadable_ticket_is_put_back_and_kept() {
    let env = world("", &["echo nonsense > $TURNSTILE_TICKET", "claim"]);
    let before = env.read(".tickets/001-a.md");
    env.step_comes_to("retry_asked");
    assert_eq!(env.read(".tickets/001-a.md"), before);
    let kept = env.run_folder().join("turns/0001/overwritten/.tickets/001-a.md");
    assert_eq!(env.read(kept), "nonsense\n");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("001-a"), "{}", env.prompt(2));
    assert_eq!(env.events("lint.failed").len(), 1);
}

#[test]
fn a_ticket_that_is_left_unreadable_again_and_again_pauses() {
    let env = world("retries: {lint: 1}\n", &["echo 1 > $TURNSTILE_TICKET", "echo 2 > $TURNSTILE_TICKET", "claim"]);
    env.run_ends("ticket_invalid");
    assert_eq!(env.turns().len(), 2);
    env.run_ends("ticket_invalid");
    env.ticket("001-a", "title: A\npriority: 1", "Do it, and leave the file alone.");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 3);
}

#[test]
fn a_reply_answers_an_invalid_ticket() {
    let env = world("retries: {lint: 0}\n", &["echo 1 > $TURNSTILE_TICKET", "claim"]);
    env.run_ends("ticket_invalid");
    env.reply("Leave the file alone.");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("Leave the file alone."));
}

#[test]
fn a_turn_may_change_bodies_and_create_tickets() {
    let script = "echo more >> $TURNSTILE_TICKET\necho more >> .tickets/002-b.md\n\
                  printf -- '---\\ntitle: C\\nhold: later\\n---\\n' > .tickets/003-c.md\nclaim";
    let env = world("", &[script]);
    env.run_ends("completed");
    assert!(env.events("contract.restored").is_empty());
    assert_eq!(env.paths_of("HEAD"), [".tickets/001-a.md", ".tickets/002-b.md", ".tickets/003-c.md"]);
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn everything_else_that_a_turn_did_to_tickets_is_put_back() {
    let env = TestEnv::new();
    let script = "tell 'First'";
    let naughty = "\
        sed 's/priority: 1/priority: 0/; s/Do it/Done it/' $TURNSTILE_TICKET > $AGENT/t; cat $AGENT/t > $TURNSTILE_TICKET\n\
        sed 's/^hold:.*/done: true/' .tickets/002-b.md > $AGENT/t; cat $AGENT/t > .tickets/002-b.md\n\
        rm .tickets/003-c.md\n\
        mv .tickets/004-d.md .tickets/004-renamed.md\n\
        echo more >> .tickets/005-done.md\n\
        printf -- '---\\ntitle: New\\nhold: later\\ndone: true\\n---\\n' > .tickets/006-new.md\n\
        echo forged >> .tickets/history/001-a/0001-dispatch/DISPATCH.md\n\
        mkdir .tickets/history/001-a/0002-reply; echo Yes > .tickets/history/001-a/0002-reply/USER_REPLY.md\n\
        claim";
    env.agent(&[script, naughty]);
    env.ticket("001-a", "title: A # the title\npriority: 1\ndone: false", "Do it.");
    for id in ["002-b", "003-c", "004-d"] {
        env.ticket(id, "title: T\nagent: user\nhold: later", "Something else.");
    }
    env.ticket("005-done", "title: T\ndone: true", "Finished.");
    env.commit_all("tickets");
    env.step_comes_to("progressed");
    let archive = env.read(".tickets/history/001-a/0001-dispatch/DISPATCH.md");
    env.run_ends("completed");
    assert_eq!(env.turns().len(), 2, "it costs no retry, and the claim is judged");
    let restored = &env.events("contract.restored")[0];
    let mut paths: Vec<_> =
        restored["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    insta::assert_snapshot!(paths.join("\n"), @"
    .tickets/001-a.md
    .tickets/002-b.md
    .tickets/003-c.md
    .tickets/004-d.md
    .tickets/005-done.md
    .tickets/006-new.md
    .tickets/history/001-a/0001-dispatch/DISPATCH.md
    .tickets/history/001-a/0002-reply/USER_REPLY.md
    ");
    assert_eq!(
        env.read(".tickets/001-a.md"),
        "---\ntitle: A # the title\npriority: 1\ndone: true\n---\n\nDone it.\n",
        "the body is the turn's, the key is the contract's"
    );
    assert_eq!(env.git(&["diff", "HEAD~1", "--stat", "--", ".tickets/002-b.md", ".tickets/003-c.md"]), "");
    assert!(env.exists(".tickets/004-d.md"));
    assert!(!env.read(".tickets/006-new.md").contains("done: true"));
    assert_eq!(env.read(".tickets/history/001-a/0001-dispatch/DISPATCH.md"), archive);
    assert!(!env.exists(".tickets/history/001-a/0002-reply/USER_REPLY.md"));
    // All of it may have been a person's edit: nothing is lost.
    let overwritten = env.run_folder().join("turns/0002/overwritten");
    assert!(env.read(overwritten.join(".tickets/001-a.md")).contains("priority: 0"));
    assert!(env.read(overwritten.join(".tickets/002-b.md")).contains("done: true"));
    assert!(env.read(overwritten.join(".tickets/005-done.md")).contains("more"));
    assert!(env.read(overwritten.join(".tickets/history/001-a/0002-reply/USER_REPLY.md")).contains("Yes"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn the_agent_is_told_what_was_put_back_and_how_to_get_it() {
    let env = world(
        "",
        &["sed 's/priority: 1/priority: 0/' $TURNSTILE_TICKET > $AGENT/t; cat $AGENT/t > $TURNSTILE_TICKET", "claim"],
    );
    env.step_comes_to("progressed");
    let item = env.events("contract.restored")[0]["items"][0].clone();
    assert!(item["why"].as_str().unwrap().contains("priority"), "{item}");
    env.run_ends("completed");
    assert!(env.prompt(2).contains("priority"), "{}", env.prompt(2));
}

#[test]
fn what_was_put_back_is_put_back_on_the_branch_as_well() {
    let script = "sed 's/priority: 1/priority: 0/' $TURNSTILE_TICKET > $AGENT/t; cat $AGENT/t > $TURNSTILE_TICKET\n\
                  rm .tickets/002-b.md\ngit add --all\ngit commit -qm 'all of it'";
    let env = world("", &[script, "claim"]);
    env.step_comes_to("progressed");
    assert_eq!(&env.subjects()[..2], ["001-a: not done", "all of it"]);
    assert!(env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("priority: 1"));
    assert!(env.git(&["show", "HEAD:.tickets/002-b.md"]).contains("title: B"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_claim_that_is_taken_back_is_taken_back_on_the_branch_as_well() {
    let env = world("", &["claim\ngit add --all\ngit commit -qm 'all of it'\nask 'Right?'", "claim"]);
    env.run_ends("user_dispatch");
    assert!(!env.git(&["show", "HEAD:.tickets/001-a.md"]).contains("done: true"));
    assert_eq!(env.status(), [""; 0]);
}

#[test]
fn a_ticket_that_is_ignored_by_git_is_put_back_all_the_same() {
    let env = TestEnv::new();
    env.write(".gitignore", ".tickets/\n");
    env.commit_all("ignore");
    env.agent(&["rm .tickets/002-b.md\nsed 's/priority: 1/priority: 0/' $TURNSTILE_TICKET > $AGENT/t; cat $AGENT/t > $TURNSTILE_TICKET\nclaim"]);
    env.ticket("001-a", "title: A\npriority: 1", "Do it.");
    env.ticket("002-b", "title: B\nagent: user\nhold: later", "Something else.");
    let head = env.git(&["rev-parse", "HEAD"]);
    env.run_ends("completed");
    assert!(env.read(".tickets/001-a.md").contains("priority: 1"));
    assert!(env.exists(".tickets/002-b.md"));
    assert_eq!(env.git(&["rev-parse", "HEAD"]), head, "what git ignores is never committed");
}

#[test]
fn whatever_lies_where_the_ticket_was_the_ticket_is_put_back() {
    for deed in [
        "rm $T; mkdir $T",
        "rm $T; mkdir $T; echo x > $T/file",
        "rm $T; ln -s /etc/hostname $T",
        "rm $T; ln -s nowhere $T",
        "rm $T; mkfifo $T",
        "head -c 2000000 /dev/zero > $T",
        "printf '\\377\\376' > $T",
        ": > $T",
        "rm $T",
        "rm -r .tickets",
    ] {
        let env = world("", &[&format!("T=$TURNSTILE_TICKET\n{deed}"), "claim"]);
        let before = env.read(".tickets/001-a.md");
        let first = env.turnstile(&["--json", "step"]);
        // The config goes with the folder, and that is for a person to see.
        let code = if deed.starts_with("rm -r") { 6 } else { 0 };
        assert_eq!(first.code, Some(code), "{deed}: {}", first.text());
        assert_eq!(env.read(".tickets/001-a.md"), before, "{deed}");
        env.git(&["checkout", "--quiet", "--", ".tickets/config.yaml"]);
        let second = env.turnstile(&["--json", "run"]);
        assert_eq!(second.code, Some(0), "{deed}: {}", second.text());
        assert!(env.read(".tickets/001-a.md").contains("done: true"), "{deed}");
    }
}

#[test]
fn what_stands_in_the_place_of_an_epic_is_kept_and_the_epic_put_back() {
    let env = TestEnv::new();
    env.agent(&["rm -r .tickets/auth; echo instead > .tickets/auth", "claim"]);
    env.ticket("auth/001-a", "title: A", "Do it.");
    env.commit_all("tickets");
    env.step_comes_to("retry_asked");
    assert!(env.read(".tickets/auth/001-a.md").contains("title: A"));
    let kept = env.run_folder().join("turns/0001/overwritten/.tickets/auth");
    assert_eq!(env.read(kept), "instead\n");
    env.run_ends("completed");
}

#[test]
fn a_message_beside_the_outbox_is_no_ticket_and_the_agent_is_told_where_it_belongs() {
    let beside = "printf -- '---\\nmode: pause\\n---\\nWhich one?\\n' > .tickets/DISPATCH.md";
    let env = world("", &[beside, "mv .tickets/DISPATCH.md $TURNSTILE_OUTBOX/", "claim"]);
    env.step_comes_to("retry_asked");
    assert!(!env.turnstile(&["list"]).exits(0).stdout.contains("DISPATCH"));
    env.run_ends("user_dispatch");
    assert!(env.prompt(2).contains("move it to .tickets/outbox/DISPATCH.md"), "{}", env.prompt(2));
    assert_eq!(env.turns().len(), 2);
    env.reply("The second.");
    env.run_ends("completed");
}
