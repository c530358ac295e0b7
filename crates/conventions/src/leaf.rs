//! Which of a trace's spans stands for a model call, when several describe it.
//!
//! Frameworks, proxies and client libraries each write a span of one and the same call. [`OpenTrace`] remembers
//! what it has judged of one trace; [`OpenTrace::judge`] takes the spans that came next and says for each
//! candidate whether it is the [leaf](Verdict::Leaf) that counts, a [duplicate](Verdict::Duplicate) of another
//! span, or a [wrapper](Verdict::Wrapper) around several calls. [`settle`] writes the verdict into the row.
//!
//! The innermost span of a call is its leaf, except where only one further out knows the token counts. What was
//! judged before stays as it is, because stored rows do not change: a span that comes late is judged against it.
//! So as long as children come before their parents, it does not matter in which portions a trace arrives; in any
//! other order the calls are still counted once where the spans between are known or name the same response, and
//! the counts are those of the span that came first.

mod models;
mod seen;
mod settle;

use std::collections::{HashMap, HashSet};

pub use seen::{Seen, SpanId};
pub use settle::settle;

use seen::Candidate;

/// Most spans still to come below which calls are remembered when a trace's spans are let go; with more, all are
/// forgotten, and a span around such a call that comes later counts beside it.
const MOST_BELOW: usize = 100_000;
/// Steps up a trace that are walked at most, against chains that somebody made up.
const MOST_STEPS: usize = 256;

/// How far a span may stick out of the one around it, in nanoseconds: clocks of two processes differ.
const SLACK_NS: u64 = 50_000_000;

/// Kinds of calls: language models, embeddings, rerankers.
const KINDS: usize = 3;

/// What a candidate turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stands for a call.
    Leaf,
    /// It describes the call that the span of this id stands for.
    Duplicate(SpanId),
    /// It is around several calls.
    Wrapper,
}

/// The calls of one kind at or below a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Calls {
    #[default]
    None,
    One(SpanId),
    Several,
}

impl Calls {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, calls) | (calls, Self::None) => calls,
            (Self::One(one), Self::One(two)) if one == two => self,
            (Self::One(_) | Self::Several, Self::One(_) | Self::Several) => Self::Several,
        }
    }
}

/// What is known of a trace of which more spans may come.
#[derive(Debug, Default)]
pub struct OpenTrace {
    spans: HashMap<SpanId, Known>,
    /// The calls below a span, also of one that has not come yet.
    below: HashMap<SpanId, [Calls; KINDS]>,
    /// The leaves that name their response.
    responses: HashMap<u64, SpanId>,
}

/// A span that was judged, or is about to be.
#[derive(Clone, Debug)]
struct Known {
    seen: Seen,
    verdict: Verdict,
    /// Whether it is of the portion that is being judged.
    new: bool,
}

impl Known {
    fn candidate(&self) -> Option<&Candidate> {
        self.seen.candidate.as_ref()
    }
}

impl OpenTrace {
    /// How many spans are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Judges the spans that came next. The verdict of a span that is no candidate says nothing.
    ///
    /// `by_gateway` tells the spans that our own gateway made: what stands below them is the replica's view of a
    /// call that the gateway has recorded.
    pub fn judge(&mut self, next: &[Seen], by_gateway: impl Fn(SpanId) -> bool) -> Vec<Verdict> {
        let order = self.take_in(next, |_| Verdict::Leaf);
        for id in &order {
            self.judge_by_what_is_below(*id);
            self.pass_on(*id);
        }
        for id in &order {
            self.judge_by_what_is_above(*id, &by_gateway);
        }
        for id in &order {
            self.judge_by_response(*id);
        }
        let verdicts: Vec<Verdict> = next.iter().map(|seen| self.final_verdict(seen.id)).collect();
        for (seen, verdict) in next.iter().zip(&verdicts) {
            if let Some(known) = self.spans.get_mut(&seen.id) {
                (known.verdict, known.new) = (*verdict, false);
            }
        }
        verdicts
    }

    /// Takes in spans that were judged in an earlier life of the process.
    pub fn restore(&mut self, stored: &[(Seen, Verdict)]) {
        let verdicts: HashMap<SpanId, Verdict> =
            stored.iter().map(|(seen, verdict)| (seen.id, *verdict)).collect();
        let spans: Vec<Seen> = stored.iter().map(|(seen, _)| seen.clone()).collect();
        let verdict = |id: SpanId| verdicts.get(&id).copied().unwrap_or(Verdict::Leaf);
        for id in self.take_in(&spans, verdict) {
            self.pass_on(id);
            self.remember_response(id);
            if let Some(known) = self.spans.get_mut(&id) {
                known.new = false;
            }
        }
    }

    /// Forgets spans, so that a trace that goes on for long takes no more memory, and keeps what it takes to judge those
    /// that are still to come around them.
    pub fn let_go(&mut self) {
        let Self { spans, below, responses } = self;
        below.retain(|id, _| !spans.contains_key(id));
        if below.len() > MOST_BELOW {
            below.clear();
        }
        let one = |calls: &Calls| match calls {
            Calls::One(id) => Some(*id),
            Calls::None | Calls::Several => None,
        };
        let wanted: HashSet<SpanId> = below.values().flatten().filter_map(one).collect();
        spans.retain(|id, _| wanted.contains(id));
        responses.retain(|_, id| wanted.contains(id));
    }

    /// Adds the spans; answers their ids, the innermost first.
    fn take_in(&mut self, next: &[Seen], verdict: impl Fn(SpanId) -> Verdict) -> Vec<SpanId> {
        for seen in next {
            let known = Known { seen: seen.clone(), verdict: verdict(seen.id), new: true };
            self.spans.insert(seen.id, known);
        }
        let mut order: Vec<(usize, SpanId)> =
            next.iter().map(|seen| (self.above(seen.id).count(), seen.id)).collect();
        order.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        order.into_iter().map(|(_, id)| id).collect()
    }

    /// The known spans above one, nearest first.
    fn above(&self, id: SpanId) -> impl Iterator<Item = &Known> {
        let parent = move |known: &&Known| self.spans.get(&known.seen.parent?);
        std::iter::successors(self.spans.get(&id), parent).skip(1).take(MOST_STEPS)
    }

    /// A candidate around exactly one call is that call once more; around several it is a wrapper.
    fn judge_by_what_is_below(&mut self, id: SpanId) {
        let Some(outer) = self.spans.get(&id) else { return };
        let Some(candidate) = outer.candidate() else { return };
        let inner_id = match self.calls_below(id, candidate.kind) {
            Calls::None => return,
            Calls::Several => return self.decide(id, Verdict::Wrapper),
            Calls::One(inner) => inner,
        };
        let Some(inner) = self.spans.get(&inner_id) else { return };
        if inner_id == id || !is_same_call(outer, inner, Alone::Yes) {
            return;
        }
        let only_outer_counts =
            candidate.counts.any() && !inner.candidate().is_some_and(|inner| inner.counts.any());
        if only_outer_counts && inner.new && inner.verdict == Verdict::Leaf {
            return self.decide(inner_id, Verdict::Duplicate(id));
        }
        let leaf = match inner.verdict {
            Verdict::Leaf | Verdict::Wrapper => inner_id,
            Verdict::Duplicate(leaf) => leaf,
        };
        if leaf != id {
            self.decide(id, Verdict::Duplicate(leaf));
        }
    }

    fn calls_below(&self, id: SpanId, kind: usize) -> Calls {
        self.below.get(&id).map_or(Calls::None, |below| below[kind])
    }

    fn decide(&mut self, id: SpanId, verdict: Verdict) {
        if let Some(known) = self.spans.get_mut(&id) {
            known.verdict = verdict;
        }
    }

    /// Tells the spans above which calls stand at or below this one. Those that are about to be judged pass it on
    /// themselves; a candidate that was judged before has told of its call already.
    fn pass_on(&mut self, id: SpanId) {
        let Some(known) = self.spans.get(&id) else { return };
        let mut calls = self.below.get(&id).copied().unwrap_or_default();
        if let Some(candidate) = known.candidate() {
            let below = &mut calls[candidate.kind];
            *below = self.at_or_below(known, *below);
        }
        if calls == [Calls::None; KINDS] {
            return;
        }
        let mut next = known.seen.parent;
        for _ in 0..MOST_STEPS {
            let Some(parent) = next.filter(|parent| *parent != id) else { return };
            let below = self.below.entry(parent).or_default();
            for (below, calls) in below.iter_mut().zip(calls) {
                *below = below.and(calls);
            }
            let Some(above) = self.spans.get(&parent).filter(|above| !above.new) else { return };
            if let Some(candidate) = above.candidate() {
                calls[candidate.kind] = Calls::None;
            }
            next = above.seen.parent;
        }
    }

    fn at_or_below(&self, known: &Known, below: Calls) -> Calls {
        let this = Calls::One(known.seen.id);
        match (known.verdict, below) {
            (Verdict::Wrapper, _) => Calls::Several,
            (Verdict::Duplicate(_), Calls::None) | (Verdict::Leaf, Calls::None) => this,
            (Verdict::Duplicate(_), below) => below,
            (Verdict::Leaf, Calls::One(inner)) => match self.spans.get(&inner) {
                Some(inner) if inner.verdict == Verdict::Duplicate(known.seen.id) => this,
                Some(_) | None => this.and(below),
            },
            (Verdict::Leaf, Calls::Several) => Calls::Several,
        }
    }

    /// A span that comes after the one around it does not count the call again.
    fn judge_by_what_is_above(&mut self, id: SpanId, by_gateway: &impl Fn(SpanId) -> bool) {
        let Some(inner) = self.spans.get(&id).filter(|inner| inner.verdict == Verdict::Leaf) else {
            return;
        };
        let Some(candidate) = inner.candidate() else { return };
        let parents = inner.seen.parent.into_iter();
        let gateway = parents
            .chain(self.above(id).filter_map(|above| above.seen.parent))
            .find(|parent| by_gateway(*parent));
        if let Some(gateway) = gateway {
            return self.decide(id, Verdict::Duplicate(gateway));
        }
        let is_outer = |above: &&Known| {
            !above.new && above.candidate().is_some_and(|outer| outer.kind == candidate.kind)
        };
        let Some(outer) = self.above(id).find(is_outer) else { return };
        let alone = match self.calls_below(outer.seen.id, candidate.kind) {
            Calls::One(only) if self.leaf_of(only) == id => Alone::Yes,
            Calls::One(_) | Calls::Several | Calls::None => Alone::No,
        };
        let leaf = self.leaf_of(outer.seen.id);
        if outer.verdict != Verdict::Wrapper && leaf != id && is_same_call(outer, inner, alone) {
            self.decide(id, Verdict::Duplicate(leaf));
        }
    }

    /// The span that stands for the call that this one describes.
    fn leaf_of(&self, id: SpanId) -> SpanId {
        match self.spans.get(&id).map(|known| known.verdict) {
            Some(Verdict::Duplicate(leaf)) => leaf,
            Some(Verdict::Leaf | Verdict::Wrapper) | None => id,
        }
    }

    /// Two spans of which nobody knows yet how they hang together are one call if they name the same response.
    fn judge_by_response(&mut self, id: SpanId) {
        let Some(known) = self.spans.get(&id).filter(|known| known.verdict == Verdict::Leaf) else {
            return;
        };
        let response = known.candidate().and_then(|candidate| candidate.response);
        let same = response.and_then(|response| self.spans.get(self.responses.get(&response)?));
        let same = same.filter(|same| self.may_be_nested(same, known)).map(|same| same.seen.id);
        match same {
            Some(leaf) => self.decide(id, Verdict::Duplicate(leaf)),
            None => self.remember_response(id),
        }
    }

    /// Whether one of the two may stand below the other, as far as is known.
    fn may_be_nested(&self, one: &Known, other: &Known) -> bool {
        let (up, other_up) = (self.missing_above(one), self.missing_above(other));
        let kinds = (one.candidate().map(|c| c.kind), other.candidate().map(|c| c.kind));
        one.seen.id != other.seen.id
            && one.verdict == Verdict::Leaf
            && kinds.0 == kinds.1
            && (up.is_some() || other_up.is_some())
            && up != other_up
            && (is_around(&one.seen, &other.seen) || is_around(&other.seen, &one.seen))
    }

    /// The nearest span above that has not come yet.
    fn missing_above(&self, known: &Known) -> Option<SpanId> {
        let top = self.above(known.seen.id).last().unwrap_or(known);
        top.seen.parent.filter(|parent| !self.spans.contains_key(parent))
    }

    fn remember_response(&mut self, id: SpanId) {
        let Some(known) = self.spans.get(&id).filter(|known| known.verdict == Verdict::Leaf) else {
            return;
        };
        if let Some(response) = known.candidate().and_then(|candidate| candidate.response) {
            self.responses.entry(response).or_insert(id);
        }
    }

    /// The verdict, with duplicates of duplicates pointing at the leaf.
    fn final_verdict(&self, id: SpanId) -> Verdict {
        let mut verdict = self.spans.get(&id).map_or(Verdict::Leaf, |known| known.verdict);
        for _ in 0..MOST_STEPS {
            let Verdict::Duplicate(of) = verdict else { break };
            match self.spans.get(&of).map(|known| known.verdict) {
                Some(further @ Verdict::Duplicate(next)) if next != id => verdict = further,
                Some(_) | None => break,
            }
        }
        verdict
    }
}

/// Whether a candidate is the only one below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alone {
    Yes,
    No,
}

/// Whether two candidates, one below the other, describe one call.
fn is_same_call(outer: &Known, inner: &Known, alone: Alone) -> bool {
    let (Some(out), Some(in_)) = (outer.candidate(), inner.candidate()) else { return false };
    let equal = |one: Option<u64>, other: Option<u64>| one.is_some() && one == other;
    let named = equal(out.response, in_.response)
        || equal(out.call, in_.call)
        || out.counts.are_both_equal(&in_.counts);
    let only = alone == Alone::Yes && (out.models.meets(in_.models) || !out.counts.any());
    is_around(&outer.seen, &inner.seen) && (named || only)
}

fn is_around(outer: &Seen, inner: &Seen) -> bool {
    inner.start_ns.saturating_add(SLACK_NS) >= outer.start_ns
        && inner.end_ns <= outer.end_ns.saturating_add(SLACK_NS)
}

#[cfg(test)]
mod tests;
