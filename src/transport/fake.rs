//! A host that exists only in memory: for tests of what a real one can not show (5,000 hosts, a cut at byte 317).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Exit, Line};
use crate::{error::Result, lower::Program};

/// Answers a program with lines and an exit.
pub type Script = Arc<dyn Fn(&Program) -> Result<(Vec<Line>, Exit)> + Send + Sync>;

pub struct Fake {
    script: Script,
    execs: AtomicUsize,
}

impl Fake {
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self { script, execs: AtomicUsize::new(0) }
    }

    pub(super) async fn run(&self, program: &Program, on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        // One turn of the scheduler, so that fakes interleave as real hosts do.
        tokio::task::yield_now().await;
        let (lines, exit) = (self.script)(program)?;
        lines.into_iter().for_each(on_line);
        Ok(exit)
    }

    pub(super) fn execs(&self) -> usize {
        self.execs.load(Ordering::Relaxed)
    }
}
