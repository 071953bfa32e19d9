//! Which known word somebody probably meant.

/// Longer words are nobody's slip of the keyboard, and comparing them costs time.
const LONGEST: usize = 100;

/// The candidate nearest to a word, if one is near enough to be meant: at most one slip in three characters.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let slips = word.chars().count() / 3;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_the_word_and_another_word_does_not() {
        let known = ["agent", "done", "depends_on", "priority"];
        for (word, expected) in [
            ("agnet", Some("agent")),
            ("Agent", Some("agent")),
            ("depend-on", Some("depends_on")),
            ("don", Some("done")),
            ("owner", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(101), ["x"]), None);
    }
}
