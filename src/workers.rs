//! The threads of a command that works on many things at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

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

    /// Has the threads do what `manage` hands out, while `manage` itself waits for results elsewhere;
    /// ends when all is done.
    pub fn managed<'s, T>(&self, manage: impl FnOnce(&Desk<'_, 's>) -> T) -> T {
        self.pool.in_place_scope(|scope| manage(&Desk { scope, waiting: Arc::default() }))
    }
}

type Task<'s> = Box<dyn FnOnce() + Send + 's>;

/// Hands tasks out to threads.
pub struct Desk<'d, 's> {
    scope: &'d rayon::Scope<'s>,
    /// Urgent tasks, and the others.
    waiting: Arc<Mutex<[VecDeque<Task<'s>>; 2]>>,
}

impl<'s> Desk<'_, 's> {
    /// A task that is begun in its turn.
    pub fn hand_out(&self, task: impl FnOnce() + Send + 's) {
        self.add(1, Box::new(task));
    }

    /// A task that is begun before all others that were not yet begun.
    pub fn hand_out_first(&self, task: impl FnOnce() + Send + 's) {
        self.add(0, Box::new(task));
    }

    fn add(&self, queue: usize, task: Task<'s>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)[queue].push_back(task);
        let waiting = Arc::clone(&self.waiting);
        // One turn a task; whoever has it takes the most urgent one.
        self.scope.spawn(move |_| {
            let next = {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.iter_mut().find_map(VecDeque::pop_front)
            };
            if let Some(task) = next {
                task();
            }
        });
    }
}
