//! What a POSIX shell makes of each byte of a script: enough of its rules for the scripts that are made here.

/// Where a byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    Plain,
    Single,
    Double,
    Comment,
}

/// A script without the bodies of here-documents whose end stands in quotes: a shell takes those as they are.
pub(crate) fn without_data(script: &str) -> String {
    let mut kept = String::new();
    let mut end: Option<String> = None;
    for line in script.split_inclusive('\n') {
        match &end {
            Some(word) if line.trim_end_matches('\n') == word => end = None,
            Some(_) => {}
            None => {
                kept.push_str(line);
                end = line.split_once("<<'").and_then(|(_, rest)| rest.split_once('\'')).map(|(word, _)| word.to_owned());
            }
        }
    }
    kept
}

/// The context of each byte, and that of the end.
pub(crate) fn contexts(script: &str) -> Vec<Context> {
    let bytes = script.as_bytes();
    let mut found = Vec::with_capacity(bytes.len() + 1);
    // What is open, from the outside in, and how many parentheses are in each.
    let mut open = vec![(Context::Plain, 0_usize)];
    let mut at = 0;
    while at < bytes.len() {
        let (context, depth) = open.last_mut().expect("the script itself");
        found.push(*context);
        let byte = bytes[at];
        let escapes = byte == b'\\' && matches!(*context, Context::Plain | Context::Double);
        match (*context, byte) {
            _ if escapes && at + 1 < bytes.len() => {
                found.push(*context);
                at += 1;
            }
            (Context::Single, b'\'') | (Context::Double, b'"') | (Context::Comment, b'\n') => _ = open.pop(),
            (Context::Plain | Context::Double, b'$') if bytes.get(at + 1) == Some(&b'(') => {
                found.push(*context);
                at += 1;
                open.push((Context::Plain, 1));
            }
            (Context::Plain, b'\'') => open.push((Context::Single, 0)),
            (Context::Plain, b'"') => open.push((Context::Double, 0)),
            (Context::Plain, b'#') if at == 0 || b" \t\n;(".contains(&bytes[at - 1]) => open.push((Context::Comment, 0)),
            (Context::Plain, b'(') if *depth > 0 => *depth += 1,
            (Context::Plain, b')') if *depth > 0 => {
                *depth -= 1;
                if *depth == 0 {
                    open.pop();
                }
            }
            _ => {}
        }
        at += 1;
    }
    found.push(open.last().expect("the script itself").0);
    found
}

#[test]
fn a_script_is_understood() {
    let script = "a 'b' \"c$(d 'e' \"f\")\" \\' g # h 'i\nj$(k (l)) # m\ncat <<'END'\n'n\nEND\no\n";
    let code = without_data(script);
    assert!(!code.contains('n') && code.ends_with("END'\no\n"));
    let found = contexts(&code);
    let of = |letter: char| found[code.find(&format!("{letter}")).unwrap_or_default()];
    for (letters, context) in
        [("adgjklo", Context::Plain), ("be", Context::Single), ("f", Context::Double), ("him", Context::Comment)]
    {
        letters.chars().for_each(|letter| assert_eq!(of(letter), context, "{letter}"));
    }
    assert_eq!(found.last(), Some(&Context::Plain));
    assert_eq!(contexts("echo 'x").last(), Some(&Context::Single));
}
