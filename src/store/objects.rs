//! Stores for libraries that make requests by themselves.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use tokio::runtime::Handle;
use url::Url;

use super::{Place, Store, create_folder, remote, secrets};
use crate::error::{Code, Error, Result};

/// A folder of a store for a library that makes requests by itself.
pub struct Objects {
    /// The client of the store.
    pub client: Arc<dyn ObjectStore>,
    /// The folder, as the library names it.
    pub url: Url,
    /// Where requests are made.
    pub runtime: Handle,
}

impl Store {
    /// A folder for a library that makes requests by itself; a local one is made if it is missing.
    ///
    /// # Errors
    /// CS1003 for a location that such a library would take for another one; CS2002, CS9001.
    pub fn objects_at(&self, folder: &str) -> Result<Objects> {
        let runtime = remote::runtime()?.handle().clone();
        let no_url = || {
            Error::new(Code::Scheme, format!("{} cannot hold this", self.uri_of(folder)))
                .hint("take a location whose name is plain")
        };
        if self.identity_of(folder).contains('%') {
            return Err(no_url());
        }
        match &self.place {
            Place::Local { root, .. } => {
                let folder = root.join(folder);
                create_folder(&folder)?;
                let url = Url::from_directory_path(folder).map_err(|()| no_url())?;
                let client = LocalFileSystem::new().with_fsync(true);
                Ok(Objects { client: Arc::new(client), url, runtime })
            }
            Place::Remote(remote) => {
                let mut url = Url::parse(remote.identity()).map_err(|_| no_url())?;
                url.set_path(&format!("{}/", remote.location(folder)?));
                Ok(Objects { client: Arc::clone(&remote.objects), url, runtime })
            }
        }
    }

    /// Asks a library that makes requests by itself, and again while the store does not answer;
    /// `of_store` finds what the store said in an error of the library.
    ///
    /// # Errors
    /// CS2001, CS2003 for what the store refuses; CS2002 for what the library does.
    pub fn asked<T, E: std::error::Error + 'static>(
        &self,
        path: &str,
        make: impl FnMut() -> std::result::Result<T, E>,
        of_store: impl Fn(&E) -> Option<&object_store::Error>,
    ) -> Result<T> {
        let is_temporary = |error: &E| of_store(error).is_some_and(remote::is_temporary);
        remote::retried_if(make, is_temporary, remote::patience()?).map_err(|error| {
            let text = format!("cannot read or replace {}", self.uri_of(path));
            match of_store(&error) {
                Some(error) => remote::store_error(Code::StorageRead, text, error),
                None => Error::new(Code::StorageWrite, text)
                    .because(secrets::redacted(&error))
                    .hint("look whether another program has changed it; removed, it is made anew"),
            }
        })
    }
}
