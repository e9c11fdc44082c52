//! Java's `.properties` format: continuation lines, escapes, the three separators, comments. Line numbers are kept,
//! since every mistake in a file is reported with its place.

/// One setting of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub key: String,
    pub value: String,
    /// Of the key, counted from 1.
    pub line: usize,
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
    pub what: String,
}

/// Bytes of a file as text: UTF-8, or Latin-1 (which Java reads) where it is not.
pub fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_string(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// All settings of a file in their order, and all places that could not be read.
pub fn parse(text: &str) -> (Vec<Property>, Vec<Malformed>) {
    let mut properties = Vec::new();
    let mut malformed = Vec::new();
    for (line, logical) in logical_lines(text) {
        match split(&logical) {
            Ok((key, value)) => properties.push(Property { key, value, line }),
            Err(what) => malformed.push(Malformed { line, what }),
        }
    }
    (properties, malformed)
}

/// One file line after another without its ending, whichever of the three endings it has.
fn natural_lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        let (line, after) = rest.split_at(end);
        lines.push(line);
        rest = after.strip_prefix("\r\n").or_else(|| after.get(1..)).unwrap_or("");
    }
    lines.push(rest);
    lines
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines with their continuations joined, without comments and blank lines, and where each began.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, natural) in natural_lines(text).into_iter().enumerate() {
        let stripped = natural.trim_start_matches(is_blank);
        if open.is_none() && (stripped.is_empty() || stripped.starts_with(['#', '!'])) {
            continue;
        }
        let (start, mut logical) = open.take().unwrap_or((index + 1, String::new()));
        let backslashes = stripped.len() - stripped.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            logical.push_str(&stripped[..stripped.len() - 1]);
            open = Some((start, logical));
        } else {
            logical.push_str(stripped);
            lines.push((start, logical));
        }
    }
    lines.extend(open.filter(|(_, logical)| !logical.is_empty()));
    lines
}

/// Key and value of a logical line.
fn split(line: &str) -> Result<(String, String), String> {
    let mut key_end = line.len();
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if !escaped && (is_blank(c) || c == '=' || c == ':') {
            key_end = at;
            break;
        }
        escaped = c == '\\' && !escaped;
    }
    let (key, rest) = line.split_at(key_end);
    let rest = rest.trim_start_matches(is_blank);
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(is_blank);
    Ok((unescape(key)?, unescape(value)?))
}

fn unescape(text: &str) -> Result<String, String> {
    if !text.contains('\\') {
        return Ok(text.to_string());
    }
    // Java counts in UTF-16: two escapes may make one character.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                    units.push(unit.ok_or_else(|| format!("\\u{digits} is no character: give four hex digits"))?);
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, usize)> {
        let (properties, malformed) = parse(text);
        assert_eq!(malformed, []);
        properties.into_iter().map(|p| (p.key, p.value, p.line)).collect()
    }

    fn one(line: &str) -> (String, String) {
        let mut all = read(line);
        assert_eq!(all.len(), 1, "{line}");
        let (key, value, _) = all.remove(0);
        (key, value)
    }

    #[test]
    fn takes_every_separator() {
        for line in ["a=b", "a:b", "a b", "  a = b", "a\t:  b", "a   b", "\u{c}a=b"] {
            assert_eq!(one(line), ("a".into(), "b".into()), "{line:?}");
        }
        assert_eq!(one("a==b"), ("a".into(), "=b".into()));
        assert_eq!(one("a"), ("a".into(), "".into()));
        assert_eq!(one("a=b  "), ("a".into(), "b  ".into()), "blanks behind a value belong to it");
        assert_eq!(one("a=b # c"), ("a".into(), "b # c".into()), "a comment needs a line of its own");
    }

    #[test]
    fn joins_continued_lines_and_keeps_the_first_line_number() {
        let text = "# comment \\\n\nlist = one,\\\r\n   two,\\\n\tthree\n! other comment\nlast=1\\\\\nnext=2";
        let expected = [("list", "one,two,three", 3), ("last", "1\\", 7), ("next", "2", 8)];
        assert_eq!(read(text), expected.map(|(k, v, l)| (k.to_string(), v.to_string(), l)));
    }

    #[test]
    fn a_comment_sign_in_a_continuation_is_text() {
        assert_eq!(one("a=b\\\n#c"), ("a".into(), "b#c".into()));
    }

    #[test]
    fn resolves_escapes_in_keys_and_values() {
        assert_eq!(one(r"a\=b\ c = \t\u0041\q\u00e4"), ("a=b c".into(), "\tAq\u{e4}".into()));
        assert_eq!(one(r"a=\ud83d\ude00"), ("a".into(), "\u{1f600}".into()));
        assert_eq!(one("a=x\\"), ("a".into(), "x".into()), "a file may end in a continuation");
    }

    #[test]
    fn tells_every_place_it_cannot_read_and_reads_the_rest() {
        let (properties, malformed) = parse("a=\\u12\nb=1\nc=\\uzzzz\n");
        assert_eq!(properties.len(), 1);
        assert_eq!(malformed.iter().map(|m| m.line).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        let seed: u64 = 7;
        let mut state = seed;
        let alphabet = b"\\\\u0aA=: \t\r\n#!\xff\xc3\xa4x";
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    alphabet[(state >> 33) as usize % alphabet.len()]
                })
                .collect();
            parse(&decode(&bytes));
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(decode(b"a=\xe4"), "a=\u{e4}");
        assert_eq!(decode("a=\u{e4}".as_bytes()), "a=\u{e4}");
    }
}
