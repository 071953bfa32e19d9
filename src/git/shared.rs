//! A repository that several accounts write to (`core.sharedRepository`). libgit2 leaves the permissions of what it writes
//! to the umask, and git would not be able to go on in it as somebody else.

use git2::Repository;
use rustix::fs::Mode;

/// Has this process and what it starts write what the repository shares as git would. Nothing is taken from anybody.
pub(super) fn share(repository: &Repository) {
    let Ok(config) = repository.config() else { return };
    let Ok(value) = config.get_string("core.sharedRepository") else { return };
    let shared = bits(&value);
    if shared != 0 {
        // There is no asking without setting.
        let old = rustix::process::umask(Mode::empty());
        rustix::process::umask(old.difference(Mode::from_bits_truncate(shared)));
    }
}

/// The permissions that others than the owner are to have (git-config(1)); who may read a folder may look into it.
fn bits(value: &str) -> u32 {
    match value.to_ascii_lowercase().as_str() {
        "group" | "true" | "yes" | "on" | "1" | "" => 0o070,
        "all" | "world" | "everybody" | "2" => 0o075,
        octal if octal.starts_with('0') => {
            let wanted = u32::from_str_radix(octal, 8).unwrap_or(0) & 0o066;
            wanted | ((wanted & 0o044) >> 2)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn what_others_may_do_is_what_git_lets_them() {
        for (value, others) in [
            ("umask", 0),
            ("false", 0),
            ("0", 0),
            ("group", 0o070),
            ("True", 0o070),
            ("all", 0o075),
            ("0640", 0o050),
            ("0660", 0o070),
            ("0666", 0o077),
            ("0777", 0o077),
            ("0600", 0),
            ("nonsense", 0),
        ] {
            assert_eq!(bits(value), others, "{value}");
        }
    }
}
