//! A Rust file, read just far enough: which part of each line is code, which is comment, and
//! whether it belongs to a test. Contents of strings are neither.

/// One line of a Rust file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The code, with comments left out and the contents of literals left out.
    pub code: String,
    /// The text of its comments.
    pub comment: String,
    /// Whether it is part of a test, a bench or test support.
    pub test: bool,
}

/// A Rust file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its lines in order.
    pub lines: Vec<Line>,
}

impl Source {
    /// Reads a file. Whether a whole file is test code follows from its path.
    pub fn read(path: &str, text: &str) -> Self {
        let mut lines = split(text);
        let whole = is_test_file(path);
        let regions = test_regions(&lines);
        for (number, line) in lines.iter_mut().enumerate() {
            line.test = whole || regions.iter().any(|(from, to)| (*from..=*to).contains(&number));
        }
        Self { lines }
    }

    /// Lines numbered from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("crates/testing/")
        || path.contains("/tests/")
        || path.contains("/benches/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

/// What the reader is inside of.
enum Inside {
    Code,
    Comment,
    Block { depth: usize },
    Text,
    RawText { hashes: usize },
}

fn split(text: &str) -> Vec<Line> {
    let mut inside = Inside::Code;
    let mut lines = Vec::new();
    for raw in text.lines() {
        let mut line = Line::default();
        let mut rest = raw;
        while let Some(first) = rest.chars().next() {
            let eaten = match inside {
                Inside::Code => code(rest, first, &mut line, &mut inside),
                Inside::Comment => {
                    line.comment.push_str(rest);
                    rest.len()
                }
                Inside::Block { depth } => block(rest, first, depth, &mut line, &mut inside),
                Inside::Text if rest.starts_with('\\') => {
                    rest.chars().take(2).map(char::len_utf8).sum()
                }
                Inside::Text if first == '"' => end_of_text(&mut line, &mut inside, 1),
                Inside::RawText { hashes } if closes_raw(rest, hashes) => {
                    end_of_text(&mut line, &mut inside, 1 + hashes)
                }
                Inside::Text | Inside::RawText { .. } => first.len_utf8(),
            };
            rest = rest.get(eaten..).unwrap_or_default();
        }
        if matches!(inside, Inside::Comment) {
            inside = Inside::Code;
        }
        lines.push(line);
    }
    lines
}

/// Reads one step of code and says how many bytes that was.
fn code(rest: &str, first: char, line: &mut Line, inside: &mut Inside) -> usize {
    if rest.starts_with("//") {
        *inside = Inside::Comment;
        return 2;
    }
    if rest.starts_with("/*") {
        *inside = Inside::Block { depth: 1 };
        return 2;
    }
    let name_goes_on = line.code.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    if !name_goes_on && let Some(length) = raw_text_start(rest) {
        line.code.push('"');
        *inside = Inside::RawText {
            hashes: rest.get(..length).map_or(0, |start| start.matches('#').count()),
        };
        return length;
    }
    line.code.push(first);
    if first == '"' {
        *inside = Inside::Text;
    } else if first == '\'' {
        return 1 + character(rest, line);
    }
    first.len_utf8()
}

/// `r"`, `br#"` and so on: the length of the start of a raw string.
fn raw_text_start(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after.get(hashes..)?.starts_with('"').then_some(rest.len() - after.len() + hashes + 1)
}

fn closes_raw(rest: &str, hashes: usize) -> bool {
    rest.strip_prefix('"')
        .is_some_and(|after| after.len() - after.trim_start_matches('#').len() >= hashes)
}

/// After a quote mark: a character literal is passed over, a lifetime is not.
fn character(rest: &str, line: &mut Line) -> usize {
    let mut characters = rest.char_indices().skip(1);
    let (Some((_, first)), Some((at, second))) = (characters.next(), characters.next()) else {
        return 0;
    };
    let end = if first == '\\' {
        // the escaped character itself may be a quote mark
        rest.get(at + second.len_utf8()..)
            .and_then(|after| after.find('\''))
            .map(|found| at + second.len_utf8() + found)
    } else {
        (second == '\'').then_some(at)
    };
    if end.is_some() {
        line.code.push('\'');
    }
    end.unwrap_or(0)
}

fn block(rest: &str, first: char, depth: usize, line: &mut Line, inside: &mut Inside) -> usize {
    if rest.starts_with("*/") {
        *inside = if depth == 1 { Inside::Code } else { Inside::Block { depth: depth - 1 } };
        2
    } else if rest.starts_with("/*") {
        *inside = Inside::Block { depth: depth + 1 };
        2
    } else {
        line.comment.push(first);
        first.len_utf8()
    }
}

fn end_of_text(line: &mut Line, inside: &mut Inside, length: usize) -> usize {
    line.code.push('"');
    *inside = Inside::Code;
    length
}

/// Inclusive ranges of lines that an attribute gives to tests: from `#[cfg(test)]` or `#[test]`
/// to the end of the item that follows.
fn test_regions(lines: &[Line]) -> Vec<(usize, usize)> {
    let opens = |line: &Line| {
        let code = line.code.trim();
        code.starts_with("#[cfg(test)]")
            || code.starts_with("#[cfg(all(test")
            || code.starts_with("#[test]")
    };
    let starts = lines.iter().enumerate().filter(|(_, line)| opens(line)).map(|(number, _)| number);
    starts.map(|start| (start, end_of_item(lines, start))).collect()
}

/// Index of the line on which the item that begins at index `start` ends.
pub fn end_of_item(lines: &[Line], start: usize) -> usize {
    let mut depth = 0usize;
    for (number, line) in lines.iter().enumerate().skip(start) {
        let code = line.code.trim_start();
        let attribute = depth == 0 && code.starts_with("#[");
        for character in line.code.chars().filter(|_| !attribute) {
            match character {
                '{' => depth += 1,
                '}' if depth <= 1 => return number,
                '}' => depth -= 1,
                ';' if depth == 0 => return number,
                _ => {}
            }
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Line> {
        Source::read("crates/base/x/src/lib.rs", text).lines
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let lines = read(
            "let a = \"b // c\"; // d\nlet e = r#\"f\" g\"#; /* h\ni */ let j = 'k'; let l = '\\'';\n",
        );
        assert_eq!((lines[0].code.as_str(), lines[0].comment.as_str()), ("let a = \"\"; ", " d"));
        assert_eq!((lines[1].code.as_str(), lines[1].comment.as_str()), ("let e = \"\"; ", " h"));
        assert_eq!(
            (lines[2].code.as_str(), lines[2].comment.as_str()),
            (" let j = ''; let l = '';", "i ")
        );
    }

    #[test]
    fn lifetimes_are_code() {
        assert_eq!(read("fn a<'b>(c: &'b str) {}")[0].code, "fn a<'b>(c: &'b str) {}");
    }

    #[test]
    fn a_test_module_ends_with_its_brace() {
        let lines = read("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { }\n}\nfn c() {}\n");
        let tests: Vec<bool> = lines.iter().map(|line| line.test).collect();
        assert_eq!(tests, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_test_item_without_a_body_ends_with_its_semicolon() {
        let lines = read("#[cfg(test)]\nmod tests;\nfn c() {}\n");
        assert_eq!(lines.iter().map(|line| line.test).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn whole_folders_are_tests() {
        assert!(Source::read("crates/testing/simulator/src/lib.rs", "fn a() {}").lines[0].test);
        assert!(Source::read("crates/node/store/tests/a.rs", "fn a() {}").lines[0].test);
    }
}
