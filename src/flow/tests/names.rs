//! Words that programs read: the same in documents, in the journal and in messages.

use super::*;

#[test]
fn what_is_named_for_people_and_programs_is_named_as_the_journal_has_it() {
    for verdict in [CheckVerdict::Met, CheckVerdict::Unmet, CheckVerdict::Inconclusive] {
        assert_eq!(json!(verdict), verdict.name());
    }
    for outcome in [
        Outcome::TicketDone,
        Outcome::ClaimRevoked,
        Outcome::RetryAsked,
        Outcome::Progressed,
        Outcome::Failed,
        Outcome::Waiting,
        Outcome::None,
    ] {
        assert_eq!(json!(outcome), outcome_name(outcome));
    }
    for code in ReasonCode::ALL {
        assert_eq!((json!(code), code.to_string()), (json!(code.name()), code.name().to_owned()));
    }
}

#[test]
fn a_decision_is_named_as_its_command_is() {
    let approval = |approved| {
        let decides = Decides { reason: ReasonCode::ApprovalPending, approved, what: Asked::default() };
        Decided::Approval(id("one"), decides)
    };
    for (what, name) in [
        (Decided::Pause, "pause"),
        (Decided::Resume, "resume"),
        (Decided::Stop, "stop"),
        (Decided::Done(id("one")), "done"),
        (Decided::Reopen(id("one")), "reopen"),
        (Decided::Noted(id("one"), Some(true)), "done"),
        (Decided::Noted(id("one"), Some(false)), "reopen"),
        (approval(true), "approve"),
        (approval(false), "reject"),
    ] {
        assert_eq!(what.name(), name);
    }
}
