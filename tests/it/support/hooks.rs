//! A program in the place of turnstile that writes down how a hook called it, and a folder of hooks with every byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::TestEnv;

impl TestEnv {
    /// Makes the program, which is called `turnstile`; its folder.
    pub fn bell(&self) -> PathBuf {
        let folder = self.root().join("bell");
        let program = folder.join("turnstile");
        self.write(
            &program,
            format!(
                "#!/bin/sh\nshift\necho \"$*\" >> '{0}/log'\ncat > \"{0}/stdin.$1\"\nexit \"${{BELL_EXIT:-0}}\"\n",
                folder.display()
            ),
        );
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// The hooks that were installed call that program from now on.
    pub fn hooks_ring_the_bell(&self, hooks: &str) {
        let folder = self.bell();
        let here = format!("turnstile='{}'", env!("CARGO_BIN_EXE_turnstile"));
        let there = format!("turnstile='{}/turnstile'", folder.display());
        for entry in fs::read_dir(self.path(hooks)).unwrap() {
            let path = entry.unwrap().path();
            let is_file = fs::symlink_metadata(&path).unwrap().is_file();
            if let Some(text) = fs::read_to_string(&path).ok().filter(|text| is_file && text.contains(&here)) {
                fs::write(&path, text.replace(&here, &there)).unwrap();
            }
        }
    }

    /// How the program was called since this was asked last, a line each.
    pub fn rings(&self) -> Vec<String> {
        let log = self.root().join("bell/log");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        text.lines().map(str::to_owned).collect()
    }

    /// Writes an executable hook.
    pub fn hook(&self, path: impl AsRef<Path>, script: &str) {
        self.write(&path, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Everything in a folder of hooks: mode and content, or where a link leads.
    pub fn hooks(&self, folder: impl AsRef<Path>) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(self.path(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let stat = fs::symlink_metadata(&path).unwrap();
            let content = if stat.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else {
                fs::read(&path).unwrap()
            };
            if !name.ends_with(".sample") {
                all.insert(name, (stat.permissions().mode(), content));
            }
        }
        all
    }

    /// A bare repository beside this one, which is its `origin`.
    pub fn hub(&self) -> PathBuf {
        let hub = self.root().join("hub.git");
        self.git(&["init", "--quiet", "--bare", "--initial-branch=main", hub.to_str().unwrap()]);
        self.git(&["remote", "add", "origin", hub.to_str().unwrap()]);
        hub
    }
}
