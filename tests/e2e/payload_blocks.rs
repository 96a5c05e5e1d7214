//! Blocks of a payload between disk and devices: read once for all, checked, bounded
//! (GO-47, design §4).

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::PathBuf,
};

use futures_util::future::join_all;
use tempfile::TempDir;
use windlass_host::{BLOCK_SIZE, PayloadSource as _, SourceError};
use windlass_runtime::payload::PinnedFile;

/// A payload of up to this size is kept whole.
const WHOLE: u64 = 64 << 20;
/// What is kept of a larger one.
const WINDOW: u64 = 40 << 20;

struct Payload {
    _folder: TempDir,
    path: PathBuf,
    file: PinnedFile,
}

impl Payload {
    /// `size` zeros that are on no disk.
    fn of(size: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("app.img");
        File::create(&path)
            .and_then(|file| file.set_len(size))
            .expect("a sparse file can be made");
        let file = PinnedFile::open(&path, None, "application/octet-stream").expect("it is there");
        Self {
            _folder: folder,
            path,
            file,
        }
    }

    fn blocks(&self) -> u64 {
        self.file.size().div_ceil(BLOCK_SIZE)
    }

    async fn read_all(&self) {
        for block in 0..self.blocks() {
            self.file.load(block).await.expect("it is as it was");
        }
    }

    fn kept(&self) -> u64 {
        let kept = (0..self.blocks()).filter(|block| self.file.cached(*block).is_some());
        kept.count() as u64 * BLOCK_SIZE
    }

    fn write(&self, byte: u8, offset: u64) {
        let file = OpenOptions::new().write(true).open(&self.path);
        let file = file.expect("it is there");
        file.write_all_at(&[byte], offset)
            .expect("it can be written");
    }
}

/// However often it is sent, a payload that fits is read once: later the disk may be gone.
#[tokio::test]
async fn a_payload_that_fits_is_read_once() {
    let payload = Payload::of(WHOLE - 5);
    payload.read_all().await;
    File::create(&payload.path).expect("it can be truncated");
    payload.read_all().await;
}

/// GO-47: memory has a bound that does not depend on the payload's size.
#[tokio::test]
async fn of_a_larger_payload_a_window_is_kept() {
    let payload = Payload::of(2 * WHOLE);
    payload.read_all().await;
    payload.read_all().await;
    assert_eq!(payload.kept(), WINDOW);
}

/// What a device still holds is shared with whoever comes to it, instead of read again.
#[tokio::test]
async fn what_a_device_holds_is_never_in_memory_twice() {
    let payload = Payload::of(2 * WHOLE);
    let held = payload.file.load(0).await.expect("it is as it was");
    payload.read_all().await;
    let again = payload.file.cached(0).expect("it is held");
    assert_eq!(held.as_ptr(), again.as_ptr());
    // No more is kept than without it, and when it is let go of, it makes room.
    assert_eq!(payload.kept(), WINDOW);
    drop((held, again));
    for block in 1..payload.blocks() {
        payload.file.load(block).await.expect("it is as it was");
    }
    assert_eq!(payload.file.cached(0), None);
}

/// Digests are checked once per read, not per device.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_wait_for_a_block_share_one_read() {
    let payload = Payload::of(2 * BLOCK_SIZE);
    payload.file.read_ahead(1);
    let blocks = join_all((0..100).map(|_| payload.file.load(1))).await;
    let first = blocks[0].clone().expect("it is as it was");
    for block in blocks {
        assert_eq!(block.expect("it is as it was").as_ptr(), first.as_ptr());
    }
}

/// What is read ahead is checked like all else, and a failure is not kept.
#[tokio::test]
async fn an_edited_block_fails_until_it_is_as_it_was() {
    let payload = Payload::of(3 * BLOCK_SIZE + 1);
    payload.write(1, 3 * BLOCK_SIZE);
    for _ in 0..3 {
        payload.file.read_ahead(3);
        let edited = payload.file.load(3).await;
        assert!(matches!(edited, Err(SourceError::Changed(_))), "{edited:?}");
        payload.file.load(2).await.expect("it is as it was");
    }
    payload.write(0, 3 * BLOCK_SIZE);
    let mended = payload.file.load(3).await.expect("it is as it was");
    assert_eq!(&mended[..], [0]);
}

/// A host that ends takes its threads with it, and nobody waits for what they should have
/// read.
#[tokio::test]
async fn reads_of_a_runtime_that_ended_are_begun_anew() {
    let payload = Payload::of(64 * BLOCK_SIZE);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    let ended = runtime.handle().clone();
    runtime.shutdown_background();
    {
        let _ambient = ended.enter();
        for block in 0..32 {
            payload.file.read_ahead(block);
        }
    }
    payload.read_all().await;
}
