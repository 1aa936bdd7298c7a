//! A recovery key on paper: pages with shares of its secret as words, of which some restore it
//! (REC-08 to REC-10).

use crate::lines::{First, first, value};
use crate::secret::{Kind, Secret};
use bip39::{Language, Mnemonic};
use quorate_access::Tree;
use quorate_backup::RecoveryKey;
use quorate_codec::{Transcript, tag};
use quorate_curve::{Ed25519, SecretScalar};
use quorate_identity::{Name, words};
use quorate_sharing::{Polynomial, coefficients};
use rand_core::CryptoRngCore;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::str::FromStr;
use zeroize::Zeroizing;

/// How many pages there are, at most sixteen, and how many of them restore a key: at least two, so
/// that no page alone is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    needed: u8,
    pages: u8,
    /// `needed` of the pages by their numbers.
    tree: Tree<u8>,
}

/// What all pages of a key say. Public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    name: Name,
    kind: Kind,
    /// Those of the id of the public half: what is restored is compared with them.
    words: String,
    split: Split,
}

/// One page. Secret: its share is wiped when dropped and printed nowhere but by
/// [`to_text`](Self::to_text).
pub struct Page {
    heading: Heading,
    number: u8,
    share: SecretScalar<Ed25519>,
}

/// What is wrong with the text of a page; the fault of whoever typed it. It repeats nothing of what
/// was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageError {
    /// Its number, as far as it could be read.
    pub page: Option<u8>,
    /// What is wrong.
    pub fault: PageFault,
}

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// Something else.
    #[error("not a page of a recovery key")]
    Other,
    /// One of another version.
    #[error("a page of version {0}, known is 1")]
    Version(u32),
    /// A line above the words is not there, not in its place, or holds something else.
    #[error("its line `{0}: …` is missing or is not as it was printed")]
    Line(&'static str),
    /// There are 24 words.
    #[error("it has {0} numbered words, 24 were printed")]
    Count(usize),
    /// A word that is no word, counted from 1.
    #[error("word {0} is misspelt: no such word is ever printed")]
    Word(usize),
    /// Words that are words, and not all the right ones.
    #[error("one of its 24 words is another one than was printed, or two changed places")]
    Words,
    /// The words are right among themselves, and something does not belong to them.
    #[error(
        "its check words say that something is not as it was printed: the number, another line, \
         or several words"
    )]
    Check,
}

/// Why pages restore nothing. Pages are named by their places in what was given, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// This one is of another key than the first, or of another set of pages.
    Other(usize),
    /// These are the same page.
    Twice(usize, usize),
    /// So many are needed.
    TooFew(u8),
    /// Each is whole, but together they do not give the key that they name.
    False,
    /// The others give the key; these are no shares of it.
    Misfits(Vec<usize>),
}

/// How every version begins.
pub(crate) const START: &str = "quorate-recovery-paper-";

const WORDS: usize = 24;

const PAGES_MAX: u8 = 16;

/// More than the longest page has.
const TEXT_BYTES_MAX: usize = 1024;

/// Shares a secret on pages (REC-08).
pub fn split(
    secret: &Secret,
    name: &Name,
    split: &Split,
    rng: &mut impl CryptoRngCore,
) -> Vec<Page> {
    let constant = secret.scalar().plus(&SecretScalar::zero());
    let polynomial = Polynomial::with_constant(&split.tree, constant, rng);
    let heading = Heading {
        name: name.clone(),
        kind: secret.kind(),
        words: fingerprint(&secret.public()),
        split: split.clone(),
    };
    let rows = split.tree.rows();
    let page = |row: &quorate_access::Row<'_, u8>| {
        let share = polynomial.share(row)?;
        Some(Page { heading: heading.clone(), number: *row.party, share })
    };
    // Every row is one of this tree.
    rows.iter().filter_map(page).collect()
}

/// The secret that pages restore. As many as are needed do; where there are more, all must be shares
/// of it (REC-10).
///
/// # Errors
/// [`RestoreError`].
pub fn restore(pages: &[Page]) -> Result<Secret, RestoreError> {
    let Some(Page { heading, .. }) = pages.first() else {
        return Err(RestoreError::TooFew(2));
    };
    let mut places = BTreeMap::new();
    for (place, page) in pages.iter().enumerate() {
        if page.heading != *heading {
            return Err(RestoreError::Other(place));
        }
        if let Some(first) = places.insert(page.number, place) {
            return Err(RestoreError::Twice(first, place));
        }
    }
    let needed = heading.split.needed;
    if places.len() < usize::from(needed) {
        return Err(RestoreError::TooFew(needed));
    }
    let all: BTreeSet<u8> = places.keys().copied().collect();
    let given = Given { heading, pages, places };
    let without = |number: &u8| all.iter().copied().filter(|other| other != number).collect();
    let sets = std::iter::once(all.clone()).chain(all.iter().map(without));
    let (secret, chosen) =
        sets.into_iter().find_map(|set| given.secret(&set)).ok_or(RestoreError::False)?;
    // Every other page in the place of one of those that were chosen.
    let others = chosen.iter().copied().skip(1);
    let fits = |number: u8| {
        chosen.contains(&number)
            || given.secret(&others.clone().chain([number]).collect()).is_some()
    };
    let misfits = given.places.iter().filter(|(number, _)| !fits(**number));
    let misfits: Vec<usize> = misfits.map(|(_, place)| *place).collect();
    if misfits.is_empty() { Ok(secret) } else { Err(RestoreError::Misfits(misfits)) }
}

/// Pages of one key, each once.
struct Given<'a> {
    heading: &'a Heading,
    pages: &'a [Page],
    /// By their numbers.
    places: BTreeMap<u8, usize>,
}

impl Given<'_> {
    /// The secret of these pages, if it is the one that they name, and those of them that gave it.
    fn secret(&self, of: &BTreeSet<u8>) -> Option<(Secret, BTreeSet<u8>)> {
        let selection = self.heading.split.tree.select(of)?;
        let weights = coefficients(&selection);
        let mut sum = SecretScalar::zero();
        for leaf in selection.leaves() {
            let page = self.pages.get(*self.places.get(&leaf.party)?)?;
            sum = sum.plus(&page.share.times(*weights.get(&leaf.leaf)?));
        }
        let secret = Secret::new(self.heading.kind, sum);
        let is_named = fingerprint(&secret.public()) == self.heading.words;
        is_named.then(|| (secret, selection.parties()))
    }
}

/// The words of a key (IDN-10).
pub fn fingerprint(key: &RecoveryKey) -> String {
    words(&key.id().digest()).join(" ")
}

impl Split {
    /// `needed` of so many pages; `None` outside of the limits.
    pub fn new(needed: u8, pages: u8) -> Option<Self> {
        if !(2..=pages).contains(&needed) || pages > PAGES_MAX {
            return None;
        }
        let tree = Tree::gate(needed, (1..=pages).map(Tree::Leaf).collect()).ok()?;
        Some(Self { needed, pages, tree })
    }

    /// How many pages there are.
    pub fn pages(&self) -> u8 {
        self.pages
    }

    /// How many of them restore the key.
    pub fn needed(&self) -> u8 {
        self.needed
    }
}

impl FromStr for Split {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let numbers = text.split_once('/').map(|(needed, pages)| (needed.parse(), pages.parse()));
        let Some((Ok(needed), Ok(pages))) = numbers else {
            return Err("write it as 2/3: how many restore the key, and how many there are");
        };
        Self::new(needed, pages).ok_or("at least 2 restore the key, of at most 16 pages")
    }
}

impl Heading {
    /// What the key is called.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Which algorithm it has.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its words.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// How many pages there are and how many are needed.
    pub fn split(&self) -> &Split {
        &self.split
    }
}

impl Page {
    /// What all pages of its key say.
    pub fn heading(&self) -> &Heading {
        &self.heading
    }

    /// Which it is, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Its text, to be printed. Secret.
    pub fn to_text(&self) -> Zeroizing<String> {
        let Heading { name, kind, words, split } = &self.heading;
        // Room for all of it, so that no part stays behind in a buffer that grew.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        // Writing to a text cannot fail.
        let written = write!(
            text,
            "{START}1\nname: {name}\nkind: {kind}\nwords: {words}\npage: {} of {}\nneeded: {}\n\
             check: {}\n",
            self.number,
            split.pages,
            split.needed,
            self.check()
        );
        debug_assert!(written.is_ok());
        let share = self.share.to_bytes();
        // 32 bytes are 24 words.
        let share = Mnemonic::from_entropy_in(Language::English, share.as_ref());
        for (number, word) in (1..).zip(share.iter().flat_map(|share| share.words())) {
            text.push_str(if number % 4 == 1 { "\n" } else { "  " });
            let written = match number % 4 {
                0 => write!(text, "{number:>2} {word}"),
                _ => write!(text, "{number:>2} {word:<8}"),
            };
            debug_assert!(written.is_ok());
        }
        text.push('\n');
        debug_assert!(text.len() <= TEXT_BYTES_MAX);
        text
    }

    /// Reads a page as somebody typed it: capitals, spaces, empty lines and the numbers of the words
    /// do not matter (REC-09). The caller wipes the text.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn from_text(text: &str) -> Result<Self, PageError> {
        let unnamed = |fault| PageError { page: None, fault };
        let text = Zeroizing::new(text.trim_start().to_lowercase());
        let rest = match first(&text, START) {
            First::Known(rest) => rest,
            First::Version(version) => return Err(unnamed(PageFault::Version(version))),
            First::Other => return Err(unnamed(PageFault::Other)),
        };
        let mut lines = rest.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut next =
            |label| value(&mut lines, label).ok_or_else(|| unnamed(PageFault::Line(label)));
        let bad = |label| move || unnamed(PageFault::Line(label));
        let name = next("name")?.parse().ok().ok_or_else(bad("name"))?;
        let kind = Kind::named(next("kind")?).ok_or_else(bad("kind"))?;
        let words = spaced(next("words")?);
        let (number, pages) = numbers(next("page")?).ok_or_else(bad("page"))?;
        let named = |fault| PageError { page: Some(number), fault };
        let needed = next("needed").and_then(|text| text.parse().map_err(|_| bad("needed")()));
        let needed = needed.map_err(|error| named(error.fault))?;
        let check = spaced(next("check").map_err(|error| named(error.fault))?);
        let split = Split::new(needed, pages).filter(|_| (1..=pages).contains(&number));
        let split = split.ok_or(named(PageFault::Line("page")))?;
        let share = share(lines).map_err(named)?;
        let page = Self { heading: Heading { name, kind, words, split }, number, share };
        if page.check() == check { Ok(page) } else { Err(named(PageFault::Check)) }
    }

    /// Three words that follow from everything on the page, so that a slip is found where it was made.
    /// They stand beside the share that they depend on, and help nobody who has not seen it.
    fn check(&self) -> String {
        let Heading { name, kind, words: fingerprint, split } = &self.heading;
        let page = Transcript::new(tag::RECOVERY_PAGE).part(name.as_str()).part(kind.as_str());
        let page = page.part(fingerprint).number(self.number.into()).number(split.pages.into());
        let page = page.number(split.needed.into()).part(self.share.to_bytes().as_ref());
        let [first, second, third, ..] = words(&page.digest());
        [first, second, third].join(" ")
    }
}

/// A page's 24 words, between which their numbers may stand.
fn share<'a>(lines: impl Iterator<Item = &'a str>) -> Result<SecretScalar<Ed25519>, PageFault> {
    let is_number = |word: &&str| word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
    let words = lines.flat_map(str::split_whitespace).filter(|word| !is_number(word));
    let words: Vec<&str> = words.collect();
    if words.len() != WORDS {
        return Err(PageFault::Count(words.len()));
    }
    let room = words.iter().map(|word| word.len() + 1).sum();
    let mut text = Zeroizing::new(String::with_capacity(room));
    for word in words {
        text.push_str(word);
        text.push(' ');
    }
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &text);
    let mnemonic = mnemonic.map_err(|error| match error {
        bip39::Error::UnknownWord(place) => PageFault::Word(place + 1),
        _ => PageFault::Words,
    })?;
    let (entropy, _) = mnemonic.to_entropy_array();
    let entropy = Zeroizing::new(entropy);
    let (share, _) = entropy.split_at(32);
    SecretScalar::from_bytes(share).map_err(|_| PageFault::Words)
}

/// With one space between words.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `2 of 3`.
fn numbers(text: &str) -> Option<(u8, u8)> {
    let mut parts = text.split_whitespace();
    let (number, of, pages) = (parts.next()?, parts.next()?, parts.next()?);
    let ended = parts.next().is_none() && of == "of";
    Some((number.parse().ok()?, pages.parse().ok()?)).filter(|_| ended)
}

impl fmt::Debug for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Page({} of {})", self.number, self.heading.name)
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.page {
            Some(page) => write!(formatter, "page {page}: {}", self.fault),
            None => self.fault.fmt(formatter),
        }
    }
}

impl std::error::Error for PageError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn secret(kind: Kind) -> Secret {
        Secret::new(kind, SecretScalar::from_wide(&[7; 64]))
    }

    fn pages_of(secret: &Secret, needed: u8, pages: u8, seed: u64) -> Vec<Page> {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        split(secret, &"vault-north".parse().unwrap(), &Split::new(needed, pages).unwrap(), rng)
    }

    fn pages(needed: u8, pages: u8) -> Vec<Page> {
        pages_of(&secret(Kind::X25519), needed, pages, 1)
    }

    /// Those at these places, read again from their texts.
    fn some(pages: &[Page], places: &[usize]) -> Vec<Page> {
        let read = |place: &usize| Page::from_text(&pages[*place].to_text()).unwrap();
        places.iter().map(read).collect()
    }

    fn restores(pages: &[Page], secret: &Secret) -> bool {
        restore(pages).unwrap().scalar().to_bytes() == secret.scalar().to_bytes()
    }

    /// REC-08, REC-10: as many pages as are needed, any of them, in any order; or all.
    #[test]
    fn any_pages_that_are_enough_restore_the_key() {
        for kind in [Kind::Hybrid, Kind::X25519, Kind::P256] {
            let secret = secret(kind);
            let two = pages_of(&secret, 2, 3, 1);
            for places in [&[0, 1][..], &[2, 0], &[1, 2], &[2, 1, 0]] {
                assert!(restores(&some(&two, places), &secret), "{places:?}");
            }
        }
        let three = pages(3, 5);
        let all: Vec<Vec<usize>> = (0..32_usize)
            .map(|set| (0..5).filter(|place| set >> place & 1 == 1).collect())
            .collect();
        for places in all {
            let given = some(&three, &places);
            match places.len() {
                0 => assert_eq!(restore(&given).unwrap_err(), RestoreError::TooFew(2)),
                1 | 2 => assert_eq!(restore(&given).unwrap_err(), RestoreError::TooFew(3)),
                _ => assert!(restores(&given, &secret(Kind::X25519)), "{places:?}"),
            }
        }
        let most = pages(16, 16);
        assert!(restores(&most, &secret(Kind::X25519)));
    }

    /// REC-08: no page is the key, and there is an end to their number.
    #[test]
    fn splits_outside_of_the_limits_do_not_exist() {
        for (needed, pages) in [(0, 3), (1, 1), (1, 3), (4, 3), (2, 17), (17, 17), (0, 0), (2, 255)]
        {
            assert_eq!(Split::new(needed, pages), None, "{needed}/{pages}");
        }
        for bad in ["", "2", "2/", "/3", "2/3/4", "2 of 3", "-2/3", "2/300", "1/2"] {
            assert!(bad.parse::<Split>().is_err(), "{bad}");
        }
        assert_eq!("2/3".parse(), Ok(Split::new(2, 3).unwrap()));
    }

    /// REC-10: pages that do not belong together are told by their places.
    #[test]
    fn neg_003_pages_of_others_and_pages_that_come_twice_are_named() {
        let (here, three) = (pages(2, 3), pages(3, 3));
        let elsewhere =
            pages_of(&Secret::new(Kind::X25519, SecretScalar::from_wide(&[8; 64])), 2, 3, 1);
        let hybrid = pages_of(&secret(Kind::Hybrid), 2, 3, 1);
        for other in [&three, &elsewhere, &hybrid] {
            let mixed: Vec<Page> = some(&here, &[0]).into_iter().chain(some(other, &[1])).collect();
            assert_eq!(restore(&mixed).unwrap_err(), RestoreError::Other(1));
        }
        let twice = some(&here, &[1, 0, 1]);
        assert_eq!(restore(&twice).unwrap_err(), RestoreError::Twice(0, 2));
    }

    /// REC-10: a page that is whole and false is named where the others give the key without it.
    #[test]
    fn a_false_page_is_named_and_where_none_can_be_nobody_is() {
        let (here, again) = (pages(2, 4), pages_of(&secret(Kind::X25519), 2, 4, 2));
        let with = |honest: &[usize], others: &[usize]| {
            let given = some(&here, honest).into_iter().chain(some(&again, others));
            restore(&given.collect::<Vec<_>>()).unwrap_err()
        };
        assert_eq!(with(&[0], &[1]), RestoreError::False);
        for liar in 0..3 {
            let honest: Vec<usize> = (0..3).filter(|place| *place != liar).collect();
            assert_eq!(with(&honest, &[liar]), RestoreError::Misfits(vec![2]), "{liar}");
        }
        assert_eq!(with(&[0, 1, 2], &[3]), RestoreError::Misfits(vec![3]));
    }

    /// REC-09: people type as they like.
    #[test]
    fn a_page_is_read_however_it_is_typed() {
        let page = &pages(2, 3)[1];
        let text = page.to_text();
        let words: String = text.split("\n\n").nth(1).unwrap().to_owned();
        let without_numbers: Vec<&str> =
            words.split_whitespace().filter(|word| word.parse::<u8>().is_err()).collect();
        for (what, typed) in [
            ("capitals", text.to_uppercase()),
            ("other ends of lines", text.replace('\n', "\r\n")),
            ("empty lines", text.replace('\n', "\n\n\n")),
            ("no empty line", text.replace("\n\n", "\n")),
            ("more spaces", text.replace(' ', "   ")),
            ("spaces around lines", text.replace('\n', "  \n\t ")),
            (
                "points behind numbers",
                words.split_whitespace().fold(text.replace(&words, ""), |text, word| {
                    match word.parse::<u8>() {
                        Ok(number) => format!("{text}\n{number}. "),
                        Err(_) => format!("{text} {word}"),
                    }
                }),
            ),
            ("no numbers", text.replace(&words, &without_numbers.join(" "))),
            ("a word a line", text.replace(&words, &without_numbers.join("\n"))),
        ] {
            let read = Page::from_text(&typed).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(read.to_text(), text, "{what}");
        }
    }

    /// REC-09: every slip is found on its page.
    #[test]
    fn what_is_mistyped_is_named_by_its_page_and_line() {
        let page = &pages(2, 3)[1];
        let text = page.to_text().to_string();
        let words: Vec<String> =
            text.split("\n\n").nth(1).unwrap().split_whitespace().map(Into::into).collect();
        let [first, second] = [1, 3].map(|at| words[at].as_str());
        let fault = |typed: String| {
            assert_ne!(typed, text);
            let error = Page::from_text(&typed).unwrap_err();
            assert!(!error.to_string().contains(first), "nothing is repeated");
            (error.page, error.fault)
        };
        let change = |from: &str, to: &str| fault(text.replacen(from, to, 1));
        let named = |fault| (Some(2), fault);
        assert_eq!(change("paper-1", "paper-2"), (None, PageFault::Version(2)));
        assert_eq!(change("recovery", "recover"), (None, PageFault::Other));
        assert_eq!(change("name: vault-north", "name: -"), (None, PageFault::Line("name")));
        assert_eq!(change("kind: x25519", "kind: x25518"), (None, PageFault::Line("kind")));
        assert_eq!(change("words: ", "word: "), (None, PageFault::Line("words")));
        assert_eq!(change("page: 2 of 3", "page: 2 3"), (None, PageFault::Line("page")));
        assert_eq!(change("page: 2 of 3", "page: 4 of 3").1, PageFault::Line("page"));
        assert_eq!(change("page: 2 of 3", "page: 0 of 3").1, PageFault::Line("page"));
        assert_eq!(change("needed: 2", "needed: two"), named(PageFault::Line("needed")));
        assert_eq!(change("needed: 2", "needed: 1"), named(PageFault::Line("page")));
        assert_eq!(change("check: ", ""), named(PageFault::Line("check")));
        // Everything that the check words hold.
        assert_eq!(change("vault-north", "vault-south"), named(PageFault::Check));
        assert_eq!(change("kind: x25519", "kind: p256"), named(PageFault::Check));
        assert_eq!(change("page: 2 of 3", "page: 2 of 4"), named(PageFault::Check));
        assert_eq!(change("page: 2 of 3", "page: 1 of 3"), (Some(1), PageFault::Check));
        assert_eq!(change("needed: 2", "needed: 3"), named(PageFault::Check));
        assert_eq!(change("words: ", "words: abandon "), named(PageFault::Check));
        assert_eq!(change("check: ", "check: abandon "), named(PageFault::Check));
        // The words.
        let misspelt = format!("{first}x");
        assert_eq!(
            change(&format!("1 {first}"), &format!("1 {misspelt}")),
            named(PageFault::Word(1))
        );
        assert_eq!(change(&format!("2 {second}"), "2"), named(PageFault::Count(23)));
        assert_eq!(change(&format!("2 {second}"), "2 zoo zoo"), named(PageFault::Count(25)));
        assert_eq!(
            fault(text.split("\n\n").next().unwrap().to_owned()),
            named(PageFault::Count(0))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// REC-09: any word in the place of another, and any two that changed places.
        #[test]
        fn a_wrong_word_is_never_read(at in 0_usize..24, other in 0_usize..24, to in 0_usize..2048) {
            let page = &pages(2, 3)[1];
            let text = page.to_text().to_string();
            let (head, words) = text.split_once("\n\n").unwrap();
            let words: Vec<&str> =
                words.split_whitespace().filter(|word| word.parse::<u8>().is_err()).collect();
            let mut changed = words.clone();
            changed[at] = Language::English.word_list()[to];
            let mut swapped = words.clone();
            swapped.swap(at, other);
            for typed in [changed, swapped].into_iter().filter(|typed| *typed != words) {
                let read = Page::from_text(&format!("{head}\n{}", typed.join(" ")));
                let error = read.unwrap_err();
                prop_assert_eq!(error.page, Some(2));
                prop_assert!(matches!(error.fault, PageFault::Words | PageFault::Check));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(quorate-recovery-paper-1\n)?(name: a\n)?.*") {
            let _ = Page::from_text(&text);
        }
    }

    #[test]
    fn neg_077_a_page_prints_as_nothing() {
        assert_eq!(format!("{:?}", pages(2, 3)[1]), "Page(2 of vault-north)");
    }
}
