//! What stands in a hook file of turnstile's, and whether a file that lies there is one. Nothing but POSIX's shell.
//!
//! The hook that stood there before is the one whose exit status counts, whatever turnstile does. It is given the very
//! bytes that git gives. Where turnstile is gone it runs as if turnstile had never been here.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::names::Hook;

/// The end of the name under which the hook that stood there before waits.
pub const CHAINED: &str = ".turnstile-chained";

/// How every form of it begins, so that a later version knows an earlier one.
const MADE: &[u8] = b"# Made by `turnstile hooks install`, form ";

const PROGRAM: &[u8] = b"turnstile=";

/// What a file says, as far as it is about turnstile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Exactly what turnstile writes, for this program.
    Ours(PathBuf),
    /// It was turnstile's, and somebody has changed it since.
    Edited,
    /// Somebody else's.
    Foreign,
}

/// Whether a program's path can stand in a hook: a line end in it could not be read back.
pub fn program_can_be_written(program: &Path) -> bool {
    program.is_absolute() && !program.as_os_str().as_bytes().contains(&b'\n')
}

/// The whole file.
pub fn write(hook: Hook, program: &Path) -> Vec<u8> {
    let name = hook.name();
    let mut text = b"#!/bin/sh\n".to_vec();
    text.extend(MADE);
    text.extend(
        format!(
            "1. `turnstile hooks uninstall` takes it away again.\n\
             # {name}{CHAINED} beside it is the hook that stood here before: it runs first, and its exit status counts.\n"
        )
        .into_bytes(),
    );
    text.extend(PROGRAM);
    text.extend(quoted(program.as_os_str().as_bytes()));
    text.extend(BEGINNING.replace("NAME", name).into_bytes());
    text.extend(ending(hook).replace("NAME", name).into_bytes());
    text
}

/// What a file in the place of a hook is.
pub fn read(hook: Hook, bytes: &[u8]) -> Script {
    let lines = || bytes.split(|byte| *byte == b'\n');
    let program = lines().find_map(|line| line.strip_prefix(PROGRAM)).and_then(unquoted);
    if let Some(program) = program.map(std::ffi::OsString::from_vec).map(PathBuf::from)
        && write(hook, &program) == bytes
    {
        return Script::Ours(program);
    }
    if lines().any(|line| line.starts_with(MADE)) { Script::Edited } else { Script::Foreign }
}

const BEGINNING: &str = r#"
case $0 in
*/*) former=${0%/*}/NAME.turnstile-chained ;;
*) former=./NAME.turnstile-chained ;;
esac
has_former() {
    [ -f "$former" ] && [ -x "$former" ]
}
if [ ! -f "$turnstile" ] || [ ! -x "$turnstile" ]; then
    if has_former; then exec "$former" "$@"; fi
    exit 0
fi
"#;

/// A commit is let through where both let it through.
const LINT: &str = r#"if has_former; then
    "$former" "$@" || exit
fi
exec "$turnstile" hook NAME "$@"
"#;

const WITHOUT_INPUT: &str = r#"status=0
if has_former; then
    "$former" "$@" || status=$?
fi
"$turnstile" hook NAME "$@" || :
exit "$status"
"#;

/// In memory, for a file needs room, and a folder that is there: a disk that is full refuses no push. The dot keeps the end
/// of the last line.
const INPUT: &str = r#"if ! has_former; then
    "$turnstile" hook NAME "$@" || :
    exit 0
fi
# Both are given what git says on stdin: lines, and no zero byte.
unset turnstile_input
turnstile_input=$(cat; echo .)
say_it_again() {
    printf '%s' "${turnstile_input%.}" 2>/dev/null
}
status=0
say_it_again | "$former" "$@" || status=$?
"#;

/// A push that the former hook has refused is none.
const REFUSED_PUSH: &str = r#"[ "$status" -eq 0 ] || exit "$status"
"#;

const INPUT_ENDING: &str = r#"say_it_again | "$turnstile" hook NAME "$@" || :
exit "$status"
"#;

fn ending(hook: Hook) -> String {
    match hook {
        Hook::PreCommit => LINT.to_owned(),
        Hook::PostMerge | Hook::PostCommit | Hook::PostCheckout => WITHOUT_INPUT.to_owned(),
        Hook::PrePush => format!("{INPUT}{REFUSED_PUSH}{INPUT_ENDING}"),
        Hook::PostReceive | Hook::PostRewrite => format!("{INPUT}{INPUT_ENDING}"),
    }
}

/// A word that a shell takes as it is, byte by byte.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut word = b"'".to_vec();
    for byte in bytes {
        match byte {
            b'\'' => word.extend(b"'\\''"),
            _ => word.push(*byte),
        }
    }
    word.push(b'\'');
    word
}

fn unquoted(word: &[u8]) -> Option<Vec<u8>> {
    let inner = word.strip_prefix(b"'")?.strip_suffix(b"'")?;
    let mut bytes = Vec::new();
    let mut rest = inner;
    while let Some(byte) = rest.first() {
        if let Some(behind) = rest.strip_prefix(b"'\\''") {
            bytes.push(b'\'');
            rest = behind;
        } else {
            bytes.push(*byte);
            rest = &rest[1..];
        }
    }
    Some(bytes)
}

/// Whether a text that others keep has a line which calls turnstile for this hook; comments call nothing.
pub fn calls(text: &[u8], hook: Hook) -> bool {
    let call = format!("hook {}", hook.name());
    String::from_utf8_lossy(text).lines().any(|line| {
        let line = line.trim_start();
        let is_comment = line.starts_with('#') || line.starts_with("//");
        let ends = |at: usize| {
            let behind = line[at + call.len()..].chars().next();
            behind.is_none_or(|character| !character.is_alphanumeric() && !matches!(character, '-' | '_'))
        };
        !is_comment && line.match_indices(&call).any(|(at, _)| line[..at].contains("turnstile") && ends(at))
    })
}

/// The path of a program as a person sees it in such a file.
pub fn shown_program(program: &Path) -> String {
    String::from_utf8_lossy(OsStr::as_bytes(program.as_os_str())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ours_only_as_long_as_every_byte_of_it_is() {
        for program in ["/usr/bin/turnstile", "/o'brien/a b/$(x)/turnstile"] {
            for hook in Hook::ALL {
                let text = write(hook, Path::new(program));
                assert_eq!(read(hook, &text), Script::Ours(program.into()));
                let mut edited = text.clone();
                edited.extend(b"echo more\n");
                assert_eq!(read(hook, &edited), Script::Edited);
                assert_eq!(read(hook, &text[..text.len() - 1]), Script::Edited);
                let other = if hook == Hook::PrePush { Hook::PostMerge } else { Hook::PrePush };
                assert_eq!(read(other, &text), Script::Edited, "it would call the wrong one");
            }
        }
        assert_eq!(read(Hook::PrePush, b"#!/bin/sh\nturnstile hook pre-push\n"), Script::Foreign);
        assert_eq!(read(Hook::PrePush, b"\x7fELF\0\xff"), Script::Foreign);
        let bytes = Path::new(OsStr::from_bytes(b"/caf\xe9/turnstile"));
        assert_eq!(read(Hook::PrePush, &write(Hook::PrePush, bytes)), Script::Ours(bytes.to_owned()));
        assert!(!program_can_be_written(Path::new("/a\nb")) && !program_can_be_written(Path::new("turnstile")));
    }

    #[test]
    fn a_call_is_found_in_whatever_form_and_a_comment_is_none() {
        for text in [
            "turnstile hook pre-push \"$@\"",
            "  run: \"! command -v turnstile >/dev/null || turnstile hook pre-push\"",
            "[ ! -x '/a b/turnstile' ] || '/a b/turnstile' hook pre-push \"$@\"",
            "entry: sh -c 'turnstile hook pre-push'",
        ] {
            assert!(calls(text.as_bytes(), Hook::PrePush), "{text}");
            assert!(!calls(text.as_bytes(), Hook::PostMerge), "{text}");
        }
        for text in ["# turnstile hook pre-push", "turnstile hook pre-push-x", "hook pre-push", "turnstile status"] {
            assert!(!calls(text.as_bytes(), Hook::PrePush), "{text}");
        }
    }
}
