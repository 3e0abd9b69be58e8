//! A lock of a folder: locally one of the system, which ends with its process however that ends;
//! in object storage an object that says until when, and is renewed while its process lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, PutMode, PutOptions, UpdateVersion};
use serde::{Deserialize, Serialize};

use super::local::FileLock;
use super::remote::{Remote, read_error, request, retried, runtime, upload_error};
use super::{Place, Store};
use crate::error::{Code, Error, Result};

/// How long a lease holds that is not renewed. Others wait as long again before they take it: their
/// clock may be another one.
const LEASE: Duration = Duration::from_mins(1);
/// Whoever holds one stops so much before that.
const MARGIN: Duration = Duration::from_secs(15);
/// How long the end of one is waited for.
const RELEASE: Duration = Duration::from_secs(10);

/// Holds a folder for one writer.
#[derive(Debug)]
pub struct StoreLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    // Held for its lock.
    File(#[expect(dead_code, reason = "held for its lock")] FileLock),
    Lease(Lease),
}

/// What the lock object says.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    owner: String,
    expires_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Lease {
    claim: Arc<Renewed>,
    /// Dropped to end the renewal.
    end: Option<Sender<()>>,
    renewal: Option<JoinHandle<()>>,
}

/// A lease that is renewed.
#[derive(Debug)]
struct Renewed {
    remote: Arc<Remote>,
    location: ObjectPath,
    uri: String,
    owner: String,
    is_lost: AtomicBool,
    /// When the last renewal that the store carried out was asked for.
    since: Mutex<Instant>,
}

impl Renewed {
    fn since(&self) -> MutexGuard<'_, Instant> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_held(&self) -> bool {
        !self.is_lost.load(Ordering::SeqCst)
            && self.since().elapsed() < LEASE.saturating_sub(MARGIN)
    }

    /// Whether the object says so too.
    fn is_claimed(&self) -> bool {
        let found = claimed(&self.remote, &self.location);
        matches!(found, Ok((Some(claim), _)) if claim.owner == self.owner)
    }

    /// Renews it once; the version that stands there now.
    fn renew(&self, version: UpdateVersion) -> UpdateVersion {
        let asked = Instant::now();
        match put(&self.remote, &self.location, &self.owner, PutMode::Update(version.clone())) {
            Ok(next) => {
                *self.since() = asked;
                next
            }
            // It may be the own claim that stands there: a store may carry out a request without
            // telling.
            Err(object_store::Error::Precondition { .. }) => {
                match claimed(&self.remote, &self.location) {
                    Ok((Some(claim), found)) if claim.owner == self.owner => {
                        let left = (claim.expires_at - Utc::now()).to_std().unwrap_or_default();
                        let age = LEASE.saturating_sub(left);
                        *self.since() = asked.checked_sub(age).unwrap_or(asked);
                        found
                    }
                    Ok(_) => {
                        self.is_lost.store(true, Ordering::SeqCst);
                        version
                    }
                    Err(_) => version,
                }
            }
            // A store that does not answer may do so before the lease ends.
            Err(error) => {
                let error = super::secrets::redacted(&error);
                tracing::warn!(error, "A lease was not renewed.");
                version
            }
        }
    }
}

impl Renewed {
    /// Deletes the claim, if it is the own one. A store that does not answer soon is not waited for:
    /// the claim ends by itself.
    fn release(&self) {
        let Ok(runtime) = runtime() else { return };
        let objects = &self.remote.objects;
        let release = async {
            let found = objects.get(&self.location).await?.bytes().await?;
            let claim: Option<Claim> = serde_json::from_slice(&found).ok();
            // Another one's stays.
            if claim.is_some_and(|claim| claim.owner == self.owner) {
                objects.delete(&self.location).await?;
            }
            Ok::<(), object_store::Error>(())
        };
        let released = runtime.block_on(async { tokio::time::timeout(RELEASE, release).await });
        if !matches!(released, Ok(Ok(()))) {
            tracing::debug!(uri = self.uri, "A lease was left to end by itself.");
        }
    }
}

impl StoreLock {
    /// Takes the lock at a path of a store; `Err(owner)` names who holds it.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub fn take(
        store: &Store,
        path: &str,
        owner: &str,
    ) -> Result<std::result::Result<Self, String>> {
        let held = match &store.place {
            Place::Local { .. } => FileLock::take(&store.local_path(path), owner)?.map(Held::File),
            Place::Remote(remote) => Lease::take(remote, path, owner)?.map(Held::Lease),
        };
        Ok(held.map(|held| Self { held }))
    }

    /// Makes sure that the lock is still held, as far as that is known without asking.
    ///
    /// # Errors
    /// CS6001 when a lease could not be renewed in time.
    pub fn check(&self) -> Result<()> {
        self.held_if(Renewed::is_held)
    }

    /// Makes sure that the lock is still held, and that the store says so.
    ///
    /// # Errors
    /// CS6001 when it is not, or the store cannot be asked.
    pub fn confirm(&self) -> Result<()> {
        self.held_if(|lease| lease.is_held() && lease.is_claimed() && lease.is_held())
    }

    fn held_if(&self, is_held: impl Fn(&Renewed) -> bool) -> Result<()> {
        match &self.held {
            Held::Lease(Lease { claim, .. }) if !is_held(claim) => {
                let text = format!("the lease {} could not be renewed in time", claim.uri);
                Err(Error::new(Code::Locked, text).hint("run again"))
            }
            _ => Ok(()),
        }
    }
}

/// Removes a lock in object storage whatever it says; the owner that it named, if there was one. A
/// lock on local disk ends with its process.
///
/// # Errors
/// CS2001, CS2002, CS2003.
pub fn break_lock(store: &Store, path: &str) -> Result<Option<String>> {
    if matches!(store.place, Place::Local { .. }) {
        return Ok(None);
    }
    let Some(bytes) = store.read(path)? else { return Ok(None) };
    store.delete(path)?;
    let claim: Option<Claim> = serde_json::from_slice(&bytes).ok();
    Ok(Some(claim.map_or_else(|| "nobody".to_owned(), |claim| claim.owner)))
}

impl Lease {
    fn take(
        remote: &Arc<Remote>,
        path: &str,
        owner: &str,
    ) -> Result<std::result::Result<Self, String>> {
        let what = format!("{}/{path}", remote.identity());
        let location = remote.location(path)?;
        let asked = Instant::now();
        let version = match retried(|| put(remote, &location, owner, PutMode::Create)) {
            Ok(version) => version,
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => match replace_expired(remote, &location, owner, &what)? {
                Ok(version) => version,
                Err(owner) => return Ok(Err(owner)),
            },
            Err(error) => return Err(upload_error(&what, error)),
        };
        let claim = Arc::new(Renewed {
            remote: Arc::clone(remote),
            location,
            uri: what,
            owner: owner.to_owned(),
            is_lost: AtomicBool::new(false),
            since: Mutex::new(asked),
        });
        let (end, ended) = channel();
        let renewal = {
            let claim = Arc::clone(&claim);
            let mut version = version;
            std::thread::spawn(move || {
                while ended.recv_timeout(LEASE / 4) == Err(RecvTimeoutError::Timeout) {
                    if !claim.is_lost.load(Ordering::SeqCst) {
                        version = claim.renew(version);
                    }
                }
                claim.release();
            })
        };
        Ok(Ok(Self { claim, end: Some(end), renewal: Some(renewal) }))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end.take();
        if let Some(renewal) = self.renewal.take() {
            let _ = renewal.join();
        }
    }
}

fn put(
    remote: &Remote,
    location: &ObjectPath,
    owner: &str,
    mode: PutMode,
) -> std::result::Result<UpdateVersion, object_store::Error> {
    let generic = |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
        store: "lease",
        source,
    };
    let claim = Claim { owner: owner.to_owned(), expires_at: Utc::now() + LEASE };
    let bytes = serde_json::to_vec(&claim).map_err(|error| generic(error.into()))?;
    let runtime = runtime().map_err(|error| generic(error.into()))?;
    let options = PutOptions::from(mode);
    // What is carried out late would be void when it is there.
    let put = async {
        let put = remote.objects.put_opts(location, bytes.into(), options);
        tokio::time::timeout(LEASE / 4, put).await
    };
    let put = runtime.block_on(put).map_err(|late| generic(late.into()))?;
    put.map(UpdateVersion::from)
}

/// Who claims the lease, if that can be read, and by which version of the object.
fn claimed(
    remote: &Remote,
    location: &ObjectPath,
) -> std::result::Result<(Option<Claim>, UpdateVersion), object_store::Error> {
    request(|| async {
        let found = remote.objects.get(location).await?;
        let version =
            UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        Ok((serde_json::from_slice(&found.bytes().await?).ok(), version))
    })
}

/// Takes a lease whose owner did not renew it; else says who that is. Of two that try one does.
fn replace_expired(
    remote: &Remote,
    location: &ObjectPath,
    owner: &str,
    what: &str,
) -> Result<std::result::Result<UpdateVersion, String>> {
    let (claim, version) = match claimed(remote, location) {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            return Ok(Err("a run that has just ended".to_owned()));
        }
        Err(error) => return Err(read_error(what, error)),
    };
    // A store may carry out a request without telling.
    if claim.as_ref().is_some_and(|claim| claim.owner == owner) {
        return Ok(Ok(version));
    }
    if let Some(claim) = claim.filter(|claim| claim.expires_at + LEASE > Utc::now()) {
        return Ok(Err(format!(
            "{} (until {})",
            claim.owner,
            claim.expires_at.format("%H:%M:%S UTC")
        )));
    }
    match retried(|| put(remote, location, owner, PutMode::Update(version.clone()))) {
        Ok(version) => Ok(Ok(version)),
        Err(
            object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. },
        ) => Ok(Err("a run that has just begun".to_owned())),
        Err(error) => Err(upload_error(what, error)),
    }
}
