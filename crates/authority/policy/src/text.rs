//! A look at a policy's text before Cedar parses it. Cedar walks what it parses recursively, and
//! how deep it gets before it gives up depends on the stack of the thread; bounded operators and
//! brackets keep every node far from there, so that all judge alike and none dies (POL-05).

use crate::limits::{FILE_BYTES_MAX, NESTING_MAX, OPERATORS_MAX};
use crate::{PolicyError, PolicyFile};

/// Refuses text that is too long, too deep or too involved.
pub(crate) fn check(text: &str) -> Result<(), PolicyError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(PolicyError::TooLong { file: PolicyFile::Cedar });
    }
    let mut nesting = 0_usize;
    let mut operators = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = behind;
        match token {
            "(" | "[" | "{" => nesting += 1,
            ")" | "]" | "}" => nesting = nesting.saturating_sub(1),
            ";" => operators = 0,
            "&" | "|" | "." | "!" | "+" | "-" | "*" | "=" | "<" | ">" | "%" | "/" | "if"
            | "then" | "else" | "in" | "has" | "like" | "is" => operators += 1,
            _ => {}
        }
        if nesting > NESTING_MAX || operators > OPERATORS_MAX {
            return Err(PolicyError::Involved);
        }
    }
    Ok(())
}

/// Length in bytes of the token that `text` begins with: a comment, a string, a word, or one
/// character.
fn token_length(text: &str, first: char) -> usize {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if first == '"' {
        return string_length(text);
    }
    if is_word(first) {
        return text.find(|letter| !is_word(letter)).unwrap_or(text.len());
    }
    first.len_utf8()
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pol_05_strings_and_comments_count_for_nothing() {
        let dots = ".".repeat(2 * OPERATORS_MAX);
        assert!(check(&format!("// {dots}\npermit(principal, action, resource);")).is_ok());
        assert!(check(&format!(r#"@reason("{dots}\"(((") permit(principal);"#)).is_ok());
        assert_eq!(check(&dots), Err(PolicyError::Involved));
        assert_eq!(check(&"(".repeat(NESTING_MAX + 1)), Err(PolicyError::Involved));
        assert!(check(&"a && b; ".repeat(2_000)).is_ok());
        let long = " ".repeat(FILE_BYTES_MAX + 1);
        assert_eq!(check(&long), Err(PolicyError::TooLong { file: PolicyFile::Cedar }));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_check_panic(text in "[a-z\"\\\\/ \n;.é(){}]{0,80}") {
            let _ = check(&text);
        }
    }
}
