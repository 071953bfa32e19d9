//! One line of a journal as bytes: how it is written, and what is refused when it is read.

use serde_json::{Map, Value};

use super::Line;

/// The format that this program writes; it reads every older one.
pub(super) const VERSION: u64 = 1;
/// More is no journal that turnstile wrote; nothing that large is read into memory.
pub(super) const FILE_CAP: u64 = 1 << 30;

const RESERVED: [&str; 7] = ["seq", "ts", "run", "ticket", "turn", "kind", "sum"];
/// `,"sum":"` … `"}` around eight digits.
const SUM_HEAD: &str = ",\"sum\":\"";
const SUM_LENGTH: usize = SUM_HEAD.len() + 8 + 2;

pub(super) fn is_reserved(key: &str) -> bool {
    RESERVED.contains(&key)
}

pub(super) fn serialise(line: &Line) -> String {
    let mut out = format!("{{\"seq\":{}", line.seq);
    push_member(&mut out, "ts", &Value::from(line.ts.as_str()));
    push_member(&mut out, "run", &Value::from(line.run.as_str()));
    if let Some(ticket) = &line.ticket {
        push_member(&mut out, "ticket", &Value::from(ticket.as_str()));
    }
    if let Some(turn) = line.turn {
        push_member(&mut out, "turn", &Value::from(turn));
    }
    push_member(&mut out, "kind", &Value::from(line.kind.as_str()));
    for (key, value) in &line.body {
        push_member(&mut out, key, value);
    }
    let sum = checksum(out.as_bytes());
    out.push_str(SUM_HEAD);
    out.push_str(&sum);
    out.push_str("\"}");
    out
}

fn push_member(out: &mut String, key: &str, value: &Value) {
    out.push(',');
    // A value's own text is JSON on one line: newlines in strings are escaped.
    out.push_str(&Value::from(key).to_string());
    out.push(':');
    out.push_str(&value.to_string());
}

fn checksum(before_sum: &[u8]) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(before_sum);
    hasher.update(b"}");
    format!("{:08x}", hasher.finalize())
}

pub(super) fn parse(bytes: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    let at = text.len().checked_sub(SUM_LENGTH).filter(|at| text.is_char_boundary(*at));
    let (before, tail) = at.map_or((text, ""), |at| text.split_at(at));
    let sum = tail.strip_prefix(SUM_HEAD).and_then(|rest| rest.strip_suffix("\"}"));
    match sum {
        None => return Err("it does not end in a checksum".to_owned()),
        Some(sum) if sum != checksum(before.as_bytes()) => {
            return Err("its checksum is that of another text".to_owned());
        }
        Some(_) => {}
    }
    let mut members: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    members.remove("sum");
    let seq = members.remove("seq").and_then(|value| value.as_u64()).ok_or("`seq` is no number")?;
    let ts = take_text(&mut members, "ts")?.ok_or("`ts` is missing")?;
    let run = take_text(&mut members, "run")?.ok_or("`run` is missing")?;
    let ticket = take_text(&mut members, "ticket")?;
    let turn = match members.remove("turn") {
        None => None,
        Some(value) => Some(value.as_u64().and_then(|turn| u32::try_from(turn).ok()).ok_or("`turn` is no number")?),
    };
    let kind = take_text(&mut members, "kind")?.ok_or("`kind` is missing")?;
    if seq == 1 {
        let version = members.get("version").map_or(Some(VERSION), Value::as_u64);
        match version {
            Some(version) if version <= VERSION => {}
            Some(version) => {
                return Err(format!("written by a newer turnstile (format {version}, this one knows {VERSION})"));
            }
            None => return Err("`version` is no number".to_owned()),
        }
    }
    Ok(Line { seq, ts, run, ticket, turn, kind, body: members })
}

fn take_text(members: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match members.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` is no string")),
    }
}
