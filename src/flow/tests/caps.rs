//! Rung 15: caps on what agents report that they use. No agent of this version reports it; one that does is held to them.

use super::*;
use crate::config::Usd;

/// A run whose first turn reported what it used.
fn used(usage: serde_json::Value) -> RunState {
    let mut run = after_turn(Event::TurnFinished(TurnEnded { usage: Some(usage), ..ended(1) }));
    close(&mut run);
    run
}

fn report() -> serde_json::Value {
    json!({ "input": 700, "cached": 600, "output": 300, "cost_usd": 1.25 })
}

type Change = fn(&mut Survey, &mut Policy);

fn told_next(run: &RunState, survey: &Survey, policy: &Policy) -> String {
    told(&choice(run, survey, policy, true))
}

#[test]
fn a_cap_that_is_reached_starts_no_turn_and_resume_grants_the_same_amount_once_more() {
    let cases: [(Change, ReasonCode, Option<&str>, &str); 4] = [
        (|_, p| p.limits.tokens = Some(1000), ReasonCode::LimitTokens, None, "1000 tokens"),
        (|_, p| p.limits.cost = Some(Usd(1_250_000)), ReasonCode::LimitCost, None, "1.25 USD"),
        (|s, _| s.tickets[0].limits.tokens = Some(900), ReasonCode::LimitTokens, Some("one"), "900 tokens"),
        (|s, _| s.tickets[0].limits.cost = Some(Usd(1_000_000)), ReasonCode::LimitCost, Some("one"), "1.00 USD"),
    ];
    for (change, code, about, shown) in cases {
        let (mut survey, mut policy) = (world(), policy());
        change(&mut survey, &mut policy);
        let mut run = used(report());
        assert_eq!(told_next(&run, &survey, &policy), "15: limit.reached");
        let events = recorded(&choice(&run, &survey, &policy, true));
        apply(&mut run, &events);
        let refusal = run.limit.clone().expect("it was refused");
        assert_eq!((refusal.code, refusal.ticket), (code, about.map(id)));
        let chosen = choice(&run, &survey, &policy, true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        assert_eq!((chosen.rung, reason.code), (15, code));
        assert!(reason.message.contains(&format!("grants {shown} more")), "{}", reason.message);

        survey.decisions = vec![decided("r", Decided::Resume)];
        let events = recorded(&choice(&run, &survey, &policy, true));
        apply(&mut run, &events);
        survey.decisions.clear();
        assert_eq!(told_next(&run, &survey, &policy), "17: turn 2 of one", "{code}");
        let next = TurnEnded { usage: Some(report()), ..ended(2) };
        apply(&mut run, &[Event::TurnStarted(request(2)), Event::TurnFinished(next)]);
        close(&mut run);
        assert_eq!(told_next(&run, &survey, &policy), "15: limit.reached", "{code}: the grant is used up as well");
    }
}

#[test]
fn a_cap_of_one_ticket_leaves_the_others_alone() {
    let run = used(report());
    let mut survey = world();
    survey.tickets[0].limits.tokens = Some(1);
    survey.tickets[0].hold = Some("later".into());
    survey.tickets[1].limits.tokens = Some(1);
    assert_eq!(told_next(&run, &survey, &policy()), "17: ticket.selected + turn 2 of two");
}

#[test]
fn what_nobody_reported_counts_for_nothing() {
    let mut tight = policy();
    (tight.limits.tokens, tight.limits.cost) = (Some(1), Some(Usd(1)));
    let mut run = after_turn(Event::TurnFinished(ended(1)));
    close(&mut run);
    assert_eq!(told_next(&run, &world(), &tight), "17: turn 2 of one");
    assert_eq!(run.usage.document(), serde_json::Value::Null);
    assert_eq!(used(json!({ "input": 5 })).usage.document()["cost_usd"], serde_json::Value::Null);
    assert_eq!(used(report()).usage.document(), report());
}

#[test]
fn what_is_met_and_committed_is_done_whatever_caps_are_reached() {
    let (mut run, survey) = claimed();
    run.usage = used(report()).usage;
    let mut tight = policy();
    (tight.limits.tokens, tight.limits.cost) = (Some(1), Some(Usd(1)));
    tight.limits.total_turns = Some(1);
    tight.limits.no_progress = Some(1);
    run.tickets.entry(id("one")).or_default().idle_turns = 9;
    assert_eq!(told_next(&run, &survey, &tight), "9: save Finish [\".tickets/one.md\"]");
}

#[test]
fn a_turn_that_asks_only_for_the_commit_is_refused_by_the_total_alone() {
    let mut run = used(report());
    let state = run.tickets.entry(id("one")).or_default();
    (state.claim, state.turns, state.active_ms) = (true, 9, 9_000_000);
    run.active_ms = 9_000_000;
    let mut survey = world();
    survey.tickets[0].done = true;
    let mut tight = policy();
    (tight.limits.tokens, tight.limits.cost) = (Some(1), Some(Usd(1)));
    (tight.limits.turns, tight.limits.time) = (Some(1), Some(Duration::from_secs(1)));
    assert_eq!(told_next(&run, &survey, &tight), "17: commit turn 2 of one");
    tight.limits.total_turns = Some(1);
    assert_eq!(told_next(&run, &survey, &tight), "15: limit.reached");
}

#[test]
fn the_tighter_of_two_caps_counts_and_none_is_no_cap() {
    let mut policy = policy();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    (policy.limits.turns, policy.limits.no_progress, policy.limits.time) = (Some(5), Some(5), seconds(5));
    for (own, tighter) in [(None, 5), (Some(3), 3), (Some(9), 5)] {
        assert_eq!((policy.turns_of(own), policy.no_progress_of(own)), (Some(tighter), Some(tighter)));
        assert_eq!(policy.time_of(own.and_then(|own| seconds(own.into()))), seconds(tighter.into()));
    }
    policy.limits.time = None;
    assert_eq!((policy.time_of(None), policy.time_of(seconds(2))), (None, seconds(2)));
}

#[test]
fn a_cap_is_raised_in_the_file_that_has_it() {
    for (config, own, file) in [
        (None, Some(1), ".tickets/one.md"),
        (Some(9), Some(1), ".tickets/one.md"),
        (Some(1), None, ".tickets/config.yaml"),
        (Some(1), Some(1), ".tickets/config.yaml"),
        (Some(1), Some(9), ".tickets/config.yaml"),
    ] {
        let (mut survey, mut policy) = (world(), policy());
        (survey.tickets[0].limits.turns, policy.limits.turns) = (own, config);
        let mut run = used(report());
        let events = recorded(&choice(&run, &survey, &policy, true));
        apply(&mut run, &events);
        let chosen = choice(&run, &survey, &policy, true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        assert!(reason.message.contains(&format!("raise it in `{file}`")), "{}", reason.message);
    }
}

#[test]
fn resume_grants_also_what_nobody_has_refused_yet() {
    let mut tight = policy();
    tight.limits.total_turns = Some(1);
    let survey = Survey { decisions: vec![decided("r", Decided::Resume)], ..world() };
    let events = recorded(&choice(&used(report()), &survey, &tight, true));
    let [_, Event::RunResumed { reason, granted, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*reason, *granted), (ReasonCode::LimitTotalTurns, Some(1)));
}

#[test]
fn programs_are_told_a_limit_in_what_it_counts_and_costs_in_dollars() {
    let told_as = |change: fn(&mut Policy)| {
        let mut policy = policy();
        change(&mut policy);
        let mut run = used(report());
        let events = recorded(&choice(&run, &world(), &policy, true));
        apply(&mut run, &events);
        let chosen = choice(&run, &world(), &policy, true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        reason.details["limit"].clone()
    };
    assert_eq!(told_as(|policy| policy.limits.tokens = Some(1000)), json!(1000));
    assert_eq!(told_as(|policy| policy.limits.cost = Some(Usd(1_250_000))), json!(1.25));
}

#[test]
fn of_the_users_changes_ten_are_named() {
    for (count, more) in [(10, None), (12, Some("\n  and 2 more"))] {
        let mut survey = world();
        survey.changes = (0..count).map(|number| (format!("f{number:02}"), "x".to_owned())).collect();
        let chosen = choice(&fold(&begun()), &survey, &policy(), true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        assert_eq!(reason.message.contains(" more"), more.is_some(), "{}", reason.message);
        assert!(reason.message.ends_with(more.unwrap_or("\n  f09")), "{}", reason.message);
    }
}

#[test]
fn whoever_left_a_change_is_named_be_it_work_or_what_was_decided_to_be_done() {
    let left_by = |change: fn(&mut TicketState)| {
        let mut run = fold(&begun());
        change(run.tickets.entry(id("two")).or_default());
        change(run.tickets.entry(id("one")).or_default());
        run.tickets.entry(id("one")).or_default().work.clear();
        let survey = Survey { changes: BTreeMap::from([("f".to_owned(), "x".to_owned())]), ..world() };
        let chosen = choice(&run, &survey, &policy(), true);
        let Choice::Stop(Stop { reason: Some(reason), .. }) = &chosen.choice else { panic!("{chosen:?}") };
        reason.details["left_by"].clone()
    };
    assert_eq!(left_by(|_| {}), json!([]));
    assert_eq!(left_by(|state| _ = state.work.insert("f".into())), json!(["two"]));
    assert_eq!(left_by(|state| _ = state.left_behind.insert("f".into())), json!(["two"]), "not the one at hand");
}

proptest! {
    /// Whatever was used and whatever the caps are: no cap that is reached starts a turn.
    #[test]
    fn no_cap_that_is_reached_starts_a_turn(
        tokens in prop::option::of(1_u32..3000),
        cost in prop::option::of(1_u64..3_000_000),
        own_tokens in prop::option::of(1_u32..3000),
        turns in prop::option::of(1_u32..4),
        seconds in prop::option::of(1_u64..4),
        reported in prop::collection::vec((0_u64..1000, 0_u64..1000, 0_u32..200), 1..4),
    ) {
        let (mut survey, mut policy) = (world(), policy());
        policy.limits.tokens = tokens;
        policy.limits.cost = cost.map(Usd);
        policy.limits.total_turns = turns;
        policy.limits.time = seconds.map(Duration::from_secs);
        survey.tickets[0].limits.tokens = own_tokens;
        let mut run = fold(&begun());
        for (number, (input, output, cents)) in (1..).zip(&reported) {
            let usage = json!({ "input": input, "output": output, "cost_usd": f64::from(*cents) / 100.0 });
            let end = TurnEnded { usage: Some(usage), ..ended(number) };
            apply(&mut run, &[Event::TurnStarted(request(number)), Event::TurnFinished(end)]);
            close(&mut run);
        }
        let used: u64 = reported.iter().map(|(input, output, _)| input + output).sum();
        let spent: u64 = reported.iter().map(|(_, _, cents)| u64::from(*cents) * 10_000).sum();
        let count = u32::try_from(reported.len()).expect("a few");
        let reached = tokens.is_some_and(|cap| used >= cap.into())
            || own_tokens.is_some_and(|cap| used >= cap.into())
            || cost.is_some_and(|cap| spent >= cap)
            || turns.is_some_and(|cap| count >= cap)
            || seconds.is_some_and(|cap| u64::from(count) >= cap);
        prop_assert_eq!(told_next(&run, &survey, &policy).starts_with("15: limit.reached"), reached);
    }
}
