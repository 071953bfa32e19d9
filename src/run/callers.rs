//! The git commands that called hooks. While one is at work, what lies in the worktree need not be what will lie there: a
//! tool that keeps hooks hides what is not committed and brings it back, and so does git with `--autostash`.

use std::time::Duration;

use super::error::RunError;
use super::real::{Progress, Real};
use super::triggers::Waiting;
use crate::effect::{self, Identity};
use crate::trigger::{Caller, Hook, Kept};

/// The git command that called this hook, where the worktree is to be left alone until it has ended.
pub(super) fn of_hook(hook: Hook) -> Option<Caller> {
    match hook {
        Hook::PrePush | Hook::PostMerge | Hook::PostRewrite | Hook::PostCommit | Hook::PostCheckout => {
            effect::calling("git").map(|git| Caller { pid: git.pid, started: git.start, boot: git.boot })
        }
        // Whoever pushed waits for its end, and it changes no worktree any more.
        Hook::PostReceive | Hook::PreCommit => None,
    }
}

/// Whether the command that called the hook is at work still.
fn is_called(kept: &Kept) -> bool {
    kept.trigger.as_ref().and_then(|trigger| trigger.caller.as_ref()).is_some_and(is_at_work)
}

/// Whether this very process is at work still.
pub fn is_at_work(caller: &Caller) -> bool {
    let Caller { pid, started, boot } = caller.clone();
    Identity { pid, start: started, boot }.lives()
}

impl Waiting {
    /// Those that a look which begins now serves: what a command that is at work still leaves behind is not looked at.
    pub fn for_a_look(self) -> Vec<Kept> {
        self.triggers.into_iter().filter(|kept| !is_called(kept)).collect()
    }

    /// The git commands that called the hooks and are at work still.
    pub fn callers(&self) -> Vec<Caller> {
        let mut callers: Vec<Caller> = Vec::new();
        for caller in self.triggers.iter().filter_map(|kept| kept.trigger.as_ref()?.caller.as_ref()) {
            if !callers.contains(caller) && is_at_work(caller) {
                callers.push(caller.clone());
            }
        }
        callers
    }
}

/// How often it is looked whether they have ended.
const PAUSE: Duration = Duration::from_millis(200);

impl Real<'_> {
    /// Waits until the git commands that called hooks have ended, or a person asks for the end.
    pub(super) fn await_callers(&mut self) -> Result<(), RunError> {
        let mut is_told = false;
        while let Some(caller) = self.workspace.waiting()?.callers().first() {
            if self.patience.poll() > 0 {
                break;
            }
            if !is_told {
                let text = format!("git, which called a hook, is at work still: process {} is waited for", caller.pid);
                (self.progress)(Progress::Note(&text));
                is_told = true;
            }
            self.patience.wait_for(PAUSE);
            self.forget_the_look();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Trigger;

    #[test]
    fn only_the_very_process_that_called_is_waited_for() {
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let Identity { pid, start, boot } = Identity::of(sleeper.id()).unwrap();
        let caller = Caller { pid, started: start, boot };
        let later = Caller { started: "0".into(), ..caller.clone() };
        let rebooted = Caller { boot: "another".into(), ..caller.clone() };
        let kept = |caller: Option<&Caller>| {
            let trigger = Trigger::new("pre-push", "now".into(), Some("main".into()), Vec::new());
            Kept { id: "1".into(), trigger: Some(Trigger { caller: caller.cloned(), ..trigger }) }
        };
        let unreadable = Kept { id: "2".into(), trigger: None };
        let all = [Some(&caller), Some(&later), Some(&rebooted), Some(&caller), None];
        let mut triggers: Vec<Kept> = all.into_iter().map(kept).collect();
        triggers.push(unreadable);
        let found: Vec<bool> = triggers.iter().map(is_called).collect();
        assert_eq!(found, [true, false, false, true, false, false]);
        let waiting = Waiting { triggers, refused: None };
        assert_eq!(waiting.callers(), [caller]);
        sleeper.kill().unwrap();
        // It is over before anybody has asked for its end.
        while !waiting.callers().is_empty() {
            std::thread::yield_now();
        }
        sleeper.wait().unwrap();
        assert_eq!(waiting.callers(), []);
    }
}
