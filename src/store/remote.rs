//! Object storage: a client, and a folder on local disk that holds what is being read or written.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ExponentialBuilder};
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutPayload,
    RetryConfig,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::secrets::{hidden, redacted};
use super::{Entry, local, write_error};
use crate::calendar::Day;
use crate::error::{Code, Error, Result};

/// One request reads or writes at most this much.
const PART_BYTES: u64 = 8 << 20;
/// Parts of one object that are read at once.
const PARTS_AT_ONCE: usize = 4;
/// How often an object that changes while it is read is read anew.
const MOST_CHANGES: usize = 3;
/// Environment variables that stores are configured by, as their own tools name them.
const ENVIRONMENT: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
const IDENTITY: [&str; 4] = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"];

/// How long a store that does not answer is asked again, in seconds.
const PATIENCE: &str = "CAPSCORE_STORE_PATIENCE_SECONDS";
/// How often a request that failed is made; each of them is tried again by the client already.
const MOST_REQUESTS: usize = 8;
const DEFAULT_PATIENCE: Duration = Duration::from_mins(3);

/// A folder in object storage.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) prefix: ObjectPath,
    /// The location in the one spelling that identifies it.
    identity: String,
    scratch: TempDir,
    /// What of the scratch folder is what the store holds: change tags by path.
    fetched: Mutex<HashMap<String, String>>,
}

/// The runtime of all requests. Its own threads keep connections alive between them.
///
/// # Errors
/// CS9001.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made =
        RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build());
    made.as_ref().map_err(|error| Error::bug(format!("no runtime for storage: {error}")))
}

fn unsupported(text: String) -> Error {
    Error::new(Code::Scheme, text).hint(
        "give a local folder, s3://bucket/path, az://container/path, \
         abfss://container@account.dfs.core.windows.net/path or gs://bucket/path",
    )
}

/// A location as a URI. One with a password, or with a token in its query, would end in logs.
///
/// # Errors
/// CS1003.
pub(super) fn refuse_secrets(uri: &str) -> Result<Url> {
    let url =
        Url::parse(uri).map_err(|error| unsupported(format!("a location is no URI: {error}")))?;
    let has_secret = url.password().is_some() || url.query().is_some();
    if !has_secret && url.fragment().is_none() {
        return Ok(url);
    }
    let mut plain = url;
    plain.set_query(None);
    plain.set_fragment(None);
    let _ = plain.set_password(None);
    let text = format!("the location {plain} has a query, a fragment or a password");
    Err(Error::new(Code::Scheme, text)
        .hint("give credentials by environment variables, such as AZURE_STORAGE_SAS_TOKEN"))
}

/// Makes a request, and again when the store failed: its client tries again what it holds for
/// repeatable, and all requests that come here are.
///
/// # Errors
/// What the last request returned.
pub(super) fn request<T, F>(make: impl Fn() -> F) -> std::result::Result<T, object_store::Error>
where
    F: Future<Output = std::result::Result<T, object_store::Error>>,
{
    let runtime = runtime().map_err(unasked)?;
    retried(|| runtime.block_on(make()))
}

/// As [`request`], for what waits by itself.
///
/// # Errors
/// What the last request returned.
pub(super) fn retried<T>(
    make: impl FnMut() -> std::result::Result<T, object_store::Error>,
) -> std::result::Result<T, object_store::Error> {
    retried_if(make, is_temporary, patience().map_err(unasked)?)
}

/// Makes requests of a kind again, until one is answered or the time is over.
pub(super) fn retried_if<T, E>(
    make: impl FnMut() -> std::result::Result<T, E>,
    is_temporary: impl Fn(&E) -> bool,
    patience: Duration,
) -> std::result::Result<T, E> {
    let started = Instant::now();
    make.retry(
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(15))
            .with_max_times(MOST_REQUESTS)
            .with_jitter(),
    )
    .when(move |error| is_temporary(error) && started.elapsed() < patience)
    .call()
}

/// A request that could not be made.
fn unasked(error: Error) -> object_store::Error {
    object_store::Error::Generic { store: "request", source: error.into() }
}

impl Remote {
    /// A folder by its URI; none when that is a local folder.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported or a URI with a query or a password; CS2001 when
    /// the settings of the store are wrong.
    pub(super) fn parse(uri: &str) -> Result<Option<Self>> {
        let Some((scheme, _)) = uri.split_once("://") else { return Ok(None) };
        if scheme == "file" {
            return Ok(None);
        }
        let url = refuse_secrets(uri)?;
        let unknown = || unsupported(format!("the scheme {scheme}:// is not supported"));
        let (kind, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| unknown())?;
        let objects = client(&kind, &url)?.ok_or_else(unknown)?;
        let scratch = tempfile::Builder::new()
            .prefix("capscore-")
            .tempdir()
            .map_err(|error| write_error("a temporary folder", error))?;
        let identity = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Self { objects, prefix, identity, scratch, fetched: Mutex::default() }))
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Where local copies lie.
    pub(super) fn root(&self) -> &Path {
        self.scratch.path()
    }

    fn fetched(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The local copy of an object is no longer what the store holds.
    pub(super) fn forget(&self, path: &str) {
        self.fetched().remove(path);
    }

    pub(super) fn location(&self, path: &str) -> Result<ObjectPath> {
        let path = ObjectPath::parse(path).map_err(|error| read_error(path, error.into()))?;
        Ok(self.prefix.parts().chain(path.parts()).collect())
    }

    fn entry(&self, meta: &ObjectMeta) -> Option<Entry> {
        let path = meta.location.prefix_match(&self.prefix)?;
        let path: ObjectPath = path.collect();
        Some(Entry { path: path.to_string(), ..entry(meta) })
    }

    /// All objects below a folder.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let below = self.location(folder)?;
        let listed = request(|| self.objects.list(Some(&below)).try_collect::<Vec<ObjectMeta>>())
            .map_err(|error| read_error(&format!("{}/{folder}", self.identity), error))?;
        let entries: Vec<Entry> = listed.iter().filter_map(|meta| self.entry(meta)).collect();
        // Consoles keep a folder as an object without content that has its name.
        let is_folder = |entry: &&Entry| {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            entry.size == 0 && !name.contains('.')
        };
        Ok(entries.iter().filter(|entry| !is_folder(entry)).cloned().collect())
    }

    /// One object, if it exists.
    pub(super) fn head(&self, path: &str) -> Result<Option<Entry>> {
        let location = self.location(path)?;
        match request(|| self.objects.head(&location)) {
            Ok(meta) => Ok(self.entry(&meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(read_error(&format!("{}/{path}", self.identity), error)),
        }
    }

    /// Copies the first bytes of an object to local disk.
    pub(super) fn fetch_start(&self, path: &str, bytes: u64) -> Result<PathBuf> {
        let location = self.location(path)?;
        let target = self.root().join(path);
        self.forget(path);
        let failed = |error| read_error(&format!("{}/{path}", self.identity), error);
        let mut meta = request(|| self.objects.head(&location)).map_err(failed)?;
        meta.size = meta.size.min(bytes);
        match self.copy(&meta, &target) {
            Ok(()) => Ok(target),
            Err(Copying::Failed(error)) => Err(failed(error)),
            Err(Copying::Disk(error)) => Err(write_error(&target.display().to_string(), error)),
            // The whole of it may hold still.
            Err(Copying::Changed) => self.fetch(path),
        }
    }

    /// Copies an object to local disk, unless the copy there is what the store holds. An object that
    /// changes while it is read is read again.
    pub(super) fn fetch(&self, path: &str) -> Result<PathBuf> {
        let what = format!("{}/{path}", self.identity);
        let location = self.location(path)?;
        let target = self.root().join(path);
        for _ in 0..MOST_CHANGES {
            let meta = request(|| self.objects.head(&location))
                .map_err(|error| read_error(&what, error))?;
            let tag = entry(&meta).etag;
            if self.fetched().get(path) == Some(&tag) {
                return Ok(target);
            }
            match self.copy(&meta, &target) {
                Ok(()) => {
                    self.fetched().insert(path.to_owned(), tag);
                    return Ok(target);
                }
                Err(Copying::Changed) => {
                    tracing::debug!(what, "An object changed while it was read.");
                }
                Err(Copying::Failed(error)) => return Err(read_error(&what, error)),
                Err(Copying::Disk(error)) => {
                    return Err(write_error(&target.display().to_string(), error));
                }
            }
        }
        Err(Error::new(Code::FileChanged, format!("{what} changed each time it was read"))
            .hint("run again when the upload has ended"))
    }

    /// Reads the parts of an object side by side.
    fn copy(&self, meta: &ObjectMeta, target: &Path) -> std::result::Result<(), Copying> {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(Copying::Disk)?;
        }
        // Who reads an earlier copy goes on to read that.
        let folder = target.parent().unwrap_or(self.root());
        let copy = tempfile::NamedTempFile::new_in(folder).map_err(Copying::Disk)?;
        let file = copy.as_file();
        let next = AtomicU64::new(0);
        let read = || {
            loop {
                let start = next.fetch_add(PART_BYTES, Ordering::Relaxed);
                if start >= meta.size {
                    return Ok(());
                }
                let options = GetOptions {
                    if_match: meta.e_tag.clone(),
                    range: Some(GetRange::Bounded(start..meta.size.min(start + PART_BYTES))),
                    ..GetOptions::default()
                };
                let part = request(|| async {
                    self.objects.get_opts(&meta.location, options.clone()).await?.bytes().await
                });
                let part = part.map_err(|error| match error {
                    object_store::Error::Precondition { .. }
                    | object_store::Error::NotFound { .. } => Copying::Changed,
                    error => Copying::Failed(error),
                })?;
                file.write_all_at(&part, start).map_err(Copying::Disk)?;
            }
        };
        let parts = usize::try_from(meta.size.div_ceil(PART_BYTES)).unwrap_or(usize::MAX);
        let read_all = std::thread::scope(|scope| {
            let others: Vec<_> = (1..parts.min(PARTS_AT_ONCE)).map(|_| scope.spawn(read)).collect();
            let mut result = read();
            for other in others {
                let panicked = |_| Err(Copying::Disk(std::io::Error::other("a reader panicked")));
                result = result.and(other.join().unwrap_or_else(panicked));
            }
            result
        });
        read_all?;
        copy.persist(target).map(|_| ()).map_err(|error| Copying::Disk(error.error))
    }

    /// Copies an object within the store. A store may do so in its own time: it is done when the copy
    /// is seen.
    pub(super) fn duplicate(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
    ) -> std::result::Result<(), object_store::Error> {
        let size = request(|| self.objects.head(from))?.size;
        request(|| self.objects.copy(from, to))?;
        request(|| async {
            if self.objects.head(to).await?.size == size {
                return Ok(());
            }
            let source = "the copy is not complete".into();
            Err(object_store::Error::Generic { store: "copy", source })
        })
    }

    /// Moves an object: two steps that can each be repeated.
    pub(super) fn rename(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
    ) -> std::result::Result<(), object_store::Error> {
        self.duplicate(from, to)?;
        match request(|| self.objects.delete(from)) {
            // It was deleted, and nobody was told.
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            deleted => deleted,
        }
    }

    /// Uploads a local file: readers see the old object or the new, whole.
    pub(super) fn upload(&self, path: &str) -> Result<()> {
        let what = format!("{}/{path}", self.identity);
        let source = self.root().join(path);
        let file = local::open_file(&source)?;
        let failed =
            |error: std::io::Error| super::read_error(&source.display().to_string(), error);
        let size = file.metadata().map_err(failed)?.len();
        let part_at = |start: u64| -> std::io::Result<Vec<u8>> {
            let length = usize::try_from(PART_BYTES.min(size - start)).unwrap_or_default();
            let mut part = vec![0; length];
            file.read_exact_at(&mut part, start)?;
            Ok(part)
        };
        let location = self.location(path)?;
        self.forget(path);
        let runtime = runtime()?;
        if size <= PART_BYTES {
            let whole = PutPayload::from(part_at(0).map_err(failed)?);
            return request(|| self.objects.put(&location, whole.clone()))
                .map(|_| ())
                .map_err(|error| upload_error(&what, error));
        }
        let mut upload = runtime
            .block_on(self.objects.put_multipart(&location))
            .map_err(|error| upload_error(&what, error))?;
        let mut start = 0;
        while start < size {
            let part = part_at(start).map_err(failed)?;
            start += PART_BYTES;
            if let Err(error) = runtime.block_on(upload.put_part(part.into())) {
                // Parts that nobody completes are rubbish that is paid for.
                let _ = runtime.block_on(upload.abort());
                return Err(upload_error(&what, error));
            }
        }
        runtime.block_on(upload.complete()).map(|_| ()).map_err(|error| upload_error(&what, error))
    }
}

/// The client of a store, configured by the environment as the store's own tools are; none for a
/// kind that is not supported.
fn client(kind: &ObjectStoreScheme, url: &Url) -> Result<Option<Arc<dyn ObjectStore>>> {
    /// What `memory:///` names, until the process ends: for tests and for programs that embed this
    /// one. The command line refuses it.
    static MEMORY: LazyLock<Arc<InMemory>> = LazyLock::new(Arc::default);
    let is_setting = |name: &str| {
        ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix)) || IDENTITY.contains(&name)
    };
    let settings: Vec<(String, String)> = std::env::vars()
        .filter(|(name, _)| is_setting(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let retry = RetryConfig {
        // The deadline ends it.
        max_retries: usize::MAX,
        retry_timeout: patience()?,
        ..RetryConfig::default()
    };
    // The builders share no type.
    macro_rules! built {
        ($builder:ty) => {{
            let builder = <$builder>::new().with_url(url.as_str()).with_retry(retry);
            let builder =
                settings.iter().fold(builder, |builder, (name, value)| match name.parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                });
            builder.build().map(|client| Some(Arc::new(client) as Arc<dyn ObjectStore>))
        }};
    }
    let built = match kind {
        ObjectStoreScheme::AmazonS3 => built!(AmazonS3Builder),
        ObjectStoreScheme::GoogleCloudStorage => built!(GoogleCloudStorageBuilder),
        ObjectStoreScheme::MicrosoftAzure => built!(MicrosoftAzureBuilder),
        ObjectStoreScheme::Memory => {
            return Ok(Some(Arc::clone(&*MEMORY) as Arc<dyn ObjectStore>));
        }
        _ => return Ok(None),
    };
    built.map_err(|error| {
        Error::new(Code::StorageRead, "the store is not configured")
            .because(redacted(&error))
            .hint("give account, region and credentials by the environment variables of the store")
    })
}

/// How long a request is tried again.
pub(super) fn patience() -> Result<Duration> {
    #[expect(clippy::disallowed_methods, reason = "stores are configured by the environment")]
    let Ok(seconds) = std::env::var(PATIENCE) else { return Ok(DEFAULT_PATIENCE) };
    seconds.parse().map(Duration::from_secs).map_err(|_| {
        Error::new(Code::Usage, format!("{PATIENCE} is no number of seconds"))
            .hint("for example 300")
    })
}

/// Why an object was not copied.
enum Copying {
    /// It is another one now.
    Changed,
    Failed(object_store::Error),
    Disk(std::io::Error),
}

fn entry(meta: &ObjectMeta) -> Entry {
    let modified = Day::from(meta.last_modified.date_naive());
    // A store without tags tells changes by time and size.
    // A listing may give the same tag without the quotes that a request gives it with.
    let tag = meta.e_tag.as_ref().map(|tag| tag.trim_matches('"').to_owned());
    let etag = tag
        .unwrap_or_else(|| format!("{:x}-{:x}", meta.last_modified.timestamp_micros(), meta.size));
    Entry { path: meta.location.to_string(), size: meta.size, etag, modified }
}

/// A store that does not answer, or not in time, may do so later.
pub(super) fn is_temporary(error: &object_store::Error) -> bool {
    match error {
        // A disk that fails goes on to fail.
        object_store::Error::Generic { store, .. } => *store != "LocalFileSystem",
        object_store::Error::JoinError { .. } => true,
        _ => false,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(super) fn read_error(what: &str, error: object_store::Error) -> Error {
    store_error(Code::StorageRead, format!("cannot read {what}"), &error)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(super) fn upload_error(what: &str, error: object_store::Error) -> Error {
    store_error(Code::StorageWrite, format!("cannot write {what}"), &error)
}

pub(super) fn store_error(code: Code, message: String, error: &object_store::Error) -> Error {
    let (code, hint) = match error {
        error if is_temporary(error) => {
            (Code::StorageBusy, "run again later; check the network and the address of the store")
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            (code, "check the credentials and what they may do")
        }
        _ => (code, "check the location"),
    };
    Error::new(code, hidden(message)).because(redacted(error)).hint(hint)
}
