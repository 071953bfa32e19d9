//! What git tells a hook: by its arguments, and by lines of bytes on its standard input. Touches nothing.

use super::hook::Hook;
use super::words::{Moved, RefName};

/// So much of a hook's standard input is looked at. Who pushes more has said enough.
pub const STDIN_CAP: usize = 16 << 20;

/// The references that a hook was told of; lines that git does not write are passed over. `head` is the commit that HEAD
/// names, for hooks that are told nothing.
pub fn moved_by(hook: Hook, arguments: &[&[u8]], stdin: &[u8], head: Option<&str>) -> Vec<Moved> {
    let lines = stdin.split(|byte| *byte == b'\n');
    match hook {
        // <local ref> <local commit> <remote ref> <remote commit>
        Hook::PrePush => {
            lines.filter_map(|line| words::<4>(line).and_then(|[_, new, name, old]| moved(name, old, new))).collect()
        }
        // <old> <new> <ref>; a name may hold what others take for a space.
        Hook::PostReceive => {
            lines.filter_map(|line| words::<3>(line).and_then(|[old, new, name]| moved(name, old, new))).collect()
        }
        // <old> <new>, and more behind them that git reserves.
        Hook::PostRewrite => lines
            .filter_map(|line| {
                let mut words = line.split(|byte| *byte == b' ');
                moved(b"HEAD", words.next()?, words.next()?)
            })
            .collect(),
        Hook::PostCheckout => match arguments {
            [old, new, ..] => moved(b"HEAD", old, new).into_iter().collect(),
            _ => Vec::new(),
        },
        Hook::PostMerge | Hook::PostCommit => {
            head.and_then(|head| moved(b"HEAD", ZEROS, head.as_bytes())).into_iter().collect()
        }
        Hook::PreCommit => Vec::new(),
    }
}

/// A commit that is not named.
const ZEROS: &[u8] = b"0000000000000000000000000000000000000000";

/// The line cut at its first `N - 1` spaces.
fn words<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let words: Vec<&[u8]> = line.splitn(N, |byte| *byte == b' ').collect();
    words.try_into().ok()
}

fn moved(name: &[u8], old: &[u8], new: &[u8]) -> Option<Moved> {
    let commit = |bytes: &[u8]| {
        let is_one = matches!(bytes.len(), 40 | 64) && bytes.iter().all(u8::is_ascii_hexdigit);
        is_one.then(|| String::from_utf8_lossy(bytes).into_owned())
    };
    (!name.is_empty()).then_some(())?;
    Some(Moved { name: RefName::of(name), old: commit(old)?, new: commit(new)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Trigger;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn told(hook: Hook, arguments: &[&[u8]], stdin: &[u8]) -> Vec<(String, String, String)> {
        let moved = moved_by(hook, arguments, stdin, Some(A));
        moved.into_iter().map(|one| (one.name.shown(), one.old, one.new)).collect()
    }

    #[test]
    fn each_hook_is_told_what_moved_in_its_own_way() {
        let one = |name: &str, old: &str, new: &str| vec![(name.to_owned(), old.to_owned(), new.to_owned())];
        let zeros = String::from_utf8_lossy(ZEROS);
        let push = format!("refs/heads/mine {A} refs/heads/theirs {B}\n");
        assert_eq!(told(Hook::PrePush, &[b"origin", b"/x"], push.as_bytes()), one("refs/heads/theirs", B, A));
        let receive = format!("{A} {B} refs/heads/main\n");
        assert_eq!(told(Hook::PostReceive, &[], receive.as_bytes()), one("refs/heads/main", A, B));
        assert_eq!(told(Hook::PostRewrite, &[b"rebase"], format!("{A} {B}\n").as_bytes()), one("HEAD", A, B));
        let checkout = [A.as_bytes(), B.as_bytes(), b"1"];
        assert_eq!(told(Hook::PostCheckout, &checkout, b""), one("HEAD", A, B));
        assert_eq!(told(Hook::PostMerge, &[b"0"], b""), one("HEAD", &zeros, A));
        assert_eq!(told(Hook::PostCommit, &[], b""), one("HEAD", &zeros, A));
    }

    #[test]
    fn names_are_bytes_and_what_git_does_not_write_is_passed_over() {
        let mut stdin = format!("{A} {B} refs/heads/x").into_bytes();
        stdin.extend_from_slice(b"\xff\xfey\n");
        stdin.extend_from_slice(format!("{A} {B} refs/heads/a$(id);b`c` d\n").as_bytes());
        stdin.extend_from_slice(b"\n\nnonsense\nx y refs/heads/main\n \n");
        stdin.extend_from_slice(format!("{A} {B} \n{A} {B}\n").as_bytes());
        let moved = moved_by(Hook::PostReceive, &[], &stdin, None);
        let names: Vec<&RefName> = moved.iter().map(|one| &one.name).collect();
        let hex = "726566732f68656164732f78fffe79".to_owned();
        assert_eq!(names, [&RefName::Bytes { hex }, &RefName::Text("refs/heads/a$(id);b`c` d".to_owned())]);
    }

    #[test]
    fn triggers_that_say_the_same_have_one_key_in_whatever_order() {
        let (a, b) = (moved(b"refs/heads/a", ZEROS, A.as_bytes()).unwrap(), moved(b"b", ZEROS, B.as_bytes()).unwrap());
        let key = |worktree: &str, moved: &[&Moved]| {
            let moved = moved.iter().map(|one| (*one).clone()).collect();
            Trigger::new("post-receive", "now".into(), Some(worktree.into()), moved).key()
        };
        assert_eq!(key("main", &[&a, &b]), key("main", &[&b, &a]));
        assert_ne!(key("main", &[&a, &b]), key("main", &[&a]));
        assert_ne!(key("main", &[&a]), key("other", &[&a]));
    }

    #[test]
    fn a_hundred_thousand_references_are_one_trigger_of_moderate_size() {
        let lines: Vec<String> = (0..100_000).map(|n| format!("{A} {B} refs/heads/branch-{n}\n")).collect();
        let stdin = lines.concat();
        let moved = moved_by(Hook::PostReceive, &[], stdin.as_bytes(), None);
        let trigger = Trigger::new("post-receive", "now".into(), None, moved);
        assert_eq!((trigger.moved.len(), trigger.left_out), (1000, 99_000));
        assert!(trigger.shown().ends_with("refs/heads/branch-0 and 99999 more"), "{}", trigger.shown());
    }
}
