//! Whether this process goes on in a copy of its memory (N-92, MEM-01, MEM-02).
//!
//! A virtual machine that is resumed from a snapshot of its memory, perhaps in two places, has the
//! nonces, presignatures and channel keys that its copy has too, and whoever it signs with could make
//! the two use one nonce for two messages. Hypervisors then give the machine another generation id. It is
//! looked at whenever an output of the node is about to be written or to leave; where it is another one,
//! neither happens any more and the process ends. What it comes back as is a new incarnation without any
//! of that.
//!
//! What a copy was about to say when it was made the other says too, and in the same words: so it is
//! enough to look after a message is made and before it leaves. Where an id can be read it is read then,
//! and the kernel is not heard; its events are the second best, and some may be lost.

use crate::failure::{Failure, Result};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with};
use std::fs::{self, File};
use std::io::{Error, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The id as QEMU tells it, for who may read it: by default the owner of the system alone. It is the 16
/// bytes at 40.
const FIRMWARE: &str = "/sys/firmware/qemu_fw_cfg/by_name/etc/vmgenid_guid/raw";
/// A page that the hypervisor writes (the VMClock device of UAPI), with a counter of generations where the
/// hypervisor says so: the 8 bytes at 104.
const CLOCK: &str = "/dev/vmclock0";
/// The kernel's drivers for the id, which send an event when there is another one.
const DRIVERS: [&str; 2] = ["/sys/bus/platform/drivers/vmgenid", "/sys/bus/acpi/drivers/vmgenid"];
/// The first kernel whose drivers do.
const TELLS_FROM: (u32, u32) = (6, 10);
/// Longest content of a file that the operator names, in bytes.
const ID_BYTES_MAX: usize = 256;
/// Longest event of the kernel, and the place for those that nobody has taken yet.
const EVENT_BYTES_MAX: usize = 8_192;
const EVENTS_BYTES: usize = 1 << 20;
/// The group of the kernel's own events.
const KERNEL_EVENTS: u32 = 1;
/// What machines are called that hypervisors make, in small letters.
const HYPERVISORS: [&str; 15] = [
    "amazon ec2",
    "apple virtualization",
    "bhyve",
    "bochs",
    "google compute engine",
    "hvm domu",
    "innotek",
    "kvm",
    "openstack",
    "parallels",
    "qemu",
    "virtual machine",
    "virtualbox",
    "vmware",
    "xen",
];

/// How a copy of this machine's memory would be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The hypervisor is asked before anything leaves.
    Asked,
    /// The kernel tells, a moment after the machine goes on.
    Told,
    /// Not at all, and this is a virtual machine, or may be one.
    Never,
    /// This is no virtual machine, as far as can be seen.
    Physical,
}

impl Notice {
    /// As `status` says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Told => "told",
            Self::Never => "never",
            Self::Physical => "physical",
        }
    }
}

/// The generation of memory that this process was started in.
pub struct Generation {
    id: Option<Id>,
    /// Only where there is no id.
    events: Option<Arc<Events>>,
}

/// The memory is another one, or nobody can tell any more. Ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Copied {
    /// The id is another one.
    #[error("this machine was resumed from a copy of its memory: its generation is another one")]
    Another,
    /// The id cannot be read any more, or events were lost.
    #[error("whether this machine was resumed from a copy of its memory cannot be told any more")]
    Unknown,
}

impl Generation {
    /// Looks once, before there is anything that could be copied. `named` is a file that its operator
    /// says has another content in each generation.
    ///
    /// # Errors
    /// The caller's: the named file cannot be read, or holds no id.
    pub fn observe(named: Option<&Path>) -> Result<Self> {
        let id = match named {
            Some(path) => Some(Id::new(whole(path)).map_err(|error| {
                let next =
                    "name a file that may be read and holds the id of this generation and no more";
                Failure::caller("file", format!("{}: {error}", path.display()), next)
            })?),
            None => firmware(FIRMWARE).or_else(|_| clock(CLOCK)).ok(),
        };
        let events = if id.is_none() { Events::open() } else { None };
        Ok(Self { id, events })
    }

    /// How a copy would be noticed.
    pub fn notice(&self) -> Notice {
        match (&self.id, &self.events) {
            (Some(_), _) => Notice::Asked,
            (None, Some(_)) => Notice::Told,
            (None, None) if is_physical() => Notice::Physical,
            (None, None) => Notice::Never,
        }
    }

    /// Looks again: some microseconds.
    ///
    /// # Errors
    /// It is another generation, or cannot be told.
    pub fn look(&self) -> std::result::Result<(), Copied> {
        let id = self.id.as_ref().map_or(Ok(()), Id::look);
        id.and_then(|()| self.events.as_ref().map_or(Ok(()), |events| events.look()))
    }

    /// One whose id is what a test says.
    #[cfg(test)]
    pub fn of(now: impl Fn() -> u8 + Send + 'static) -> Self {
        Self { id: Id::new(move || Ok(vec![now()])).ok(), events: None }
    }
}

/// An id that can be read at any time.
struct Id {
    now: Reading,
    first: Vec<u8>,
}

/// Reads the id as it is now.
type Reading = Box<dyn Fn() -> std::io::Result<Vec<u8>> + Send>;

impl Id {
    fn new(now: impl Fn() -> std::io::Result<Vec<u8>> + Send + 'static) -> std::io::Result<Self> {
        let first = now()?;
        Ok(Self { now: Box::new(now), first })
    }

    fn look(&self) -> std::result::Result<(), Copied> {
        match (self.now)() {
            Ok(now) if now == self.first => Ok(()),
            Ok(_) => Err(Copied::Another),
            Err(_) => Err(Copied::Unknown),
        }
    }
}

/// The whole of a file that somebody writes. It is opened each time: whoever writes it may well put
/// another file in its place.
fn whole(path: &Path) -> impl Fn() -> std::io::Result<Vec<u8>> + Send + use<> {
    let path: PathBuf = path.to_owned();
    move || {
        let mut bytes = Vec::new();
        File::open(&path)?.take(ID_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        match bytes.len() {
            0 => Err(Error::other("it is empty, and so no generation id")),
            1..=ID_BYTES_MAX => Ok(bytes),
            _ => Err(Error::other(format!(
                "it is longer than {ID_BYTES_MAX} bytes, and so no generation id"
            ))),
        }
    }
}

/// From its beginning in one piece and no further than the id, because each byte that is skipped, and each
/// that is read for nothing, has its price at the hypervisor.
fn firmware(path: &str) -> std::io::Result<Id> {
    let file = File::open(path)?;
    Id::new(move || {
        let mut bytes = [0; 56];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes[40..].to_vec())
    })
}

fn clock(path: &str) -> std::io::Result<Id> {
    let file = File::open(path)?;
    Id::new(move || {
        let mut page = [0; 112];
        file.read_exact_at(&mut page, 0)?;
        let counter = counter(&page).map(<[u8]>::to_vec);
        counter.ok_or_else(|| Error::other("it counts no generations"))
    })
}

/// The counter in the page of a VMClock device: magic at 0, flags at 24, of which bit 8 says that
/// there is the counter, at 104.
fn counter(page: &[u8]) -> Option<&[u8]> {
    const HAS_COUNTER: u64 = 1 << 8;
    let flags = u64::from_le_bytes(*page.get(24..)?.first_chunk()?);
    let holds = page.starts_with(b"VCLK") && flags & HAS_COUNTER != 0;
    page.get(104..112).filter(|_| holds)
}

/// Where the kernel's events come in. A thread of its own takes them out, so that many of them fill
/// nothing up while this process boots or commits; whoever looks takes out what the thread has not yet, so
/// that nothing that has come is overlooked.
struct Events {
    socket: OwnedFd,
    noticed: Mutex<Option<Copied>>,
}

impl Events {
    /// If the kernel has a generation id and tells of another one, and its events reach this process: they do
    /// not where users are mapped to others.
    fn open() -> Option<Arc<Self>> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        tells(&release).then_some(())?;
        // What a driver drives lies beside its own controls, and is named after a bus: `VMGENCTR:00`.
        let devices = DRIVERS.iter().filter_map(|driver| fs::read_dir(driver).ok());
        let mut names = devices.flatten().flatten().map(|device| device.file_name());
        names.any(|name| name.to_string_lossy().contains(':')).then_some(())?;
        let users = fs::read_to_string("/proc/self/uid_map").ok()?;
        users.split_whitespace().eq(["0", "0", "4294967295"]).then_some(())?;
        let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(KOBJECT_UEVENT)).ok()?;
        // As much as the system allows; where less is, events are lost sooner, which is noticed.
        let _ = set_socket_recv_buffer_size_force(&socket, EVENTS_BYTES)
            .or_else(|_| set_socket_recv_buffer_size(&socket, EVENTS_BYTES));
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL_EVENTS)).ok()?;
        let events = Arc::new(Self { socket, noticed: Mutex::default() });
        let taker = Arc::clone(&events);
        thread::Builder::new()
            .name("generation".to_owned())
            .spawn(move || taker.keep_empty())
            .ok()?;
        Some(events)
    }

    /// Takes out whatever comes, until it is news.
    fn keep_empty(&self) {
        loop {
            // Only waits: what has come is taken under the lock, so nobody looks in between.
            let lost = match recvfrom(&self.socket, &mut [0; 1], RecvFlags::PEEK) {
                Ok(_) | Err(Errno::INTR | Errno::AGAIN) => None,
                Err(_) => Some(Copied::Unknown),
            };
            if self.take(lost).is_some() {
                return;
            }
        }
    }

    fn look(&self) -> std::result::Result<(), Copied> {
        self.take(None).map_or(Ok(()), Err)
    }

    /// What was noticed, with what has come by now. Once noticed it is never forgotten.
    fn take(&self, lost: Option<Copied>) -> Option<Copied> {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        *noticed = noticed.or(lost).or_else(|| drain(&self.socket).err());
        *noticed
    }
}

/// Whether a kernel of this release sends an event when there is another id.
fn tells(release: &str) -> bool {
    let mut parts = release.trim().split('.');
    let major = parts.next().and_then(|part| part.parse::<u32>().ok());
    // `6.10-rc1` is one too.
    let minor = parts.next().and_then(|part| part.split(|it: char| !it.is_ascii_digit()).next());
    let minor = minor.and_then(|part| part.parse::<u32>().ok());
    major.zip(minor).is_some_and(|release| release >= TELLS_FROM)
}

/// Takes what has come. Where events were lost this may have been among them, and nothing else says
/// whether it was.
fn drain(events: &OwnedFd) -> std::result::Result<(), Copied> {
    let mut bytes = [0; EVENT_BYTES_MAX];
    loop {
        match recvfrom(events, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((length, _, from)) => {
                let from = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
                let is_the_kernels = from.is_some_and(|from| from.pid() == 0);
                if is_the_kernels && bytes.get(..length).is_none_or(is_news) {
                    return Err(Copied::Another);
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(()),
            Err(_) => return Err(Copied::Unknown),
        }
    }
}

/// Whether an event of the kernel says that the generation is another one.
fn is_news(event: &[u8]) -> bool {
    event.split(|byte| *byte == 0).any(|field| field == b"NEW_VMGENID=1")
}

/// Whether this is no virtual machine, as far as can be seen.
fn is_physical() -> bool {
    let said = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let [vendor, product] = ["sys_vendor", "product_name"];
    let made = [vendor, product].map(|what| said(&format!("/sys/class/dmi/id/{what}")));
    let shown = ["/sys/hypervisor/type", "/proc/device-tree/hypervisor"];
    let is_shown = shown.iter().any(|path| Path::new(path).exists());
    !is_shown && looks_physical(&said("/proc/cpuinfo"), &made.join(" "))
}

/// Only a processor of x86 says of itself whether a hypervisor is there. Of any other, and of one that is
/// told to hide it, the name of the machine may say that there is one; nothing says that there is none.
fn looks_physical(processors: &str, made: &str) -> bool {
    let made = made.trim().to_lowercase();
    let is_whole = made.starts_with("amazon ec2") && made.ends_with(".metal");
    let is_made = !is_whole && HYPERVISORS.iter().any(|name| made.contains(name));
    let flags = processors.lines().find(|line| line.starts_with("flags"));
    let sees_none =
        flags.is_some_and(|line| !line.split_whitespace().any(|flag| flag == "hypervisor"));
    sees_none && !is_made
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        file
    }

    /// N-92.
    #[test]
    fn another_id_is_another_generation_and_none_is_unknown() {
        let named = file(b"first");
        let generation = Generation::observe(Some(named.path())).unwrap();
        assert_eq!(generation.notice(), Notice::Asked);
        assert_eq!(generation.look(), Ok(()));
        fs::write(named.path(), b"second").unwrap();
        assert_eq!(generation.look(), Err(Copied::Another));
        fs::write(named.path(), b"").unwrap();
        assert_eq!(generation.look(), Err(Copied::Unknown));
        fs::write(named.path(), b"first").unwrap();
        assert_eq!(generation.look(), Ok(()));
        assert!(Generation::observe(Some(Path::new("/nowhere"))).is_err());
        assert!(Generation::observe(Some(file(b"").path())).is_err());
    }

    /// N-92: who writes a file may put another in its place, and the old one stays as it was.
    #[test]
    fn a_file_is_looked_at_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let [named, next] = ["generation", "next"].map(|name| folder.path().join(name));
        fs::write(&named, b"first").unwrap();
        let generation = Generation::observe(Some(&named)).unwrap();
        for (content, expected) in [("first", Ok(())), ("second", Err(Copied::Another))] {
            fs::write(&next, content).unwrap();
            fs::rename(&next, &named).unwrap();
            assert_eq!(generation.look(), expected);
        }
        fs::remove_file(&named).unwrap();
        assert_eq!(generation.look(), Err(Copied::Unknown));
    }

    /// N-92: what is not read is not compared.
    #[test]
    fn a_file_that_is_too_long_is_no_id() {
        let long = vec![7; ID_BYTES_MAX + 1];
        let refused = Generation::observe(Some(file(&long).path())).err().unwrap();
        assert!(format!("{refused:?}").contains("longer than 256 bytes"), "{refused:?}");
        let named = file(&long[1..]);
        let generation = Generation::observe(Some(named.path())).unwrap();
        assert_eq!(generation.look(), Ok(()));
        fs::write(named.path(), &long).unwrap();
        assert_eq!(generation.look(), Err(Copied::Unknown));
    }

    /// MEM-02: what happens elsewhere on a machine, in whatever number, ends no process that can ask.
    #[test]
    fn who_can_ask_hears_no_events() {
        let named = file(b"first");
        assert!(Generation::observe(Some(named.path())).unwrap().events.is_none());
    }

    /// N-92: as QEMU has it, in a page of which the rest means nothing.
    #[test]
    fn of_the_firmware_the_id_is_compared() {
        let mut page = vec![0; 4_096];
        page[40..56].copy_from_slice(&[5; 16]);
        let path = file(&page);
        let id = firmware(path.path().to_str().unwrap()).unwrap();
        page[56] = 1;
        fs::write(path.path(), &page).unwrap();
        assert_eq!(id.look(), Ok(()));
        page[55] = 1;
        fs::write(path.path(), &page).unwrap();
        assert_eq!(id.look(), Err(Copied::Another));
        fs::write(path.path(), &page[..55]).unwrap();
        assert_eq!(id.look(), Err(Copied::Unknown));
    }

    /// N-92: the clock moves all the time, its counter of generations only with one.
    #[test]
    fn of_a_clock_the_counter_is_compared_and_nothing_else() {
        let mut page = vec![0; 4_096];
        page[..4].copy_from_slice(b"VCLK");
        page[25] = 1;
        let path = file(&page);
        let id = clock(path.path().to_str().unwrap()).unwrap();
        page[40..48].copy_from_slice(&[7; 8]);
        fs::write(path.path(), &page).unwrap();
        assert_eq!(id.look(), Ok(()));
        page[104] = 1;
        fs::write(path.path(), &page).unwrap();
        assert_eq!(id.look(), Err(Copied::Another));
        page[25] = 0;
        fs::write(path.path(), &page).unwrap();
        assert_eq!(id.look(), Err(Copied::Unknown));
        assert_eq!((counter(b"VCLK"), counter(&[0; 4_096])), (None, None));
    }

    /// N-92: as the kernel writes such events.
    #[test]
    fn an_event_is_news_if_it_says_so_itself() {
        let said = |fields: &[&str]| fields.join("\0").into_bytes();
        let device = "change@/devices/platform/VMGENCTR:00";
        assert!(is_news(&said(&[device, "ACTION=change", "NEW_VMGENID=1", "SEQNUM=823", ""])));
        assert!(!is_news(&said(&[device, "ACTION=change", "SYNTH_ARG_NEW_VMGENID=1", ""])));
        assert!(!is_news(&said(&["add@/devices/virtual/net/NEW_VMGENID=1x", "ACTION=add", ""])));
        assert!(!is_news(b""));
    }

    /// MEM-02: an older kernel has the driver and says nothing.
    #[test]
    fn only_newer_kernels_tell() {
        for release in ["6.10.0", "6.10-rc1", "6.18.44-fc-v1098\n", "6.100.1", "7.0.3-generic"] {
            assert!(tells(release), "{release}");
        }
        for release in
            ["6.9.12", "6.8.0-100-generic", "6.1.0-22-amd64\n", "5.15.167.4", "4.18.0-553"]
        {
            assert!(!tells(release), "{release}");
        }
        for release in ["", "6", "6.", "6.x", "x.10", "6-10", "-6.10"] {
            assert!(!tells(release), "{release}");
        }
    }

    /// MEM-02.
    #[test]
    fn only_who_can_know_is_physical() {
        const X86: &str = "processor\t: 0\nflags\t\t: fpu vme sse2\nbugs\t:\n";
        const GUEST: &str = "processor\t: 0\nflags\t\t: fpu vme hypervisor\nbugs\t:\n";
        const ARM: &str = "processor\t: 0\nFeatures\t: fp asimd aes\n";
        for made in ["Dell Inc.\n PowerEdge R660\n", "Amazon EC2\n c7i.metal\n", ""] {
            assert!(looks_physical(X86, made), "{made}");
            for other in [GUEST, ARM, ""] {
                assert!(!looks_physical(other, made), "{made}");
            }
        }
        for made in [
            "QEMU\n KVM Virtual Machine\n",
            "VMware, Inc.\n VMware20,1\n",
            "innotek GmbH\n VirtualBox\n",
            "Xen\n HVM domU\n",
            "Microsoft Corporation\n Virtual Machine\n",
            "Amazon EC2\n m7g.large\n",
            "Google\n Google Compute Engine\n",
        ] {
            assert!(!looks_physical(X86, made), "{made}");
        }
    }
}
