//! The `capscore` program; everything it does is in the library.

use std::process::ExitCode;

#[cfg(all(target_os = "linux", not(target_env = "musl")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Four arenas, not four a processor: memory that one thread frees another uses. `_RJEM_MALLOC_CONF` in
/// the environment still wins.
#[cfg(all(target_os = "linux", not(target_env = "musl")))]
#[expect(unsafe_code, reason = "the allocator looks for its options by this name")]
#[used]
#[unsafe(export_name = "_rjem_malloc_conf")]
static ALLOCATOR_OPTIONS: &u8 = &b"narenas:4\0"[0];

fn main() -> ExitCode {
    capscore::cli::main()
}
