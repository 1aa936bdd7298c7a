//! Files that people carry: read as they come, and verified against a domain that they may be of.

use super::canonical::read;
use quorate_backup::Part;
use quorate_engine::Backups;
use quorate_machine::evidence::EvidenceFile;
use quorate_machine::handover::Handover;
use quorate_receipt::Receipt;
use quorate_recovery::backup_file::{BackupReader, BackupWriter, Item};
use quorate_recovery::drill::{Drill, DrillPart};
use quorate_recovery::estate::EstatePart;
use quorate_recovery::seat::SeatPart;
use quorate_release::{Release, ReleaseFile};
use quorate_testkit::custodians::Reduced;
use quorate_testkit::founding::Founding;

pub fn receipt(bytes: &[u8], domain: &Founding) -> bool {
    let verified = quorate_receipt::verify(bytes, &domain.hash);
    let receipt = read::<Receipt>(bytes);
    assert!(verified.is_err() || receipt.is_some(), "only a receipt is verified");
    receipt.is_some()
}

pub fn evidence(bytes: &[u8], domain: &Founding) -> bool {
    let verified = EvidenceFile::verify(bytes, &domain.hash, Backups::of::<Reduced>());
    let file = read::<EvidenceFile>(bytes);
    assert!(verified.is_err() || file.is_some(), "only evidence is verified");
    file.is_some()
}

pub fn handover(bytes: &[u8], domain: &Founding) -> bool {
    let verified = Handover::verify(bytes, &domain.hash);
    let file = read::<Handover>(bytes);
    assert!(verified.is_err() || file.is_some(), "only a handover is verified");
    file.is_some()
}

pub fn release(bytes: &[u8], _: &Founding) -> bool {
    let release = Release::read(bytes).ok();
    if let Some(release) = &release {
        assert_eq!(release.to_bytes(), bytes, "two forms of one release (REL-01)");
    }
    release.is_some()
}

pub fn release_file(bytes: &[u8], _: &Founding) -> bool {
    let file = ReleaseFile::read(bytes).ok();
    if let Some(file) = &file {
        assert_eq!(file.to_bytes(), bytes, "two forms of one file (REL-01)");
        assert_eq!(file.release().to_bytes(), file.signed_bytes(), "people sign what is shown");
    }
    file.is_some()
}

/// A whole backup, item by item: what is read to its end is written as the same bytes.
pub fn backup(bytes: &[u8], _: &Founding) -> bool {
    let Ok(reader) = BackupReader::new(bytes) else { return false };
    let items: Result<Vec<Item>, _> = reader.collect();
    let Ok(items) = items else { return false };
    let Some((Item::Head(head), rest)) = items.split_first() else { return false };
    let mut writer = BackupWriter::new(Vec::new(), head.clone()).expect("a head that was read");
    for item in rest.iter().filter(|item| !matches!(item, Item::End(_))) {
        writer.write(item).expect("an item that was read in this order");
    }
    let written = writer.finish().expect("a file that was read to its end");
    assert_eq!(written, bytes, "two forms of one backup (REC-20)");
    true
}

pub fn seat_part(bytes: &[u8], _: &Founding) -> bool {
    read::<SeatPart>(bytes).is_some()
}

pub fn estate_part(bytes: &[u8], _: &Founding) -> bool {
    read::<EstatePart>(bytes).is_some()
}

pub fn drill(bytes: &[u8], _: &Founding) -> bool {
    read::<Drill>(bytes).map(|drill| drill.id()).is_some()
}

pub fn drill_part(bytes: &[u8], _: &Founding) -> bool {
    read::<DrillPart>(bytes).is_some()
}

pub fn backup_part(bytes: &[u8], _: &Founding) -> bool {
    let part = Part::from_bytes(bytes);
    if let Some(part) = &part {
        assert_eq!(part.to_bytes().as_slice(), bytes, "two forms of one part (BAK-18)");
    }
    part.is_some()
}
