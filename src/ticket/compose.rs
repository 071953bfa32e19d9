//! Messages as turnstile itself writes them: what a command was given becomes a file that the reader of such files
//! takes for exactly that.

use std::fmt::Write as _;

use super::dispatch::DispatchMode;
use super::scaffold::{list, quoted};

/// What a reply is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyDraft<'a> {
    /// The ticket that it is for.
    pub to: Option<&'a str>,
    /// The choice that it makes.
    pub answer: Option<&'a str>,
    /// Text for the agent.
    pub body: &'a str,
}

/// What a dispatch is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DispatchDraft<'a> {
    /// Whether the run waits for an answer.
    pub pause: bool,
    /// One line for lists.
    pub title: Option<&'a str>,
    /// The answers that it accepts.
    pub choices: &'a [String],
    /// The message itself.
    pub body: &'a str,
}

/// The text of `USER_REPLY.md`. It always has a frontmatter, so that no body is taken for one.
pub fn reply_text(draft: &ReplyDraft<'_>) -> String {
    let mut lines = Vec::new();
    lines.extend(draft.to.map(|to| format!("to: {}", quoted(to))));
    lines.extend(draft.answer.map(|answer| format!("answer: {}", quoted(answer))));
    message(&lines, draft.body)
}

/// The text of `DISPATCH.md`.
pub fn dispatch_text(draft: &DispatchDraft<'_>) -> String {
    let mode = if draft.pause { DispatchMode::Pause } else { DispatchMode::Notify };
    let mut lines = vec![format!("mode: {}", mode.name())];
    lines.extend(draft.title.map(|title| format!("title: {}", quoted(title))));
    if !draft.choices.is_empty() {
        lines.push(format!("choices: {}", list(draft.choices)));
    }
    message(&lines, draft.body)
}

fn message(lines: &[String], body: &str) -> String {
    let mut text = String::from("---\n");
    for line in lines {
        writeln!(text, "{line}").expect("a string takes every write");
    }
    text.push_str("---\n");
    text.push_str(body);
    if !body.is_empty() && !body.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::Source;
    use crate::ticket::{read_dispatch, read_reply};

    #[test]
    fn a_message_reads_as_it_was_meant() {
        let draft = ReplyDraft { to: Some("auth/010-login"), answer: Some("yes"), body: "---\nto: nobody\n---\n" };
        assert_eq!(reply_text(&draft), "---\nto: auth/010-login\nanswer: \"yes\"\n---\n---\nto: nobody\n---\n");
        let choices = ["main".to_owned(), "no: never".to_owned()];
        let draft = DispatchDraft { pause: true, title: Some("Which?"), choices: &choices, body: "Say." };
        let expected = "---\nmode: pause\ntitle: \"Which?\"\nchoices: [main, \"no: never\"]\n---\nSay.\n";
        assert_eq!(dispatch_text(&draft), expected);
    }

    /// What a command line can hold; blanks around it mean nothing, as everywhere in messages.
    fn word() -> impl Strategy<Value = String> {
        any::<String>().prop_map(|text| text.trim().to_owned()).prop_filter("empty", |text| !text.is_empty())
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(to in word(), answer in word(), body in any::<String>()) {
            let text = reply_text(&ReplyDraft { to: Some(&to), answer: Some(&answer), body: &body });
            let reply = read_reply(&Source::new("USER_REPLY.md", text.as_str())).unwrap();
            prop_assert_eq!(reply.to, Some(to));
            prop_assert_eq!(reply.answer, Some(answer));
            prop_assert_eq!(reply.body.of(&text).trim_end_matches('\n'), body.trim_end_matches('\n'));
        }

        #[test]
        fn choices_and_titles_are_read_as_they_were_given(
            title in word(),
            choices in proptest::collection::vec(word(), 0..4),
        ) {
            let text = dispatch_text(&DispatchDraft { pause: true, title: Some(&title), choices: &choices, body: "" });
            let dispatch = read_dispatch(&Source::new("DISPATCH.md", text.as_str())).unwrap();
            prop_assert_eq!(dispatch.mode, DispatchMode::Pause);
            prop_assert_eq!(dispatch.title, Some(title));
            prop_assert_eq!(dispatch.choices, choices);
        }
    }
}
