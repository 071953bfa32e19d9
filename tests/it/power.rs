//! The power goes: the repository lies on a disk image, and what the image holds at one moment is what is found after
//! the cut. Needs root and loop devices, and is skipped elsewhere.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Cut, Story, skipped};

/// A repository that lies on a disk image.
struct Disk {
    root: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Moves the repository of a world to an image; none where that cannot be had.
    fn new(root: &Path) -> Option<Self> {
        let disk = Self { root: root.to_owned(), mounted: false };
        let (image, away, repo) = (root.join("disk"), root.join("away"), root.join("repo"));
        std::fs::File::create(&image).unwrap().set_len(200 << 20).unwrap();
        if !disk.does("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), image.as_ref()]) {
            return None;
        }
        std::fs::rename(&repo, &away).unwrap();
        std::fs::create_dir(&repo).unwrap();
        let disk = disk.mount()?;
        assert!(disk.does("cp", &["-a".as_ref(), away.join(".").as_ref(), repo.as_ref()]));
        assert!(disk.does("sync", &["-f".as_ref(), repo.as_ref()]));
        Some(disk)
    }

    fn does(&self, program: &str, arguments: &[&OsStr]) -> bool {
        let mut command = Command::new(program);
        command.current_dir(&self.root).args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.output().is_ok_and(|output| output.status.success())
    }

    fn mount(mut self) -> Option<Self> {
        let (image, repo) = (self.root.join("disk"), self.root.join("repo"));
        self.mounted = self.does("mount", &["-o".as_ref(), "loop".as_ref(), image.as_ref(), repo.as_ref()]);
        self.mounted.then_some(self)
    }

    fn unmount(&mut self) -> bool {
        self.mounted = false;
        self.does("umount", &["-l".as_ref(), self.root.join("repo").as_ref()])
    }

    /// The power goes now, and comes back: what lies on the image at this moment is mounted.
    fn cut(mut self) -> Self {
        let (image, after) = (self.root.join("disk"), self.root.join("after"));
        assert!(self.does("cp", &["--sparse=always".as_ref(), image.as_ref(), after.as_ref()]));
        assert!(self.unmount());
        std::fs::rename(&after, &image).unwrap();
        self.mount().expect("the image after a cut can be mounted")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            self.unmount();
        }
    }
}

#[test]
fn what_was_reported_is_there_after_a_power_cut() {
    let mut story = Story::new("branch");
    let Some(mut disk) = Disk::new(story.env.root()) else {
        return skipped("a loop device with a file system on it cannot be had here (that needs root)");
    };
    loop {
        let output = story.run();
        let before = (story.env.journal(), story.env.subjects());
        disk = disk.cut();
        assert_eq!(story.env.journal(), before.0, "the journal after the cut\n{}", story.told);
        assert_eq!(story.env.subjects(), before.1, "the branch after the cut\n{}", story.told);
        let code = story.take_end(&output).unwrap();
        if code == "completed" {
            break;
        }
    }
    assert_eq!(story.faults(Cut::RunnerAlone), [""; 0], "{}", story.told);
}
