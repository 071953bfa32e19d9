//! Which paths are those of tickets: names alone.

/// Folders directly below `.tickets/` that hold no tickets.
pub const RESERVED_FOLDERS: [&str; 5] = ["context", "templates", "outbox", "reply", "history"];
/// Files that are no tickets, in any folder.
pub const RESERVED_FILES: [&str; 3] = ["README.md", "USER_REPLY.md", "DISPATCH.md"];

/// Whether a path below `.tickets/` is a ticket's, by its names alone.
pub fn is_ticket_path(below: &str) -> bool {
    let mut components = below.split('/');
    let (Some(name), folders) = (components.next_back(), components.collect::<Vec<_>>()) else { return false };
    let hidden = |component: &&str| component.starts_with(['.', '_']);
    let reserved = folders.first().is_some_and(|folder| RESERVED_FOLDERS.contains(folder));
    !reserved
        && !folders.iter().any(hidden)
        && !hidden(&name)
        && !RESERVED_FILES.contains(&name)
        && name.len() > ".md".len()
        && std::path::Path::new(name).extension().is_some_and(|extension| extension == "md")
}
