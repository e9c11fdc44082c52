//! Subscriptions by pattern, in RE2's syntax: the pattern must match the whole topic name.
//!
//! Rust's `regex` is of the same family (linear time, no look-around), but reads some texts differently. [`translate`]
//! rewrites those (quoted runs, octal escapes, literal braces, brackets within classes) and refuses what RE2 refuses.

mod translate;

use ::regex::Regex;

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

impl BadPattern {
    fn new(why: &str) -> Self {
        BadPattern(why.to_string())
    }
}

#[derive(Clone, Debug)]
pub struct TopicPattern(Regex);

impl TopicPattern {
    pub fn parse(text: &str) -> Result<TopicPattern, BadPattern> {
        let translated = translate::translate(text)?;
        // On its own first: `a)(b` must not become valid by the parentheses added around it.
        compile(&translated)?;
        compile(&format!(r"\A(?:{translated})\z")).map(TopicPattern)
    }

    pub fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic)
    }
}

fn compile(pattern: &str) -> Result<Regex, BadPattern> {
    Regex::new(pattern).map_err(|error| match error {
        ::regex::Error::CompiledTooBig(_) => BadPattern::new("expression too large"),
        // The last line of the crate's message says what is wrong, the ones before draw the place.
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            BadPattern::new(match reason {
                "unclosed group" => "missing closing )",
                "unopened group" => "unexpected )",
                reason => reason,
            })
        }
    })
}

#[cfg(test)]
mod tests;
