use std::sync::Arc;

use lz4_flex::block;

use crate::UnpackError;

/// What is larger is kept as it is: a row can make nobody take more memory than this.
const MOST_BYTES: usize = 1 << 20;

/// Of a length before what it measures.
const LENGTH: usize = size_of::<u32>();

/// What a decision says, as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    /// JSON without the memos.
    pub(super) record: &'a [u8],
    pub(super) memo_before: &'a [u8],
    pub(super) memo: &'a [u8],
}

impl<'a> Parts<'a> {
    /// In one piece, to be packed or to be packed with; none if that would be too large. Memos
    /// follow each other, because the second is most often the first.
    pub(super) fn joined(self) -> Option<Vec<u8>> {
        let size = 2 * LENGTH + self.memo_before.len() + self.memo.len() + self.record.len();
        if size > MOST_BYTES {
            return None;
        }
        let mut joined = Vec::with_capacity(size);
        for memo in [self.memo_before, self.memo] {
            joined.extend(u32::try_from(memo.len()).ok()?.to_le_bytes());
        }
        for part in [self.memo_before, self.memo, self.record] {
            joined.extend(part);
        }
        Some(joined)
    }

    fn split(joined: &'a [u8]) -> Option<Self> {
        let (memo_before, rest) = joined.split_first_chunk::<LENGTH>()?;
        let (memo, rest) = rest.split_first_chunk::<LENGTH>()?;
        let (memo_before, rest) = rest.split_at_checked(length(*memo_before))?;
        let (memo, record) = rest.split_at_checked(length(*memo))?;
        Some(Self {
            record,
            memo_before,
            memo,
        })
    }
}

/// What differs in [`Parts::joined`] from those of another decision.
pub(super) fn pack(joined: &[u8], pattern: &[u8]) -> Vec<u8> {
    block::compress_prepend_size_with_dict(joined, pattern)
}

/// How many bytes it says that it unpacks to.
pub(super) fn unpacked_size(packed: &[u8]) -> usize {
    packed.first_chunk().map_or(0, |size| length(*size))
}

/// What was packed, in `room`.
pub(super) fn unpack<'b>(
    packed: &[u8],
    pattern: &[u8],
    room: &'b mut Vec<u8>,
) -> Result<Parts<'b>, UnpackError> {
    let size = unpacked_size(packed);
    if size > MOST_BYTES {
        return Err(UnpackError::TooLarge { size });
    }
    room.resize(size, 0);
    let packed = packed.get(LENGTH..).unwrap_or_default();
    let unpacked = block::decompress_into_with_dict(packed, room, pattern)
        .map_err(|error| UnpackError::Damaged(Arc::new(error)))?;
    Parts::split(&room[..unpacked]).ok_or(UnpackError::CutOff)
}

fn length(bytes: [u8; LENGTH]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}
