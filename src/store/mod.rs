//! Where bytes live. The only module that touches files or `object_store`; everything above names
//! things by a path relative to a [`Store`].

mod lease;
mod local;
mod objects;
mod post;
mod remote;
mod secrets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use lease::{StoreLock, break_lock};
pub use local::{
    append_line, content_hash, create_file, create_folder, list_folder, open_file, read_text,
    replace_file, size, temporary_file,
};
pub use objects::Objects;
pub use post::post_json;

use remote::{Remote, request};

use crate::calendar::Day;
use crate::error::{Code, Error, Result};

/// Objects that are fetched at once.
const FETCHED_AT_ONCE: usize = 8;

/// A folder on local disk or in object storage. Paths inside it are relative, with `/`.
#[derive(Debug, Clone)]
pub struct Store {
    uri: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Local { root: PathBuf, objects: Arc<LocalFileSystem> },
    Remote(Arc<Remote>),
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the store.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content may have changed (locally: inode, time and size; else the
    /// store's own).
    pub etag: String,
    /// The day of the last change, UTC.
    pub modified: Day,
}

impl Store {
    /// Opens an existing folder for reading.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2001 when there is no such folder, CS2003 when
    /// the store does not answer.
    pub fn open(uri: &str) -> Result<Self> {
        let nothing = || {
            Error::new(Code::StorageRead, format!("there is no folder {uri}, or nothing in it"))
                .hint("check the location")
        };
        Self::open_some(uri)?.ok_or_else(nothing)
    }

    /// Opens a folder for reading, if there is one.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2001 when it cannot be looked at, CS2003 when the
    /// store does not answer.
    pub fn open_some(uri: &str) -> Result<Option<Self>> {
        if let Some(store) = Self::remote(uri)? {
            let is_empty = store.list("")?.is_empty();
            return Ok(Some(store).filter(|_| !is_empty));
        }
        let root = local_root(uri)?;
        match std::fs::metadata(&root) {
            Ok(found) if found.is_dir() => Self::at(uri, &root).map(Some),
            Ok(_) => Err(read_error(uri, std::io::Error::from(std::io::ErrorKind::NotADirectory))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(read_error(uri, error)),
        }
    }

    /// Opens a folder for writing and makes it if it is missing.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2002 when it cannot be made.
    pub fn create(uri: &str) -> Result<Self> {
        if let Some(store) = Self::remote(uri)? {
            return Ok(store);
        }
        let root = local_root(uri)?;
        create_folder(&root)?;
        Self::at(uri, &root)
    }

    /// Opens what an input names: a folder, or the folder of a single file together with the
    /// file's path in it.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2001 when there is nothing, CS2003 when the store
    /// does not answer.
    pub fn open_input(uri: &str) -> Result<(Self, Option<String>)> {
        let uri = uri.trim_end_matches('/');
        if uri.contains("://") && !uri.starts_with("file://") {
            remote::refuse_secrets(uri)?;
            if let Some((folder, name)) = uri.rsplit_once('/')
                && !folder.ends_with('/')
                && let Some(store) = Self::remote(folder)?
                && store.head(name)?.is_some()
            {
                return Ok((store, Some(name.to_owned())));
            }
            return Ok((Self::open(uri)?, None));
        }
        let path = local_root(uri)?;
        if !path.is_file() {
            return Ok((Self::open(uri)?, None));
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
        else {
            return Err(Error::new(Code::StorageRead, format!("{uri} has no usable name"))
                .hint("rename the file: its name has to be UTF-8"));
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let store = Self::at(&folder.display().to_string(), folder)?;
        Ok((store, Some(name.to_owned())))
    }

    fn remote(uri: &str) -> Result<Option<Self>> {
        let place = Remote::parse(uri)?.map(|remote| Place::Remote(Arc::new(remote)));
        Ok(place.map(|place| Self { uri: uri.trim_end_matches('/').to_owned(), place }))
    }

    fn at(uri: &str, root: &Path) -> Result<Self> {
        let root = root.canonicalize().map_err(|error| read_error(uri, error))?;
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| read_error(uri, error))?
            .with_fsync(true);
        let place = Place::Local { root, objects: Arc::new(objects) };
        Ok(Self { uri: uri.trim_end_matches('/').to_owned(), place })
    }

    fn objects(&self) -> &dyn ObjectStore {
        match &self.place {
            Place::Local { objects, .. } => &**objects,
            Place::Remote(remote) => &*remote.objects,
        }
    }

    fn root(&self) -> &Path {
        match &self.place {
            Place::Local { root, .. } => root,
            Place::Remote(remote) => remote.root(),
        }
    }

    /// What is known of a file no longer holds.
    fn forget(&self, path: &str) {
        if let Place::Remote(remote) = &self.place {
            remote.forget(path);
        }
    }

    /// The location as the user gave it, without a trailing slash.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The location of a file, for messages.
    pub fn uri_of(&self, path: &str) -> String {
        format!("{}/{path}", self.uri)
    }

    /// The location of a file in the one spelling that identifies it, however the user names the
    /// folder.
    pub fn identity_of(&self, path: &str) -> String {
        match &self.place {
            Place::Local { root, .. } => root.join(path).display().to_string(),
            Place::Remote(remote) => format!("{}/{path}", remote.identity()),
        }
    }

    /// Whether it is in object storage: what is on local disk are copies.
    pub fn is_remote(&self) -> bool {
        matches!(self.place, Place::Remote(_))
    }

    /// Where a file is, or would be, on local disk.
    pub fn local_path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// A file on local disk, where another library can read it; copied there from object storage.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003 when it cannot be copied, CS3007 when it does not hold still. A local
    /// file may be missing.
    pub fn fetch(&self, path: &str) -> Result<PathBuf> {
        match &self.place {
            Place::Local { root, .. } => Ok(root.join(path)),
            Place::Remote(remote) => remote.fetch(path),
        }
    }

    /// Fetches some files side by side.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn fetch_all(&self, paths: &[String]) -> Result<()> {
        let Place::Remote(remote) = &self.place else { return Ok(()) };
        let next = AtomicUsize::new(0);
        let fetch = || {
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                remote.fetch(path)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..FETCHED_AT_ONCE.min(paths.len())).map(|_| scope.spawn(fetch)).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Error::bug("a reader of storage panicked")))
            })
        })
    }

    /// As [`fetch`](Self::fetch), but of a large object at least its first bytes alone.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn fetch_start(&self, path: &str, bytes: u64) -> Result<PathBuf> {
        match &self.place {
            Place::Local { root, .. } => Ok(root.join(path)),
            Place::Remote(remote) => remote.fetch_start(path, bytes),
        }
    }

    /// Forgets the copy of a file that was fetched.
    pub fn release(&self, path: &str) {
        if let Place::Remote(remote) = &self.place {
            remote.forget(path);
            // It goes with the folder that it is in, else.
            let _ = std::fs::remove_file(remote.root().join(path));
        }
    }

    /// All files below a folder, sorted by path; empty when there is no such folder.
    ///
    /// # Errors
    /// CS2001.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let (entries, unlisted) = self.list_what_can_be(folder)?;
        unlisted.into_iter().next().map_or(Ok(entries), Err)
    }

    /// All files below a folder that can be listed, sorted by path, and why others cannot.
    ///
    /// # Errors
    /// CS2001 when the folder itself cannot be asked.
    pub fn list_what_can_be(&self, folder: &str) -> Result<(Vec<Entry>, Vec<Error>)> {
        let (mut entries, unlisted) = match &self.place {
            Place::Local { root, .. } => local::walk(root, &root.join(folder)),
            Place::Remote(remote) => (remote.list(folder)?, Vec::new()),
        };
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok((entries, unlisted))
    }

    /// One file, if it exists.
    ///
    /// # Errors
    /// CS2001.
    pub fn head(&self, path: &str) -> Result<Option<Entry>> {
        match &self.place {
            Place::Local { root, .. } => local::entry(root, &root.join(path)),
            Place::Remote(remote) => remote.head(path),
        }
    }

    /// The content of a small file, if it exists.
    ///
    /// # Errors
    /// CS2001.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let location = self.object_path(path)?;
        let read = request(|| async { self.objects().get(&location).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.read_error(path, error)),
        }
    }

    /// Writes a small file: readers see the old content or the new, and it survives a crash.
    ///
    /// # Errors
    /// CS2002.
    pub fn write(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let location = self.object_path(path)?;
        self.forget(path);
        let content = PutPayload::from(bytes);
        request(|| self.objects().put(&location, content.clone()))
            .map(|_| ())
            .map_err(|error| self.write_error(path, error))
    }

    /// Writes a small file unless it exists; false when it does. Its content must be one that nobody
    /// else would write: a store may carry out a request without telling, and the file that then
    /// stands in the way is known by what it says.
    ///
    /// # Errors
    /// CS2002, CS2003.
    pub fn write_new(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        let location = self.object_path(path)?;
        let options = PutOptions::from(PutMode::Create);
        let content = PutPayload::from(bytes.clone());
        match request(|| self.objects().put_opts(&location, content.clone(), options.clone())) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => {
                Ok(self.is_remote() && self.read(path)? == Some(bytes))
            }
            Err(error) => Err(self.write_error(path, error)),
        }
    }

    /// Replaces `to` by `from` in one step; `from` must have been synced ([`Self::sync`]).
    ///
    /// # Errors
    /// CS2002.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.object_path(from)?, self.object_path(to)?);
        self.forget(to);
        let moved = match &self.place {
            Place::Local { objects, .. } => request(|| objects.rename(&source, &target)),
            Place::Remote(remote) => remote.rename(&source, &target),
        };
        moved.map_err(|error| self.write_error(to, error))
    }

    /// Copies a file within the store, in one step: `to` is there whole or not at all. Locally both
    /// names may be of one file, which is replaced and never changed.
    ///
    /// # Errors
    /// CS2001, CS2002, CS2003.
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        match &self.place {
            Place::Local { root, .. } => local::copy_file(&root.join(from), &root.join(to)),
            Place::Remote(remote) => {
                let (source, target) = (remote.location(from)?, remote.location(to)?);
                self.forget(to);
                remote.duplicate(&source, &target).map_err(|error| self.write_error(to, error))
            }
        }
    }

    /// Makes a file that another library wrote ([`Self::prepare`]) survive a crash; in object
    /// storage it is there from then on.
    ///
    /// # Errors
    /// CS2002, CS2003.
    pub fn sync(&self, path: &str) -> Result<()> {
        match &self.place {
            Place::Local { .. } => {
                local::sync_file(&self.local_path(path))?;
                // Its name, and those of the folders that it is the first file of.
                let folders = Path::new(path).ancestors().skip(1);
                folders
                    .map(|folder| self.local_path(&folder.to_string_lossy()))
                    .try_for_each(|folder| local::sync_folder(&folder))
            }
            Place::Remote(remote) => remote.upload(path),
        }
    }

    /// Deletes a file if it exists.
    ///
    /// # Errors
    /// CS2002.
    pub fn delete(&self, path: &str) -> Result<()> {
        let location = self.object_path(path)?;
        self.forget(path);
        match request(|| self.objects().delete(&location)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.write_error(path, error)),
        }
    }

    /// Deletes a folder and everything in it, if it exists.
    ///
    /// # Errors
    /// CS2002.
    pub fn delete_folder(&self, folder: &str) -> Result<()> {
        if let Place::Remote(remote) = &self.place {
            for entry in remote.list(folder)? {
                self.delete(&entry.path)?;
            }
        }
        local::remove_folder(&self.local_path(folder))
    }

    /// Makes the folder of a file, so that another library can write it.
    ///
    /// # Errors
    /// CS2002.
    pub fn prepare(&self, path: &str) -> Result<PathBuf> {
        let target = self.local_path(path);
        if let Some(folder) = target.parent() {
            create_folder(folder)?;
        }
        Ok(target)
    }

    fn object_path(&self, path: &str) -> Result<ObjectPath> {
        match &self.place {
            Place::Local { .. } => {
                ObjectPath::parse(path).map_err(|error| read_error(&self.uri_of(path), error))
            }
            Place::Remote(remote) => remote.location(path),
        }
    }

    fn read_error(&self, path: &str, error: object_store::Error) -> Error {
        let what = self.uri_of(path);
        match &self.place {
            Place::Local { .. } => read_error(&what, error),
            Place::Remote(_) => remote::read_error(&what, error),
        }
    }

    fn write_error(&self, path: &str, error: object_store::Error) -> Error {
        let what = self.uri_of(path);
        match &self.place {
            Place::Local { .. } => write_error(&what, error),
            Place::Remote(_) => remote::upload_error(&what, error),
        }
    }
}

fn local_root(uri: &str) -> Result<PathBuf> {
    if uri.is_empty() {
        return Err(Error::new(Code::Usage, "a location is empty").hint("give a folder"));
    }
    match uri.split_once("://") {
        None => Ok(PathBuf::from(uri)),
        Some(("file", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
        Some(_) => Err(Error::new(Code::Scheme, format!("{uri} is no local folder"))
            .hint("give a folder or file:///absolute/path")),
    }
}

fn read_error(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::StorageRead, format!("cannot read {what}"))
        .because(error)
        .hint("check that it is there and may be read")
}

fn write_error(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::StorageWrite, format!("cannot write {what}"))
        .because(error)
        .hint("check that the folder exists, is writable and has room")
}
