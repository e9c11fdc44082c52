//! Request layouts in a form that can be walked: what [`guard`](super::guard) checks bodies against.

mod table;

use std::sync::OnceLock;

use super::versions;

/// The fields of a struct, in wire order, tagged ones among them.
pub type Shape = Vec<Field>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// Versions that have the field.
    pub versions: Span,
    /// Versions in which it may be null.
    pub nullable: Span,
    /// Its tag, if it does not stand in line.
    pub tag: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers, booleans, ids: so many bytes.
    Fixed(usize),
    Text,
    Bytes,
    Struct(Shape),
    /// An array of bare values of so many bytes.
    FixedArray(usize),
    TextArray,
    StructArray(Shape),
}

/// Versions from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: i16,
    pub last: i16,
}

impl Span {
    const ALL: Span = Span { first: 0, last: i16::MAX };
    const NONE: Span = Span { first: 0, last: -1 };

    pub fn has(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}

/// Each is read when its API is first asked for: the first answer of a broker needs one of them.
static SHAPES: [OnceLock<Shape>; versions::ALL.len()] = [const { OnceLock::new() }; versions::ALL.len()];

/// The layout of the API's request.
pub fn of(api: &versions::Api) -> &'static Shape {
    SHAPES[versions::place(api.key)].get_or_init(|| {
        let key = api.key.key();
        let row = rows(table::TABLE).find(|row| key_of(row) == Some(key)).expect("every API has a shape");
        parse_row(row).expect("the table of shapes is written correctly").fields
    })
}

struct Row {
    #[cfg_attr(not(test), allow(dead_code))]
    key: i16,
    #[cfg_attr(not(test), allow(dead_code))]
    name: &'static str,
    fields: Shape,
}

/// The text of each API. A line that begins with its number opens it.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    let opens = |at: &usize| table[*at..].starts_with(|c: char| c.is_ascii_digit());
    let starts = move || table.match_indices('\n').map(|(at, _)| at + 1).filter(opens);
    let ends = starts().skip(1).chain([table.len()]);
    starts().zip(ends).map(|(start, end)| &table[start..end])
}

fn key_of(row: &str) -> Option<i16> {
    row.split_once(' ')?.0.parse().ok()
}

fn parse_row(row: &'static str) -> Result<Row, String> {
    let (head, fields) = row.split_once(':').ok_or(format!("no colon in {row}"))?;
    let (key, name) = head.split_once(' ').ok_or(format!("no name in {head}"))?;
    let key = key.parse().map_err(|_| format!("no key in {head}"))?;
    Ok(Row { key, name, fields: parse_fields(fields)? })
}

/// Fields separated by commas, where commas within brackets belong to the inner struct.
fn parse_fields(text: &'static str) -> Result<Shape, String> {
    let mut fields = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                fields.push(parse_field(text[start..at].trim())?);
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        fields.push(parse_field(last)?);
    }
    Ok(fields)
}

fn parse_field(text: &'static str) -> Result<Field, String> {
    let (name, rest) = text.split_once(char::is_whitespace).ok_or(format!("no type in {text}"))?;
    let rest = rest.trim_start();
    let (kind, rest) = match rest.chars().next() {
        Some('[' | '{') => {
            let end = rest.rfind([']', '}']).ok_or(format!("open bracket in {text}"))?;
            let fields = parse_fields(&rest[1..end])?;
            let kind = if rest.starts_with('[') { Kind::StructArray(fields) } else { Kind::Struct(fields) };
            (kind, &rest[end + 1..])
        }
        _ => {
            let end = rest.find(|c: char| c == '?' || c.is_whitespace()).unwrap_or(rest.len());
            (parse_bare(&rest[..end])?, &rest[end..])
        }
    };
    let mut field = Field { name, kind, versions: Span::ALL, nullable: Span::NONE, tag: None };
    for word in rest.split_whitespace() {
        if let Some(span) = word.strip_prefix('?') {
            field.nullable = parse_span(span)?;
        } else if let Some(tag) = word.strip_prefix('#') {
            field.tag = Some(tag.parse().map_err(|_| format!("bad tag in {text}"))?);
        } else {
            field.versions = parse_span(word)?;
        }
    }
    Ok(field)
}

fn parse_bare(word: &str) -> Result<Kind, String> {
    let size = |word: &str| match word {
        "bool" | "i8" => Some(1),
        "i16" => Some(2),
        "i32" => Some(4),
        "i64" | "f64" => Some(8),
        "uuid" => Some(16),
        _ => None,
    };
    let kind = match word {
        "str" => Some(Kind::Text),
        "bytes" => Some(Kind::Bytes),
        "*str" => Some(Kind::TextArray),
        _ => match word.strip_prefix('*') {
            Some(element) => size(element).map(Kind::FixedArray),
            None => size(word).map(Kind::Fixed),
        },
    };
    kind.ok_or(format!("no such type: {word}"))
}

fn parse_span(text: &str) -> Result<Span, String> {
    if text.is_empty() {
        return Ok(Span::ALL);
    }
    let (first, last) = text.split_once("..").ok_or(format!("no span: {text}"))?;
    let number = |text: &str, absent: i16| match text {
        "" => Ok(absent),
        digits => digits.parse().map_err(|_| format!("no version: {text}")),
    };
    Ok(Span { first: number(first, 0)?, last: number(last, i16::MAX)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_api_once_under_its_name() {
        let rows: Vec<Row> = rows(table::TABLE).map(|row| parse_row(row).unwrap()).collect();
        assert!(
            versions::ALL.iter().all(|api| !of(api).is_empty() || api.name == "ListTransactions"),
            "each has fields"
        );
        let named: Vec<_> = rows.iter().map(|row| (row.key, row.name)).collect();
        let known: Vec<_> = versions::ALL.iter().map(|api| (api.key.key(), api.name)).collect();
        assert_eq!(named, known);
    }

    #[test]
    fn a_field_is_read_with_its_versions_nulls_and_tag() {
        let fields = parse_fields("a str?2..3 1..4, b [c i16, d {e *i32} 5..]?, f bool #7").unwrap();
        assert_eq!(fields[0].kind, Kind::Text);
        assert_eq!((fields[0].nullable, fields[0].versions), (Span { first: 2, last: 3 }, Span { first: 1, last: 4 }));
        let Kind::StructArray(inner) = &fields[1].kind else { panic!("{:?}", fields[1]) };
        assert_eq!(fields[1].nullable, Span::ALL);
        assert_eq!(inner[0].kind, Kind::Fixed(2));
        let Kind::Struct(inner) = &inner[1].kind else { panic!("{:?}", inner[1]) };
        assert_eq!(inner[0].kind, Kind::FixedArray(4));
        assert_eq!((fields[2].tag, fields[2].nullable), (Some(7), Span::NONE));
    }

    #[test]
    fn what_is_written_wrongly_is_refused() {
        for text in ["a", "a i31", "a str x", "a str 3", "a [b i8", "a str #x", "a *bytes"] {
            assert!(parse_fields(text).is_err(), "{text}");
        }
    }
}
