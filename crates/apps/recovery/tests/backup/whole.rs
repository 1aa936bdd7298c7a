//! Files that hold.

use crate::domain::written;
use crate::world;
use quorate_recovery::backup_file::BackupReader;
use quorate_recovery::verify::verify;

#[test]
fn a_file_holds() {
    let world = world();
    let now = std::time::Instant::now();
    let bytes = written(&world.domain.items(&world.keys()));
    let report =
        verify(BackupReader::new(bytes.as_slice()).unwrap(), &world.domain.state.genesis());
    println!("{} bytes, {:?}\n{:#}", bytes.len(), now.elapsed(), report.to_json());
    assert!(report.holds());
}
