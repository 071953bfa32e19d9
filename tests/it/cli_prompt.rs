//! `prompt`: exactly what the next turn is sent.

use crate::support::TestEnv;

fn world() -> TestEnv {
    let env = TestEnv::new();
    env.agent(&["echo half > file; commit half", "ask 'Which?'", "claim"]);
    env.ticket("001-a", "title: A\ndone: false", "Do it.");
    env.ticket("002-b", "title: B\ndone: false", "Do it as well.");
    env.write(".tickets/context/spec.md", "The spec.\n");
    env.commit_all("tickets");
    env
}

#[test]
fn it_is_byte_for_byte_what_the_turn_is_sent_before_the_first_turn_and_with_a_reply_that_waits() {
    let env = world();
    for turn in 1..=3 {
        if turn == 3 {
            let _ = env.turnstile(&["reply", "-m", "That one."]).exits(0);
        }
        let journal = env.kinds();
        let foreseen = env.turnstile(&["prompt"]).exits(0);
        assert_eq!(env.kinds(), journal, "nothing is written down");
        let _ = env.turnstile(&["step"]);
        assert_eq!(foreseen.stdout, env.prompt(turn), "turn {turn}");
    }
}

#[test]
fn sections_say_what_each_part_takes() {
    let env = world();
    let document = env.json(&["prompt", "2"]);
    assert_eq!(document["ticket"], "002-b");
    let text = document["text"].as_str().unwrap();
    assert!(text.contains("Do it as well.") && text.contains("The spec."));
    assert_eq!(document["bytes"], text.len());
    let sections = document["sections"].as_array().unwrap();
    let sum: u64 = sections.iter().map(|section| section["bytes"].as_u64().unwrap()).sum();
    assert_eq!(sum, text.len() as u64);
    assert!(sections.iter().any(|section| section["name"] == "workspace" && section["cut"] == 0));
    let output = env.turnstile(&["prompt", "2", "--sections"]).exits(0);
    assert!(output.stdout.ends_with(&format!("{:>8}  in all\n", text.len())), "{}", output.text());
}

#[test]
fn what_stands_in_the_way_of_a_turn_is_said_beside_the_prompt() {
    let env = world();
    let _ = env.turnstile(&["step"]).exits(0);
    let _ = env.turnstile(&["step"]).exits(4);
    let output = env.turnstile(&["prompt"]).exits(0);
    assert!(output.stderr.starts_with("no turn starts as it is: user_dispatch: "), "{}", output.text());
    assert!(output.stdout.contains("Do it."));
}

#[test]
fn nothing_to_do_has_no_prompt_and_a_shell_ticket_has_its_script() {
    let env = TestEnv::new();
    assert_eq!(env.turnstile(&["--json", "prompt"]).exits(3).error()["code"], "invalid");
    env.ticket("001-a", "agent: shell\ndone: false", "# A\n\n```sh\necho one\n```\n\n```sh\necho two\n```");
    let output = env.turnstile(&["prompt"]).exits(0);
    assert_eq!(output.stdout, "echo one\n\necho two\n\n");
}
