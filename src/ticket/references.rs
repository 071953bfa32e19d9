//! How tickets are named and ordered: natural order, numbers, and references that find an id.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::types::{Read, TicketId};
use crate::text::nearest;

/// Every id of a worktree, prepared for looking up.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    exact: HashMap<TicketId, usize>,
    ordered: Vec<TicketId>,
    by_name: HashMap<String, Vec<usize>>,
    by_number: HashMap<String, Vec<usize>>,
    /// Last components in order, so that those with one prefix stand side by side.
    names: Vec<(String, usize)>,
}

/// Why a reference finds no ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing matches.
    None {
        /// What was probably meant.
        nearest: Option<TicketId>,
    },
    /// More than one ticket matches in the same way.
    Ambiguous(Vec<TicketId>),
}

impl Ids {
    /// Prepares the ids; they are listed in natural order wherever several are named.
    pub fn new(ids: impl IntoIterator<Item = TicketId>) -> Self {
        let mut ordered: Vec<TicketId> = ids.into_iter().collect();
        ordered.sort_by(|one, other| natural_order(one.as_str(), other.as_str()));
        ordered.dedup();
        let count = ordered.len();
        let mut prepared = Self {
            ordered,
            exact: HashMap::with_capacity(count),
            by_name: HashMap::with_capacity(count),
            by_number: HashMap::with_capacity(count),
            names: Vec::with_capacity(count),
        };
        for (index, id) in prepared.ordered.iter().enumerate() {
            prepared.exact.insert(id.clone(), index);
            prepared.by_name.entry(id.name().to_owned()).or_default().push(index);
            if let Some(number) = number_of(id.name()) {
                prepared.by_number.entry(number.to_owned()).or_default().push(index);
            }
            prepared.names.push((id.name().to_owned(), index));
        }
        prepared.names.sort();
        prepared
    }

    /// The ids of these tickets.
    pub fn of(reads: &[Read]) -> Self {
        Self::new(reads.iter().map(|read| read.id.clone()))
    }

    /// The ids in natural order.
    pub fn all(&self) -> &[TicketId] {
        &self.ordered
    }

    /// Whether there is a ticket with exactly this id.
    pub fn contains(&self, id: &TicketId) -> bool {
        self.exact.contains_key(id)
    }

    fn with_prefix(&self, prefix: &str) -> Vec<usize> {
        let from = self.names.partition_point(|(name, _)| name.as_str() < prefix);
        let mut found: Vec<usize> = self.names[from..]
            .iter()
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(_, index)| *index)
            .collect();
        found.sort_unstable();
        found
    }

    /// What a reference finds, without a guess at what was meant.
    pub(super) fn find(&self, reference: &str, from_folder: &str) -> Found {
        let below = reference.strip_prefix(".tickets/").unwrap_or(reference);
        let written =
            below.strip_suffix(".md").filter(|_| !self.exact.contains_key(&TicketId::new(below))).unwrap_or(below);
        if written.is_empty() {
            return Found::Nothing;
        }
        if let Some(index) = self.exact.get(&TicketId::new(written)) {
            return Found::One(*index);
        }
        if let Some(found) = self.by_name.get(written) {
            return Found::of(found.clone());
        }
        if let Some(found) = reference_number(written).and_then(|number| self.by_number.get(number)) {
            let own: Vec<usize> =
                found.iter().copied().filter(|index| self.ordered[*index].folder() == from_folder).collect();
            return Found::of(if own.is_empty() { found.clone() } else { own });
        }
        Found::of(self.with_prefix(written))
    }

    pub(super) fn id(&self, index: usize) -> &TicketId {
        &self.ordered[index]
    }

    pub(super) fn index(&self, id: &TicketId) -> Option<usize> {
        self.exact.get(id).copied()
    }
}

/// What a reference finds, as indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    One(usize),
    Several(Vec<usize>),
}

impl Found {
    fn of(found: Vec<usize>) -> Self {
        match found.as_slice() {
            [] => Self::Nothing,
            [one] => Self::One(*one),
            [_, _, ..] => Self::Several(found),
        }
    }
}

/// The ticket that a reference names. Tried in order, the first kind that matches decides: the exact id, the exact last
/// component, the number (the folder of the one who refers first), a prefix of the last component.
pub fn resolve(reference: &str, from_folder: &str, ids: &Ids) -> Result<TicketId, Unresolved> {
    match ids.find(reference, from_folder) {
        Found::One(index) => Ok(ids.id(index).clone()),
        Found::Several(found) => {
            Err(Unresolved::Ambiguous(found.into_iter().map(|index| ids.id(index).clone()).collect()))
        }
        Found::Nothing => Err(Unresolved::None { nearest: nearest_id(reference, ids) }),
    }
}

fn nearest_id(reference: &str, ids: &Ids) -> Option<TicketId> {
    let by_id = nearest(reference, ids.all().iter().map(TicketId::as_str)).map(TicketId::new);
    by_id.or_else(|| {
        let name = nearest(reference, ids.names.iter().map(|(name, _)| name.as_str()))?;
        ids.by_name.get(name).and_then(|found| found.first()).map(|index| ids.id(*index).clone())
    })
}

/// The first run of digits of a file name, without leading zeros.
pub(super) fn number_of(name: &str) -> Option<&str> {
    let start = name.find(|character: char| character.is_ascii_digit())?;
    let rest = &name[start..];
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    Some(without_zeros(&rest[..end]))
}

fn without_zeros(digits: &str) -> &str {
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() { "0" } else { bare }
}

/// The number of a reference that is one, with or without letters before it: `10`, `010`, `TICKET-010`.
fn reference_number(reference: &str) -> Option<&str> {
    let digits = reference
        .trim_start_matches(|character: char| character.is_alphabetic() || matches!(character, '-' | '_' | '#'));
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| without_zeros(digits))
}

/// Folder by folder, numbers by their value: `2-x` before `10-x`. Total: only equal paths are equal.
pub fn natural_order(one: &str, other: &str) -> Ordering {
    // What both begin with decides nothing, and paths begin with much. A number that differs is compared as a whole.
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let mut from = one.as_bytes()[..same].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    // Most tickets differ in their numbers: two numbers that differ decide.
    if let (Some(number), Some(other_number)) = (digits_at(one, from), digits_at(other, from)) {
        let by_value = by_value(number, other_number);
        if by_value != Ordering::Equal {
            return by_value;
        }
    }
    while !(one.is_char_boundary(from) && other.is_char_boundary(from)) {
        from -= 1;
    }
    order_from_the_start(&one[from..], &other[from..])
}

/// The run of digits at a place, if one is there.
fn digits_at(text: &str, from: usize) -> Option<&str> {
    let count = text.as_bytes()[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &text[from..from + count])
}

fn by_value(digits: &str, other: &str) -> Ordering {
    let (bare, other_bare) = (without_zeros(digits), without_zeros(other));
    bare.len().cmp(&other_bare.len()).then_with(|| bare.cmp(other_bare))
}

fn order_from_the_start(one: &str, other: &str) -> Ordering {
    let mut others = other.split('/');
    for part in one.split('/') {
        let Some(other) = others.next() else { return Ordering::Greater };
        match natural_part(part, other) {
            Ordering::Equal => {}
            decided => return decided,
        }
    }
    if others.next().is_some() { Ordering::Less } else { one.cmp(other) }
}

fn natural_part(mut one: &str, mut other: &str) -> Ordering {
    loop {
        let (Some(first), Some(second)) = (one.chars().next(), other.chars().next()) else {
            return one.len().cmp(&other.len());
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let (digits, rest) = take_digits(one);
            let (other_digits, other_rest) = take_digits(other);
            let by_value = by_value(digits, other_digits);
            if by_value != Ordering::Equal {
                return by_value;
            }
            (one, other) = (rest, other_rest);
        } else if first == second {
            (one, other) = (&one[first.len_utf8()..], &other[second.len_utf8()..]);
        } else {
            return first.cmp(&second);
        }
    }
}

fn take_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(ids: &[&str]) -> Ids {
        Ids::new(ids.iter().map(|id| TicketId::new(*id)))
    }

    fn shown(reference: &str, from_folder: &str, ids: &Ids) -> String {
        match resolve(reference, from_folder, ids) {
            Ok(id) => id.to_string(),
            Err(Unresolved::None { nearest: None }) => "none".to_owned(),
            Err(Unresolved::None { nearest: Some(id) }) => format!("none, near {id}"),
            Err(Unresolved::Ambiguous(ids)) => {
                format!("several: {}", ids.iter().map(TicketId::as_str).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn the_first_kind_that_matches_decides() {
        let all = ids(&[
            "001-parse",
            "auth/010-login",
            "auth/011-logout",
            "web/010-page",
            "web/page",
            "page",
            "TICKET-020",
            "7",
            "x/7-seven",
            "notes",
        ]);
        for (reference, folder, expected) in [
            ("auth/010-login", "", "auth/010-login"),
            ("page", "", "page"),
            ("010-login", "", "auth/010-login"),
            ("7", "x", "7"),
            ("10", "", "several: auth/010-login web/010-page"),
            ("10", "auth", "auth/010-login"),
            ("TICKET-010", "web", "web/010-page"),
            ("T11", "", "auth/011-logout"),
            ("20", "", "TICKET-020"),
            ("020", "", "TICKET-020"),
            ("001-p", "", "001-parse"),
            ("01", "", "001-parse"),
            ("0", "", "several: 001-parse auth/010-login auth/011-logout web/010-page"),
            ("no", "", "notes"),
            ("001-prase", "", "none, near 001-parse"),
            ("99", "", "none"),
            ("", "", "none"),
            (".tickets/auth/010-login.md", "", "auth/010-login"),
            ("auth/10", "", "none"),
        ] {
            assert_eq!(shown(reference, folder, &all), expected, "{reference:?} from {folder:?}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value_and_folders_one_by_one() {
        let mut paths = ["a/10-x", "a-b/1", "10-x", "2-x", "02-x", "a/2-x", "a", "b", "A", "1/2", "1"];
        paths.sort_by(|one, other| natural_order(one, other));
        assert_eq!(paths, ["1", "1/2", "02-x", "2-x", "10-x", "A", "a", "a/2-x", "a/10-x", "a-b/1", "b"]);
    }

    proptest! {
        #[test]
        fn natural_order_is_total(
            one in "[a0-9/é]{0,6}", two in "[a0-9/é]{0,6}", three in "[a0-9/é]{0,6}"
        ) {
            prop_assert_eq!(natural_order(&one, &two) == Ordering::Equal, one == two);
            prop_assert_eq!(natural_order(&one, &two), natural_order(&two, &one).reverse());
            if natural_order(&one, &two).is_le() && natural_order(&two, &three).is_le() {
                prop_assert!(natural_order(&one, &three).is_le());
            }
        }

        #[test]
        fn what_two_paths_begin_with_decides_nothing(
            same in "[a0-9/éè]{0,5}", one in "[a0-9/éè]{0,4}", other in "[a0-9/éè]{0,4}"
        ) {
            let (one, other) = (format!("{same}{one}"), format!("{same}{other}"));
            prop_assert_eq!(natural_order(&one, &other), order_from_the_start(&one, &other));
        }

        #[test]
        fn every_id_finds_itself(names in prop::collection::vec("[ab0-9]{1,3}(/[ab0-9]{1,3})?", 1..8)) {
            let ids = Ids::new(names.iter().map(|name| TicketId::new(name.as_str())));
            for name in &names {
                prop_assert_eq!(resolve(name, "", &ids).unwrap(), TicketId::new(name.as_str()));
            }
        }
    }
}
