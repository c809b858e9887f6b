//! Time that runs while a host is waited for, and stands still while a person is.

use std::{
    future::Future,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Far enough that nobody sits at a prompt for longer.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// When a connection has to stand: network, key exchange and login together.
pub(super) struct Deadline {
    at: Mutex<Instant>,
    /// How long a person was waited for.
    waited: Mutex<Duration>,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self { at: Mutex::new(Instant::now() + limit), waited: Mutex::default() }
    }

    fn at(&self) -> Instant {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Instant) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// How long the clock stood still for a person.
    pub(super) fn waited(&self) -> Duration {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        self.at().saturating_duration_since(Instant::now())
    }

    /// Waits for `work`; None when the time is over first.
    pub(super) async fn bound<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        loop {
            // In short naps, since the deadline moves while `work` asks a person.
            let nap = self.left().min(Duration::from_millis(500));
            tokio::select! {
                output = &mut work => return Some(output),
                () = tokio::time::sleep(nap) => if self.left().is_zero() { return None },
            }
        }
    }

    /// Does `work`, which waits for a person, off the clock.
    pub(super) async fn off_the_clock<F: Future>(&self, work: F) -> F::Output {
        let (left, begun) = (self.left(), Instant::now());
        self.set(begun + DAY);
        let output = work.await;
        self.set(Instant::now() + left);
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) += begun.elapsed();
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_what_takes_too_long_and_not_what_a_person_takes_long_for() {
        let deadline = Deadline::after(Duration::from_secs(2));
        let slow = deadline.bound(deadline.off_the_clock(tokio::time::sleep(Duration::from_millis(2500)))).await;
        assert_eq!(slow, Some(()));
        assert!(deadline.left() > Duration::from_millis(500), "the clock stood still");
        assert!(deadline.waited() >= Duration::from_millis(2500));
        assert_eq!(deadline.bound(std::future::pending::<()>()).await, None);
        assert!(deadline.left().is_zero());
    }
}
