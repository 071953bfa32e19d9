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
