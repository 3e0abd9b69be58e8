//! The threads of a command that works on many things at once.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, TryLockError};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

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
    /// That of the first job that fails; CS9001 when one panics.
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
                    let result = caught(|| job(at));
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }

    /// Has each of some things taken by a job; results stand in their order.
    ///
    /// # Errors
    /// That of the first job that fails; CS9001 when one panics.
    pub fn each<I: Send, T: Send>(
        &self,
        items: Vec<I>,
        job: impl Fn(I) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let results: Vec<Result<T>> = self.pool.install(|| {
            items.into_par_iter().with_max_len(1).map(|item| caught(|| job(item))).collect()
        });
        results.into_iter().collect()
    }

    /// Does two things, at once if there are threads for both.
    ///
    /// # Errors
    /// That of the first, then of the other; CS9001 when one panics.
    pub fn both<A: Send, B: Send>(
        &self,
        one: impl FnOnce() -> Result<A> + Send,
        other: impl FnOnce() -> Result<B> + Send,
    ) -> Result<(A, B)> {
        let (one, other) = self.pool.join(|| caught(one), || caught(other));
        Ok((one?, other?))
    }

    /// How many there are.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Has the threads do what `manage` hands out, while `manage` itself waits for results elsewhere;
    /// ends when all is done.
    pub fn managed<'s, T>(&self, manage: impl FnOnce(&Desk<'_, 's>) -> T) -> T {
        self.pool.in_place_scope(|scope| manage(&Desk { scope, waiting: Arc::default() }))
    }
}

/// So many threads as the system has processors for.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Results that are taken in order, by whichever thread finds nobody at it.
struct Taking<T, F> {
    /// Results whose turn has not come.
    waiting: BTreeMap<usize, Result<T>>,
    taken: usize,
    failed: Option<Error>,
    /// None while a thread is at it.
    take: Option<F>,
}

impl<T, F> Taking<T, F> {
    /// The result whose turn it is and what takes it, unless somebody is at it.
    fn next(&mut self) -> Option<(Result<T>, F)> {
        if self.failed.is_some() || !self.waiting.contains_key(&self.taken) {
            return None;
        }
        let take = self.take.take()?;
        Some((self.waiting.remove(&self.taken)?, take))
    }
}

/// Has threads do the jobs 0, 1, … and takes their results in that order, one at a time: whoever did
/// the job that is due takes what waits, and the others go on. No more results wait than there are
/// threads, and one more for each of them.
///
/// # Errors
/// That of a job or of a taking that failed, after which no others begin; CS9001 when one panics.
pub fn in_order<T: Send>(
    threads: usize,
    jobs: usize,
    job: impl Fn(usize) -> Result<T> + Sync,
    take: impl FnMut(T) -> Result<()> + Send,
) -> Result<()> {
    let taking = Taking { waiting: BTreeMap::new(), taken: 0, failed: None, take: Some(take) };
    let (taking, has_taken, next) = (Mutex::new(taking), Condvar::new(), AtomicUsize::new(0));
    let lock = || taking.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= jobs {
            return;
        }
        let result = caught(|| job(at));
        let mut state = lock();
        state.waiting.insert(at, result);
        loop {
            if let Some((result, mut take)) = state.next() {
                drop(state);
                let failed = caught(|| result.and_then(&mut take)).err();
                state = lock();
                state.take = Some(take);
                state.taken += 1;
                if failed.is_some() {
                    state.failed = failed;
                    next.store(jobs, Ordering::Relaxed);
                }
                has_taken.notify_all();
            } else if state.failed.is_none() && state.waiting.len() > threads {
                state = has_taken.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs) {
            scope.spawn(work);
        }
        work();
    });
    let taking = taking.into_inner().unwrap_or_else(PoisonError::into_inner);
    taking.failed.map_or(Ok(()), Err)
}

/// What a job gives; CS9001 when it panics.
fn caught<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = |_| Err(Error::bug("a thread panicked"));
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(panicked)
}

/// What many threads hand over and one at a time takes, in any order: who finds nobody at it takes all
/// that waits, and the others go on with their work.
pub struct Funnel<T, F> {
    waiting: Mutex<VecDeque<T>>,
    take: Mutex<F>,
    /// Who finds more waiting does not go on.
    most: usize,
}

impl<T, F: FnMut(T) -> Result<()>> Funnel<T, F> {
    /// Lets at most so many wait, and one more for each thread.
    pub fn new(most: usize, take: F) -> Self {
        Self { waiting: Mutex::default(), take: Mutex::new(take), most }
    }

    /// Hands something over; at the end of the last call all is taken.
    ///
    /// # Errors
    /// What the taking of it, or of what others handed over, returns.
    pub fn hand_over(&self, item: T) -> Result<()> {
        let waiting = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting().push_back(item);
        // Who takes leaves only when nothing waits: what comes while it leaves is seen here.
        while !waiting().is_empty() {
            let mut take = match self.take.try_lock() {
                Ok(take) => take,
                Err(TryLockError::WouldBlock) if waiting().len() <= self.most => return Ok(()),
                Err(_) => self.take.lock().unwrap_or_else(PoisonError::into_inner),
            };
            loop {
                let next = waiting().pop_front();
                let Some(next) = next else { break };
                take(next)?;
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_taken_in_order() {
        for threads in [1, 2, 5] {
            let mut taken = Vec::new();
            let job = |at: usize| {
                // Later ones are often done first.
                std::thread::sleep(std::time::Duration::from_micros((at as u64 * 7) % 5 * 200));
                Ok(at)
            };
            in_order(threads, 40, job, |at| {
                taken.push(at);
                Ok(())
            })
            .unwrap();
            assert_eq!(taken, (0..40).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_that_is_handed_over_is_taken_once() {
        for most in [0, 1, 50] {
            let mut taken = Vec::new();
            let funnel = Funnel::new(most, |number: u32| {
                std::thread::yield_now();
                taken.push(number);
                if number == 5_000 { Err(Error::bug("five thousand")) } else { Ok(()) }
            });
            let failed = Workers::new(4).unwrap().run(&[0; 40], |at| {
                let first = u32::try_from(at).unwrap() * 100;
                (first..first + 100).try_for_each(|number| funnel.hand_over(number))
            });
            failed.unwrap();
            assert!(funnel.hand_over(5_000).unwrap_err().to_string().contains("five thousand"));
            taken.sort_unstable();
            assert_eq!(taken, (0..4_000).chain([5_000]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_taken_after_what_failed() {
        let failed = |at| Error::bug(format!("job {at}"));
        for threads in [1, 3] {
            let mut taken = Vec::new();
            let job = |at: usize| match at {
                7 => Err(failed(at)),
                9 => panic!("job {at}"),
                _ => Ok(at),
            };
            let error = in_order(threads, 40, job, |at| {
                taken.push(at);
                Ok(())
            });
            assert!(error.unwrap_err().to_string().contains("job 7"));
            assert_eq!(taken, (0..7).collect::<Vec<_>>());
            let error = in_order(threads, 40, Ok, |at| match at {
                3 => panic!("taking"),
                at => {
                    if at > 3 {
                        Err(failed(at))
                    } else {
                        Ok(())
                    }
                }
            });
            assert!(error.unwrap_err().to_string().contains("panicked"));
        }
    }

    #[test]
    fn a_job_that_panics_is_an_error_and_others_are_done() {
        for threads in [1, 3] {
            let workers = Workers::new(threads).unwrap();
            assert_eq!(workers.run(&[3, 1, 2], Ok).unwrap(), [0, 1, 2]);
            assert_eq!(workers.each(vec!['c', 'a', 'b'], Ok).unwrap(), ['c', 'a', 'b']);
            let panicked = workers.each(vec![0, 1, 2], |item| {
                assert_ne!(item, 1);
                Ok(item)
            });
            assert!(panicked.unwrap_err().to_string().contains("panicked"));
            let done = AtomicUsize::new(0);
            let error = workers.run(&[0; 9], |at| {
                assert_ne!(at, 4);
                done.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
            assert!(error.unwrap_err().to_string().contains("panicked"));
            assert_eq!(done.into_inner(), 8);
        }
    }
}
