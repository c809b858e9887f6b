//! Steps in an order that respects what each needs.

use std::collections::HashMap;

use crate::{
    error::{Error, Kind, Result, nearest},
    step::{Step, StepId, path_matches},
};

/// Steps, sorted so that each stands behind all that it needs. Among those that could stand next, the order of insertion wins,
/// so that the lane of a host reads like its table of contents.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    steps: Vec<Step>,
}

/// Which steps a command is about. Patterns are step paths: see [`path_matches`].
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

impl Selection {
    #[must_use]
    pub fn includes(&self, id: &StepId) -> bool {
        (self.only.is_empty() || self.only.iter().any(|pattern| path_matches(pattern, id)))
            && !self.skip.iter().any(|pattern| path_matches(pattern, id))
    }
}

impl Graph {
    /// Sorts the steps.
    ///
    /// # Errors
    /// `Internal` when two steps share a path, a step needs one that does not exist, or steps need each other in a circle.
    pub fn new(steps: Vec<Step>) -> Result<Self> {
        let mut known = HashMap::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            if known.insert(&step.id, index).is_some() {
                return Err(Error::new(Kind::Internal, format!("two steps are called {}", step.id)));
            }
        }
        let mut needs: Vec<Vec<usize>> = Vec::with_capacity(steps.len());
        for step in &steps {
            let missing = |id| Error::new(Kind::Internal, format!("{} needs {id}, which does not exist", step.id));
            needs.push(step.needs.iter().map(|id| known.get(id).copied().ok_or_else(|| missing(id))).collect::<Result<_>>()?);
        }
        let mut placed = vec![false; steps.len()];
        let mut order = Vec::with_capacity(steps.len());
        let mut waiting: Vec<usize> = (0..steps.len()).collect();
        while !waiting.is_empty() {
            let before = order.len();
            waiting.retain(|index| {
                let is_next = needs[*index].iter().all(|need| placed[*need]);
                if is_next {
                    placed[*index] = true;
                    order.push(*index);
                }
                !is_next
            });
            if order.len() == before {
                let names: Vec<String> = waiting.iter().map(|index| steps[*index].id.to_string()).collect();
                return Err(Error::new(Kind::Internal, format!("these steps need each other in a circle: {}", names.join(", "))));
            }
        }
        let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
        Ok(Self { steps: order.into_iter().filter_map(|index| steps[index].take()).collect() })
    }

    /// The steps in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.steps.iter()
    }

    #[must_use]
    pub fn get(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps of a selection. What a left-out step needed is handed on, so that the order stays as it was.
    ///
    /// # Errors
    /// `UnknownStep` when a pattern matches no step at all.
    pub fn select(self, selection: &Selection) -> Result<Self> {
        for pattern in selection.only.iter().chain(&selection.skip) {
            if !self.steps.iter().any(|step| path_matches(pattern, &step.id)) {
                return Err(self.unknown(pattern));
            }
        }
        Ok(self.keep(|step| selection.includes(&step.id)))
    }

    /// The steps of these phases; what a left-out step needed is handed on.
    #[must_use]
    pub fn phases(self, names: &[&str]) -> Self {
        self.keep(|step| names.contains(&step.id.phase))
    }

    /// The steps of these hosts; what a left-out step needed is handed on.
    #[must_use]
    pub fn on_hosts(self, wanted: impl Fn(&str) -> bool) -> Self {
        self.keep(|step| wanted(&step.id.host))
    }

    fn keep(self, wanted: impl Fn(&Step) -> bool) -> Self {
        let mut inherited: HashMap<StepId, Vec<StepId>> = HashMap::new();
        let mut kept = Vec::with_capacity(self.steps.len());
        for mut step in self.steps {
            let mut needs = std::mem::take(&mut step.needs);
            if needs.iter().any(|id| inherited.contains_key(id)) {
                needs = needs.into_iter().flat_map(|id| inherited.get(&id).cloned().unwrap_or_else(|| vec![id])).collect();
            }
            needs.sort();
            needs.dedup();
            if wanted(&step) {
                step.needs = needs;
                kept.push(step);
            } else {
                inherited.insert(step.id, needs);
            }
        }
        Self { steps: kept }
    }

    fn unknown(&self, pattern: &str) -> Error {
        let paths: Vec<String> = self.steps.iter().map(|step| step.id.to_string()).collect();
        let error = Error::new(Kind::UnknownStep, format!("no step is called {pattern:?}"));
        match nearest(pattern, paths.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}? `slipway plan` lists every step path")),
            None => error.hint("`slipway plan` lists every step path; * stands for any part, as in 'cp1/install/*'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(host: &str, name: &str, needs: &[(&str, &str)]) -> Step {
        let mut step = Step::new(StepId::new(host, "install", name), name, "");
        step.needs = needs.iter().map(|(host, name)| StepId::new(host, "install", *name)).collect();
        step
    }

    fn names(graph: &Graph) -> Vec<&str> {
        graph.steps().map(|step| step.id.name.as_str()).collect()
    }

    #[test]
    fn needs_come_first_and_insertion_order_breaks_ties() {
        let graph = Graph::new(vec![step("a", "3", &[("b", "1")]), step("a", "2", &[]), step("b", "1", &[])]).expect("no circle");
        assert_eq!(names(&graph), ["2", "1", "3"]);
    }

    #[test]
    fn circles_duplicates_and_missing_needs_are_refused() {
        for steps in [
            vec![step("a", "1", &[("a", "2")]), step("a", "2", &[("a", "1")])],
            vec![step("a", "1", &[]), step("a", "1", &[])],
            vec![step("a", "1", &[("a", "9")])],
        ] {
            assert_eq!(Graph::new(steps).expect_err("must be refused").kind, Kind::Internal);
        }
    }

    #[test]
    fn leaving_a_step_out_keeps_the_order_around_it() {
        let graph = Graph::new(vec![step("a", "1", &[]), step("a", "2", &[("a", "1")]), step("a", "3", &[("a", "2")])])
            .expect("no circle");
        let graph = graph.select(&Selection { only: vec![], skip: vec!["a/install/2".into()] }).expect("known step");
        assert_eq!(names(&graph), ["1", "3"]);
        assert_eq!(graph.steps().last().expect("two steps").needs, [StepId::new("a", "install", "1")]);
    }

    #[test]
    fn an_unknown_path_is_an_error_with_the_nearest_one() {
        let graph = Graph::new(vec![step("node1", "swap", &[])]).expect("no circle");
        let error = graph.select(&Selection { only: vec!["node1/install/swpa".into()], skip: vec![] }).expect_err("unknown");
        assert_eq!(error.kind, Kind::UnknownStep);
        assert!(error.hints[0].contains("node1/install/swap"), "{:?}", error.hints);
    }
}
