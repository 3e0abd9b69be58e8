//! The threads of a command that works on many things at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// A fixed number of threads: whatever is asked of them at once, no more are at work.
#[derive(Debug)]
pub struct Workers {
    pool: rayon::ThreadPool,
}

impl Workers {
    /// So many threads, at least one.
    ///
    /// # Errors
    /// CS9001 when the system gives none.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
        Ok(Self { pool: pool.map_err(|error| Error::bug(error.to_string()))? })
    }

    /// Runs a job for each size, large ones first, so that no thread waits long for the last one;
    /// results stand in the order of the sizes.
    ///
    /// # Errors
    /// That of the first job that fails.
    pub fn run<T: Send>(
        &self,
        sizes: &[u64],
        job: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(sizes[*at]));
        let done: Mutex<BTreeMap<usize, Result<T>>> = Mutex::new(BTreeMap::new());
        let (job, results) = (&job, &done);
        self.pool.scope_fifo(|scope| {
            for at in order {
                scope.spawn_fifo(move |_| {
                    let result = job(at);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    /// Runs what `manage` hands out on the threads, in the order in which it does, while `manage`
    /// itself waits for results elsewhere; ends when all is done.
    pub fn managed<'s, T>(&self, manage: impl FnOnce(&rayon::Scope<'s>) -> T) -> T {
        self.pool.in_place_scope(manage)
    }
}
