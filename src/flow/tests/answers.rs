//! What the world of these tests answers to whatever is begun in it, so that a whole story can be told.

use super::*;

/// An effect that is over and that has no line of its own.
pub(in crate::flow) fn over(effect: &str) -> Event {
    Event::EffectFinished {
        effect: effect.into(),
        ticket: None,
        outcome: None,
        path: None,
        changed: Vec::new(),
        tickets: Vec::new(),
    }
}

/// What is written down once an effect is over that had nothing in its way.
pub(super) fn answer(run: &RunState, event: &Event) -> Option<Event> {
    let Event::EffectBegun(begun) = event else { return None };
    let act = match begun {
        Begun::Verdict(_) => return None,
        Begun::Save(begun) => return settle::save(&begun.save, SaveResult::Clean).pop(),
        Begun::Act(begun) => &begun.act,
    };
    let judged = run.judging().map(|judging| (judging.request.ticket.clone(), judging.request.turn));
    Some(match act {
        Act::Request { .. } => over("request"),
        Act::DropMessage => over("message"),
        Act::SetDone { target, decision: None, why, .. } => {
            Event::ClaimRevoked { ticket: target.clone(), why: why.clone() }
        }
        Act::SetDone { target, done, why, .. } => settle::decided(target, *done, why),
        Act::Archive { dispatch, .. } => {
            let (ticket, turn) = judged.expect("a turn left it");
            archived(&ticket, turn, dispatch.clone())
        }
        Act::AskApproval { ticket, reason, asked, .. } => Event::ApprovalRequested {
            ticket: ticket.clone(),
            reason: reason.code,
            path: Some(".tickets/history/one/0001-request".into()),
            asked: asked.clone(),
        },
        other => panic!("these tests do not come by {other:?}"),
    })
}

/// The verdict among these lines.
pub(in crate::flow) fn verdict_of(events: &[Event]) -> &Verdict {
    let verdict = events.iter().find_map(|event| match event {
        Event::EffectBegun(Begun::Verdict(verdict)) => Some(verdict),
        _ => None,
    });
    verdict.unwrap_or_else(|| panic!("no verdict: {events:?}"))
}

pub(super) fn archived(ticket: &TicketId, turn: u32, dispatch: DispatchFact) -> Event {
    let path = format!(".tickets/history/{ticket}/0001-dispatch");
    Event::OutboxArchived { ticket: ticket.clone(), turn, sequence: 1, path, dispatch }
}

/// Goes on as the driver does, in a world that stays as it is, until nothing goes on or a turn starts: every choice, in
/// one line each.
pub(in crate::flow) fn go_on(run: &mut RunState, survey: &Survey, policy: &Policy) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..30 {
        let chosen = choice(run, survey, policy, true);
        said.push(told(&chosen));
        let Choice::Record(events) = chosen.choice else { return said };
        for event in &events {
            apply(run, std::slice::from_ref(event));
            let answer = answer(run, event);
            apply(run, answer.as_slice());
        }
        if run.turning().is_some() {
            return said;
        }
    }
    panic!("it goes on for ever: {said:#?}")
}

/// Takes in an operator's decision, whatever else there is to do.
pub(in crate::flow) fn decide_by_hand(run: &mut RunState, survey: &Survey, what: Decided) {
    let name = format!("decision {}", run.served.len());
    let survey = Survey { decisions: vec![decided(&name, what)], ..survey.clone() };
    let events = recorded(&choice(run, &survey, &policy(), true));
    apply(run, &events);
    assert!(run.served.contains(&name), "{events:?}");
}

/// An artifact that was looked at and is there.
pub(super) fn met(path: &str) -> CheckEnded {
    CheckEnded {
        ticket: id("one"),
        turn: 1,
        check: format!("artifact:{path}"),
        required: true,
        verdict: CheckVerdict::Met,
        exit: None,
        duration_ms: 0,
        tree: String::new(),
        contract: String::new(),
        why: None,
        tail: String::new(),
        log: None,
        changed: Vec::new(),
        droppings: Vec::new(),
        tampered: Vec::new(),
        paperwork: Vec::new(),
        tickets: Vec::new(),
        reply: None,
        moved: false,
        interrupted: false,
    }
}
