//! The git room: the only place that names libgit2 or starts the `git` program. Every function is synchronous,
//! opens what it needs, answers with plain owned values and closes again; looking writes no index. It knows
//! nothing of tickets beyond the name of their folder.

mod branch;
mod brought;
mod changes;
mod content;
mod drop_kept;
mod error;
mod guard;
mod hooked;
mod hooks;
mod hooks_folder;
mod hub;
mod ignore;
mod index;
mod index_file;
mod keep;
mod kept;
mod library;
mod lies;
mod own_look;
mod pack;
mod path;
mod program;
mod pushed_to;
mod ref_files;
mod repo;
mod save;
mod save_paths;
mod save_types;
mod settle;
mod shared;
mod sign;
mod staged;
mod survey;
#[cfg(test)]
mod testing;
mod trees;
mod version;
mod worktree;

pub use branch::{
    Relation, adopt_head, branch_commit, check_new_branch, create_branch_here, paths_changed, paths_of_commits,
    relation,
};
pub use brought::{Signed, Written, brought};
pub use changes::{Change, ChangeKind, Uncommitted, changes, look, uncommitted};
pub use content::worktree_bytes;
pub use drop_kept::{KeptName, drop_kept, kept_names, recover_drop};
pub use error::{Cause, GitError};
pub use guard::{Guard, guard};
pub use hooked::{
    CheckedOut, Home, checked_out, guessed_home, has_file, has_folder, home_of_hook, named_in_message, only_parent,
    worktree_since,
};
pub use hooks_folder::{HooksPlace, HooksSetting, hooks_place};
pub use hub::{
    Branch, Parked, add_detached, bare_place, branches, check_out, detached_at, head_branch, is_clean, is_on_a_branch,
    is_parked, is_within, leave, leave_for, move_forward, park, parking_name, remove_worktree, tip,
};
pub use index::{Recovered, recover_adopt, recover_save};
pub use keep::{Kept, LeftOut, keep, keep_seen, work_trees};
pub use kept::{KeptRef, blob, diff, kept_digest, kept_entry, kept_refs, tree_of, unified};
pub use lies::{entries, file_bytes, file_of, in_the_way, lies_as, written};
pub use own_look::{Listed, index_stamp, mind_variables};
pub use path::{path_to_text, text_to_path};
pub use program::refuse_programs;
pub use pushed_to::{PushedTo, pushed_to};
pub use ref_files::{RefFiles, bare_at, files_of};
pub use repo::{Place, discover};
pub use save::{find_saved, save};
pub use save_types::{Content, SavePath, SaveRequest, SaveResult};
pub use settle::settle_on_disk;
pub use staged::{Staged, StagedFile, blob_at_most, staged};
pub use survey::{Head, digest, head, identity, is_ignored, operation, stash_top, writable};
pub use trees::{Blob, TreeChange};
pub use version::{OLDEST_GIT, is_recent, version};
