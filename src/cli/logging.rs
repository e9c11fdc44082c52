//! Log lines as Kafka's images write them: `[date] LEVEL message (component)` on standard output.

use std::fmt::{self, Write};
use std::io;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::clock::{Clock, SystemClock};
use crate::config::log_levels::{LogLevels, NoLevel, component};

/// Starts logging. The option stands over `OTTLA_LOG`, and that over the variables of Kafka's images.
pub fn start(option: Option<&str>) -> Result<(), NoLevel> {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let text = option.map(str::to_string).or_else(|| variable("OTTLA_LOG")).or_else(|| {
        let root = variable("KAFKA_LOG4J_ROOT_LOGLEVEL");
        root.filter(|word| LogLevels::parse(word).is_ok())
    });
    let levels = LogLevels::parse(text.as_deref().unwrap_or("info"))?.make_the_process_log_by_them();
    let lines = Lines { levels: levels.clone(), clock: SystemClock::new() };
    // Only tests that run commands twice in one process find a logger in place; theirs goes on.
    let _ = tracing::subscriber::set_global_default(lines);
    Ok(())
}

struct Lines<C> {
    levels: LogLevels,
    clock: C,
}

/// Events are all there is: nothing here opens spans.
impl<C: Clock + 'static> Subscriber for Lines<C> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.levels.enabled(metadata.target(), metadata.level()) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.levels.enabled(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.most_detailed())
    }

    fn event(&self, event: &Event<'_>) {
        let line = line(self.clock.now_ms(), event);
        // One write a line keeps lines of several threads whole; a closed pipe loses the log, not the broker.
        let _ = io::Write::write_all(&mut io::stdout().lock(), line.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn line(now_ms: i64, event: &Event<'_>) -> String {
    let metadata = event.metadata();
    let mut text = Text::default();
    event.record(&mut text);
    let (date, level) = (date(now_ms), level_name(metadata.level()));
    format!("[{date}] {level} {}{} ({})\n", text.message, text.fields, component(metadata.target()))
}

fn level_name(level: &Level) -> &'static str {
    match *level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

/// An event's message and its other fields. Line breaks would let a client forge log lines.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}").replace('\n', "\\n").replace('\r', "\\r");
        if field.name() == "message" {
            self.message = value;
        } else {
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// `2026-11-21 10:41:30,123`, in UTC.
fn date(epoch_ms: i64) -> String {
    let (days, ms) = (epoch_ms.div_euclid(86_400_000), epoch_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{milli:03}")
}

/// Year, month and day of a day counted from 1970-01-01: eras of 400 years, years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_kafkas_in_utc() {
        for (ms, shown) in [
            (0, "1970-01-01 00:00:00,000"),
            (951_782_399_999, "2000-02-28 23:59:59,999"),
            (951_868_799_001, "2000-02-29 23:59:59,001"),
            (1_795_257_690_123, "2026-11-21 10:41:30,123"),
            (-1, "1969-12-31 23:59:59,999"),
        ] {
            assert_eq!(date(ms), shown);
        }
    }
}
