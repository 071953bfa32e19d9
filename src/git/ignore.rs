//! Git's rules of what is ignored, for patterns whose meaning is beyond doubt. A file with any other pattern is left
//! to the git program.

/// The rules of one file, last one first.
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// How much of a path lies above the folder of the file.
    base: usize,
}

struct Rule {
    negated: bool,
    folders_only: bool,
    pattern: Pattern,
}

enum Pattern {
    /// Without a slash: the name counts, at any depth.
    Name(Vec<u8>),
    /// With a slash: the whole path from the folder of the file; none is `**`, any number of folders.
    Path(Vec<Option<Vec<u8>>>),
}

impl Rules {
    /// No rules.
    pub fn none() -> Self {
        Self { rules: Vec::new(), base: 0 }
    }

    /// Reads a file of patterns that lies in a folder whose path, with its slash, has `base` bytes. None: it holds a
    /// pattern that only git understands.
    pub fn read(text: &[u8], base: usize) -> Option<Self> {
        if text.starts_with(b"\xef\xbb\xbf") {
            return None;
        }
        let mut rules = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() && !line.starts_with(b"#") {
                match rule(line) {
                    Line::Rule(rule) => rules.push(rule),
                    Line::Nothing => {}
                    Line::NotUnderstood => return None,
                }
            }
        }
        rules.reverse();
        Some(Self { rules, base })
    }

    /// Whether the path is ignored, by what these rules say alone; none where they do not speak of it.
    pub fn decide(&self, path: &[u8], is_folder: bool) -> Option<bool> {
        let below = path.get(self.base..)?;
        let name = below.rsplit(|byte| *byte == b'/').next()?;
        let matching = self.rules.iter().find(|rule| {
            (is_folder || !rule.folders_only)
                && match &rule.pattern {
                    Pattern::Name(pattern) => matches(pattern, name),
                    Pattern::Path(parts) => {
                        let components: Vec<&[u8]> = below.split(|byte| *byte == b'/').collect();
                        leads_to(parts, &components)
                    }
                }
        });
        matching.map(|rule| !rule.negated)
    }
}

/// What a line of an ignore file comes to.
enum Line {
    Rule(Rule),
    /// Blanks.
    Nothing,
    NotUnderstood,
}

fn rule(line: &[u8]) -> Line {
    // Brackets and escapes have corners, and other control characters than these are nobody's intention.
    if line.iter().any(|byte| matches!(byte, b'[' | b'\\' | 0..=0x1f | 0x7f)) {
        return Line::NotUnderstood;
    }
    let line = line.trim_ascii_end();
    if line.is_empty() {
        return Line::Nothing;
    }
    let (negated, pattern) = match line.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (folders_only, pattern) = match pattern.strip_suffix(b"/") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let pattern = if pattern.contains(&b'/') {
        let parts = pattern.strip_prefix(b"/").unwrap_or(pattern).split(|byte| *byte == b'/');
        let parts = parts.map(|part| match part {
            b"" => None,
            b"**" => Some(None),
            part if part.windows(2).any(|pair| pair == b"**") => None,
            part => Some(Some(part.to_vec())),
        });
        let Some(parts) = parts.collect() else { return Line::NotUnderstood };
        Pattern::Path(parts)
    } else if pattern.is_empty() {
        return Line::NotUnderstood;
    } else {
        Pattern::Name(pattern.to_vec())
    };
    Line::Rule(Rule { negated, folders_only, pattern })
}

/// `**` at the end stands for everything below, elsewhere for any number of folders, also none.
fn leads_to(parts: &[Option<Vec<u8>>], components: &[&[u8]]) -> bool {
    match parts {
        [] => components.is_empty(),
        [None] => !components.is_empty(),
        [None, rest @ ..] => (0..components.len()).any(|skip| leads_to(rest, components.get(skip..).unwrap_or(&[]))),
        [Some(part), rest @ ..] => match components {
            [name, below @ ..] => matches(part, name) && leads_to(rest, below),
            [] => false,
        },
    }
}

/// `*` stands for anything, `?` for one byte.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(read) => {
                at += 1;
                read += 1;
            }
            Some(_) | None => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_git_says() {
        let cases: [(&str, &str, bool, Option<bool>); 20] = [
            ("*.log", "d/x.log", false, Some(true)),
            ("*.log\n!x.log", "d/x.log", false, Some(false)),
            ("out/", "out", true, Some(true)),
            ("out/", "d/out", true, Some(true)),
            ("out/", "out", false, None),
            ("/out", "d/out", false, None),
            ("/out", "out", false, Some(true)),
            ("d/out", "d/out", false, Some(true)),
            ("d/out", "e/d/out", false, None),
            ("d/*", "d/e/f", false, None),
            ("d/**", "d/e/f", false, Some(true)),
            ("d/**", "d", true, None),
            ("**/f", "f", false, Some(true)),
            ("**/f", "d/e/f", false, Some(true)),
            ("d/**/f", "d/f", false, Some(true)),
            ("d/**/f", "d/e/e/f", false, Some(true)),
            ("a?c", "abc", false, Some(true)),
            ("a*c*e", "abcde", false, Some(true)),
            ("a*c*e", "abcdf", false, None),
            ("  \r\n# x\nx  \r\n", "x", false, Some(true)),
        ];
        for (text, path, is_folder, wanted) in cases {
            let rules = Rules::read(text.as_bytes(), 0).unwrap();
            assert_eq!(rules.decide(path.as_bytes(), is_folder), wanted, "{text:?} for {path}");
        }
        assert_eq!(Rules::read(b"/x", 2).unwrap().decide(b"d/x", false), Some(true), "from the folder of the file");
    }

    #[test]
    fn what_has_corners_is_left_to_git() {
        for text in ["[ab]", "a\\ ", "\u{feff}x", "a//b", "!", "/", "a**/b", "\x01", "x\tz"] {
            assert!(Rules::read(text.as_bytes(), 0).is_none(), "{text:?}");
        }
    }
}
