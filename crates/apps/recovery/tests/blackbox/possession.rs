//! A custodian shows that it holds its key.

use crate::harness::Folder;
use quorate_backup::RecoveryKeyLine;
use quorate_backup::possession::{Answer, Answers, Challenge, Challenges};
use quorate_codec::{Digest, from_bytes, minicbor, to_bytes};
use quorate_identity::{GenesisHash, NodeId, words};
use serde_json::json;

const GENESIS: GenesisHash = GenesisHash(Digest([1; 32]));

fn nodes() -> [NodeId; 3] {
    [2, 3, 4].map(|node| NodeId(Digest([node; 32])))
}

fn key_of(folder: &Folder, name: &str) -> RecoveryKeyLine {
    folder.text(&format!("{name}.pub")).parse().unwrap()
}

/// What the nodes ask of the key of this name, in a file; and what they expect.
fn ask(folder: &Folder, name: &str, file: &str) -> Vec<(NodeId, Answer)> {
    let line = key_of(folder, name);
    let ask = |node| Challenge::new(GENESIS, node, &line.key, &[9; 32]).unwrap();
    let challenges = nodes().map(|node| (node, ask(node).0));
    let asked = Challenges::new(GENESIS, line.name, line.key.id(), challenges).unwrap();
    folder.write(file, to_bytes(&asked));
    nodes().map(|node| (node, ask(node).1)).into()
}

fn answer(
    folder: &Folder,
    challenges: &str,
    key: &str,
    output: &str,
    phrase: &str,
) -> crate::harness::Run {
    let (challenges, key, output) = (folder.at(challenges), folder.at(key), folder.at(output));
    folder.run(&["answer", &challenges, "--key", &key, "--output", &output], Some(phrase))
}

/// REC-11, BAK-21: from the key's making to answers that every node believes.
#[test]
fn a_custodian_answers_every_node() {
    let folder = Folder::new();
    for kind in ["hybrid", "x25519", "p256"] {
        folder.keygen(kind, kind);
        let (asked, output) = (format!("{kind}.challenges"), format!("{kind}.answers"));
        let expected = ask(&folder, kind, &asked);
        let domain = words(&GENESIS.digest()).join(" ");
        let key = key_of(&folder, kind).key.id();
        let key_words = words(&key.digest()).join(" ");
        let seen = folder.inspect(&asked).ok();
        assert_eq!(
            seen,
            json!({
                "what": "challenges", "genesis": { "id": GENESIS, "words": domain },
                "custodian": kind, "key": { "id": key, "words": key_words }, "nodes": nodes(),
            })
        );

        let shown = answer(&folder, &asked, kind, &output, "right").ok();
        assert_eq!(
            shown,
            json!({
                "genesis": GENESIS, "genesis_words": domain, "custodian": kind, "key": key,
                "nodes": nodes(), "unanswered": [], "output": folder.at(&output),
            })
        );
        let answers: Answers = from_bytes(&folder.read(&output)).unwrap();
        assert_eq!((answers.genesis(), answers.key()), (GENESIS, key));
        for (node, expected) in expected {
            assert_eq!(answers.to(&node), Some(&expected));
        }
        assert_eq!(folder.inspect(&output).ok()["what"], "answers");
    }
}

/// People see who asks before they are asked for the passphrase.
#[test]
fn who_asks_is_shown_first() {
    let folder = Folder::new();
    folder.keygen("vault", "x25519");
    ask(&folder, "vault", "asked");
    let [asked, key, output, phrase] =
        ["asked", "vault", "answers", "wrong"].map(|name| folder.at(name));
    let run = crate::harness::recovery(&[
        "answer",
        &asked,
        "--key",
        &key,
        "--output",
        &output,
        "--passphrase-file",
        &phrase,
    ]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stdout.starts_with("3 nodes ask whether custodian vault holds its key"));
    assert!(run.stdout.contains(&words(&GENESIS.digest()).join(" ")));
    assert!(run.stderr.contains("the passphrase is wrong"));
}

#[test]
fn a_wrong_passphrase_key_or_file_answers_nothing() {
    let folder = Folder::new();
    folder.keygen("vault", "x25519");
    folder.keygen("cellar", "x25519");
    ask(&folder, "vault", "asked");
    let code =
        |challenges, key, phrase| answer(&folder, challenges, key, "answers", phrase).refused(2).0;
    assert_eq!(code("asked", "vault", "wrong"), "wrong_passphrase");
    assert_eq!(code("asked", "cellar", "right"), "another_key");
    assert_eq!(code("asked", "none", "right"), "file");
    assert_eq!(code("asked", "vault.pub", "right"), "bad_key_file");
    assert_eq!(code("vault", "vault", "right"), "bad_challenges");
    let cut = folder.read("asked");
    folder.write("cut", &cut[..cut.len() - 1]);
    assert_eq!(code("cut", "vault", "right"), "bad_challenges");
    let mut later = cut.clone();
    later[1] = 2;
    folder.write("later", later);
    let (code, message) = answer(&folder, "later", "vault", "answers", "right").refused(2);
    assert!(code == "bad_challenges" && message.contains("version 2"), "{message}");
    let damaged = folder.text("vault").replace("x25519", "x25518");
    folder.write("damaged", damaged);
    let run = answer(&folder, "asked", "damaged", "answers", "right");
    assert_eq!(run.refused(6).0, "key_file_damaged");

    assert!(!folder.path("answers").exists());
    answer(&folder, "asked", "vault", "answers", "right").ok();
    let run = answer(&folder, "asked", "vault", "answers", "right");
    assert_eq!(run.refused(2).0, "file_exists", "REC-06");
}

/// A node that asks nonsense is named, and hinders no other.
#[test]
fn nodes_whose_challenges_do_not_open_are_named() {
    let folder = Folder::new();
    folder.keygen("vault", "x25519");
    let line = key_of(&folder, "vault");
    let nonsense: Challenge =
        from_bytes(&to_bytes(&minicbor::bytes::ByteVec::from(vec![0; 32]))).unwrap();
    let asked = |challenges: Vec<(NodeId, Challenge)>| {
        let file = Challenges::new(GENESIS, line.name.clone(), line.key.id(), challenges).unwrap();
        folder.write("asked", to_bytes(&file));
    };
    let [honest, liar, _] = nodes();
    let good = Challenge::new(GENESIS, honest, &line.key, &[9; 32]).unwrap().0;
    asked(vec![(liar, nonsense.clone())]);
    let run = answer(&folder, "asked", "vault", "answers", "right");
    assert_eq!(run.refused(5).0, "bad_challenges");
    assert!(!folder.path("answers").exists());

    asked(vec![(honest, good), (liar, nonsense)]);
    let shown = answer(&folder, "asked", "vault", "answers", "right").ok();
    assert_eq!(shown["nodes"], json!([honest]));
    assert_eq!(shown["unanswered"], json!([liar]));
}
