//! The fenced `sh` blocks of a body: what a ticket of the built-in agent `shell` runs. Must not know how.

use crate::text::Span;

/// One fenced `sh` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellBlock {
    /// The lines between its fences, as bytes of the body.
    pub span: Span,
    /// The same lines without the indentation of the fence and with plain line breaks.
    pub text: String,
}

struct Fence {
    marker: char,
    length: usize,
    indent: usize,
    is_shell: bool,
}

/// The `sh` blocks in order. Fences are those of `CommonMark`: three or more backticks or tildes, indented by at most
/// three blanks, closed by at least as many of the same; one that is never closed ends with the body.
pub fn shell_blocks(body: &str) -> Vec<ShellBlock> {
    let mut blocks = Vec::new();
    let mut open: Option<(Fence, usize, String)> = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        match &mut open {
            None => open = opening(content).map(|fence| (fence, at + line.len(), String::new())),
            Some((fence, start, text)) => {
                if closes(content, fence) {
                    if fence.is_shell {
                        blocks.push(ShellBlock { span: Span::new(*start, at), text: std::mem::take(text) });
                    }
                    open = None;
                } else {
                    let blanks = content.len() - content.trim_start_matches(' ').len();
                    text.push_str(&content[blanks.min(fence.indent)..]);
                    text.push('\n');
                }
            }
        }
        at += line.len();
    }
    if let Some((fence, start, text)) = open
        && fence.is_shell
    {
        blocks.push(ShellBlock { span: Span::new(start.min(body.len()), body.len()), text });
    }
    blocks
}

/// Whether a line opens or closes a fence, for readers who must not take code for prose.
pub(super) struct FenceTracker(Option<Fence>);

impl FenceTracker {
    /// At the top of a body, outside of every fence.
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Whether the line is prose: neither a fence nor inside of one.
    pub(super) fn is_prose(&mut self, line: &str) -> bool {
        if let Some(fence) = &self.0 {
            if closes(line, fence) {
                self.0 = None;
            }
            return false;
        }
        self.0 = opening(line);
        self.0.is_none()
    }
}

fn opening(line: &str) -> Option<Fence> {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let marker = rest.chars().next().filter(|first| matches!(first, '`' | '~'))?;
    let info = rest.trim_start_matches(marker);
    let length = rest.len() - info.len();
    if indent > 3 || length < 3 || (marker == '`' && info.contains('`')) {
        return None;
    }
    let is_shell = info.split_whitespace().next() == Some("sh");
    Some(Fence { marker, length, indent, is_shell })
}

fn closes(line: &str, fence: &Fence) -> bool {
    let rest = line.trim_start_matches(' ');
    let tail = rest.trim_start_matches(fence.marker);
    line.len() - rest.len() <= 3 && rest.len() - tail.len() >= fence.length && tail.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sh_blocks_count_and_fences_are_those_of_commonmark() {
        for (body, expected) in [
            ("", vec![]),
            ("```sh\necho a\n```\n", vec!["echo a\n"]),
            ("```sh\r\necho a\r\n```\r\n", vec!["echo a\n"]),
            ("```\nno\n```\n```shell\nno\n```\n```sh title=x\nyes\n```\n", vec!["yes\n"]),
            ("~~~sh\n```\n~~\n~~~\n", vec!["```\n~~\n"]),
            ("````sh\n```\n`````\nafter", vec!["```\n"]),
            ("  ```sh\n  a\n    b\n c\n  ```\n", vec!["a\n  b\nc\n"]),
            ("    ```sh\n    no\n    ```\n", vec![]),
            ("```md\n~~~\n```sh\nno\n```\n", vec![]),
            ("``` sh `x`\nno\n", vec![]),
            ("```sh\nnever closed", vec!["never closed\n"]),
            ("```sh\n```\n```sh\nb\n```", vec!["", "b\n"]),
        ] {
            let blocks = shell_blocks(body);
            assert_eq!(blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>(), expected, "{body:?}");
        }
    }

    #[test]
    fn the_span_covers_the_lines_between_the_fences() {
        let body = "x\n```sh\necho a\n```\n";
        assert_eq!(shell_blocks(body)[0].span.of(body), "echo a\n");
    }
}
