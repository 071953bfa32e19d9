//! Secrets that are known by their value: what variables with the names of secrets hold, and how such a value looks
//! where a program has encoded it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// A secret that is known by its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// The name of the variable.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Known {
    /// Never the value.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Known").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a variable's name says that its value is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let upper = name.to_uppercase();
    ["KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL"].iter().any(|part| upper.contains(part))
}

/// The secrets of an environment: values of variables that are named like one, and passwords in addresses.
pub fn known(variables: &[(OsString, OsString)]) -> Vec<Known> {
    let mut found = Vec::new();
    for (name, value) in variables {
        let name = name.to_string_lossy();
        let value = value.as_bytes().trim_ascii();
        let secret = match password_of(value) {
            Some(password) => password,
            None if !is_secret_name(&name) || is_place(&name, value) => continue,
            None => value,
        };
        if says_something(secret) {
            found.push(Known { name: name.into_owned(), value: secret.to_vec() });
        }
    }
    found
}

/// The password of `scheme://user:password@host`.
fn password_of(value: &[u8]) -> Option<&[u8]> {
    let at = value.windows(3).position(|three| three == b"://")? + 3;
    let authority = value[at..].split(|byte| *byte == b'/').next()?;
    let user = &authority[..authority.iter().rposition(|byte| *byte == b'@')?];
    Some(&user[user.iter().position(|byte| *byte == b':')? + 1..])
}

/// A variable may say where a secret is, and that is none.
fn is_place(name: &str, value: &[u8]) -> bool {
    const NAMES: [&str; 6] = ["_FILE", "_PATH", "_DIR", "_HOME", "_SOCK", "_URL"];
    const ROOTS: [&str; 12] = [
        "/home/",
        "/Users/",
        "/root/",
        "/etc/",
        "/usr/",
        "/var/",
        "/tmp/",
        "/opt/",
        "/run/",
        "/private/",
        "/mnt/",
        "~/",
    ];
    let upper = name.to_uppercase();
    NAMES.iter().any(|end| upper.ends_with(end))
        || ROOTS.iter().any(|root| value.starts_with(root.as_bytes()))
        || value.windows(3).any(|three| three == b"://")
}

/// Whether a value tells more than a word or a number of everyday life, which must stay readable.
fn says_something(value: &[u8]) -> bool {
    match value.len() {
        0..8 => false,
        8..10 => !value.iter().all(u8::is_ascii_lowercase) && !value.iter().all(u8::is_ascii_digit),
        _ => value.iter().any(|byte| *byte != value[0]),
    }
}

/// At most so much of a value is looked for in one piece.
const PIECE: usize = 1024;
/// Lines of a value that are shorter than this are not looked for by themselves.
const LINE: usize = 20;

/// The forms in which a value may be met: as it is, line by line, and encoded as JSON, in addresses, and in base64.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    for piece in value.chunks(PIECE).filter(|piece| piece.len() >= 8) {
        forms.insert(piece.to_vec());
        forms.insert(percent(piece));
        forms.insert(json(piece));
        for table in [STANDARD, URL_SAFE] {
            forms.extend((0..3).map(|shift| base64(piece, shift, table)).filter(|text| text.len() >= 10));
        }
    }
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if lines.len() > 1 {
        let is_own = |line: &&&[u8]| (LINE..=PIECE).contains(&line.len()) && !line.starts_with(b"-----");
        forms.extend(lines.iter().filter(is_own).map(|line| line.to_vec()));
    }
    forms
}

fn percent(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(*byte);
        } else {
            text.extend(format!("%{byte:02X}").into_bytes());
        }
    }
    text
}

fn json(bytes: &[u8]) -> Vec<u8> {
    let quoted = serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string().into_bytes();
    quoted[1..quoted.len() - 1].to_vec()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What `bytes` look like inside of a longer text in base64 that has `shift` (modulo 3) bytes before them: the
/// characters that they alone decide.
fn base64(bytes: &[u8], shift: usize, table: &[u8; 64]) -> Vec<u8> {
    let bit = |at: usize| (bytes[at / 8] >> (7 - at % 8)) & 1;
    let begin = (6 - (shift * 8) % 6) % 6;
    let characters = (bytes.len() * 8 - begin) / 6;
    (0..characters)
        .map(|number| {
            let value = (0..6).fold(0, |value, index| (value << 1) | bit(begin + number * 6 + index));
            table[usize::from(value)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(variables: &[(&str, &str)]) -> Vec<String> {
        let variables: Vec<(OsString, OsString)> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let found = known(&variables);
        found.into_iter().map(|known| format!("{}={}", known.name, String::from_utf8(known.value).unwrap())).collect()
    }

    #[test]
    fn a_secret_is_what_a_name_says_and_a_value_can_bear() {
        let found = names(&[
            ("PATH", "/usr/bin:/bin"),
            ("API_KEY", "hunter22hunter22"),
            ("KEYBOARD", "us"),
            ("DB_PASSWORD", "postgres"),
            ("TOKENIZERS_PARALLELISM", "false"),
            ("SSH_KEY_FILE", "somewhere/else"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/home/somebody/key.json"),
            ("KEYCLOAK", "https://login.example.org/realm"),
            ("DATABASE_URL", "postgres://app:s3cr3t-pass@db.example.org/app"),
            ("AWS_SECRET_ACCESS_KEY", "/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE"),
            ("PIN_TOKEN", "00000000000000"),
            ("SMALL_TOKEN", " padded-12 \n"),
        ]);
        assert_eq!(
            found,
            [
                "API_KEY=hunter22hunter22",
                "DATABASE_URL=s3cr3t-pass",
                "AWS_SECRET_ACCESS_KEY=/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKE",
                "SMALL_TOKEN=padded-12",
            ]
        );
    }

    #[test]
    fn base64_is_met_at_every_place_of_a_text() {
        // `printf '%s' "$before"hunter22hunter22 | base64`
        for (shift, whole) in
            [(0, "aHVudGVyMjJodW50ZXIyMg=="), (1, "eGh1bnRlcjIyaHVudGVyMjI="), (2, "eHhodW50ZXIyMmh1bnRlcjIy")]
        {
            let form = String::from_utf8(base64(b"hunter22hunter22", shift, STANDARD)).unwrap();
            assert!(form.len() >= 20 && whole.contains(&form), "{shift}: {form} is not in {whole}");
        }
    }

    #[test]
    fn a_debug_print_never_shows_the_value() {
        let known = Known { name: "API_KEY".into(), value: b"hunter22hunter22".to_vec() };
        assert_eq!(format!("{known:?}"), "Known { name: \"API_KEY\", .. }");
    }
}
