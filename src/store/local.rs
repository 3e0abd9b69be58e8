//! Local files: the few operations that need a real file rather than an object.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};
use walkdir::WalkDir;

use super::{Entry, read_error, write_error};
use crate::calendar::Day;
use crate::error::{Error, Result};

/// Reads a text file.
///
/// # Errors
/// CS2001.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| read_error(&path.display().to_string(), error))
}

/// Opens a file for reading.
///
/// # Errors
/// CS2001.
pub fn open_file(path: &Path) -> Result<File> {
    #[expect(clippy::disallowed_methods, reason = "this is the wrapper")]
    File::open(path).map_err(|error| read_error(&path.display().to_string(), error))
}

/// Creates (or truncates) a file for writing, with its folder. For output that need not be atomic.
///
/// # Errors
/// CS2002.
pub fn create_file(path: &Path) -> Result<BufWriter<File>> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    #[expect(clippy::disallowed_methods, reason = "this is the wrapper")]
    let file =
        File::create(path).map_err(|error| write_error(&path.display().to_string(), error))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

/// Replaces a small file, or makes it: readers see the old content or the new.
///
/// # Errors
/// CS2002.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| write_error(&path.display().to_string(), error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    // Collectors run as another user.
    #[cfg(unix)]
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Appends a line to a file, or makes it.
///
/// # Errors
/// CS2002.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .map_err(|error| write_error(&path.display().to_string(), error))
}

/// Makes a folder and its parents.
///
/// # Errors
/// CS2002.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| write_error(&path.display().to_string(), error))
}

/// The files directly in a folder, sorted; empty when there is no such folder.
///
/// # Errors
/// CS2001.
pub fn list_folder(path: &Path) -> Result<Vec<PathBuf>> {
    let listed = match fs::read_dir(path) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read_error(&path.display().to_string(), error)),
    };
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(|error| read_error(&path.display().to_string(), error))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Gives a file a second name in one step, or copies it where that cannot be: names are not allowed
/// on another's file, on another disk, or at all in a network's folder.
///
/// # Errors
/// CS2001 when there is no such file, CS2002.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let failed = |error: std::io::Error| write_error(&to.display().to_string(), error);
    let folder = to.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    let mut source = open_file(from)?;
    if let Ok(linked) = tempfile::Builder::new().make_in(folder, |path| fs::hard_link(from, path)) {
        // A name cannot replace another one of the same file: then there is nothing to do.
        let ((), staged) = linked.keep().map_err(|error| failed(error.error))?;
        fs::rename(&staged, to).map_err(failed)?;
        if staged.exists() {
            fs::remove_file(&staged).map_err(failed)?;
        }
        return Ok(());
    }
    let mut copy = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::io::copy(&mut source, &mut copy).map_err(failed)?;
    #[cfg(unix)]
    fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(failed)?;
    copy.as_file().sync_all().map_err(failed)?;
    copy.persist(to).map_err(|error| failed(error.error))?;
    Ok(())
}

pub(super) fn sync_file(path: &Path) -> Result<()> {
    let synced = open_file(path)?.sync_all();
    synced.map_err(|error| write_error(&path.display().to_string(), error))
}

/// Makes the names in a folder durable, where the system knows that of folders.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(unix) { sync_file(path) } else { Ok(()) }
}

pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(write_error(&path.display().to_string(), error)),
    }
}

/// An anonymous temporary file in the system's folder for them: gone when it is closed.
///
/// # Errors
/// CS2002.
pub fn temporary_file() -> Result<File> {
    tempfile::tempfile().map_err(|error| write_error("a temporary file", error))
}

/// An exclusive lock that ends with the process, however it ends.
#[derive(Debug)]
pub(super) struct FileLock {
    // Held for its lock.
    _file: File,
}

impl FileLock {
    /// Takes the lock at `path` and writes `owner` into the file; `Err(Some(owner))` names who
    /// holds it.
    ///
    /// # Errors
    /// CS2002 when the file cannot be made.
    pub(super) fn take(path: &Path, owner: &str) -> Result<std::result::Result<Self, String>> {
        let failed = |error| write_error(&path.display().to_string(), error);
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(path).unwrap_or_default();
                let owner = if owner.is_empty() { "another process".to_owned() } else { owner };
                return Ok(Err(owner));
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.write_all(owner.as_bytes()).map_err(failed)?;
        Ok(Ok(Self { _file: file }))
    }
}

/// Bytes of a file.
///
/// # Errors
/// CS2001.
pub fn size(path: &Path) -> Result<u64> {
    let meta = fs::metadata(path);
    meta.map(|meta| meta.len()).map_err(|error| read_error(&path.display().to_string(), error))
}

/// `blake3:<hex>` of a file.
///
/// # Errors
/// CS2001.
pub fn content_hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut open_file(path)?, &mut hasher)
        .map_err(|error| read_error(&path.display().to_string(), error))?;
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

/// All files below a folder, and why others cannot be listed: links that lead back, names that are no
/// UTF-8, folders that cannot be opened. Symbolic links are followed.
pub(super) fn walk(root: &Path, folder: &Path) -> (Vec<Entry>, Vec<Error>) {
    let (mut entries, mut unlisted) = (Vec::new(), Vec::new());
    for found in WalkDir::new(folder).follow_links(true) {
        let found = match found {
            Ok(found) if found.file_type().is_dir() => continue,
            Ok(found) => entry(root, found.path()),
            // No such folder, or a link to nothing.
            Err(error) if error.io_error().is_some_and(is_missing) => continue,
            Err(error) => {
                let path = error.path().unwrap_or(folder).display().to_string();
                Err(read_error(&path, std::io::Error::from(error)))
            }
        };
        match found {
            Ok(entry) => entries.extend(entry),
            Err(error) => unlisted.push(error),
        }
    }
    (entries, unlisted)
}

fn is_missing(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// One file, if it exists.
pub(super) fn entry(root: &Path, path: &Path) -> Result<Option<Entry>> {
    let failed = |error| read_error(&path.display().to_string(), error);
    let meta = match fs::metadata(path) {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
        return Err(failed(std::io::Error::other("the name is no UTF-8")));
    };
    let modified = meta.modified().map_err(failed)?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&meta);
    #[cfg(not(unix))]
    let inode = 0_u64;
    Ok(Some(Entry {
        path: name.replace('\\', "/"),
        size: meta.len(),
        etag: format!("{inode:x}-{:x}-{:x}", since.as_nanos(), meta.len()),
        modified: Day::from(DateTime::<Utc>::from(modified).date_naive()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        // Often a disk of its own, to which no name leads from another one.
        let other = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let from = folder.path().join("from.parquet");
        replace_file(&from, b"content").unwrap();
        for target in [folder.path().join("below"), other.path().join("below")] {
            let to = target.join("to.parquet");
            fs::create_dir_all(&target).unwrap();
            replace_file(&to, b"old").unwrap();
            for _ in 0..2 {
                copy_file(&from, &to).unwrap();
                assert_eq!(fs::read(&to).unwrap(), b"content");
                assert_eq!(list_folder(&target).unwrap(), std::slice::from_ref(&to));
            }
        }
        assert!(copy_file(&folder.path().join("none"), &from).is_err());
        assert_eq!(fs::read(&from).unwrap(), b"content");
    }
}
