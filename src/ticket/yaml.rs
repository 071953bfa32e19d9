//! YAML as a tree that knows where everything stands. The limits are checked on the event stream, which is neither
//! recursive nor quadratic, before anything typed is built; so what comes out of here is safe to give to serde.

mod offsets;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use self::offsets::Offsets;
use super::faults::Faults;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Source, Span};

/// The most bytes that one YAML text may have.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most levels of lists and mappings in one another.
pub const MAX_DEPTH: usize = 16;

/// A value and where it stands in the whole source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its bytes. An absent value (`key:`) has none: the place behind the colon. A block scalar begins with its `|`
    /// or `>` and ends behind its last line break; every other value ends with its own last character.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A plain or quoted word, number or text.
    Scalar {
        /// The text, with quotes and escapes resolved.
        text: String,
        /// Whether it was quoted or a block, so that it can only be meant as a text.
        quoted: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the text; a key that stands twice is here twice, and was reported.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key, with quotes and escapes resolved.
    pub name: String,
    /// Its bytes, with the quotes.
    pub span: Span,
}

impl Node {
    /// The value of a key, if this is a mapping that has it; the first one where it stands twice.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Null | Value::Scalar { .. } | Value::Sequence(_) => &[],
        }
    }

    /// What it is, in a word for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// Reads the YAML of `block`, a part of the source. There is a tree unless the text breaks a limit or is not YAML;
/// an empty block is `Null`.
pub fn parse(source: &Source, block: Span) -> (Option<Node>, Vec<Diagnostic>) {
    let mut faults = Faults::new(source);
    if block.end - block.start > MAX_BYTES {
        faults.at_with_help(
            Code::Bomb,
            Span::new(block.start, block.start),
            format!("{} bytes of YAML, more than {MAX_BYTES}", block.end - block.start),
            "move long texts into files of their own",
        );
        return (None, faults.into_sorted());
    }
    let text = block.of(&source.text);
    let mut builder =
        Builder { text, offsets: Offsets::new(text, block.start), faults, stack: Vec::new(), root: None, last: 0 };
    let usable = builder.run();
    let Builder { mut faults, root, .. } = builder;
    let root = root.unwrap_or(Node { span: Span::new(block.start, block.start), value: Value::Null });
    if usable {
        report_duplicates(&root, &mut faults);
    }
    (usable.then_some(root), faults.into_sorted())
}

enum Frame {
    Sequence { span: Span, items: Vec<Node> },
    Mapping { span: Span, entries: Vec<(Key, Node)>, key: Option<Key> },
}

struct Builder<'a> {
    text: &'a str,
    offsets: Offsets,
    faults: Faults<'a>,
    stack: Vec<Frame>,
    root: Option<Node>,
    /// Behind the last event, in bytes of `text`.
    last: usize,
}

impl Builder<'_> {
    /// Whether the text is YAML within the limits.
    fn run(&mut self) -> bool {
        let mut usable = true;
        let mut documents = 0;
        let mut parser = Parser::new_from_str(self.text);
        while let Some(next) = parser.next_event() {
            let (event, at) = match next {
                Ok(next) => next,
                Err(error) => {
                    self.report_scan(&error);
                    return false;
                }
            };
            let span = self.offsets.span(at);
            self.last = self.last.max(span.end - self.offsets.base);
            match event {
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        self.faults.at_with_help(
                            Code::Syntax,
                            span,
                            "a second YAML document begins here",
                            "remove the line, and merge what follows into the first document",
                        );
                        return false;
                    }
                }
                Event::Alias(_) => {
                    usable &= self.refuse_alias(span, usable);
                    self.place(Node { span, value: Value::Null });
                }
                Event::Scalar(text, style, anchor, tag) => {
                    usable &= self.vet(span, anchor, tag.is_some(), usable);
                    let quoted = style != ScalarStyle::Plain;
                    let value = if !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                        Value::Null
                    } else {
                        Value::Scalar { text: text.into_owned(), quoted }
                    };
                    let span = match style {
                        ScalarStyle::Literal | ScalarStyle::Folded => self.with_header(span),
                        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => self.up_to_quote(span),
                        ScalarStyle::Plain => span,
                    };
                    self.place(Node { span, value });
                }
                Event::SequenceStart(anchor, tag) => {
                    usable &= self.vet(span, anchor, tag.is_some(), usable);
                    self.stack.push(Frame::Sequence { span, items: Vec::new() });
                }
                Event::MappingStart(anchor, tag) => {
                    usable &= self.vet(span, anchor, tag.is_some(), usable);
                    self.stack.push(Frame::Mapping { span, entries: Vec::new(), key: None });
                }
                Event::SequenceEnd | Event::MappingEnd => usable &= self.close(span),
            }
            if self.stack.len() > MAX_DEPTH {
                self.faults.at_with_help(
                    Code::Bomb,
                    span,
                    format!("more than {MAX_DEPTH} levels of lists and mappings"),
                    "write it flatter",
                );
                return false;
            }
        }
        usable
    }

    /// Whether a node carries neither an anchor nor a tag; only the first one is reported, for a bomb has thousands.
    fn vet(&mut self, span: Span, anchor: usize, tagged: bool, report: bool) -> bool {
        if anchor > 0 {
            if report {
                self.faults.at_with_help(
                    Code::Bomb,
                    span,
                    "YAML anchors are not accepted",
                    "write the value where it is needed",
                );
            }
            return false;
        }
        if tagged {
            if report {
                self.faults.at_with_help(
                    Code::Syntax,
                    span,
                    "YAML tags are not accepted",
                    "remove the `!…` in front of the value; quote it to make it a text",
                );
            }
            return false;
        }
        true
    }

    fn refuse_alias(&mut self, span: Span, report: bool) -> bool {
        if report {
            self.faults.at_with_help(
                Code::Bomb,
                span,
                "YAML aliases are not accepted",
                "write the value out, or quote it if the `*` is meant",
            );
        }
        false
    }

    fn report_scan(&mut self, error: &ScanError) {
        let start = self.offsets.byte(error.marker().index());
        let span = Span::new(start, start);
        let info = error.info();
        if info.contains("unknown anchor") {
            self.refuse_alias(span, true);
        } else if info.contains("recursion limit") {
            let start = self.one_too_deep(start);
            self.faults.at_with_help(
                Code::Bomb,
                Span::new(start, start),
                format!("more than {MAX_DEPTH} levels of lists and mappings"),
                "write it flatter",
            );
        } else {
            self.faults.at_with_help(
                Code::Syntax,
                span,
                format!("not YAML: {info}"),
                "quote texts that hold `: `, ` #` or begin with one of `[{*&!|>@%`, and indent with spaces",
            );
        }
    }

    /// The bracket that is one too many. The scanner reads ahead of the events, and gives up far behind it.
    fn one_too_deep(&self, given_up: usize) -> usize {
        let ahead = &self.text[self.last..given_up - self.offsets.base];
        let left = MAX_DEPTH.saturating_sub(self.stack.len());
        ahead.match_indices(['[', '{']).nth(left).map_or(given_up, |(at, _)| self.offsets.base + self.last + at)
    }

    /// The parser's span of a block scalar begins with its first line; this one begins with its `|` or `>`.
    fn with_header(&self, span: Span) -> Span {
        let from = match self.stack.last() {
            Some(Frame::Mapping { key: Some(key), .. }) => key.span.end,
            Some(Frame::Mapping { span, .. } | Frame::Sequence { span, .. }) => span.start,
            None => self.offsets.base,
        };
        let before = &self.text[from - self.offsets.base..span.start - self.offsets.base];
        match (before.rfind('|'), before.rfind('>')) {
            (None, None) => span,
            (literal, folded) => Span::new(from + literal.max(folded).unwrap_or_default(), span.end),
        }
    }

    /// The parser's span of a quoted text may go on over the comment behind it; this one ends with the closing quote.
    fn up_to_quote(&self, span: Span) -> Span {
        let written = &self.text[span.start - self.offsets.base..];
        let mut characters = written.char_indices().peekable();
        let quote = characters.next().map(|(_, quote)| quote);
        while let Some((at, character)) = characters.next() {
            if quote == Some('"') && character == '\\' {
                characters.next();
            } else if Some(character) == quote {
                if quote == Some('\'') && characters.next_if(|(_, next)| *next == '\'').is_some() {
                    continue;
                }
                return Span::new(span.start, span.start + at + 1);
            }
        }
        span
    }

    /// Where an absent value would be written: the parser names the end of the key, before the colon.
    fn behind_colon(&self, key: &Key, span: Span) -> Span {
        let rest = &self.text[key.span.end - self.offsets.base..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if span.start <= key.span.end + blanks && rest[blanks..].starts_with(':') {
            let at = key.span.end + blanks + 1;
            return Span::new(at, at);
        }
        span
    }

    fn close(&mut self, end: Span) -> bool {
        let (span, value) = match self.stack.pop() {
            Some(Frame::Sequence { span, items }) => {
                let last = items.last().map(|item| item.span);
                let span = items.first().map_or(span, |first| self.with_dash(span, first.span));
                (self.whole(span, last, end, ']'), Value::Sequence(items))
            }
            Some(Frame::Mapping { span, entries, .. }) => {
                let last = entries.last().map(|(key, node)| Span::new(key.span.start, node.span.end));
                (self.whole(span, last, end, '}'), Value::Mapping(entries))
            }
            None => return true,
        };
        // A list or a mapping as a key is YAML, but nothing here has such a key.
        if let Some(Frame::Mapping { key: None, .. }) = self.stack.last() {
            self.faults.at_with_help(Code::Syntax, span, "a list or a mapping as a key", "quote it, or write one word");
            if let Some(Frame::Mapping { key, .. }) = self.stack.last_mut() {
                *key = Some(Key { name: String::new(), span });
            }
            return false;
        }
        self.place(Node { span, value });
        true
    }

    /// The parser lets a list that is not indented begin with its first item; this one begins with its first dash.
    fn with_dash(&self, span: Span, first: Span) -> Span {
        let before = self.text[..span.start - self.offsets.base].trim_end();
        if span.start == first.start && before.ends_with('-') {
            return Span::new(self.offsets.base + before.len() - 1, span.end);
        }
        span
    }

    /// A flow collection ends with its bracket; a block one with its last child, not with the token that closes it.
    fn whole(&self, start: Span, last: Option<Span>, end: Span, bracket: char) -> Span {
        let at = end.start - self.offsets.base;
        if self.text[start.start - self.offsets.base..].starts_with(['[', '{']) && self.text[at..].starts_with(bracket)
        {
            return Span::new(start.start, end.start + 1);
        }
        match last {
            Some(last) => Span::new(start.start, last.end.max(start.start)),
            None => Span::new(start.start, start.start),
        }
    }

    fn place(&mut self, node: Node) {
        let behind = match (&node.value, self.stack.last()) {
            (Value::Null, Some(Frame::Mapping { key: Some(key), .. })) if node.span.start == node.span.end => {
                Some(self.behind_colon(key, node.span))
            }
            _ => None,
        };
        let node = Node { span: behind.unwrap_or(node.span), ..node };
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Sequence { items, .. }) => items.push(node),
            Some(Frame::Mapping { entries, key, .. }) => {
                if let Some(key) = key.take() {
                    entries.push((key, node));
                    return;
                }
                let name = match node.value {
                    Value::Scalar { text, .. } => text,
                    Value::Null | Value::Sequence(_) | Value::Mapping(_) => String::new(),
                };
                *key = Some(Key { name, span: node.span });
            }
        }
    }
}

fn report_duplicates(node: &Node, faults: &mut Faults<'_>) {
    match &node.value {
        Value::Null | Value::Scalar { .. } => {}
        Value::Sequence(items) => {
            for item in items {
                report_duplicates(item, faults);
            }
        }
        Value::Mapping(entries) => {
            let mut keys: Vec<&Key> = entries.iter().map(|(key, _)| key).collect();
            keys.sort_by_key(|key| (key.name.as_str(), key.span.start));
            for pair in keys.windows(2) {
                if pair[0].name == pair[1].name {
                    faults.at_with_help(
                        Code::DuplicateKey,
                        pair[1].span,
                        format!("`{}` stands twice", crate::text::shown_line(&pair[1].name)),
                        "keep one of them",
                    );
                }
            }
            for (_, node) in entries {
                report_duplicates(node, faults);
            }
        }
    }
}

#[cfg(test)]
mod tests;
