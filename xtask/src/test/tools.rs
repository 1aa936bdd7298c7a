//! The programs of the machine that tests need, and the Debian packages that bring them.

use super::Count;
use crate::Trouble;
use std::process::{Command, Stdio};

/// A program, how to see that it works, and the package that has it.
struct Tool {
    probe: &'static [&'static str],
    package: &'static str,
}

const TOOLS: [Tool; 10] = [
    // ring and secp256k1 compile C
    Tool { probe: &["cc", "--version"], package: "gcc" },
    // verifies our Ed25519 signatures
    Tool { probe: &["openssl", "version"], package: "openssl" },
    // makes the keys and signatures that people's statements are tested with
    Tool { probe: &["ssh", "-V"], package: "openssh-client" },
    // is the token of custodians whose keys are in one
    Tool { probe: &["softhsm2-util", "--version"], package: "softhsm2" },
    // is the TPM of nodes that one opens, and the library that speaks to it
    Tool { probe: &["swtpm", "--version"], package: "swtpm" },
    Tool { probe: &["pkg-config", "--version"], package: "pkg-config" },
    Tool {
        probe: &["pkg-config", "--exists", "tss2-esys", "tss2-tctildr", "tss2-mu"],
        package: "libtss2-dev",
    },
    // runs anvil's client
    Tool { probe: &["node", "--version"], package: "nodejs" },
    Tool { probe: &["npm", "--version"], package: "npm" },
    // runs Bitcoin Core's kernel
    Tool { probe: &["python3", "-c", "import venv, ensurepip"], package: "python3-venv" },
];

/// Makes sure that every tool is there; installs what is missing if asked to.
pub fn ensure(install: bool) -> Result<Count, Trouble> {
    let packages = missing();
    if packages.is_empty() {
        return Ok(Count::of(true));
    }
    let line = apt_line(&packages);
    if !install {
        return Err(Trouble::Machine(format!(
            "this machine lacks tools; this installs them:\n\n{line}\n"
        )));
    }
    println!("{line}");
    let status =
        Command::new("sh").args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive").status();
    let installed = status.is_ok_and(|status| status.success());
    match (installed, missing().as_slice()) {
        (true, []) => Ok(Count::of(true)),
        (_, still) => Err(Trouble::Machine(format!("still missing: {}", still.join(" ")))),
    }
}

fn missing() -> Vec<&'static str> {
    TOOLS.iter().filter(|tool| !works(tool.probe)).map(|tool| tool.package).collect()
}

fn works(probe: &[&str]) -> bool {
    let Some((program, arguments)) = probe.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The one line that a person would type; `sudo` only where it is needed.
fn apt_line(packages: &[&str]) -> String {
    let sudo = if is_root() { "" } else { "sudo " };
    let names = packages.join(" ");
    format!("{sudo}apt-get update && {sudo}apt-get install --yes --no-install-recommends {names}")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_does_not_work() {
        assert!(works(&["true"]));
        assert!(!works(&["false"]));
        assert!(!works(&["quorate-no-such-program"]));
        assert!(!works(&[]));
    }

    #[test]
    fn the_line_names_every_package() {
        assert!(apt_line(&["gcc", "openssl"]).ends_with("--no-install-recommends gcc openssl"));
    }
}
