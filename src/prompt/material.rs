//! One part of a prompt: the texts it quotes, and how it gets smaller. Must not know how large the whole may be.

use super::Quoted;
use super::quote::{block, code, frame, left_out};

/// A part of a text that is shorter than this helps nobody; the text is left out instead.
const WORTH_SHOWING: usize = 120;

/// So many origins are named where texts were left out.
const NAMED: usize = 3;

/// One text, and the lines above it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// turnstile's own words; may be empty.
    pub(super) head: String,
    /// What is quoted; some entries have only a head.
    pub(super) quoted: Option<Quoted>,
}

impl Entry {
    /// A text without anything above it.
    pub(super) fn bare(quoted: Quoted) -> Self {
        Self { head: String::new(), quoted: Some(quoted) }
    }

    fn shown(&self) -> String {
        match &self.quoted {
            Some(quoted) => self.above(&block(quoted, quoted.text.len())),
            None => self.head.clone(),
        }
    }

    /// As much of the text as fits, or `None` where that is not worth showing.
    fn within(&self, size: usize) -> Option<(String, u64)> {
        let quoted = self.quoted.as_ref()?;
        let take = size.checked_sub(self.head.len() + 1 + frame(quoted))?;
        if take < WORTH_SHOWING {
            return None;
        }
        let take = super::quote::char_floor(&quoted.text, take);
        Some((self.above(&block(quoted, take)), left_out(quoted, take)))
    }

    fn without_text(&self) -> String {
        match &self.quoted {
            Some(_) => self.above(&summary(&[self])),
            None => self.head.clone(),
        }
    }

    fn above(&self, below: &str) -> String {
        if self.head.is_empty() { below.to_owned() } else { format!("{}\n{below}", self.head) }
    }

    /// Bytes that are missing even where everything is shown.
    fn missing(&self) -> u64 {
        self.quoted.as_ref().map_or(0, |quoted| quoted.left_out)
    }

    /// Bytes that are missing where the entry is left out.
    fn whole(&self) -> u64 {
        self.quoted.as_ref().map_or(0, |quoted| left_out(quoted, 0))
    }
}

/// Which texts go first where a part has to get smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shrink {
    /// None: the part is never cut.
    Never,
    /// Whole texts from the first on; what is left out is told in one line.
    FirstToLast,
    /// Whole texts from the last on; what is left out is told in one line.
    LastToFirst,
    /// Texts from the first on, but every head stays and every origin is named.
    KeepHeads,
}

/// One part of a prompt.
#[derive(Clone, Debug)]
pub(super) struct Material {
    pub(super) name: &'static str,
    pub(super) entries: Vec<Entry>,
    pub(super) shrink: Shrink,
}

/// A part as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) cut: u64,
}

impl Material {
    /// All of it.
    pub(super) fn whole(&self) -> Shown {
        let texts: Vec<String> = self.entries.iter().map(Entry::shown).collect();
        Shown { text: texts.join("\n\n"), cut: self.entries.iter().map(Entry::missing).sum() }
    }

    /// As much of it as fits into `size`; where not even the least does, the least.
    pub(super) fn within(&self, size: usize) -> Shown {
        let whole = self.whole();
        if whole.text.len() <= size {
            return whole;
        }
        let less = match self.shrink {
            Shrink::Never => return whole,
            Shrink::FirstToLast => self.dropping(size, false),
            Shrink::LastToFirst => self.dropping(size, true),
            Shrink::KeepHeads => self.emptying(size),
        };
        if less.text.len() < whole.text.len() { less } else { whole }
    }

    fn dropping(&self, size: usize, from_the_end: bool) -> Shown {
        let mut order: Vec<&Entry> = self.entries.iter().collect();
        if from_the_end {
            order.reverse();
        }
        let texts: Vec<String> = order.iter().map(|entry| entry.shown()).collect();
        let mut behind: usize = texts.iter().map(|text| text.len() + 2).sum();
        for (at, entry) in order.iter().enumerate() {
            behind -= texts[at].len() + 2;
            let dropped = &order[..at];
            let told = if dropped.is_empty() { None } else { Some(summary(dropped)) };
            let room = size.checked_sub(behind + told.as_ref().map_or(0, |told| told.len() + 2));
            let Some(room) = room else { continue };
            let fits = if !dropped.is_empty() && texts[at].len() <= room {
                Some((texts[at].clone(), entry.missing()))
            } else {
                entry.within(room)
            };
            if let Some((text, cut)) = fits {
                let mut parts: Vec<String> = told.into_iter().chain([text]).collect();
                parts.extend_from_slice(&texts[at + 1..]);
                if from_the_end {
                    parts.reverse();
                }
                let gone: u64 = dropped.iter().map(|entry| entry.whole()).sum();
                let missing: u64 = order[at + 1..].iter().map(|entry| entry.missing()).sum();
                return Shown { text: parts.join("\n\n"), cut: gone + cut + missing };
            }
        }
        Shown { text: summary(&order), cut: order.iter().map(|entry| entry.whole()).sum() }
    }

    fn emptying(&self, size: usize) -> Shown {
        let mut parts: Vec<(String, u64)> = self.entries.iter().map(|entry| (entry.shown(), entry.missing())).collect();
        let mut total = parts.iter().map(|(text, _)| text.len() + 2).sum::<usize>().saturating_sub(2);
        for (part, entry) in parts.iter_mut().zip(&self.entries) {
            if total <= size {
                break;
            }
            let before = part.0.len();
            let room = before.saturating_sub(total - size);
            let less = entry.within(room).unwrap_or_else(|| (entry.without_text(), entry.whole()));
            if less.0.len() < before {
                total -= before - less.0.len();
                *part = less;
            }
        }
        let cut = parts.iter().map(|(_, cut)| cut).sum();
        let texts: Vec<String> = parts.into_iter().map(|(text, _)| text).collect();
        Shown { text: texts.join("\n\n"), cut }
    }
}

/// One line in the place of texts that were left out.
fn summary(entries: &[&Entry]) -> String {
    let bytes: u64 = entries.iter().map(|entry| entry.whole()).sum();
    let quoted: Vec<&Quoted> = entries.iter().filter_map(|entry| entry.quoted.as_ref()).collect();
    let names: Vec<String> = quoted.iter().take(NAMED).map(|quoted| code(&quoted.origin)).collect();
    let more = quoted.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("[left out, {bytes} bytes: {}{more}]", names.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn material(shrink: Shrink, lengths: &[usize]) -> Material {
        let entries = lengths
            .iter()
            .enumerate()
            .map(|(at, length)| Entry {
                head: format!("head {at}"),
                quoted: Some(Quoted::whole(format!("{at}.md"), "é".repeat(*length))),
            })
            .collect();
        Material { name: "conversation", entries, shrink }
    }

    #[test]
    fn a_conversation_loses_its_oldest_messages_and_says_so() {
        let shown = material(Shrink::FirstToLast, &[200, 200, 200]).within(1100);
        assert!(shown.text.starts_with("[left out, 400 bytes: `0.md`]\n\nhead 1\n<quoted"), "{}", shown.text);
        let only_one_left = material(Shrink::FirstToLast, &[200, 200, 200]).within(600);
        assert!(only_one_left.text.starts_with("[left out, 800 bytes: `0.md`, `1.md`]\n\nhead 2\n"));
        assert_eq!(only_one_left.cut, 800);
    }

    #[test]
    fn files_go_from_the_last_on() {
        let shown = material(Shrink::LastToFirst, &[200, 200, 200]).within(600);
        assert!(shown.text.starts_with("head 0\n<quoted"));
        assert!(shown.text.ends_with("\n\n[left out, 800 bytes: `2.md`, `1.md`]"), "{}", shown.text);
    }

    #[test]
    fn replies_keep_their_heads_and_name_where_they_lie() {
        let shown = material(Shrink::KeepHeads, &[200, 200]).within(0);
        assert_eq!(shown.text, "head 0\n[left out, 400 bytes: `0.md`]\n\nhead 1\n[left out, 400 bytes: `1.md`]");
        assert_eq!(shown.cut, 800);
    }

    #[test]
    fn many_texts_are_told_in_one_short_line() {
        let shown = material(Shrink::FirstToLast, &[50; 1000]).within(0);
        assert_eq!(shown.text, "[left out, 100000 bytes: `0.md`, `1.md`, `2.md` and 997 more]");
    }

    proptest! {
        #[test]
        fn a_part_is_as_large_as_asked_or_as_small_as_it_gets(
            lengths in prop::collection::vec(0usize..400, 0..6),
            size in 0usize..4000,
            shrink in prop_oneof![Just(Shrink::FirstToLast), Just(Shrink::LastToFirst), Just(Shrink::KeepHeads)],
        ) {
            let material = material(shrink, &lengths);
            let least = material.within(0);
            let shown = material.within(size);
            prop_assert!(shown.text.len() <= size.max(least.text.len()), "{} of {size}", shown.text.len());
            prop_assert!(shown.text.len() <= material.whole().text.len());
            let all: usize = lengths.iter().map(|length| length * 2).sum();
            let there = shown.text.matches('é').count() * 2;
            prop_assert_eq!(there as u64 + shown.cut, all as u64);
        }
    }
}
