//! A question comes by pull, its answer is pushed, and the run goes on.

use crate::support::Hub;

#[test]
fn a_reviewer_pulls_the_question_pushes_the_answer_and_the_run_goes_on() {
    let hub = Hub::trusted(&[
        "echo half > file\nask Which?",
        "grep -q Blue $AGENT/prompt-2 && grep -q half file && echo blue > file && commit blue && claim",
    ]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let reviewer = hub.clone_of("reviewer");
    assert!(reviewer.read(".tickets/history/001-a/0001-dispatch/DISPATCH.md").contains("Which?"));
    reviewer.write(".tickets/USER_REPLY.md", "Blue.\n");
    reviewer.push("reply");
    hub.has("main", "001-a: done");
    assert_eq!(hub.env.turns(), ["1 001-a", "2 001-a"]);
    assert_eq!(hub.subjects("main")[..4], ["001-a: done", "blue", "reply", "001-a: waits for an answer"]);
    reviewer.pull();
    assert!(reviewer.read(".tickets/001-a.md").contains("done: true"));
    assert!(reviewer.read(".tickets/history/001-a/0002-reply/USER_REPLY.md").contains("Blue."));
    assert!(!reviewer.folder.join(".tickets/USER_REPLY.md").exists());
}

#[test]
fn who_replied_is_taken_from_the_commit_and_only_reviewers_count() {
    let hub = Hub::trusted_with_config(
        "triggers: {reviewers: [reviewer@example.org]}\n",
        &["ask Which?", "grep -q Blue $AGENT/prompt-2 && claim"],
    );
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let stranger = hub.clone_of("stranger");
    stranger.write(".tickets/USER_REPLY.md", "Red.\n");
    stranger.push("reply");
    hub.env.settled();
    assert_eq!(hub.env.turns().len(), 1, "{}", hub.told());
    let worktree = hub.worktree();
    let next = hub.env.json(&["-C", worktree.to_str().unwrap(), "next"]);
    assert_eq!(next["reason"]["code"], "reply_invalid", "{next}");
    let message = next["reason"]["message"].as_str().unwrap();
    assert!(message.contains("it is from stranger <stranger@example.org>, commit "), "{message}");
    assert!(
        message.contains("not signed, and only these may answer") && message.contains("reviewer@example.org"),
        "{message}"
    );
    let told = hub.turnstile(&["next"]).exits(0).stdout;
    assert!(told.contains("reply_invalid"), "{told}");
    let reviewer = hub.clone_of("reviewer");
    reviewer.write(".tickets/USER_REPLY.md", "Blue.\n");
    reviewer.push("reply");
    hub.has("main", "001-a: done");
    let consumed = hub.events("reply.consumed");
    let brought = &consumed[0]["brought"];
    assert_eq!((&brought["address"], &brought["name"]), (&"reviewer@example.org".into(), &"reviewer".into()));
    assert_eq!(brought["commit"], hub.git(&["log", "-1", "--format=%H", "--grep=^reply$", "main"]));
    assert_eq!(brought.get("signature"), None);
    assert!(hub.logs().contains("a reply to 001-a from reviewer <reviewer@example.org>"), "{}", hub.logs());
}

#[test]
fn a_reviewer_who_is_named_by_a_key_has_to_sign_with_it() {
    let env = crate::support::TestEnv::without_repository();
    let key = |name: &str| {
        let path = env.root().join(name);
        let made =
            env.command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path).status();
        made.is_ok_and(|status| status.success()).then_some(path)
    };
    let (Some(theirs), Some(mine)) = (key("theirs"), key("mine")) else {
        crate::support::skipped("ssh-keygen is not here");
        return;
    };
    let listed = env.command("ssh-keygen").args(["-l", "-f"]).arg(&mine).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed.split_whitespace().nth(1).unwrap();
    let hub = Hub::trusted_with_config(
        &format!("triggers: {{reviewers: [\"{fingerprint}\"]}}\n"),
        &["ask Which?", "grep -q Blue $AGENT/prompt-2 && claim"],
    );
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let reviewer = hub.clone_of("reviewer");
    let signs_with = |key: &std::path::Path| {
        for (name, value) in
            [("gpg.format", "ssh"), ("commit.gpgSign", "true"), ("user.signingKey", key.to_str().unwrap())]
        {
            reviewer.git(&["config", name, value]);
        }
    };
    reviewer.write(".tickets/USER_REPLY.md", "Red.\n");
    reviewer.push("unsigned");
    hub.env.settled();
    signs_with(&theirs);
    reviewer.write(".tickets/USER_REPLY.md", "Green.\n");
    reviewer.push("by another key");
    hub.env.settled();
    assert_eq!(hub.env.turns().len(), 1, "{}", hub.told());
    assert!(hub.logs().contains("signed with SHA256:"), "{}", hub.logs());
    signs_with(&mine);
    reviewer.write(".tickets/USER_REPLY.md", "Blue.\n");
    reviewer.push("mine");
    hub.has("main", "001-a: done");
    let brought = &hub.events("reply.consumed")[0]["brought"];
    assert_eq!((&brought["signature"], &brought["keys"][0]), (&"good".into(), &fingerprint.into()));
}
