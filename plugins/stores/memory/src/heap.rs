//! A heap of run times that tracks the position of each slot, so that a job moves in O(log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The number of a slot.
pub(crate) type SlotId = u32;

/// Stores the position of a slot in the heap.
pub(crate) trait Places {
    fn set_place(&mut self, slot: SlotId, place: u32);
}

/// A min-heap with four children per node, for few cache misses.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    nodes: Vec<Node>,
}

/// A slot and its run time, in microseconds of the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) time: i64,
    pub(crate) slot: SlotId,
}

impl Node {
    /// Orders equal times by slot: comparing ids would cost a cache miss each.
    pub(crate) fn key(self) -> (i64, SlotId) {
        (self.time, self.slot)
    }
}

const CHILDREN: usize = 4;

fn children(place: usize) -> std::ops::RangeInclusive<usize> {
    place * CHILDREN + 1..=place * CHILDREN + CHILDREN
}

impl Heap {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn reserve(&mut self, more: usize) {
        self.nodes.reserve(more);
    }

    pub(crate) fn first(&self) -> Option<Node> {
        self.nodes.first().copied()
    }

    pub(crate) fn push(&mut self, node: Node, places: &mut impl Places) {
        self.nodes.push(node);
        self.rise(self.nodes.len() - 1, places);
    }

    pub(crate) fn remove(&mut self, place: u32, places: &mut impl Places) {
        let place = place as usize;
        self.nodes.swap_remove(place);
        if place < self.nodes.len() {
            self.settle(place, places);
        }
    }

    pub(crate) fn reposition(&mut self, place: u32, time: i64, places: &mut impl Places) {
        self.nodes[place as usize].time = time;
        self.settle(place as usize, places);
    }

    /// Returns the earliest `limit` nodes after `after` that are not later than `until`, in order.
    pub(crate) fn until(
        &self,
        until: i64,
        limit: usize,
        after: Option<(i64, SlotId)>,
    ) -> Vec<Node> {
        // Best-first search from the root: finding k nodes visits O(k). Nodes before `after` are passed in any order, which
        // is much cheaper.
        let mut due = Vec::new();
        let mut open = BinaryHeap::new();
        let mut passing = Vec::new();
        let consider = |place: usize, open: &mut BinaryHeap<_>, passing: &mut Vec<usize>| {
            if let Some(node) = self.nodes.get(place).filter(|node| node.time <= until) {
                if after.is_none_or(|after| node.key() > after) {
                    open.push(Reverse((node.key(), place)));
                } else {
                    passing.push(place);
                }
            }
        };
        consider(0, &mut open, &mut passing);
        while let Some(place) = passing.pop() {
            for child in children(place) {
                consider(child, &mut open, &mut passing);
            }
        }
        while due.len() < limit
            && let Some(Reverse((_, place))) = open.pop()
        {
            due.push(self.nodes[place]);
            for child in children(place) {
                consider(child, &mut open, &mut passing);
            }
        }
        due
    }

    /// Returns the earliest time later than `after`.
    pub(crate) fn earliest_after(&self, after: i64) -> Option<i64> {
        let mut best: Option<i64> = None;
        let mut open = vec![0_usize];
        while let Some(place) = open.pop() {
            let Some(node) = self.nodes.get(place) else {
                continue;
            };
            if node.time > after {
                best = Some(best.map_or(node.time, |best| best.min(node.time)));
            } else {
                let first_child = place * CHILDREN + 1;
                open.extend(first_child..first_child + CHILDREN);
            }
        }
        best
    }

    fn settle(&mut self, place: usize, places: &mut impl Places) {
        let risen = self.rise(place, places);
        if risen == place {
            self.sink(place, places);
        }
    }

    fn rise(&mut self, mut place: usize, places: &mut impl Places) -> usize {
        let node = self.nodes[place];
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.nodes[parent].key() <= node.key() {
                break;
            }
            self.put(place, self.nodes[parent], places);
            place = parent;
        }
        self.put(place, node, places);
        place
    }

    fn sink(&mut self, mut place: usize, places: &mut impl Places) {
        let node = self.nodes[place];
        loop {
            let first_child = place * CHILDREN + 1;
            let end = (first_child + CHILDREN).min(self.nodes.len());
            let Some(least) = (first_child..end).min_by_key(|child| self.nodes[*child].key())
            else {
                break;
            };
            if self.nodes[least].key() >= node.key() {
                break;
            }
            self.put(place, self.nodes[least], places);
            place = least;
        }
        self.put(place, node, places);
    }

    fn put(&mut self, place: usize, node: Node, places: &mut impl Places) {
        self.nodes[place] = node;
        // A table refuses more than u32::MAX slots.
        places.set_place(node.slot, u32::try_from(place).unwrap_or(u32::MAX));
    }
}
