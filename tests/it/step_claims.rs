//! A claim is a claim until it is judged: what a turn says is nowhere shown as done before that.

use serde_json::{Value, json};

use crate::support::TestEnv;

/// Claims its own ticket, and sets another one done as well; waits until it is let go, or for good.
const CLAIMS: &str = r#"
claim
sed 's/^done:.*/done: true/' .tickets/003-c.md > "$AGENT/other"
cat "$AGENT/other" > .tickets/003-c.md
touch $AGENT/began
while [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done
"#;

/// A turn that has claimed, and whose runner is gone.
fn claimed(ignored: bool) -> TestEnv {
    let env = TestEnv::new();
    env.agent(&[CLAIMS, "true"]);
    env.ticket("000-z", "title: Z\ndone: true", "Done long ago.");
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndepends_on: [1]", "Do it then.");
    env.ticket("003-c", "title: C\ndone: false\npriority: 4", "Do it too.");
    if ignored {
        env.git(&["rm", "-rq", "--cached", ".tickets"]);
        env.write(".git/info/exclude", ".tickets/\n");
    }
    env.commit_all("tickets");
    let mut child = env.spawn(&["run"]);
    env.until("it has claimed", |env| env.agent_folder().join("began").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    env
}

fn seen(env: &TestEnv) -> Value {
    let list = env.json(&["list"]);
    let list: Vec<_> =
        list.as_array().unwrap().iter().map(|ticket| json!([ticket["id"], ticket["state"], ticket["done"]])).collect();
    let explained = env.json(&["next"])["explain"].clone();
    let explained: Vec<_> = explained.as_array().unwrap().iter().map(|ticket| ticket["state"].clone()).collect();
    let shown = ["001-a", "003-c"].map(|id| env.json(&["show", id])["state"].clone());
    json!([list, explained, shown, env.json(&["status"])["tickets"]["done"]])
}

#[test]
fn what_a_turn_says_is_not_done_before_it_is_judged() {
    let expected = json!([
        [["000-z", "done", true], ["001-a", "active", false], ["002-b", "blocked", false], ["003-c", "ready", false]],
        ["done", "active", "blocked", "ready"],
        ["active", "ready"],
        1,
    ]);
    for ignored in [false, true] {
        let env = claimed(ignored);
        assert_eq!(seen(&env), expected, "while it is under way; ignored: {ignored}");
        env.write(env.agent_folder().join("go"), "");
        env.until("the turn is over", |env| env.run_folder().join("turns/0001/exit.json").exists());
        assert_eq!(seen(&env), expected, "as long as nobody judges it; ignored: {ignored}");
        env.step_comes_to("ticket_done");
        let judged = json!([["000-z", true], ["001-a", true], ["002-b", false], ["003-c", false]]);
        let list = env.json(&["list"]);
        let done: Vec<_> =
            list.as_array().unwrap().iter().map(|ticket| json!([ticket["id"], ticket["done"]])).collect();
        assert_eq!(json!(done), judged, "ignored: {ignored}");
    }
}

#[test]
fn what_a_person_decided_is_done_also_while_a_turn_is_under_way() {
    let env = TestEnv::new();
    env.agent(&["touch $AGENT/began\nwhile [ -d $AGENT ] && [ ! -f $AGENT/go ]; do sleep 0.02; done", "true"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false", "Do it.");
    env.commit_all("tickets");
    // Not committed, and set before the turn began.
    env.ticket("002-b", "title: B\ndone: true", "Do it.");
    let child = env.spawn(&["--json", "step"]);
    env.until("the turn begins", |env| env.agent_folder().join("began").exists());
    let list = env.json(&["list"]);
    assert_eq!((&list[0]["state"], &list[1]["state"]), (&json!("active"), &json!("done")));
    env.write(env.agent_folder().join("go"), "");
    drop(env.wait(child).exits(0));
}
