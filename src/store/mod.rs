//! Where bytes live. The only module that touches files or `object_store`; everything above names
//! things by a path relative to a [`Store`].

mod local;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::runtime::{Builder, Runtime};

pub use local::{
    FileLock, content_hash, create_file, create_folder, etag, list_folder, open_file, read_text,
    temporary_file,
};

use crate::calendar::Day;
use crate::error::{Code, Error, Result};

/// A folder on some storage. Paths inside it are relative, with `/`.
#[derive(Debug, Clone)]
pub struct Store {
    uri: String,
    root: PathBuf,
    objects: Arc<LocalFileSystem>,
    runtime: Arc<Runtime>,
}

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the store.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Changes whenever the content may have changed (locally: inode, time and size).
    pub etag: String,
    /// The day of the last change, UTC.
    pub modified: Day,
}

impl Store {
    /// Opens an existing folder for reading.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2001 when there is no such folder.
    pub fn open(uri: &str) -> Result<Self> {
        let root = local_root(uri)?;
        if !root.is_dir() {
            return Err(Error::new(Code::StorageRead, format!("there is no folder {uri}"))
                .hint("check the path; locations are folders or file:// URIs"));
        }
        Self::at(uri, &root)
    }

    /// Opens a folder for writing and makes it if it is missing.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2002 when it cannot be made.
    pub fn create(uri: &str) -> Result<Self> {
        let root = local_root(uri)?;
        create_folder(&root)?;
        Self::at(uri, &root)
    }

    /// Opens what an input names: a folder, or the folder of a single file together with the
    /// file's path in it.
    ///
    /// # Errors
    /// CS1003 for a scheme that is not supported, CS2001 when there is nothing.
    pub fn open_input(uri: &str) -> Result<(Self, Option<String>)> {
        let path = local_root(uri)?;
        if !path.is_file() {
            return Ok((Self::open(uri)?, None));
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
        else {
            return Err(Error::new(Code::StorageRead, format!("{uri} has no usable name")));
        };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let store = Self::at(&folder.display().to_string(), folder)?;
        Ok((store, Some(name.to_owned())))
    }

    fn at(uri: &str, root: &Path) -> Result<Self> {
        let root = root.canonicalize().map_err(|error| read_error(uri, error))?;
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| read_error(uri, error))?
            .with_fsync(true);
        let runtime = Builder::new_current_thread()
            .build()
            .map_err(|error| Error::bug("no runtime for storage").because(error))?;
        let uri = uri.trim_end_matches('/').to_owned();
        Ok(Self { uri, root, objects: Arc::new(objects), runtime: Arc::new(runtime) })
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
        self.root.join(path).display().to_string()
    }

    /// The file on local disk.
    pub fn local_path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// All files below a folder, sorted by path; empty when there is no such folder.
    ///
    /// # Errors
    /// CS2001.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        local::walk(&self.root, &self.root.join(folder), &mut entries)?;
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }

    /// One file, if it exists.
    ///
    /// # Errors
    /// CS2001.
    pub fn head(&self, path: &str) -> Result<Option<Entry>> {
        local::entry(&self.root, &self.root.join(path))
    }

    /// The content of a small file, if it exists.
    ///
    /// # Errors
    /// CS2001.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let location = self.object_path(path)?;
        let read =
            self.runtime.block_on(async { self.objects.get(&location).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(read_error(&self.uri_of(path), error)),
        }
    }

    /// Writes a small file: readers see the old content or the new, and it survives a crash.
    ///
    /// # Errors
    /// CS2002.
    pub fn write(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let location = self.object_path(path)?;
        self.runtime
            .block_on(self.objects.put(&location, bytes.into()))
            .map(|_| ())
            .map_err(|error| write_error(&self.uri_of(path), error))
    }

    /// Writes a small file unless it exists; false when it does.
    ///
    /// # Errors
    /// CS2002.
    pub fn write_new(&self, path: &str, bytes: Vec<u8>) -> Result<bool> {
        let location = self.object_path(path)?;
        let options = PutOptions::from(PutMode::Create);
        match self.runtime.block_on(self.objects.put_opts(&location, bytes.into(), options)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(write_error(&self.uri_of(path), error)),
        }
    }

    /// Replaces `to` by `from` in one step; `from` must have been synced ([`Self::sync`]).
    ///
    /// # Errors
    /// CS2002.
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.object_path(from)?, self.object_path(to)?);
        self.runtime
            .block_on(self.objects.rename(&source, &target))
            .map_err(|error| write_error(&self.uri_of(to), error))
    }

    /// Makes a file that another library wrote survive a crash.
    ///
    /// # Errors
    /// CS2002.
    pub fn sync(&self, path: &str) -> Result<()> {
        local::sync_file(&self.local_path(path))
    }

    /// Deletes a file if it exists.
    ///
    /// # Errors
    /// CS2002.
    pub fn delete(&self, path: &str) -> Result<()> {
        let location = self.object_path(path)?;
        match self.runtime.block_on(self.objects.delete(&location)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(write_error(&self.uri_of(path), error)),
        }
    }

    /// Deletes a folder and everything in it, if it exists.
    ///
    /// # Errors
    /// CS2002.
    pub fn delete_folder(&self, folder: &str) -> Result<()> {
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
        ObjectPath::parse(path).map_err(|error| read_error(&self.uri_of(path), error))
    }
}

fn local_root(uri: &str) -> Result<PathBuf> {
    if uri.is_empty() {
        return Err(Error::new(Code::Usage, "a location is empty").hint("give a folder"));
    }
    match uri.split_once("://") {
        None => Ok(PathBuf::from(uri)),
        Some(("file", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
        Some((scheme, _)) => {
            Err(Error::new(Code::Scheme, format!("the scheme {scheme}:// is not supported"))
                .hint("give a local folder or file:///absolute/path"))
        }
    }
}

fn read_error(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::StorageRead, format!("cannot read {what}")).because(error)
}

fn write_error(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::StorageWrite, format!("cannot write {what}"))
        .because(error)
        .hint("check that the folder exists, is writable and has room")
}
