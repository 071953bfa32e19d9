//! Rung 6: what nobody has trusted starts nothing, but for what a turn of this run made of it.

use std::collections::BTreeMap;

use super::*;

fn file(path: &str, change: TrustChange, digest: &str) -> Untrusted {
    Untrusted { path: path.into(), kind: TrustKind::of(path), change, digest: digest.into() }
}

fn distrusting(files: &[Untrusted]) -> Survey {
    Survey { trust: TrustFact { files: files.to_vec(), ..TrustFact::default() }, ..world() }
}

const CONFIG: &str = ".tickets/config.yaml";
const SETTINGS: &str = ".claude/settings.local.json";

#[test]
fn what_differs_from_what_was_trusted_is_found_by_its_digest() {
    let lies = |digest: &str| Some(Lies::File(digest.to_owned()));
    let unreadable = |is_fault| Some(Lies::Unreadable { why: "no".into(), is_fault });
    for (trusted, found, expected) in [
        (&[][..], None, None),
        (&[], lies("a"), Some((TrustChange::New, "a"))),
        (&["a"], lies("a"), None),
        (&["a"], lies("b"), Some((TrustChange::Changed, "b"))),
        (&["a", "b"], lies("a"), None),
        (&["a"], None, Some((TrustChange::Gone, "gone"))),
        (&["a", "gone"], None, None),
        (&["gone"], lies("a"), Some((TrustChange::New, "a"))),
        (&["gone", "a"], None, None),
        (&["a"], unreadable(true), None),
        (&["a"], unreadable(false), Some((TrustChange::Unreadable("no".into()), ""))),
    ] {
        let known = trusted.iter().map(ToString::to_string).collect::<Vec<_>>();
        let trusted: Trusted = if known.is_empty() { Trusted::new() } else { [(CONFIG.to_owned(), known)].into() };
        let lies: BTreeMap<String, Lies> = found.into_iter().map(|found| (CONFIG.to_owned(), found)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(change, digest)| file(CONFIG, change, digest)).collect();
        assert_eq!(untrusted(&trusted, &lies), expected, "{trusted:?} {lies:?}");
    }
}

#[test]
fn what_lies_below_something_that_is_a_fault_is_not_gone() {
    let trusted: Trusted = [(".tickets/templates/turn.md".to_owned(), vec!["a".to_owned()])].into();
    let fault = |path: &str| {
        let lies = Lies::Unreadable { why: String::new(), is_fault: true };
        untrusted(&trusted, &[(path.to_owned(), lies)].into())
    };
    assert_eq!(fault(".tickets"), []);
    assert_eq!(fault(".tickets/templates"), []);
    assert_eq!(fault(".tickets/temp").len(), 1);
}

#[test]
fn nothing_starts_by_what_nobody_has_trusted_and_it_comes_before_faults() {
    let run = fold(&begun());
    for path in [CONFIG, ".tickets/templates/turn.md", SETTINGS] {
        let mut survey = distrusting(&[file(path, TrustChange::New, "a")]);
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), "6: untrusted", "{path}");
        survey.config = vec!["a fault".into()];
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), "6: untrusted", "{path}");
        survey.stop_file = Some(String::new());
        assert_eq!(told(&choice(&run, &survey, &policy(), true)), "1: stop_file", "{path}");
    }
    assert_eq!(told(&choice(&run, &distrusting(&[]), &policy(), true)), "17: turn 1 of one");
}

#[test]
fn what_a_turn_made_of_config_and_templates_is_row_3s_and_nothing_else_is() {
    let run = after_turn(Event::TurnFinished(ended(1)));
    let mut survey = distrusting(&[file(CONFIG, TrustChange::Changed, "b")]);
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "6: untrusted");
    survey.turn.runner_files.insert(CONFIG.into(), "a diff".into());
    let chosen = told(&choice(&run, &survey, &policy(), true));
    assert!(chosen.starts_with("9: row 3 waiting (runner_files_changed)"), "{chosen}");
    survey.trust.files.push(file(".tickets/templates/turn.md", TrustChange::New, "c"));
    assert_eq!(told(&choice(&run, &survey, &policy(), true)), "6: untrusted", "a person's own change is asked for");
    // A folder that something else took the place of.
    survey.turn.runner_files.insert(".tickets/templates".into(), "a link".into());
    assert!(told(&choice(&run, &survey, &policy(), true)).starts_with("9: row 3"));
    // Row 3 was passed: what lies there now is nobody's answer.
    let mut passed = run;
    let state::Stage::Judging(judging) = &mut passed.stage else { panic!("a turn is judged") };
    judging.row = 7;
    assert_eq!(told(&choice(&passed, &survey, &policy(), true)), "6: untrusted");
}

#[test]
fn agents_settings_that_a_turn_of_this_run_changed_are_not_asked_for() {
    let changed = TurnEnded { settings: [(SETTINGS.to_owned(), "b".to_owned())].into(), ..ended(1) };
    let run = after_turn(Event::TurnFinished(changed));
    let lies = |digest: &str| distrusting(&[file(SETTINGS, TrustChange::New, digest)]);
    let without = told(&choice(&run, &distrusting(&[]), &policy(), true));
    assert_eq!(told(&choice(&run, &lies("b"), &policy(), true)), without);
    assert!(without.starts_with("9: "), "{without}");
    assert_eq!(told(&choice(&run, &lies("c"), &policy(), true)), "6: untrusted", "somebody changed it again");
    let other = distrusting(&[file(".mcp.json", TrustChange::New, "b")]);
    assert_eq!(told(&choice(&run, &other, &policy(), true)), "6: untrusted");
    // The next run has seen nobody change it.
    let mut over = run;
    over.life = Life::Stopped;
    assert_eq!(told(&choice(&over, &lies("b"), &policy(), true)), "6: untrusted");
    // Where nothing is open nothing starts, and the end of that run is told as what it is.
    let mut nothing_open = lies("b");
    for ticket in &mut nothing_open.tickets {
        ticket.done = true;
    }
    assert_eq!(told(&choice(&over, &nothing_open, &policy(), true)), "10: completed");
}
