//! How many connections may stand at once: each is an open file, and a process may have so many of those and no more.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Files that are open besides, and what a login has open for a moment: an agent's socket, a resolver's.
const FILES_A_LOGIN: u64 = 4;

/// Whether there are more hosts than connections may stand.
static CROWDED: AtomicBool = AtomicBool::new(false);

static PLACES: OnceLock<Semaphore> = OnceLock::new();

/// Raises the limit of open files as far as this process may, if so many are wanted: some programs that it starts close them all, one by one.
/// Gives what it is then.
fn files(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 256 };
    if wanted <= soft {
        return soft;
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// The places, made for so many hosts.
fn places(hosts: usize) -> &'static Semaphore {
    PLACES.get_or_init(|| {
        let places = usize::try_from(files(hosts as u64 * FILES_A_LOGIN) / FILES_A_LOGIN).unwrap_or(usize::MAX);
        Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))
    })
}

/// So many hosts are about to be connected. Where that is more than can be, those who want a connection wait for their turn, and none
/// keeps its own when it has nothing to do.
pub fn expect(hosts: usize) {
    CROWDED.store(hosts > places(hosts).available_permits(), Ordering::Relaxed);
}

pub(super) fn is_crowded() -> bool {
    CROWDED.load(Ordering::Relaxed)
}

/// A place for one connection, where there are too few for all; waits until there is one.
pub(super) async fn take() -> Option<SemaphorePermit<'static>> {
    if is_crowded() { PLACES.get()?.acquire().await.ok() } else { None }
}
