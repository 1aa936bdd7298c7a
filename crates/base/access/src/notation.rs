//! The notation that people read and write: `2 of (a, b, any of (c, d))`.
//!
//! ```text
//! tree  = party | count "of" "(" tree { "," tree } ")"
//! count = "all" | "any" | [ "any" ] number
//! ```
//!
//! `any` is 1, `all` is the number of children. A word followed by `of` is a count, every other
//! word a party. White space between words is free.

use crate::limits::{DEPTH_MAX, LEAVES_MAX, NOTATION_BYTES_MAX};
use crate::tree::{Tree, TreeError, check_gate};
use std::fmt;
use std::str::FromStr;

/// Why a text is not a tree; the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Longer than [`NOTATION_BYTES_MAX`].
    #[error("the notation is longer than {NOTATION_BYTES_MAX} bytes")]
    TooLong,
    /// Something else stands where this was expected.
    #[error("expected {expected} at byte {at}")]
    Expected {
        /// What may stand there.
        expected: &'static str,
        /// Offset in the text, in bytes.
        at: usize,
    },
    /// A word that is no party.
    #[error("'{word}' at byte {at} is not a party: {reason}")]
    Party {
        /// The word.
        word: String,
        /// Offset in the text, in bytes.
        at: usize,
        /// Why, from the party's own parser.
        reason: String,
    },
    /// A gate or the whole tree breaks a rule.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl<P: fmt::Display> fmt::Display for Tree<P> {
    /// The canonical notation; parses back to the same tree (ACC-03).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gate = match self {
            Self::Leaf(party) => return write!(formatter, "{party}"),
            Self::Gate(gate) => gate,
        };
        match usize::from(gate.threshold()) {
            1 => formatter.write_str("any of (")?,
            threshold if threshold == gate.children().len() => formatter.write_str("all of (")?,
            threshold => write!(formatter, "{threshold} of (")?,
        }
        for (index, child) in gate.indexed() {
            let separator = if index == 1 { "" } else { ", " };
            write!(formatter, "{separator}{child}")?;
        }
        formatter.write_str(")")
    }
}

impl<P: fmt::Display> fmt::Debug for Tree<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<P: FromStr<Err: fmt::Display> + Ord> FromStr for Tree<P> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > NOTATION_BYTES_MAX {
            return Err(ParseError::TooLong);
        }
        let mut parser = Parser { tokens: tokens(text), next: 0, end: text.len() };
        let tree = parser.tree(0)?;
        match parser.peek(0) {
            None => Ok(tree),
            Some(_) => Err(parser.expected("the end")),
        }
    }
}

impl<P: fmt::Display> serde::Serialize for Tree<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, P: FromStr<Err: fmt::Display> + Ord> serde::Deserialize<'de> for Tree<P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A word, or one of the three marks; with its offset.
type Token<'a> = (usize, &'a str);

/// Words are runs of anything but white space and marks.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let is_mark = |character| matches!(character, '(' | ')' | ',');
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match is_mark(first) {
            true => 1,
            false => rest.find(|c: char| is_mark(c) || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length);
        tokens.push((text.len() - rest.len(), token));
        rest = behind.trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    end: usize,
}

impl<'a> Parser<'a> {
    /// One tree that stands below `depth` gates.
    fn tree<P: FromStr<Err: fmt::Display> + Ord>(
        &mut self,
        depth: usize,
    ) -> Result<Tree<P>, ParseError> {
        let (at, word) = match (self.peek(0), self.peek(1), self.peek(2)) {
            (Some("any"), Some(number), Some("of")) if is_number(number) => {
                self.next += 1;
                return self.gate(depth);
            }
            (Some(_), Some("of"), _) => return self.gate(depth),
            _ => self.word("a party or a gate")?,
        };
        let refused = |reason: P::Err| ParseError::Party {
            word: word.to_owned(),
            at,
            reason: reason.to_string(),
        };
        word.parse().map(Tree::Leaf).map_err(refused)
    }

    /// `count of (tree, …)`; the depth is checked before the recursion goes deeper (ACC-02).
    fn gate<P: FromStr<Err: fmt::Display> + Ord>(
        &mut self,
        depth: usize,
    ) -> Result<Tree<P>, ParseError> {
        if depth == DEPTH_MAX {
            return Err(TreeError::Depth.into());
        }
        let (count_at, count) = self.word("a count")?;
        self.mark("of", "'of'")?;
        self.mark("(", "'('")?;
        let mut children = vec![self.tree(depth + 1)?];
        while self.peek(0) == Some(",") {
            self.next += 1;
            children.push(self.tree(depth + 1)?);
            if children.len() > LEAVES_MAX {
                return Err(TreeError::Leaves.into());
            }
        }
        self.mark(")", "',' or ')'")?;
        let threshold = match count {
            "any" => 1,
            "all" => children.len() as u64,
            number if is_number(number) => number.parse().unwrap_or(u64::MAX),
            _ => return Err(ParseError::Expected { expected: "a count", at: count_at }),
        };
        check_gate(threshold, children.len())?;
        let threshold = u8::try_from(threshold).map_err(|_| TreeError::Leaves)?;
        Ok(Tree::gate(threshold, children)?)
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.tokens.get(self.next + ahead).map(|(_, token)| *token)
    }

    fn word(&mut self, expected: &'static str) -> Result<Token<'a>, ParseError> {
        match self.tokens.get(self.next) {
            Some(token) if !matches!(token.1, "(" | ")" | ",") => {
                self.next += 1;
                Ok(*token)
            }
            _ => Err(self.expected(expected)),
        }
    }

    fn mark(&mut self, mark: &str, expected: &'static str) -> Result<(), ParseError> {
        if self.peek(0) != Some(mark) {
            return Err(self.expected(expected));
        }
        self.next += 1;
        Ok(())
    }

    fn expected(&self, expected: &'static str) -> ParseError {
        let at = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        ParseError::Expected { expected, at }
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::tests::trees;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Tree<String>, ParseError> {
        text.parse()
    }

    #[test]
    fn every_way_of_writing_prints_one_way() {
        for (text, canonical) in [
            ("ada", "ada"),
            ("2 of (a, b, any 1 of (c, d))", "2 of (a, b, any of (c, d))"),
            ("2 of(a,b)", "all of (a, b)"),
            ("1 of (a, b)", "any of (a, b)"),
            (" all\tof (a,\n any of (b, c)) ", "all of (a, any of (b, c))"),
            ("any 2 of (a, b, c)", "2 of (a, b, c)"),
            ("2 of (of, any, all)", "2 of (of, any, all)"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        let expected = |expected, at| ParseError::Expected { expected, at };
        for (text, error) in [
            ("", expected("a party or a gate", 0)),
            ("2 of", expected("'('", 4)),
            ("2 of (a b)", expected("',' or ')'", 8)),
            ("2 of (a, )", expected("a party or a gate", 9)),
            ("2 of (a, b", expected("',' or ')'", 10)),
            ("2 of (a, b) c", expected("the end", 12)),
            ("most of (a, b)", expected("a count", 0)),
            ("-1 of (a, b)", expected("a count", 0)),
            ("0 of (a, b)", TreeError::Threshold { threshold: 0, children: 2 }.into()),
            ("3 of (a, b)", TreeError::Threshold { threshold: 3, children: 2 }.into()),
            ("258 of (a, b)", TreeError::Threshold { threshold: 258, children: 2 }.into()),
            ("any of (a)", TreeError::FewChildren { got: 1 }.into()),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        let number: Result<Tree<u8>, _> = "any of (1, x)".parse();
        assert!(matches!(number, Err(ParseError::Party { at: 11, .. })));
    }

    #[test]
    fn neg_015_long_and_deep_notations_are_refused_before_they_cost_anything() {
        assert_eq!(parse(&"a".repeat(NOTATION_BYTES_MAX + 1)), Err(ParseError::TooLong));
        let deep = "any of (a, ".repeat(1400);
        assert_eq!(parse(&deep), Err(TreeError::Depth.into()));
        let wide = format!("any of ({}a)", "a, ".repeat(4000));
        assert_eq!(parse(&wide), Err(TreeError::Leaves.into()));
    }

    proptest! {
        #[test]
        fn the_canonical_notation_parses_to_the_same_tree(tree in trees(12)) {
            prop_assert_eq!(tree.to_string().parse(), Ok(tree));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9a-c of,()anyl]{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_unicode_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
