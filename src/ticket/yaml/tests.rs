use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    parse(&Source::new("t.md", text), Span::new(0, text.len()))
}

fn outline(text: &str, node: &Node, out: &mut String) {
    let shown = node.span.of(text);
    match &node.value {
        Value::Null => write!(out, "null@{}{shown:?}", node.span.start).unwrap(),
        Value::Scalar { text: value, quoted } => {
            write!(out, "{}{value:?} from {shown:?}", if *quoted { "quoted " } else { "" }).unwrap();
        }
        Value::Sequence(items) => {
            write!(out, "[{shown:?}: ").unwrap();
            for item in items {
                outline(text, item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Mapping(entries) => {
            write!(out, "{{{shown:?}: ").unwrap();
            for (key, node) in entries {
                write!(out, "{} = ", key.name).unwrap();
                outline(text, node, out);
                out.push_str(", ");
            }
            out.push('}');
        }
    }
}

fn shown(text: &str) -> String {
    let (node, faults) = read(text);
    let mut out = String::new();
    match node {
        Some(node) => outline(text, &node, &mut out),
        None => out.push_str("no tree"),
    }
    for fault in faults {
        write!(out, "\n{} {}:{} {}", fault.code, fault.place.line, fault.place.column, fault.message).unwrap();
    }
    out
}

#[test]
fn every_value_knows_its_bytes() {
    for (text, expected) in [
        ("", "null@0\"\""),
        ("# only a comment\n", "null@0\"\""),
        ("a: 1\n", r#"{"a: 1": a = "1" from "1", }"#),
        ("done:\nb: x\n", r#"{"done:\nb: x": done = null@5"", b = "x" from "x", }"#),
        ("done  : # why\n", r#"{"done  :": done = null@7"", }"#),
        ("a: 'it''s'  # k\n", r#"{"a: 'it''s'": a = quoted "it's" from "'it''s'", }"#),
        ("a: \"\\\"é\" # k\n", r#"{"a: \"\\\"é\"": a = quoted "\"é" from "\"\\\"é\"", }"#),
        ("a: ~", r#"{"a: ~": a = null@3"~", }"#),
        ("é: ✓ y\r\nb: 'q'\r\n", r#"{"é: ✓ y\r\nb: 'q'": é = "✓ y" from "✓ y", b = quoted "q" from "'q'", }"#),
        ("a: |\n  x\n\nb: 1\n", r#"{"a: |\n  x\n\nb: 1": a = quoted "x\n" from "|\n  x\n\n", b = "1" from "1", }"#),
        (
            "a: [1, {b: c}]  # k\n",
            r#"{"a: [1, {b: c}]": a = ["[1, {b: c}]": "1" from "1", {"{b: c}": b = "c" from "c", }, ], }"#,
        ),
        ("a:\n- x\n- \n", r#"{"a:\n- x\n- ": a = ["- x\n- ": "x" from "x", null@9"", ], }"#),
        ("- a\n- |\n  b\n", r#"["- a\n- |\n  b\n": "a" from "a", quoted "b\n" from "|\n  b\n", ]"#),
        ("? done\n: true\n", r#"{"? done\n: true": done = "true" from "true", }"#),
        ("\u{feff}a: 1\n", r#"{"a: 1": a = "1" from "1", }"#),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_plain_yaml_is_refused_with_a_place() {
    for (text, expected) in [
        ("a: &x 1\nb: *x\nc: *x\n", "no tree\nE018 1:4 YAML anchors are not accepted"),
        ("a: *b\n", "no tree\nE018 1:4 YAML aliases are not accepted"),
        ("a: !!str 1\n", "no tree\nE003 1:4 YAML tags are not accepted"),
        ("a: 1\n---\nb: 2\n", "no tree\nE003 2:1 a second YAML document begins here"),
        ("é: b: c\n", "no tree\nE003 1:5 not YAML: mapping values are not allowed in this context"),
        ("[a]: 1\n", "no tree\nE003 1:1 a list or a mapping as a key"),
    ] {
        assert_eq!(shown(text), expected, "{text:?}");
    }
    let twice = shown("a: 1\nb: {c: 1, c: 2}\na: 2\n");
    assert!(twice.ends_with("\nE005 2:11 `c` stands twice\nE005 3:1 `a` stands twice"), "{twice}");
}

#[test]
fn bombs_are_refused_before_a_tree_stands() {
    for text in [
        "[".repeat(60_000),
        "- ".repeat(30_000),
        "a: ".to_owned() + &"{a: ".repeat(200),
        "a: ".to_owned() + &"x".repeat(MAX_BYTES),
        "- ".repeat(MAX_DEPTH + 1) + "x",
    ] {
        let (node, faults) = read(&text);
        assert!(node.is_none());
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::Bomb]);
    }
    let deepest = "- ".repeat(MAX_DEPTH) + "x";
    assert_eq!(read(&deepest).1, []);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_every_span_is_inside(text in "(\\PC|[\n\t{}:,#|>&*!'\" -]|\\[|\\]|a: ){0,60}") {
        fn check(text: &str, node: &Node) {
            assert!(text.get(node.span.start..node.span.end).is_some());
            match &node.value {
                Value::Null | Value::Scalar { .. } => {}
                Value::Sequence(items) => for item in items { check(text, item); },
                Value::Mapping(entries) => for (key, node) in entries {
                    assert!(text.get(key.span.start..key.span.end).is_some());
                    check(text, node);
                },
            }
        }
        let (node, faults) = read(&text);
        prop_assert!(node.is_some() || !faults.is_empty());
        if let Some(node) = node {
            check(&text, &node);
        }
    }
}
