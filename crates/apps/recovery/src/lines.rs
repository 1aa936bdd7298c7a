//! Text forms of this program: a first line that names form and version, then `label: value` lines.

/// What the first line of a text says of it.
#[derive(Debug, PartialEq, Eq)]
pub enum First<'a> {
    /// It is the form, in the version that is known; this follows.
    Known(&'a str),
    /// It is the form in another version.
    Version(u32),
    /// It is something else.
    Other,
}

/// Reads the first line: `start` and a version.
pub fn first<'a>(text: &'a str, start: &str) -> First<'a> {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.trim_end().strip_prefix(start) {
        Some("1") => First::Known(rest),
        Some(version) => version.parse().map_or(First::Other, First::Version),
        None => First::Other,
    }
}

/// The value of the next line, if that has this label.
pub fn value<'a>(lines: &mut impl Iterator<Item = &'a str>, label: &str) -> Option<&'a str> {
    lines.next()?.strip_prefix(label)?.strip_prefix(':').map(str::trim)
}
