//! From RE2's syntax to that of the `regex` crate.

use std::iter::Peekable;
use std::str::Chars;

use super::BadPattern;

const REPEAT_MAX: u32 = 1000;

pub(super) fn translate(pattern: &str) -> Result<String, BadPattern> {
    let mut state = Translator { rest: pattern.chars().peekable(), out: String::new(), before: Before::Nothing };
    while let Some(c) = state.rest.next() {
        state.step(c)?;
    }
    Ok(state.out)
}

/// What a repetition operator would apply to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Atom,
    Repetition,
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    before: Before,
}

impl Translator<'_> {
    fn step(&mut self, c: char) -> Result<(), BadPattern> {
        match c {
            '\\' => self.escape(),
            '[' => {
                self.before = Before::Atom;
                self.class()
            }
            '*' | '+' | '?' => self.repetition(&c.to_string()),
            '{' => match self.counted()? {
                Some(operator) => self.repetition(&operator),
                None => self.literal('{'),
            },
            '(' => self.group(),
            ')' => {
                self.out.push(')');
                self.before = Before::Atom;
                Ok(())
            }
            '|' => {
                self.out.push('|');
                self.before = Before::Nothing;
                Ok(())
            }
            '^' | '$' | '.' => {
                self.out.push(c);
                self.before = Before::Atom;
                Ok(())
            }
            other => self.literal(other),
        }
    }

    fn literal(&mut self, c: char) -> Result<(), BadPattern> {
        push_literal(&mut self.out, c);
        self.before = Before::Atom;
        Ok(())
    }

    fn repetition(&mut self, operator: &str) -> Result<(), BadPattern> {
        match self.before {
            Before::Nothing => return Err(BadPattern::new("missing argument to repetition operator")),
            Before::Repetition => return Err(BadPattern::new("invalid nested repetition operator")),
            Before::Atom => {}
        }
        self.out.push_str(operator);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.before = Before::Repetition;
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` after the brace; anything else leaves the brace a literal.
    fn counted(&mut self) -> Result<Option<String>, BadPattern> {
        let mut ahead = self.rest.clone();
        let mut text = String::new();
        for c in ahead.by_ref() {
            if c == '}' {
                break;
            }
            text.push(c);
            if !c.is_ascii_digit() && c != ',' {
                return Ok(None);
            }
        }
        let (least, most) = text.split_once(',').map_or((text.as_str(), None), |(least, most)| (least, Some(most)));
        let number = |digits: &str| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        let closed = self.rest.clone().nth(text.chars().count()) == Some('}');
        if !closed || !number(least) || most.is_some_and(|m| !m.is_empty() && !number(m)) {
            return Ok(None);
        }
        let count = |digits: &str| digits.parse::<u32>().ok().filter(|n| *n <= REPEAT_MAX);
        let valid = match (count(least), most.filter(|m| !m.is_empty()).map(count)) {
            (Some(_), None) => true,
            (Some(least), Some(Some(most))) => least <= most,
            _ => false,
        };
        if !valid {
            return Err(BadPattern::new("invalid repeat count"));
        }
        self.rest = ahead;
        Ok(Some(format!("{{{text}}}")))
    }

    fn group(&mut self) -> Result<(), BadPattern> {
        self.out.push('(');
        self.before = Before::Nothing;
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        while let Some(c) = self.rest.next() {
            self.out.push(c);
            match c {
                'P' | '<' => {
                    self.group_name();
                    return Ok(());
                }
                ':' | ')' => return Ok(()),
                'i' | 'm' | 's' | 'U' | '-' => {}
                _ => break,
            }
        }
        Err(BadPattern::new("invalid or unsupported Perl syntax"))
    }

    fn group_name(&mut self) {
        for c in self.rest.by_ref() {
            self.out.push(c);
            if c == '>' {
                break;
            }
        }
    }

    fn escape(&mut self) -> Result<(), BadPattern> {
        let c = self.rest.next().ok_or(BadPattern::new("trailing backslash at end of expression"))?;
        match c {
            'Q' => return self.quoted(),
            // A boundary followed by a brace would be another operator of the crate.
            'b' | 'B' => self.out.push_str(&format!("(?:\\{c})")),
            'A' | 'z' => self.out.push_str(&format!("\\{c}")),
            other => match self.escaped(other)? {
                Escaped::Char(c) => push_literal(&mut self.out, c),
                Escaped::Class(class) => self.out.push_str(&class),
            },
        }
        self.before = Before::Atom;
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), BadPattern> {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            self.literal(c)?;
        }
        Ok(())
    }

    /// What means the same within and outside of classes; the backslash and `c` are read already.
    fn escaped(&mut self, c: char) -> Result<Escaped, BadPattern> {
        let invalid = || BadPattern::new("invalid escape sequence");
        Ok(match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => Escaped::Class(format!("\\{c}")),
            'p' | 'P' => Escaped::Class(self.property(c)?),
            'a' => Escaped::Char('\x07'),
            'f' => Escaped::Char('\x0c'),
            'n' => Escaped::Char('\n'),
            'r' => Escaped::Char('\r'),
            't' => Escaped::Char('\t'),
            'v' => Escaped::Char('\x0b'),
            'x' => Escaped::Char(self.hexadecimal().ok_or_else(invalid)?),
            '0'..='7' => Escaped::Char(self.octal(c).ok_or_else(invalid)?),
            c if c.is_ascii_punctuation() || c.is_ascii_whitespace() || c.is_ascii_control() => Escaped::Char(c),
            _ => return Err(invalid()),
        })
    }

    fn property(&mut self, sign: char) -> Result<String, BadPattern> {
        let mut class = format!("\\{sign}");
        match self.rest.next() {
            Some('{') => {
                class.push('{');
                for c in self.rest.by_ref() {
                    class.push(c);
                    if c == '}' {
                        return Ok(class);
                    }
                }
                Err(BadPattern::new("invalid character class range"))
            }
            Some(c) if c.is_ascii_alphabetic() => {
                class.push(c);
                Ok(class)
            }
            _ => Err(BadPattern::new("invalid character class range")),
        }
    }

    fn hexadecimal(&mut self) -> Option<char> {
        let digits: String = if self.rest.next_if_eq(&'{').is_some() {
            self.rest.by_ref().take_while(|c| *c != '}').collect()
        } else {
            [self.rest.next()?, self.rest.next()?].into_iter().collect()
        };
        if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
    }

    /// Up to three digits. A single one that is not 0 would be a reference to a group, which RE2 does not have.
    fn octal(&mut self, first: char) -> Option<char> {
        let mut value = first.to_digit(8)?;
        let mut digits = 1;
        while let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(8)).filter(|_| digits < 3) {
            self.rest.next();
            value = value * 8 + digit;
            digits += 1;
        }
        if digits == 1 && value != 0 { None } else { char::from_u32(value) }
    }

    fn class(&mut self) -> Result<(), BadPattern> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or(BadPattern::new("missing closing ]"))?;
            if c == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if c == '[' && self.named_class()? {
                continue;
            }
            let low = match self.class_char(c)? {
                Escaped::Class(class) => {
                    self.out.push_str(&class);
                    continue;
                }
                Escaped::Char(low) => low,
            };
            push_literal(&mut self.out, low);
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
                self.range_from(low)?;
            }
        }
    }

    fn range_from(&mut self, low: char) -> Result<(), BadPattern> {
        self.rest.next();
        let c = self.rest.next().ok_or(BadPattern::new("missing closing ]"))?;
        match self.class_char(c)? {
            Escaped::Char(high) if high >= low => {
                self.out.push('-');
                push_literal(&mut self.out, high);
                Ok(())
            }
            _ => Err(BadPattern::new("invalid character class range")),
        }
    }

    fn class_char(&mut self, c: char) -> Result<Escaped, BadPattern> {
        if c != '\\' {
            return Ok(Escaped::Char(c));
        }
        let c = self.rest.next().ok_or(BadPattern::new("trailing backslash at end of expression"))?;
        self.escaped(c)
    }

    /// `[:alpha:]` and its like, after the inner bracket. Without an end the bracket is a literal.
    fn named_class(&mut self) -> Result<bool, BadPattern> {
        let ahead: String = self.rest.clone().collect();
        let Some((name, _)) = ahead.strip_prefix(':').and_then(|text| text.split_once(":]")) else { return Ok(false) };
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "word", "xdigit",
        ];
        if !NAMES.contains(&name.trim_start_matches('^')) {
            return Err(BadPattern::new("invalid character class range"));
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.rest.nth(name.chars().count() + 2);
        Ok(true)
    }
}

enum Escaped {
    Char(char),
    Class(String),
}

/// Punctuation is written by its number, so that no operator of the crate can arise.
fn push_literal(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        out.push_str(&format!("\\x{:02X}", c as u32));
    } else {
        out.push(c);
    }
}
