//! A machine that somebody sits at. What they type goes through a shell at a terminal, which asks
//! back: for passphrases, and whether they mean it.

use crate::program::{Said, binary, built, quorate};
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// A network that no other test is on: the address of its first machine, of its second, ...
pub fn network() -> impl Fn(u8) -> String {
    let number = std::process::id() * 4 + NETWORKS.fetch_add(1, Ordering::Relaxed);
    let [_, _, high, low] = number.to_be_bytes();
    // all of 127.0.0.0/8 is this machine
    move |machine| format!("127.{}.{low}.{machine}", high.max(1))
}

/// A machine with its files: a home directory, in which everything is typed.
pub struct Desk {
    home: PathBuf,
    /// What is typed to whoever asks for a passphrase.
    passphrase: String,
    agent: Option<Child>,
}

/// What a terminal showed of a command that ended.
#[derive(Debug)]
pub struct Shown {
    /// What was typed.
    pub command: String,
    /// The exit code.
    pub code: i32,
    /// Everything on the screen.
    pub text: String,
}

/// A command that goes on running. It ends with this value, by Ctrl-C.
pub struct Running {
    /// What was typed.
    pub command: String,
    process: Child,
    keyboard: ChildStdin,
}

impl Desk {
    /// An empty one.
    pub fn new(home: PathBuf) -> Self {
        Self::with_passphrase(home, "the same for whatever is sealed here".to_owned())
    }

    /// An empty one, where something comes to that is sealed already.
    pub fn with_passphrase(home: PathBuf, passphrase: String) -> Self {
        fs::create_dir_all(home.join(".ssh")).expect("a home directory");
        Self { home, passphrase, agent: None }
    }

    /// A file of it.
    pub fn path(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }

    /// A copy of a file goes to another desk, under this name.
    pub fn gives(&self, file: &str, to: &Self, name: &str) {
        let there = to.home.join(name);
        fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
        fs::copy(self.home.join(file), there).unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// Makes an OpenSSH key.
    pub fn keygen(&self, file: &str) {
        self.types(&format!("ssh-keygen -q -t ed25519 -N '' -f {file}")).ok();
    }

    /// Starts ssh-agent, lets it hold a key, and leaves no file of the private half.
    pub fn keygen_in_agent(&mut self, file: &str) {
        self.keygen(file);
        // by its name alone: a path to a socket is short
        let mut agent = Command::new("ssh-agent");
        agent.args(["-D", "-a", "agent"]).current_dir(&self.home).stdout(Stdio::null());
        self.agent = Some(agent.spawn().expect("ssh-agent starts"));
        while !self.home.join("agent").exists() {
            thread::sleep(Duration::from_millis(10));
        }
        self.types(&format!("ssh-add {file} && rm {file}")).ok();
    }

    /// Runs a verb on `quorate-domain`, as a program would.
    pub fn run(&self, arguments: &[&str]) -> Said {
        quorate(&[arguments, &["--dir", &self.path("quorate-domain")]].concat())
    }

    /// Types a command and waits until it ends.
    pub fn types(&self, command: &str) -> Shown {
        let mut terminal = self.terminal(command);
        terminal.read(|_| false);
        let status = terminal.process.wait().expect("it ends");
        let (command, text) = (command.to_owned(), terminal.text());
        Shown { command, code: status.code().unwrap_or(-1), text }
    }

    /// Types a command that goes on running, and waits until its screen shows a text.
    pub fn starts(&self, command: &str, shows: &str) -> Running {
        let mut terminal = self.terminal(command);
        let is_shown = terminal.read(|text| text.contains(shows));
        let text = terminal.text();
        let Terminal { process, keyboard, mut screen, .. } = terminal;
        let running = Running { command: command.to_owned(), process, keyboard };
        assert!(is_shown, "{command}\n{text}");
        thread::spawn(move || io::copy(&mut screen, &mut io::sink()));
        running
    }

    fn terminal(&self, command: &str) -> Terminal<'_> {
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = [binary(), built("quorate-recovery")];
        let folders = programs.map(|it| it.parent().expect("a folder").display().to_string());
        let mut process = Command::new("script")
            .args(["--quiet", "--return", "--flush", "--command", command, "/dev/null"])
            .current_dir(&self.home)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", format!("{}:{path}", folders.join(":")))
            .env("SHELL", "/bin/bash")
            .env("TERM", "xterm")
            .env("SSH_AUTH_SOCK", "agent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`script` plays a terminal");
        let keyboard = process.stdin.take().expect("a pipe");
        let screen = process.stdout.take().expect("a pipe");
        let passphrase = &self.passphrase;
        Terminal { process, keyboard, screen, passphrase, shown: Vec::new(), answered: 0 }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(agent) = &mut self.agent {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

impl Shown {
    /// It was done; what it showed.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{}\n{}", self.command, self.text);
        &self.text
    }

    /// It was refused; what it showed.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_ne!(self.code, 0, "{}\n{}", self.command, self.text);
        &self.text
    }

    /// It was done; the first hash that it showed.
    #[track_caller]
    pub fn hash(&self) -> String {
        let words = self.ok().split(|it: char| !it.is_ascii_alphanumeric());
        let mut hashes = words.filter(|word| word.starts_with("0x") && word.len() == 66);
        hashes.next().unwrap_or_else(|| panic!("no hash in {}", self.text)).to_owned()
    }

    /// It filed a motion, which it showed last.
    #[track_caller]
    pub fn motion(&self) -> String {
        let mut motions = self.ok().lines().filter_map(|line| line.strip_prefix("motion "));
        let last = motions.next_back().unwrap_or_else(|| panic!("no motion in {}", self.text));
        last.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ctrl-C
        let _ = self.keyboard.write_all(&[3]);
        let _ = self.process.wait();
    }
}

/// A command at a terminal, which `script` plays.
struct Terminal<'a> {
    process: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    passphrase: &'a str,
    shown: Vec<u8>,
    /// Up to where nothing more is to be answered.
    answered: usize,
}

impl<'a> Terminal<'a> {
    /// Reads, and answers what is asked, until the text on the screen is enough, which it may never
    /// be: then until the command ends.
    fn read(&mut self, is_enough: impl Fn(&str) -> bool) -> bool {
        let mut some = [0; 4096];
        while !is_enough(&self.text()) {
            match self.screen.read(&mut some) {
                Ok(count @ 1..) => self.shown.extend(some.iter().take(count)),
                _ => return false,
            }
            if let Some(answer) = self.answer() {
                self.answered = self.shown.len();
                // who is asked no more may be gone already
                let _ = writeln!(self.keyboard, "{answer}");
            }
        }
        true
    }

    /// What is typed to what the last line asks, if it asks something.
    fn answer(&self) -> Option<&'a str> {
        let text = String::from_utf8_lossy(self.shown.get(self.answered..)?);
        let line = text.rsplit('\n').next().filter(|line| line.ends_with(": "))?;
        let is_secret = line.contains("passphrase") || line.contains("the same again");
        match line.ends_with("Type yes to go on: ") {
            true => Some("yes"),
            false => is_secret.then_some(self.passphrase),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
