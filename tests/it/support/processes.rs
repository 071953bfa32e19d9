//! The processes of a world, found by what stands on their command lines.

use super::TestEnv;

/// The processes whose command line is a match.
pub(super) fn processes(which: impl Fn(&str) -> bool) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let named = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| which(&String::from_utf8_lossy(&text)))
    };
    numbers.filter(named).collect()
}

impl TestEnv {
    /// The processes that carry out effects of this world: they name a folder of it on their command line.
    pub fn effects(&self) -> Vec<i32> {
        let folder = self.path(".git/turnstile").display().to_string();
        processes(|text| text.contains(&folder))
    }

    /// The agents of this world: their scripts lie in its folder.
    pub fn agents(&self) -> Vec<i32> {
        let program = self.agent_folder().join("next").display().to_string();
        processes(|text| text.contains(&program))
    }

    /// Ends processes as `kill -9` does.
    pub fn kill_all(&self, pids: &[i32]) {
        let names: Vec<String> = pids.iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            // One that is gone meanwhile is as dead as it should be.
            let _ = self.command("kill").arg("-9").args(&names).output().unwrap();
        }
    }
}
