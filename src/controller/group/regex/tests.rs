use super::*;

fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let compiled = TopicPattern::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
    for topic in matching {
        assert!(compiled.matches(topic), "{pattern} should match {topic}");
    }
    for topic in others {
        assert!(!compiled.matches(topic), "{pattern} should not match {topic}");
    }
}

#[test]
fn the_whole_name_must_match() {
    check("a", &["a"], &["ab", "ba", ""]);
    check("a|bc", &["a", "bc"], &["abc", "ac"]);
    check("orders.*", &["orders", "orders-eu"], &["my-orders"]);
    check("^a$", &["a"], &["aa"]);
    check("(?i)ORDERS", &["orders", "Orders"], &["orders1"]);
    check("", &[""], &["a"]);
}

#[test]
fn what_re2_reads_differently_from_the_crate_is_read_as_in_re2() {
    check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["aXb*", "a.b"]);
    check(r"\Qa.b", &["a.b"], &["aXb"]);
    check(r"a{,2}", &["a{,2}"], &["a", "aa"]);
    check(r"a{", &["a{"], &["a"]);
    check(r"a{2}", &["aa"], &["a"]);
    check(r"a{2}b{1,}", &["aab", "aabb"], &["aa"]);
    check(r"\101\060", &["A0"], &["101"]);
    check(r"[[a]", &["[", "a"], &["b"]);
    check(r"[a&&b]", &["a", "&", "b"], &["c"]);
    check(r"[a~~b]", &["a", "b", "~"], &["c"]);
    check(r"[]a]", &["]", "a"], &["b"]);
    check(r"[^]a]", &["b"], &["]", "a"]);
    check(r"[a-c_.-]+", &["b_.-a"], &["d"]);
    check(r"[[:alpha:][:digit:]]+", &["a1"], &["-"]);
    check(r"\<a\>", &["<a>"], &["a"]);
    check(r"[\w.-]+", &["a-b.c_d"], &["a b"]);
    check(r"\x41\x{42}", &["AB"], &["ab"]);
    check(r"a\b{2", &[], &["a"]);
    check(r"(?P<x>a)(?:b)(c)", &["abc"], &["ab"]);
    check("a]}", &["a]}"], &["a"]);
    check(r"a+?b*?c??", &["aab"], &["b"]);
}

#[test]
fn what_re2_refuses_is_refused() {
    let cases = [
        ("[", "missing closing ]"),
        ("[a", "missing closing ]"),
        ("(a", "missing closing )"),
        ("a)", "unexpected )"),
        ("a)(b", "unexpected )"),
        ("*a", "missing argument to repetition operator"),
        ("a|*", "missing argument to repetition operator"),
        ("(?i)*", "missing argument to repetition operator"),
        ("a**", "invalid nested repetition operator"),
        ("a{2}{3}", "invalid nested repetition operator"),
        ("a{1001}", "invalid repeat count"),
        ("a{3,2}", "invalid repeat count"),
        ("a\\", "trailing backslash at end of expression"),
        (r"(a)\1", "invalid escape sequence"),
        (r"\8", "invalid escape sequence"),
        (r"\C", "invalid escape sequence"),
        (r"\u0041", "invalid escape sequence"),
        (r"[\b]", "invalid escape sequence"),
        ("[b-a]", "invalid character class range"),
        ("[a--b]", "invalid character class range"),
        ("[[:nope:]]", "invalid character class range"),
        ("(?=a)", "invalid or unsupported Perl syntax"),
        ("(?x)a b", "invalid or unsupported Perl syntax"),
    ];
    for (pattern, why) in cases {
        let error = TopicPattern::parse(pattern).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), why, "{pattern}");
    }
}

#[test]
fn a_pattern_that_would_not_fit_is_refused_and_none_panics() {
    assert!(TopicPattern::parse(&"(a{1000}){1000}".repeat(3)).is_err());
    let alphabet: Vec<char> = r"ab\QE[](){}*+?|^$.-,:&1PpxU<>i".chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..20_000 {
        let mut pattern = String::new();
        for _ in 0..(state >> 7) % 12 + 1 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            pattern.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let _ = TopicPattern::parse(&pattern);
    }
}
