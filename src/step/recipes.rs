//! What steps of many hosts have in common is kept once: a fleet of a thousand hosts alike has a thousand times the same shell.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{Recipe, Step};

/// Kinds of hosts, by distribution, role and so on, that a fleet may have before their recipes are kept twice.
const KINDS: usize = 16;

/// The recipes of steps so far.
#[derive(Debug, Default)]
pub struct Recipes {
    /// The last different ones that steps of this name had. A host that is like none of them (its name is in its shell, say) keeps its own.
    last: HashMap<(&'static str, String), VecDeque<Arc<Recipe>>>,
}

impl Recipes {
    /// The same step, with the recipe of one before it where that is the same.
    #[must_use]
    pub fn share(&mut self, mut step: Step) -> Step {
        let last = self.last.entry((step.id.phase, step.id.name.clone())).or_default();
        match last.iter().position(|recipe| *recipe == step.recipe) {
            Some(at) => {
                step.recipe = Arc::clone(&last[at]);
                last.swap(0, at);
            }
            None => {
                last.truncate(KINDS - 1);
                last.push_front(Arc::clone(&step.recipe));
            }
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::StepId;

    #[test]
    fn hosts_that_are_alike_share_a_recipe_and_who_changes_it_has_another() {
        let mut recipes = Recipes::default();
        let [one, two, odd, other] = [("a", "x", "true"), ("b", "x", "true"), ("c", "x", "false"), ("d", "y", "false")]
            .map(|(host, name, shell)| recipes.share(Step::new(StepId::new(host, "install", name), "Do it", "").sh(shell)));
        assert!(Arc::ptr_eq(&one.recipe, &two.recipe));
        assert_eq!([&odd, &other].map(|step| Arc::ptr_eq(&one.recipe, &step.recipe)), [false, false]);
        assert_eq!([&one, &two, &odd].map(|step| step.id.host.as_str()), ["a", "b", "c"]);

        let more = two.clone().sh("more");
        assert_eq!([&one, &two, &more].map(|step| step.apply.len()), [1, 1, 2]);
    }

    #[test]
    fn a_fleet_of_many_kinds_shares_the_last_ones_and_loses_nothing() {
        let mut recipes = Recipes::default();
        let mut step = |kind: usize| recipes.share(Step::new(StepId::new("a", "install", "x"), kind.to_string(), ""));
        let steps: Vec<Step> = (0..2 * KINDS).map(&mut step).collect();
        assert!(steps.iter().enumerate().all(|(kind, step)| step.title == kind.to_string()));
        assert!(Arc::ptr_eq(&step(2 * KINDS - 1).recipe, &steps[2 * KINDS - 1].recipe));
        assert!(!Arc::ptr_eq(&step(0).recipe, &steps[0].recipe));
    }
}
