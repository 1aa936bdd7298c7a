//! All nodes of a trial domain, running under this process.

use super::Supervised;
use super::found::free_addresses;
use crate::domain::{DomainDir, NodeConfig};
use crate::face::Face;
use crate::failure::{Failure, Result};
use quorate_identity::Name;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Nodes of a supervisor that was killed end by themselves; they are given so long.
const ORPHANS_END_MAX: Duration = Duration::from_secs(3);

/// The processes of a domain's nodes, and the lock that keeps a second supervisor away.
pub struct Running {
    dir: DomainDir,
    nodes: Vec<Supervised>,
    _owned: File,
}

impl Running {
    /// Starts every node of a domain directory and waits until all of them serve.
    ///
    /// # Errors
    /// The caller's: the directory is in use. The first node's that could not start.
    pub async fn start(dir: &DomainDir) -> Result<Self> {
        let owned = dir.try_own()?.ok_or_else(|| {
            Failure::caller(
                "directory_in_use",
                format!("another process runs the domain in {}", dir.path().display()),
                "stop it first, or use the domain that runs there",
            )
        })?;
        let names: Vec<Name> = dir.read()?.nodes.into_iter().map(|node| node.name).collect();
        let deadline = Instant::now() + ORPHANS_END_MAX;
        loop {
            find_free_ports(dir, &names)?;
            match start_all(dir, &names).await {
                Ok(nodes) => return Ok(Self { dir: dir.clone(), nodes, _owned: owned }),
                Err(failure)
                    if matches!(failure.code(), "directory_in_use" | "port_taken")
                        && Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Kills a node at once, as a power cut would.
    pub async fn kill(&mut self, name: &str) {
        if let Some(at) = self.nodes.iter().position(|node| node.name().as_str() == name) {
            self.nodes.swap_remove(at).kill().await;
        }
    }

    /// Ends a node in good order.
    pub async fn end(&mut self, name: &str) {
        if let Some(at) = self.nodes.iter().position(|node| node.name().as_str() == name) {
            self.nodes.swap_remove(at).stop().await;
        }
    }

    /// Starts a node that does not run.
    ///
    /// # Errors
    /// The node's own.
    pub async fn revive(&mut self, name: &str) -> Result<()> {
        let name = crate::domain::name(name)?;
        let mut node = Supervised::launch(&self.dir, &name)?;
        node.ready().await?;
        self.nodes.push(node);
        Ok(())
    }

    /// Notices nodes that ended by themselves; nobody starts them again.
    pub fn reap(&mut self, face: Face) {
        self.nodes.retain_mut(|node| {
            let ended = node.has_ended();
            if ended {
                let (name, dir) = (node.name(), self.dir.path().display());
                face.tell(&format!(
                    "node {name} ended; start it with: quorate node run {name} --dir {dir}"
                ));
            }
            !ended
        });
    }

    /// Ends all nodes in good order.
    pub async fn stop(self) {
        let mut ending = tokio::task::JoinSet::new();
        for node in self.nodes {
            ending.spawn(node.stop());
        }
        ending.join_all().await;
    }
}

async fn start_all(dir: &DomainDir, names: &[Name]) -> Result<Vec<Supervised>> {
    let mut nodes = names
        .iter()
        .map(|name| Supervised::launch(dir, name))
        .collect::<Result<Vec<Supervised>>>()?;
    for node in &mut nodes {
        node.ready().await?;
    }
    Ok(nodes)
}

/// Keeps the ports of the last time where nobody else took them.
fn find_free_ports(dir: &DomainDir, names: &[Name]) -> Result<()> {
    let mut configs: Vec<NodeConfig> =
        names.iter().map(|name| dir.read_node(name)).collect::<Result<_>>()?;
    let mut moved = false;
    for config in &mut configs {
        for address in [&mut config.peer, &mut config.api] {
            if !is_free(*address) {
                moved = true;
                *address = free_addresses(1)?.into_iter().next().unwrap_or(*address);
            }
        }
    }
    if !moved {
        return Ok(());
    }
    let places: Vec<(Name, String)> =
        configs.iter().map(|config| (config.name.clone(), config.peer.to_string())).collect();
    for config in &mut configs {
        let others = places.iter().filter(|(name, _)| *name != config.name).cloned();
        config.peers.extend(others);
        dir.write_node(config)?;
    }
    Ok(())
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}
