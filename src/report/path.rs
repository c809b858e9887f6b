//! The critical path: the longest chain of things that had to wait for each other.

use std::{collections::HashMap, time::Duration};

use crate::step::StepId;

/// One link of the chain: `node1/init/kubeadm`, or `node1 connect` for opening the way to a host and asking it for facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub what: String,
    pub took: Duration,
}

/// A step that ran to an end.
pub(super) struct Node<'a> {
    pub(super) id: &'a StepId,
    pub(super) needs: &'a [StepId],
    pub(super) took: Duration,
    /// When it began and ended, from the start of the run.
    pub(super) began: Duration,
    pub(super) ended: Duration,
}

/// The longest way that leads to some node, and the node before it on that way.
struct Reached {
    link: Link,
    length: Duration,
    before: Option<usize>,
}

/// The longest chain through the hosts (a step waits for those of its host that ended before it began, and for the way to it) and the needs.
/// `nodes` must come in the order in which they ended: then whatever a node had to wait for stands before it.
pub(super) fn critical<'a>(
    connects: impl Iterator<Item = (&'a str, Duration)>,
    nodes: impl Iterator<Item = Node<'a>>,
) -> Vec<Link> {
    let mut reached: Vec<Reached> = Vec::new();
    let mut lanes: HashMap<&str, Vec<(Duration, usize)>> = HashMap::new();
    let mut places: HashMap<&StepId, usize> = HashMap::new();
    for (host, took) in connects {
        lanes.entry(host).or_default().push((Duration::ZERO, reached.len()));
        reached.push(Reached { link: Link { what: format!("{host} connect"), took }, length: took, before: None });
    }
    for node in nodes {
        let earlier = lanes.entry(&node.id.host).or_default();
        let lane = earlier.iter().filter(|(ended, _)| *ended <= node.began).map(|(_, place)| *place);
        let needs = node.needs.iter().filter_map(|id| places.get(id).copied());
        let before = needs.chain(lane).max_by_key(|place| reached[*place].length);
        let length = before.map_or(Duration::ZERO, |place| reached[place].length) + node.took;
        earlier.push((node.ended, reached.len()));
        places.insert(node.id, reached.len());
        reached.push(Reached { link: Link { what: node.id.to_string(), took: node.took }, length, before });
    }
    let mut chain = Vec::new();
    // The first of the longest: what comes after it without taking any time adds nothing.
    let mut place = (0..reached.len()).rev().max_by_key(|place| reached[*place].length);
    while let Some(here) = place {
        chain.push(reached[here].link.clone());
        place = reached[here].before;
    }
    // What took no time is no part of where the time went.
    chain.retain(|link: &Link| !link.took.is_zero());
    chain.reverse();
    chain
}
