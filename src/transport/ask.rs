//! A person who may be asked for secrets: once each, in the life of a run.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::secrets::Mask;

type Say = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Asks the person at the terminal, and remembers what was right. Clones are the same person.
#[derive(Clone)]
pub struct Ask {
    say: Arc<Say>,
    /// One question at a time, or eight hosts would all write their prompt into the same line.
    turn: Arc<Mutex<()>>,
    memory: Memory,
}

/// What a person has said, for a command that asks more than once: clones are the same memory.
#[derive(Clone, Default)]
pub struct Memory {
    slots: Arc<Mutex<HashMap<String, Slot>>>,
    mask: Mask,
}

impl Memory {
    /// A memory of secrets that this mask hides, as soon as they are known.
    #[must_use]
    pub fn hiding(mask: Mask) -> Self {
        Self { mask, ..Self::default() }
    }
}

/// What a person has said to one question that several hosts have: nothing yet, or an answer that was right somewhere.
type Slot = Arc<Mutex<Option<String>>>;

impl Ask {
    /// `say` takes a prompt and gives the answer, or None where there is no terminal. It may block.
    pub fn new(say: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { say: Arc::new(say), turn: Arc::default(), memory: Memory::default() }
    }

    /// The same person, who has said all this before.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// Asks, on a thread where waiting does no harm. None when there is nobody to ask, or the answer is empty.
    pub(super) async fn ask(&self, prompt: String) -> Option<String> {
        let _turn = self.turn.lock().await;
        let say = Arc::clone(&self.say);
        let answer =
            tokio::task::spawn_blocking(move || say(&prompt)).await.ok().flatten().filter(|answer| !answer.is_empty())?;
        self.hide(&answer);
        Some(answer)
    }

    /// From now on, this secret of the person is not to be seen.
    pub(super) fn hide(&self, secret: &str) {
        self.memory.mask.hide(secret);
    }

    /// The answer to a question that others have too. Whoever holds it may ask; the others wait for what comes of it.
    pub(super) async fn slot(&self, question: &str) -> OwnedMutexGuard<Option<String>> {
        let slot = Arc::clone(self.memory.slots.lock().await.entry(question.to_owned()).or_default());
        slot.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_asked_before_is_the_same_person_to_whoever_asks_next() {
        let memory = Memory::default();
        let first = Ask::new(|_| None).remembering(memory.clone());
        *first.slot("sudo me").await = Some("right".to_owned());
        let next = Ask::new(|_| None).remembering(memory);
        assert_eq!(next.slot("sudo me").await.as_deref(), Some("right"));
        assert_eq!(*Ask::new(|_| None).slot("sudo me").await, None);
    }

    #[tokio::test]
    async fn what_a_person_says_is_hidden_right_or_wrong() {
        let mask = Mask::default();
        let ask = Ask::new(|prompt| Some(format!("answer to {prompt}"))).remembering(Memory::hiding(mask.clone()));
        assert_eq!(mask.text("the answer to it"), "the answer to it");
        assert_eq!(ask.ask("it".to_owned()).await.as_deref(), Some("answer to it"));
        assert_eq!(mask.text("the answer to it"), "the (secret)");
    }
}
