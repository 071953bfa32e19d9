//! The index as it lies on the disk, read in place: what is known of every tracked file, and the tree that the whole
//! is equal to. Reads plain indexes only; whatever is out of the ordinary is left to the git program.

/// What the index holds.
pub(super) struct IndexFile<'b> {
    /// Every tracked file, sorted by path.
    pub entries: Vec<Entry<'b>>,
    /// Id of the tree that the entries make up, where git has noted it.
    pub tree: Option<git2::Oid>,
}

/// What the index holds of one file.
#[derive(Clone, Copy)]
pub(super) struct Entry<'b> {
    pub changed: (u32, u32),
    pub modified: (u32, u32),
    pub inode: u32,
    pub mode: u32,
    pub user: u32,
    pub group: u32,
    pub size: u32,
    pub id: &'b [u8],
    pub path: &'b [u8],
}

const ID: usize = 20;
/// Everything of an entry up to its path.
const FIXED: usize = 62;
/// Assumed to be unchanged, a word more of flags (sparse, intent to add), a stage of a merge.
const UNUSUAL: u16 = 0xf000;
const NAME_LENGTH: u16 = 0x0fff;

impl<'b> IndexFile<'b> {
    /// An index without entries.
    pub fn empty() -> Self {
        Self { entries: Vec::new(), tree: None }
    }

    /// Reads an index of version 2 or 3. None: it holds something that only git understands.
    pub fn read(bytes: &'b [u8]) -> Option<Self> {
        let body = bytes.get(..bytes.len().checked_sub(ID)?)?;
        let (version, count) = (number(body, 4)?, number(body, 8)?);
        if body.get(..4)? != b"DIRC" || !(version == 2 || version == 3) {
            return None;
        }
        let mut entries: Vec<Entry<'b>> = Vec::with_capacity(usize::try_from(count).ok()?.min(body.len() / FIXED));
        let mut at = 12;
        for _ in 0..count {
            let (entry, length) = entry(body.get(at..)?)?;
            if entries.last().is_some_and(|last| last.path >= entry.path) {
                return None;
            }
            entries.push(entry);
            at += length;
        }
        let mut tree = None;
        while at < body.len() {
            let name = body.get(at..at + 4)?;
            let length = usize::try_from(number(body, at + 4)?).ok()?;
            let content = body.get(at + 8..(at + 8).checked_add(length)?)?;
            match name {
                b"TREE" => tree = root(content, entries.len())?,
                // What git may skip has a capital letter; a split or a sparse index has not.
                [b'A'..=b'Z', ..] => {}
                _ => return None,
            }
            at += 8 + length;
        }
        Some(Self { entries, tree })
    }

    /// The entries whose paths begin with `prefix`, as a range of their positions.
    pub fn below(&self, within: std::ops::Range<usize>, prefix: &[u8]) -> std::ops::Range<usize> {
        let Some(entries) = self.entries.get(within.clone()) else { return 0..0 };
        let first = entries.partition_point(|entry| entry.path < prefix);
        let some = entries.get(first..).unwrap_or_default();
        let count = some.partition_point(|entry| entry.path.starts_with(prefix));
        within.start + first..within.start + first + count
    }

    /// The position of a path.
    pub fn position(&self, within: std::ops::Range<usize>, path: &[u8]) -> Option<usize> {
        let entries = self.entries.get(within.clone())?;
        entries.binary_search_by(|entry| entry.path.cmp(path)).ok().map(|found| within.start + found)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// One entry, and how many bytes it takes with its padding.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let flags = u16::from_be_bytes(bytes.get(60..FIXED)?.try_into().ok()?);
    if flags & UNUSUAL != 0 {
        return None;
    }
    let rest = bytes.get(FIXED..)?;
    let length = match usize::from(flags & NAME_LENGTH) {
        // Longer names than the field can say end with the first NUL.
        0xfff => rest.iter().position(|byte| *byte == 0)?,
        length => length,
    };
    let path = rest.get(..length)?;
    let mode = number(bytes, 24)?;
    if *rest.get(length)? != 0 || path.is_empty() || !matches!(mode, 0o100_644 | 0o100_755 | 0o120_000) {
        return None;
    }
    let entry = Entry {
        changed: (number(bytes, 0)?, number(bytes, 4)?),
        modified: (number(bytes, 8)?, number(bytes, 12)?),
        inode: number(bytes, 20)?,
        mode,
        user: number(bytes, 28)?,
        group: number(bytes, 32)?,
        size: number(bytes, 36)?,
        id: bytes.get(40..60)?,
        path,
    };
    Some((entry, (FIXED + length + 8) & !7))
}

/// The id of the whole in git's notes on trees: `NUL count SP subtrees LF id`; a negative count says that the note is
/// out of date. The outer none: not understood.
#[expect(clippy::option_option, reason = "the two absences differ, and the caller is ten lines away")]
fn root(notes: &[u8], entries: usize) -> Option<Option<git2::Oid>> {
    let rest = notes.strip_prefix(b"\0")?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let count: i64 = std::str::from_utf8(rest.get(..end)?).ok()?.split(' ').next()?.parse().ok()?;
    if usize::try_from(count).ok() != Some(entries) {
        return Some(None);
    }
    git2::Oid::from_bytes(rest.get(end + 1..end + 1 + ID)?).ok().map(Some)
}
