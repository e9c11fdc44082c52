//! A value of a key: read from text by type, checked against what the key takes, and written back as Kafka writes it.
//! The messages are those that Kafka's clients are used to.

use crate::config::schema::{Key, Kind, Valid};

/// A typed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value: null in Kafka's answers.
    Absent,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
    List(Vec<String>),
}

/// Why a value is not taken, in Kafka's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

fn refuse<T>(key: &Key, value: impl std::fmt::Display, why: impl std::fmt::Display) -> Result<T, ValueError> {
    Err(ValueError(format!("Invalid value {value} for configuration {}: {why}", key.name)))
}

impl Value {
    /// As DescribeConfigs shows it.
    pub fn text(&self) -> Option<String> {
        match self {
            Value::Absent => None,
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Real(value) => Some(java_double(*value)),
            Value::Text(value) => Some(value.clone()),
            Value::List(items) => Some(items.join(",")),
        }
    }
}

/// Reads and checks a value of a key.
pub fn parse(key: &Key, text: &str) -> Result<Value, ValueError> {
    let mut value = read(key, text)?;
    if let (Value::List(items), Valid::Items { .. }) = (&mut value, key.valid) {
        let mut seen = std::collections::BTreeSet::new();
        items.retain(|item| seen.insert(item.clone()));
    }
    check(key, &value)?;
    Ok(value)
}

/// The value of a key that nobody set.
pub fn default(key: &Key) -> Value {
    key.default.map_or(Value::Absent, |text| read(key, text).unwrap_or(Value::Absent))
}

fn read(key: &Key, text: &str) -> Result<Value, ValueError> {
    let trimmed = text.trim();
    let not_a_number = || refuse(key, text, format_args!("Not a number of type {}", key.kind.name()));
    let whole = |fits: fn(i64) -> bool| match trimmed.parse::<i64>() {
        Ok(number) if fits(number) => Ok(Value::Int(number)),
        _ => not_a_number(),
    };
    match key.kind {
        Kind::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Kind::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        Kind::Boolean => refuse(key, text, "Expected value to be either true or false"),
        Kind::Int => whole(|n| i32::try_from(n).is_ok()),
        Kind::Short => whole(|n| i16::try_from(n).is_ok()),
        Kind::Long => whole(|_| true),
        Kind::Double => trimmed.parse().map(Value::Real).or_else(|_| not_a_number()),
        Kind::List => Ok(Value::List(items(trimmed))),
        Kind::Str | Kind::Class | Kind::Password => Ok(Value::Text(trimmed.to_string())),
    }
}

/// The items of a comma-separated list.
pub fn items(text: &str) -> Vec<String> {
    match text.trim() {
        "" => Vec::new(),
        text => text.split(',').map(|item| item.trim().to_string()).collect(),
    }
}

fn check(key: &Key, value: &Value) -> Result<(), ValueError> {
    match (value, key.valid) {
        (Value::Int(n), Valid::AtLeast(low)) if *n < low => {
            refuse(key, n, format_args!("Value must be at least {low}"))
        }
        (Value::Int(n), Valid::Between(low, high)) => check_between(key, *n as f64, n, low as f64, high as f64),
        (Value::Real(n), Valid::Between(low, high)) => check_real(key, *n, low as f64, high as f64),
        (Value::Real(n), Valid::BetweenReal(low, high)) => check_real(key, *n, low, high),
        (Value::Text(text), Valid::OneOf(names)) if !names.contains(&text.as_str()) => {
            refuse(key, text, format_args!("String must be one of: {}", names.join(", ")))
        }
        (Value::Text(text), Valid::OneOfAnyCase(names)) if !names.iter().any(|n| n.eq_ignore_ascii_case(text)) => {
            refuse(key, text, format_args!("String must be one of (case insensitive): {}", names.join(", ")))
        }
        (Value::Text(text), Valid::NonEmpty) if text.is_empty() => refuse(key, text, "String must be non-empty"),
        (Value::Int(n), Valid::GzipLevel) if *n != -1 && !(1..=9).contains(n) => {
            refuse(key, n, "Value must be between 1 and 9 or equal to -1")
        }
        (Value::List(items), Valid::Items { of, may_be_empty }) => check_items(key, items, of, may_be_empty),
        (Value::List(items), Valid::ThrottledReplicas) => check_throttled(key, items),
        (Value::List(items), Valid::Voters) => check_each(key, items, is_voter, "id@host:port"),
        (Value::List(items), Valid::HostsAndPorts) => check_each(key, items, is_host_port, "host:port"),
        (Value::Text(text), Valid::AutoOffsetReset) if !is_offset_reset(text) => refuse(
            key,
            text,
            "expected earliest, latest or by_duration:PnDTnHnMn.nS with a duration that is not negative",
        ),
        _ => Ok(()),
    }
}

fn check_between(key: &Key, n: f64, shown: impl std::fmt::Display, low: f64, high: f64) -> Result<(), ValueError> {
    if n < low {
        return refuse(key, shown, format_args!("Value must be at least {low}"));
    }
    if n > high {
        return refuse(key, shown, format_args!("Value must be no more than {high}"));
    }
    Ok(())
}

fn check_real(key: &Key, n: f64, low: f64, high: f64) -> Result<(), ValueError> {
    check_between(key, n, java_double(n), low, high)
}

fn check_items(key: &Key, items: &[String], of: &[&str], may_be_empty: bool) -> Result<(), ValueError> {
    if items.is_empty() && !may_be_empty {
        let valid = if of.is_empty() { "any non-empty value".into() } else { format!("[{}]", of.join(", ")) };
        let name = key.name;
        return Err(ValueError(format!("Configuration '{name}' must not be empty. Valid values include: {valid}")));
    }
    for item in items {
        if item.is_empty() {
            return Err(ValueError(format!("Configuration '{}' values must not be empty.", key.name)));
        }
        if !of.is_empty() && !of.contains(&item.as_str()) {
            return refuse(key, item, format_args!("String must be one of: {}", of.join(", ")));
        }
    }
    Ok(())
}

fn check_throttled(key: &Key, items: &[String]) -> Result<(), ValueError> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let pair = |text: &String| text.is_empty() || text.split_once(':').is_some_and(|(p, b)| digits(p) && digits(b));
    if items.iter().all(pair) || items.concat() == "*" {
        return Ok(());
    }
    refuse(
        key,
        format_args!("[{}]", items.join(", ")),
        format_args!(
            "{} must be the literal '*' or a list of replicas in the following format: \
             [partitionId]:[brokerId],[partitionId]:[brokerId],...",
            key.name
        ),
    )
}

fn check_each(key: &Key, items: &[String], good: fn(&str) -> bool, form: &str) -> Result<(), ValueError> {
    match items.iter().find(|item| !good(item)) {
        Some(bad) => refuse(key, bad, format_args!("expected a list of {form}")),
        None => Ok(()),
    }
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn is_voter(text: &str) -> bool {
    text.split_once('@').is_some_and(|(id, rest)| id.parse::<u32>().is_ok() && is_host_port(rest))
}

fn is_offset_reset(text: &str) -> bool {
    match text.split_once(':') {
        None => matches!(text, "earliest" | "latest"),
        Some(("by_duration", duration)) => crate::config::duration::parse_millis(duration).is_some_and(|ms| ms >= 0),
        Some(_) => false,
    }
}

/// A double as Java prints it.
fn java_double(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return if value.fract() == 0.0 { format!("{value:.1}") } else { value.to_string() };
    }
    if !value.is_finite() {
        let name = if value.is_nan() { "NaN" } else { "Infinity" };
        return if value == f64::NEG_INFINITY { format!("-{name}") } else { name.to_string() };
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => scientific,
    }
}

#[cfg(test)]
mod tests;
