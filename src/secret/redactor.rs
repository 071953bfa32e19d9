//! Takes secrets out of a stream: every byte is looked at once, and what may yet become a secret waits for what follows.

use super::automaton::State;
use super::screen::{Hit, Pattern, Screen};
use super::shapes::{Alphabet, KEY_FILE_END, Shape};

/// A token is never longer than this, a key file neither: a program that prints without end is not waited for.
const LONGEST: usize = 64 * 1024;
/// A run that has not become a token by then is none.
const PATIENCE: usize = 4096;
/// At most so many beginnings are followed at once.
const CANDIDATES: usize = 16;
/// At most so many finds are listed; all are taken out.
const LISTED: usize = 1000;
/// How much of a long text is worked on before what is certain is given out.
const PORTION: usize = 64 * 1024;

/// A stream of bytes without its secrets.
pub struct Redactor<'s> {
    screen: &'s Screen,
    state: State,
    /// What was not given out yet, and the number of its first byte in the stream.
    held: Vec<u8>,
    from: usize,
    /// The byte before it.
    before: Option<u8>,
    /// What is to be taken out, in the order of its ends.
    marks: Vec<Mark>,
    candidates: Vec<Candidate>,
    /// The last mark grows with each byte of this alphabet.
    growing: Option<Growing>,
    /// What lies before it is not given out.
    silent: usize,
    hits: Vec<Hit>,
}

#[derive(Clone, Copy)]
struct Mark {
    start: usize,
    end: usize,
    pattern: usize,
}

/// The beginning of a token was seen.
struct Candidate {
    shape: Shape,
    pattern: usize,
    start: usize,
    body: usize,
    with: usize,
}

#[derive(Clone, Copy)]
enum Growing {
    Token(Alphabet),
    /// The last line of a key file ends it.
    LastLine,
}

impl<'s> Redactor<'s> {
    /// The beginning of a stream.
    pub fn new(screen: &'s Screen) -> Self {
        Self {
            screen,
            state: 0,
            held: Vec::new(),
            from: 0,
            before: None,
            marks: Vec::new(),
            candidates: Vec::new(),
            growing: None,
            silent: 0,
            hits: Vec::new(),
        }
    }

    /// Takes more of the stream, and gives out what is certain.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for portion in bytes.chunks(PORTION) {
            self.look(portion);
            self.give(self.certain(), out);
        }
    }

    /// What was taken so far is not given out, as if it had only been looked at. A secret that goes on behind it is taken out
    /// all the same.
    pub fn forget(&mut self) {
        self.silent = self.end();
    }

    /// How many bytes wait for what follows them.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Nothing more comes. Says what was taken out.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Vec<Hit> {
        let end = self.end();
        for candidate in std::mem::take(&mut self.candidates) {
            if candidate.is_whole() && candidate.shape.before.is_none() {
                self.mark(candidate.start, end, candidate.pattern);
            }
        }
        self.give(end, out);
        self.hits
    }

    fn end(&self) -> usize {
        self.from + self.held.len()
    }

    fn look(&mut self, bytes: &[u8]) {
        let automaton = &self.screen.automaton;
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == 0 && self.candidates.is_empty() && self.growing.is_none() {
                let skipped = rest.iter().position(|byte| automaton.begins(*byte)).unwrap_or(rest.len());
                self.held.extend_from_slice(&rest[..skipped]);
                rest = &rest[skipped..];
            }
            let Some((byte, more)) = rest.split_first() else { break };
            self.held.push(*byte);
            self.step(*byte);
            rest = more;
        }
    }

    fn step(&mut self, byte: u8) {
        self.grow(byte);
        self.follow(byte);
        self.state = self.screen.automaton.next(self.state, byte);
        let end = self.end();
        for number in self.screen.automaton.ends(self.state) {
            let (pattern, length) = self.screen.pattern(*number);
            let start = end - length;
            match pattern {
                Pattern::Known(_) => self.mark(start, end, *number as usize),
                Pattern::Shape(shape) => {
                    let shape = *shape;
                    let open = self.marks.last().is_none_or(|mark| start >= mark.end);
                    if open && self.candidates.len() < CANDIDATES && self.stands_alone(start, &shape) {
                        self.candidates.push(Candidate { shape, pattern: *number as usize, start, body: 0, with: 0 });
                    }
                }
                Pattern::KeyFileEnd => {
                    if matches!(self.growing, Some(Growing::Token(Alphabet::KeyFile))) {
                        self.growing = Some(Growing::LastLine);
                    }
                }
            }
        }
    }

    /// A token does not begin in the middle of a word. What begins with a sign does.
    fn stands_alone(&self, start: usize, shape: &Shape) -> bool {
        let before = match start.checked_sub(self.from + 1) {
            Some(at) => self.held.get(at).copied(),
            None => self.before,
        };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        // Written as `\n` in JSON, the end of a line is a letter.
        !shape.beginning.as_bytes().first().is_some_and(|first| is_word(*first)) || !before.is_some_and(is_word) || {
            before == Some(b'n') && start >= self.from + 2 && self.held.get(start - self.from - 2) == Some(&b'\\')
        }
    }

    fn grow(&mut self, byte: u8) {
        let end = self.end();
        let Some(mark) = self.marks.last_mut() else { return };
        let goes_on = match self.growing {
            None => return,
            Some(Growing::Token(alphabet)) => alphabet.holds(byte),
            Some(Growing::LastLine) => byte == b'-' || byte == b' ' || byte.is_ascii_uppercase(),
        };
        if goes_on && end - mark.start < LONGEST {
            mark.end = end;
        } else {
            self.growing = None;
        }
    }

    fn follow(&mut self, byte: u8) {
        let end = self.end();
        let mut at = 0;
        while let Some(candidate) = self.candidates.get_mut(at) {
            let shape = candidate.shape;
            if shape.alphabet.holds(byte) && candidate.body < PATIENCE && candidate.may_go_on_with(byte) {
                candidate.body += 1;
                candidate.with += usize::from(shape.with.is_some_and(|(with, _)| with == byte));
                let (start, pattern) = (candidate.start, candidate.pattern);
                if shape.most == 0 && shape.before.is_none() && candidate.is_whole() {
                    self.mark(start, end, pattern);
                    self.growing = Some(Growing::Token(shape.alphabet));
                    self.candidates.clear();
                    return;
                }
                at += 1;
                continue;
            }
            let over = self.candidates.remove(at);
            if over.is_whole() && shape.before.is_none_or(|before| before == byte) && over.body < PATIENCE {
                self.mark(over.start, end - 1, over.pattern);
            }
        }
    }

    fn mark(&mut self, start: usize, end: usize, pattern: usize) {
        let mut mark = Mark { start, end, pattern };
        // What it covers, or overlaps with, is taken out as one.
        while let Some(last) = self.marks.last().filter(|last| last.end > mark.start) {
            // What weighs more gives its name; of two that weigh the same, the one that begins first, else the longer.
            let weights = (self.screen.weight(last.pattern), self.screen.weight(mark.pattern));
            if weights.0 > weights.1 || (weights.0 == weights.1 && last.start < mark.start) {
                mark.pattern = last.pattern;
            }
            mark.start = mark.start.min(last.start);
            mark.end = mark.end.max(last.end);
            self.marks.pop();
        }
        self.marks.push(mark);
    }

    /// Up to where nothing that follows can change what is a secret.
    fn certain(&self) -> usize {
        let mut certain = self.end() - self.screen.automaton.depth(self.state);
        for candidate in &self.candidates {
            certain = certain.min(candidate.start);
        }
        if self.growing.is_some()
            && let Some(mark) = self.marks.last()
        {
            certain = certain.min(mark.start);
        }
        // Where a mark reaches further, it waits as a whole: it may yet become longer.
        for mark in self.marks.iter().rev() {
            if mark.end > certain {
                certain = certain.min(mark.start);
            }
        }
        certain.max(self.from)
    }

    fn between(&self, start: usize, end: usize) -> &[u8] {
        let start = start.max(self.silent).min(end);
        &self.held[start - self.from..end - self.from]
    }

    fn give(&mut self, certain: usize, out: &mut Vec<u8>) {
        let given = self.marks.iter().take_while(|mark| mark.end <= certain).count();
        let mut at = self.from;
        let marks: Vec<Mark> = self.marks.drain(..given).collect();
        for mark in marks {
            out.extend_from_slice(self.between(at, mark.start));
            let hit =
                self.screen.hit(mark.pattern, &self.held[mark.start - self.from..mark.end - self.from], mark.start);
            if mark.end > self.silent {
                out.extend_from_slice(hit.marker().as_bytes());
            }
            if self.hits.len() < LISTED {
                self.hits.push(hit);
            }
            at = mark.end;
        }
        out.extend_from_slice(self.between(at, certain));
        if certain > self.from {
            self.before = self.held.get(certain - self.from - 1).copied();
            self.held.drain(..certain - self.from);
            self.from = certain;
        }
    }
}

impl Candidate {
    /// A line ends behind the first one of a key file; where text goes on, somebody writes about key files.
    fn may_go_on_with(&self, byte: u8) -> bool {
        self.shape.alphabet != Alphabet::KeyFile || self.body > 0 || matches!(byte, b'\n' | b'\r' | b'\\')
    }

    fn is_whole(&self) -> bool {
        let shape = &self.shape;
        self.body >= shape.least
            && (shape.most == 0 || self.body <= shape.most)
            && shape.with.is_none_or(|(_, count)| self.with >= count)
    }
}

/// What the automaton looks for besides secrets.
pub(super) const EXTRA: &[u8] = KEY_FILE_END;

#[cfg(test)]
mod tests;
