//! What nobody has trusted, shown to a person, and the question whether it may start programs.

use std::io::IsTerminal as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{CliError, Context};
use crate::flow::{TrustChange, Untrusted};
use crate::prompt::ticket_diff;
use crate::run::{Difference, Patience};
use crate::text::{shell_word, shown_line};

/// So many lines of a file that is new are shown.
const NEW_LINES: usize = 60;
/// So many lines of a difference are shown.
const CHANGED_LINES: usize = 200;
/// So many characters of a line are shown.
const WIDTH: usize = 400;
/// How often a signal is looked for while an answer is waited for.
const PAUSE: Duration = Duration::from_millis(50);
/// More than this nobody types for yes or no.
const LONGEST: usize = 64;

/// Whether a person is there to be asked.
pub fn can_ask(context: &Context) -> bool {
    context.printer.is_watched() && std::io::stdin().is_terminal()
}

/// What differs, for a person, as much as one reads before an answer. Nothing of it obeys a terminal.
pub fn shown(differences: &[Difference]) -> String {
    differences.iter().map(shown_one).collect::<Vec<_>>().join("\n")
}

fn shown_one(difference: &Difference) -> String {
    let path = shown_line(&difference.file.path);
    let text = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let (before, now) = (text(&difference.before), text(&difference.now));
    let see = format!("less {}", shell_word(&difference.file.path));
    match &difference.file.change {
        TrustChange::Unreadable(why) => {
            format!("{path} cannot be read ({}), and so not be trusted; mend or remove it\n", shown_line(why))
        }
        TrustChange::Gone => format!("{path} is gone, and what it said with it:\n{}", diff(&path, &before, "", &see)),
        TrustChange::Changed if difference.before.is_some() => {
            format!("{path} was changed since it was trusted:\n{}", diff(&path, &before, &now, &see))
        }
        TrustChange::New | TrustChange::Changed => {
            let lines: Vec<String> = now.split_terminator('\n').map(|line| format!("  | {}", bounded(line))).collect();
            format!("{path} is new here:\n{}", first(&lines, NEW_LINES, &see))
        }
    }
}

/// The difference without its first lines, which only name the file.
fn diff(path: &str, before: &str, now: &str, see: &str) -> String {
    let diff = ticket_diff(path, before, now).unwrap_or_default();
    // A carriage return is a part of its line, and shown.
    let body = diff.split_terminator('\n').skip_while(|line| line.starts_with("--- ") || line.starts_with("+++ "));
    let lines: Vec<String> = body.map(|line| format!("  {}", bounded(line))).collect();
    if lines.is_empty() {
        return "  (by bytes that cannot be shown)\n".to_owned();
    }
    first(&lines, CHANGED_LINES, see)
}

fn first(lines: &[String], most: usize, see: &str) -> String {
    let mut text: String = lines.iter().take(most).flat_map(|line| [line.as_str(), "\n"]).collect();
    let more = lines.len().saturating_sub(most);
    if more > 0 {
        text.push_str(&format!("  (and {more} more line(s) that are not shown here; `{see}` shows them)\n"));
    }
    text
}

/// A line of somebody's text.
fn bounded(line: &str) -> String {
    let shown = crate::text::shown(line);
    let more = shown.chars().count().saturating_sub(WIDTH);
    if more == 0 {
        return shown;
    }
    let beginning: String = shown.chars().take(WIDTH).collect();
    format!("{beginning} (and {more} more character(s))")
}

/// Shows what differs and asks whether it may start programs. Whatever is no clear yes is a no.
pub fn ask(context: &Context, differences: &[Difference]) -> Result<bool, CliError> {
    // Before anybody can answer: a Ctrl-C is a no, and ends nothing else.
    let mut patience = Patience::new()?;
    context.printer.note(&format!("{}\nThis may start programs with your account.", shown(differences).trim_end()));
    context.printer.question("Trust it? [y/N] ");
    let answer = answer(&mut patience)?;
    if answer.is_none() {
        // The cursor still stands behind the question.
        context.printer.note("");
    }
    Ok(answer.is_some_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// A line that a person types; none where the input ends before, or a signal comes.
fn answer(patience: &mut Patience) -> Result<Option<String>, CliError> {
    let stdin = std::io::stdin();
    let mut typed = Vec::new();
    loop {
        let mut ends = [PollFd::new(&stdin, PollFlags::IN)];
        let pause = Timespec { tv_sec: 0, tv_nsec: PAUSE.as_nanos().try_into().unwrap_or(0) };
        let ready = match poll(&mut ends, Some(&pause)) {
            Ok(ready) => ready > 0,
            Err(rustix::io::Errno::INTR) => false,
            Err(error) => {
                return Err(CliError::io(format!("cannot wait for an answer: {}", std::io::Error::from(error))));
            }
        };
        if patience.is_asked() {
            return Ok(None);
        }
        if !ready {
            continue;
        }
        let mut bytes = [0; LONGEST];
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(0) => return Ok(None),
            Ok(count) => typed.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // The terminal is gone.
            Err(_) => return Ok(None),
        }
        if let Some(end) = typed.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            return Ok(Some(String::from_utf8_lossy(&typed[..end]).into_owned()));
        }
        if typed.len() > LONGEST {
            return Ok(None);
        }
    }
}

/// Files by their names, for one line.
pub fn names<'a>(files: impl Iterator<Item = &'a Untrusted>) -> String {
    let names: Vec<String> = files.map(|file| file.path.clone()).collect();
    crate::text::shown_list(&names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::TrustKind;

    fn difference(change: TrustChange, before: Option<&str>, now: Option<&str>) -> Difference {
        let file = Untrusted { path: ".mcp.json".into(), kind: TrustKind::OfAgents, change, digest: String::new() };
        Difference { file, before: before.map(Into::into), now: now.map(Into::into) }
    }

    #[test]
    fn a_new_file_is_shown_to_a_bound_that_is_named() {
        let text = (0..100).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let told = shown(&[difference(TrustChange::New, None, Some(&text))]);
        assert!(told.contains("line 59\n") && !told.contains("line 60\n"), "{told}");
        assert!(told.contains("and 40 more line(s) that are not shown here; `less .mcp.json` shows them"), "{told}");
        let long = "x".repeat(10_000);
        let told = shown(&[difference(TrustChange::New, None, Some(&long))]);
        assert!(told.len() < 600 && told.contains("and 9600 more character(s)"), "{told}");
    }

    #[test]
    fn a_change_is_shown_as_one_and_nothing_in_it_obeys_a_terminal() {
        let told = shown(&[difference(TrustChange::Changed, Some("a\nb\n"), Some("a\n\u{1b}[2Jc\n"))]);
        assert_eq!(told, ".mcp.json was changed since it was trusted:\n  @@ -1,2 +1,2 @@\n   a\n  -b\n  +\\x1b[2Jc\n");
        let told = shown(&[difference(TrustChange::Gone, Some("a\n"), None)]);
        assert!(told.ends_with("  -a\n"), "{told}");
    }

    #[test]
    fn bytes_that_cannot_be_told_apart_are_named() {
        let mut changed = difference(TrustChange::Changed, None, None);
        (changed.before, changed.now) = (Some(vec![0xff]), Some(vec![0xfe]));
        assert!(shown(&[changed]).contains("by bytes that cannot be shown"));
    }
}
