//! Where lines wait to be collapsed.

use crate::buckets::Buckets;
use crate::calendar::Month;

/// Lines by delivery, dataset, month and shard.
pub(super) type Waiting<E> = Buckets<BucketKey, E>;

/// Which bucket. All lines of one consumption meet in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BucketKey {
    pub(super) delivery: usize,
    pub(super) dataset: usize,
    pub(super) month: Month,
    pub(super) shard: u8,
}

/// How many shards a month has.
pub(super) const SHARDS: u8 = 32;
