//! Whether this process goes on in a copy of its memory (N-92, MEM-01, MEM-02).
//!
//! A virtual machine that is resumed from a snapshot of its memory, perhaps in two places, has the
//! nonces, presignatures and channel keys that its copy has too, and whoever it signs with could make
//! the two use one nonce for two messages. Hypervisors then give the machine another generation id. It is
//! looked at whenever something is about to leave; where it is another one, nothing leaves any more
//! and the process ends. What it comes back as is a new incarnation without any of that.
//!
//! What a copy was about to say when it was made the other says too, and in the same words: so it is
//! enough to look after a message is made and before it leaves.

use crate::failure::{Failure, Result};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The id as QEMU tells it, for who may read it: by default the owner of the system alone.
const FIRMWARE: &str = "/sys/firmware/qemu_fw_cfg/by_name/etc/vmgenid_guid/raw";
/// A page that the hypervisor writes (the VMClock device of UAPI), with a counter of generations where the
/// hypervisor says so.
const CLOCK: &str = "/dev/vmclock0";
/// The kernel's drivers for the id, which send an event when there is another one.
const DRIVERS: [&str; 2] = ["/sys/bus/platform/drivers/vmgenid", "/sys/bus/acpi/drivers/vmgenid"];
/// Longest id that is compared, in bytes.
const ID_BYTES_MAX: usize = 256;
/// Longest event of the kernel, and the place for those that come between two looks.
const EVENT_BYTES_MAX: usize = 8_192;
const EVENTS_BYTES: usize = 1 << 20;
/// The group of the kernel's own events.
const KERNEL_EVENTS: u32 = 1;

/// How a copy of this machine's memory would be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The hypervisor is asked before anything leaves.
    Asked,
    /// The kernel tells, a moment after the machine goes on.
    Told,
    /// Not at all, and this is a virtual machine.
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
    events: Option<OwnedFd>,
}

/// The memory is another one, or nobody can tell any more. Ends the process.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Copied {
    /// The id is another one.
    #[error("this machine was resumed from a copy of its memory: its generation is another one")]
    Another,
    /// The id cannot be read any more.
    #[error("whether this machine was resumed from a copy of its memory cannot be told any more")]
    Unknown,
}

impl Generation {
    /// Looks once, before there is anything that could be copied. `named` is a file that its operator
    /// says has another content in each generation.
    ///
    /// # Errors
    /// The caller's: the named file cannot be read.
    pub fn observe(named: Option<&Path>) -> Result<Self> {
        let id = match named {
            Some(path) => {
                let id =
                    Id::read(path, whole).map_err(|error| Failure::named_file(path, &error))?;
                Some(id)
            }
            None => [(FIRMWARE, whole as Reading), (CLOCK, counter)]
                .into_iter()
                .find_map(|(path, reading)| Id::read(Path::new(path), reading).ok()),
        };
        Ok(Self { id, events: events() })
    }

    /// How a copy would be noticed.
    pub fn notice(&self) -> Notice {
        match (&self.id, &self.events) {
            (Some(_), _) => Notice::Asked,
            (None, Some(_)) => Notice::Told,
            (None, None) if is_virtual() => Notice::Never,
            (None, None) => Notice::Physical,
        }
    }

    /// Looks again: a few microseconds.
    ///
    /// # Errors
    /// It is another generation, or cannot be told.
    pub fn look(&self) -> std::result::Result<(), Copied> {
        if let Some(id) = &self.id {
            id.look()?;
        }
        self.events.as_ref().map_or(Ok(()), drain)
    }
}

/// An id that can be read at any time.
struct Id {
    file: File,
    reading: Reading,
    first: Vec<u8>,
}

/// The id in what a file holds.
type Reading = fn(&[u8]) -> Option<&[u8]>;

impl Id {
    fn read(path: &Path, reading: Reading) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let first = Self::now(&file, reading)?;
        Ok(Self { file, reading, first })
    }

    fn now(file: &File, reading: Reading) -> std::io::Result<Vec<u8>> {
        let mut bytes = [0; ID_BYTES_MAX];
        let length = file.read_at(&mut bytes, 0)?;
        let id = bytes.get(..length).and_then(reading).map(<[u8]>::to_vec);
        id.ok_or_else(|| std::io::Error::other("it holds no generation id"))
    }

    fn look(&self) -> std::result::Result<(), Copied> {
        match Self::now(&self.file, self.reading) {
            Ok(now) if now == self.first => Ok(()),
            Ok(_) => Err(Copied::Another),
            Err(_) => Err(Copied::Unknown),
        }
    }
}

fn whole(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

/// The counter in the page of a VMClock device: magic at 0, flags at 24, of which bit 8 says that
/// there is the counter, at 104.
fn counter(page: &[u8]) -> Option<&[u8]> {
    const HAS_COUNTER: u64 = 1 << 8;
    let flags = u64::from_le_bytes(*page.get(24..)?.first_chunk()?);
    let holds = page.starts_with(b"VCLK") && flags & HAS_COUNTER != 0;
    page.get(104..112).filter(|_| holds)
}

/// Where the kernel's events come in, if it has a generation id and these events reach this process:
/// they do not where users are mapped to others.
fn events() -> Option<OwnedFd> {
    // What a driver drives lies beside its own controls, and is named after a bus: `VMGENCTR:00`.
    let devices = DRIVERS.iter().filter_map(|driver| fs::read_dir(driver).ok()).flatten().flatten();
    let mut names = devices.map(|device| device.file_name());
    names.any(|name| name.to_string_lossy().contains(':')).then_some(())?;
    let users = fs::read_to_string("/proc/self/uid_map").ok()?;
    users.split_whitespace().eq(["0", "0", "4294967295"]).then_some(())?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(KOBJECT_UEVENT)).ok()?;
    // As much as the system allows; where less is, events are lost sooner, which is noticed.
    let _ = set_socket_recv_buffer_size(&socket, EVENTS_BYTES);
    bind(&socket, &SocketAddrNetlink::new(0, KERNEL_EVENTS)).ok()?;
    Some(socket)
}

/// Takes what has come. Where events were lost this may have been among them.
fn drain(events: &OwnedFd) -> std::result::Result<(), Copied> {
    let mut bytes = [0; EVENT_BYTES_MAX];
    loop {
        match recvfrom(events, &mut bytes, RecvFlags::empty()) {
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

/// Whether a hypervisor is seen.
fn is_virtual() -> bool {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut flags = processors.lines().filter(|line| line.starts_with("flags"));
    flags.next().is_some_and(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
        || ["/sys/hypervisor/type", "/proc/device-tree/hypervisor"]
            .iter()
            .any(|path| Path::new(path).exists())
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

    /// N-92: the clock moves all the time, its counter of generations only with one.
    #[test]
    fn of_a_clock_the_counter_is_compared_and_nothing_else() {
        let mut page = vec![0; 4_096];
        page[..4].copy_from_slice(b"VCLK");
        page[25] = 1;
        let clock = file(&page);
        let id = Id::read(clock.path(), counter).unwrap();
        page[40..48].copy_from_slice(&[7; 8]);
        fs::write(clock.path(), &page).unwrap();
        assert_eq!(id.look(), Ok(()));
        page[104] = 1;
        fs::write(clock.path(), &page).unwrap();
        assert_eq!(id.look(), Err(Copied::Another));
        page[25] = 0;
        fs::write(clock.path(), &page).unwrap();
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
}
