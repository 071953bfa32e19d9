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
