//! Keys on paper.

use crate::harness::{Folder, mode};
use serde_json::{Value, json};
use std::fs;

/// A key with pages.
fn made(folder: &Folder, name: &str, kind: &str, paper: &str) -> Value {
    let (output, dir) = (folder.at(name), folder.at(&format!("{name}-pages")));
    let args = ["keygen", "--name", name, "--kind", kind, "--output", &output];
    let args = [&args[..], &["--paper", paper, "--paper-dir", &dir]].concat();
    folder.run(&args, Some("right")).ok()
}

/// Paths of these pages.
fn pages(made: &Value, numbers: &[usize]) -> Vec<String> {
    let path = |number: &usize| made["pages"][number - 1].as_str().unwrap().to_owned();
    numbers.iter().map(path).collect()
}

fn from_paper(folder: &Folder, output: &str, pages: &[String]) -> crate::harness::Run {
    let output = folder.at(output);
    let mut args = vec!["from-paper", "--output", &output];
    args.extend(pages.iter().map(String::as_str));
    folder.run(&args, Some("right"))
}

/// REC-08 to REC-10: any pages that are enough give the key again, of every kind.
#[test]
fn a_key_comes_back_from_its_pages() {
    let folder = Folder::new();
    for kind in ["hybrid", "x25519", "p256"] {
        let made = made(&folder, kind, kind, "2/3");
        assert_eq!(made["needed"], 2);
        let names = folder.names(&format!("{kind}-pages"));
        assert_eq!(names, [1, 2, 3].map(|page| format!("{kind}-page-{page}-of-3.txt")));
        assert_eq!(mode(&folder.path(&format!("{kind}-pages"))), 0o700);
        for (at, numbers) in [[1, 2], [3, 1], [2, 3]].iter().enumerate() {
            let output = format!("{kind}-again-{at}");
            let again = from_paper(&folder, &output, &pages(&made, numbers)).ok();
            for same in ["name", "kind", "key", "words"] {
                assert_eq!(again[same], made[same]);
            }
            assert_eq!(folder.text(&format!("{output}.pub")), folder.text(&format!("{kind}.pub")));
            assert_eq!(mode(&folder.path(&output)), 0o600);
            // Under a salt of its own.
            assert_ne!(folder.text(&output), folder.text(kind));
        }
        let all = from_paper(&folder, &format!("{kind}-all"), &pages(&made, &[1, 2, 3]));
        assert_eq!(all.ok()["key"], made["key"]);
        for page in pages(&made, &[1, 2, 3]) {
            assert_eq!(mode(page.as_ref()), 0o600);
        }
    }
}

/// A page says what it is, and neither `inspect` nor any other verb shows its words.
#[test]
fn neg_077_only_the_page_itself_holds_its_words() {
    let folder = Folder::new();
    let made = made(&folder, "vault", "x25519", "3/5");
    let path = pages(&made, &[4]).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    let words = text.split_once("\n\n").unwrap().1;
    let words: Vec<&str> =
        words.split_whitespace().filter(|it| it.parse::<u8>().is_err()).collect();
    assert_eq!(words.len(), 24);
    let seen = folder.run(&["inspect", &path], None);
    let expected = json!({
        "what": "page", "name": "vault", "kind": "x25519", "words": made["words"],
        "page": 4, "pages": 5, "needed": 3,
    });
    assert_eq!(seen.ok(), expected);
    let run = from_paper(&folder, "again", &pages(&made, &[4]));
    run.refused(2);
    // Three of them in a row stand nowhere else by chance.
    let shown = format!("{made}{}{}{}", seen.stdout, run.stdout, run.stderr);
    assert!(words.windows(3).all(|three| !shown.contains(&three.join(" "))));
}

/// REC-09, REC-10: every mistake is named by its page, and nothing is written.
#[test]
fn neg_003_what_is_wrong_is_named_by_its_page() {
    let folder = Folder::new();
    let here = made(&folder, "vault", "x25519", "2/3");
    let elsewhere = made(&folder, "cellar", "x25519", "2/3");
    let [first, second, third] = [1, 2, 3].map(|number| pages(&here, &[number]).remove(0));
    let before = folder.names("");
    let refused = |pages: &[&String]| {
        let pages: Vec<String> = pages.iter().map(|page| (*page).clone()).collect();
        let (code, message) = from_paper(&folder, "again", &pages).refused(2);
        (code, message)
    };
    let typed = |change: &dyn Fn(&str) -> String| {
        let text = fs::read_to_string(&second).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text);
        fs::write(folder.path("right-pages"), changed).unwrap();
        let path = folder.at("right-pages");
        let refused = refused(&[&first, &path]);
        fs::remove_file(&path).unwrap();
        assert!(refused.1.contains(&path), "{refused:?}");
        refused
    };
    // Too few, one twice, one of another key.
    let (code, message) = refused(&[&first]);
    assert_eq!(code, "bad_pages");
    assert!(message.contains("2 pages are needed, and only page 1 ("), "{message}");
    let (code, message) = refused(&[&first, &third, &first]);
    assert!(code == "bad_pages" && message.contains("are the same page"), "{message}");
    let other = pages(&elsewhere, &[2]).remove(0);
    let (code, message) = refused(&[&first, &other]);
    assert!(
        code == "bad_pages" && message.contains(&format!("page 2 ({other}) is of another key"))
    );

    // A wrong word, a missing one, another number, a page of a later program.
    let text = fs::read_to_string(&second).unwrap();
    let (head, words) = text.split_once("\n\n").unwrap();
    let seventh = words.split_whitespace().nth(13).unwrap();
    let with = |word: &str| {
        format!("{head}\n\n{}", words.replacen(&format!(" 7 {seventh}"), &format!(" 7 {word}"), 1))
    };
    let (code, message) = typed(&|_| with("qwerty"));
    assert!(code == "bad_page" && message.contains("page 2: word 7 is misspelt"), "{message}");
    assert!(!message.contains("qwerty"));
    let (code, message) = typed(&|_| with(if seventh == "zoo" { "zone" } else { "zoo" }));
    assert!(code == "bad_page" && message.contains("page 2: "), "{message}");
    let (code, message) = typed(&|_| with(""));
    assert!(
        code == "bad_page" && message.contains("page 2: it has 23 numbered words"),
        "{message}"
    );
    let (code, message) = typed(&|text| text.replace("page: 2 of 3", "page: 3 of 3"));
    assert!(code == "bad_page" && message.contains("its check words say"), "{message}");
    assert_eq!(typed(&|text| text.replace("paper-1", "paper-2")).0, "file_version");
    assert_eq!(typed(&|_| "shopping list\n".to_owned()).0, "bad_page");

    // The same name, kind and number of pages, and another key: its words differ.
    let again = Folder::new();
    let twin = made(&again, "vault", "x25519", "2/3");
    let (code, message) = refused(&[&first, &pages(&twin, &[2]).remove(0)]);
    assert!(code == "bad_pages" && message.contains("is of another key"), "{message}");

    assert_eq!(folder.names(""), before, "nothing was written");
    from_paper(&folder, "again", &[second, third]).ok();
}
