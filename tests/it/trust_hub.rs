//! A bare repository and what may start programs on its branches: what a push brings or takes away is shown by the command
//! that the reason names, and that one goes on with the push.

use crate::support::{Hub, refused_of};

/// Waits until a push to a branch was refused for want of trust, and gives back what is told.
fn untrusted(hub: &Hub, branch: &str) -> String {
    let name = |hub: &Hub| {
        let worktrees = hub.worktrees().into_iter();
        let mut names = worktrees.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        names.find(|name| name.starts_with(&format!("{branch}-")))
    };
    let refused = |hub: &Hub| name(hub).and_then(|name| refused_of(&hub.git_dir, &name));
    hub.env.until("the push is refused", |_| refused(hub).is_some());
    hub.env.settled();
    let reason = refused(hub).unwrap()["reason"].clone();
    assert_eq!(reason["code"], "untrusted", "{reason}");
    reason["message"].as_str().unwrap().to_owned()
}

/// The command that a message names, without `turnstile -C <git dir>`, which it has to begin with.
fn named(hub: &Hub, message: &str) -> Vec<String> {
    assert!(!message.contains("`turnstile trust`") && !message.contains("run --trust"), "{message}");
    let beginning = format!("`turnstile -C {} ", hub.git_dir.display());
    let (_, behind) = message.split_once(&beginning).unwrap_or_else(|| panic!("{beginning}: {message}"));
    behind.split('`').next().unwrap().split(' ').map(str::to_owned).collect()
}

#[test]
fn settings_that_a_push_takes_away_are_shown_as_gone_and_the_push_goes_on_once_that_is_trusted() {
    for path in [".mcp.json", ".claude/settings.json"] {
        let hub = Hub::with_config("", &["claim", "claim"]);
        hub.env.write(path, "{}\n");
        hub.env.commit_all("settings");
        hub.push("main");
        hub.env.settled();
        hub.trust();
        hub.has("main", "001-a: done");
        hub.env.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
        hub.env.git(&["rm", "--quiet", path]);
        hub.env.ticket("002-b", "title: B\ndone: false", "Do it.");
        hub.env.commit_all("no settings");
        hub.push("main");
        let message = untrusted(&hub, "main");
        assert!(message.contains(&format!("{path} is gone, and what it said with it")), "{message}");
        assert_eq!(named(&hub, &message), ["trust", "main"]);
        let shown = hub.turnstile(&["trust", "main"]).exits(3).stdout;
        assert!(shown.contains(&format!("{path} is gone")) && shown.contains("\n  -{}\n"), "{shown}");
        let told = hub.turnstile(&["trust", "main", "--yes"]).exits(0).stdout;
        assert!(told.contains("a runner looks at the push that waited for it"), "{told}");
        hub.has("main", "002-b: done");
    }
}

#[test]
fn the_branch_whose_settings_nobody_has_trusted_is_named_and_the_one_without_them_is_not_asked_about() {
    let hub = Hub::trusted_with_config("triggers: {branches: [main, feat]}\n", &["claim", "claim"]);
    hub.env.git(&["switch", "--quiet", "--create", "feat"]);
    hub.env.write(".mcp.json", "{}\n");
    hub.env.commit_all("settings");
    hub.push("feat");
    let message = untrusted(&hub, "feat");
    assert_eq!(named(&hub, &message), ["trust", "feat"]);
    let next = hub.turnstile(&["next"]).exits(0).stdout;
    assert_eq!(named(&hub, &next), ["trust", "feat"]);
    let _ = hub.turnstile(&["trust", "feat", "--yes"]).exits(0);
    hub.has("feat", "001-a: done");
    // What has the copy was trusted without these settings.
    hub.env.git(&["switch", "--quiet", "main"]);
    hub.push("main");
    hub.has("main", "001-a: done");
}

#[test]
fn what_lies_in_a_worktree_and_in_no_commit_is_trusted_there() {
    let hub = Hub::trusted(&["ask Which?", "claim"]);
    hub.push("main");
    hub.has("main", "001-a: waits for an answer");
    let worktree = hub.worktree();
    std::fs::write(worktree.join(".mcp.json"), "{}\n").unwrap();
    let there = worktree.display().to_string();
    let next = hub.env.json(&["-C", &there, "next"]);
    assert_eq!(next["reason"]["code"], "untrusted", "{next}");
    let message = next["reason"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("`turnstile -C {there} trust` shows it")), "{message}");
    let _ = hub.env.turnstile(&["-C", &there, "trust", "--yes"]).exits(0);
    assert_ne!(hub.env.json(&["-C", &there, "next"])["reason"]["code"], "untrusted");
}

#[test]
fn what_a_link_led_to_was_there_although_no_commit_says_so() {
    let hub = Hub::with_config("", &["claim", "claim"]);
    hub.env.write("mcp", "{}\n");
    std::os::unix::fs::symlink("mcp", hub.env.path(".mcp.json")).unwrap();
    hub.env.commit_all("a link");
    hub.push("main");
    hub.env.settled();
    hub.trust();
    let message = untrusted(&hub, "main");
    let there = hub.worktree().display().to_string();
    assert!(message.contains(&format!("`turnstile -C {there} trust` shows it")), "{message}");
    let _ = hub.env.turnstile(&["-C", &there, "trust", "--yes"]).exits(0);
    hub.has("main", "001-a: done");
    hub.env.git(&["pull", "--quiet", "--ff-only", "origin", "main"]);
    hub.env.git(&["rm", "--quiet", ".mcp.json"]);
    hub.env.ticket("002-b", "title: B\ndone: false", "Do it.");
    hub.env.commit_all("no link");
    hub.push("main");
    assert!(untrusted(&hub, "main").contains(".mcp.json is gone"));
}
