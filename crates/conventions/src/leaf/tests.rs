use proptest::prelude::*;
use schema::{Name, Row};

use super::*;

/// A span from `start` to `end` (milliseconds) below `parent`; 0 is no parent. A row of it is what the judge reads.
#[derive(Debug)]
struct Draft {
    row: Row,
}

impl Draft {
    fn plain(id: u8, parent: u8, start: i64, end: i64) -> Self {
        let mut row = Row::default();
        row.push(Name::fixed("trace_id"), "0a".repeat(16));
        row.push(Name::fixed("span_id"), format!("{id:016x}"));
        if parent != 0 {
            row.push(Name::fixed("reference_parent_span_id"), format!("{parent:016x}"));
        }
        row.push(Name::fixed("start_time"), start * 1_000_000);
        row.push(Name::fixed("end_time"), end * 1_000_000);
        Self { row }
    }

    fn llm(id: u8, parent: u8, start: i64, end: i64) -> Self {
        let mut draft = Self::plain(id, parent, start, end);
        draft.row.push(Name::fixed("openinference_span_kind"), "LLM");
        draft.row.push(Name::fixed("llm_is_leaf"), true);
        draft
    }

    fn text(mut self, column: &'static str, text: &str) -> Self {
        self.row.set(Name::fixed(column), text);
        self
    }

    fn model(self, model: &str) -> Self {
        self.text("llm_request_parameters_model", model)
    }

    fn counts(mut self, prompt: i64, completion: i64) -> Self {
        self.row.push(Name::fixed("llm_token_count_prompt"), prompt);
        self.row.push(Name::fixed("llm_token_count_completion"), completion);
        self
    }

    fn seen(&self) -> Seen {
        Seen::of(&self.row).unwrap()
    }
}

fn id(n: u8) -> SpanId {
    [0, 0, 0, 0, 0, 0, 0, n]
}

/// The verdicts of the spans, portion by portion, in the order of the spans' ids.
fn judge(portions: &[&[&Draft]]) -> Vec<Verdict> {
    judge_below(&[], portions)
}

fn judge_below(gateways: &[SpanId], portions: &[&[&Draft]]) -> Vec<Verdict> {
    let mut trace = OpenTrace::default();
    let mut all = Vec::new();
    for portion in portions {
        let seen: Vec<Seen> = portion.iter().map(|draft| draft.seen()).collect();
        let verdicts = trace.judge(&seen, |id| gateways.contains(&id));
        all.extend(seen.iter().map(|seen| seen.id).zip(verdicts));
    }
    all.sort_by_key(|(id, _)| *id);
    all.into_iter().map(|(_, verdict)| verdict).collect()
}

use Verdict::{Duplicate, Leaf, Wrapper};

#[test]
fn of_a_wrapper_and_the_client_inside_it_the_client_counts() {
    let wrapper = Draft::llm(1, 0, 0, 100).model("openai/gpt-4o").counts(21, 18);
    let client = Draft::llm(2, 1, 1, 99).model("gpt-4o").counts(21, 18);
    let inner = [Duplicate(id(2)), Leaf];
    assert_eq!(judge(&[&[&wrapper, &client]]), inner);
    assert_eq!(judge(&[&[&client], &[&wrapper]]), inner, "children end first");
    assert_eq!(judge(&[&[&wrapper], &[&client]]), [Leaf, Duplicate(id(1))], "the first one stays");
}

#[test]
fn a_chain_is_followed_through_other_spans_and_in_any_order() {
    let outer = Draft::llm(1, 0, 0, 100).model("m");
    let chain = Draft::plain(2, 1, 1, 98);
    let middle = Draft::llm(3, 2, 2, 97).model("m");
    let inner = Draft::llm(4, 3, 3, 96).model("m").counts(5, 6);
    assert_eq!(
        judge(&[&[&outer, &chain, &middle, &inner]]),
        [Duplicate(id(4)), Leaf, Duplicate(id(4)), Leaf]
    );
    assert_eq!(
        judge(&[&[&inner], &[&middle, &chain], &[&outer]]),
        [Duplicate(id(4)), Leaf, Duplicate(id(4)), Leaf]
    );
    assert_eq!(
        judge(&[&[&outer], &[&chain], &[&middle], &[&inner]]),
        [Leaf, Leaf, Duplicate(id(1)), Duplicate(id(1))]
    );
    assert_eq!(
        judge(&[&[&outer], &[&chain, &middle, &inner]]),
        [Leaf, Leaf, Duplicate(id(1)), Duplicate(id(1))],
        "duplicates of a duplicate name the leaf"
    );
}

#[test]
fn a_span_around_several_calls_is_none_of_them() {
    let agent = Draft::llm(1, 0, 0, 100).model("m").counts(30, 20);
    let first = Draft::llm(2, 1, 1, 40).model("m").counts(10, 10);
    let second = Draft::llm(3, 1, 50, 99).model("m").counts(20, 10);
    assert_eq!(judge(&[&[&agent, &first, &second]]), [Wrapper, Leaf, Leaf]);
    assert_eq!(judge(&[&[&first, &second], &[&agent]]), [Wrapper, Leaf, Leaf]);
    // It came when one was known: that one it is, and the next is a call of its own.
    assert_eq!(judge(&[&[&first], &[&agent], &[&second]]), [Duplicate(id(2)), Leaf, Leaf]);
    assert_eq!(judge(&[&[&agent], &[&first], &[&second]]), [Leaf, Duplicate(id(1)), Leaf]);
}

#[test]
fn where_only_the_outer_span_knows_the_counts_it_counts() {
    let outer = Draft::llm(1, 0, 0, 100).model("m").counts(21, 18);
    let inner = Draft::llm(2, 1, 1, 99).model("m");
    let outermost = Draft::llm(3, 0, 0, 101).model("m").counts(21, 18);
    assert_eq!(judge(&[&[&outer, &inner]]), [Leaf, Duplicate(id(1))]);
    assert_eq!(judge(&[&[&inner], &[&outer]]), [Duplicate(id(2)), Leaf], "stored rows stay");
    let mut outer = outer;
    outer.row.set(Name::fixed("reference_parent_span_id"), format!("{:016x}", 3));
    assert_eq!(judge(&[&[&outermost, &outer, &inner]]), [Leaf, Duplicate(id(1)), Duplicate(id(1))]);
}

#[test]
fn after_a_restart_a_span_that_never_was_a_candidate_is_none() {
    let mut inner = Draft::llm(2, 1, 1, 99);
    inner.row.set(Name::fixed("llm_is_leaf"), false);
    let outer = Draft::llm(1, 0, 0, 100).model("m").counts(21, 18);
    let mut trace = OpenTrace::default();
    trace.restore(&[Seen::of_stored(&inner.row).unwrap()]);
    assert_eq!(trace.judge(&[outer.seen()], |_| false), [Leaf]);
    // One that was judged to be around several calls still is.
    let mut wrapper = Draft::llm(2, 1, 1, 99).model("m");
    wrapper.row.set(Name::fixed("llm_is_leaf"), false);
    let mut trace = OpenTrace::default();
    trace.restore(&[Seen::of_stored(&wrapper.row).unwrap()]);
    assert_eq!(trace.judge(&[outer.seen()], |_| false), [Wrapper]);
}

#[test]
fn different_calls_both_count() {
    let outer = Draft::llm(1, 0, 0, 100).model("m").counts(21, 18);
    let embedding = Draft::llm(2, 1, 1, 9)
        .text("openinference_span_kind", "EMBEDDING")
        .model("m")
        .counts(21, 18);
    assert_eq!(judge(&[&[&outer, &embedding]]), [Leaf, Leaf], "another kind");
    let other_model = Draft::llm(2, 1, 1, 99).model("n").counts(5, 5);
    assert_eq!(judge(&[&[&outer, &other_model]]), [Leaf, Leaf], "another model and other counts");
    let later = Draft::llm(2, 1, 500, 900).model("m").counts(21, 18);
    assert_eq!(judge(&[&[&outer, &later]]), [Leaf, Leaf], "it outlives its parent");
    let sibling = Draft::llm(2, 0, 1, 99).model("m").counts(21, 18);
    assert_eq!(judge(&[&[&outer, &sibling]]), [Leaf, Leaf], "not one below the other");
}

#[test]
fn a_response_s_id_joins_what_hangs_together_unknown() {
    let with_response = |draft: Draft| draft.text("gen_ai_response_id", "r1");
    let wrapper = with_response(Draft::llm(1, 0, 0, 100).model("alias"));
    let client = with_response(Draft::llm(2, 9, 1, 99).model("m").counts(5, 6));
    assert_eq!(judge(&[&[&client], &[&wrapper]]), [Duplicate(id(2)), Leaf]);
    assert_eq!(judge(&[&[&wrapper], &[&client]]), [Leaf, Duplicate(id(1))]);
    // A cache may give two calls one answer; these are known to stand beside each other.
    let root = Draft::plain(3, 0, 0, 300);
    let first = with_response(Draft::llm(1, 3, 0, 100));
    let second = with_response(Draft::llm(2, 3, 0, 99));
    assert_eq!(judge(&[&[&first, &second, &root]]), [Leaf, Leaf, Leaf]);
    assert_eq!(judge(&[&[&first, &second], &[&root]]), [Leaf, Leaf, Leaf], "one missing parent");
}

#[test]
fn what_a_replica_says_below_our_gateway_is_the_gateway_s_call() {
    let replica = Draft::llm(2, 7, 1, 99).model("m").counts(21, 18);
    let client = Draft::llm(1, 0, 0, 100).model("m").counts(21, 18);
    assert_eq!(judge_below(&[id(7)], &[&[&replica], &[&client]]), [Leaf, Duplicate(id(7))]);
    let own = Draft::llm(3, 0, 0, 1).text("inferscope_vantage_point", "gateway");
    assert!(!own.seen().is_candidate() && own.seen().by_gateway);
}

#[test]
fn a_parent_of_itself_ends_somewhere() {
    let one = Draft::llm(1, 2, 0, 100).model("m");
    let other = Draft::llm(2, 1, 0, 100).model("m");
    let own = Draft::llm(3, 3, 0, 100).model("m");
    assert_eq!(judge(&[&[&one, &other, &own], &[&one]]).len(), 4);
}

#[test]
fn what_was_stored_is_remembered_as_it_was_judged() {
    let outer = Draft::llm(1, 0, 0, 100).model("m").counts(21, 18);
    let middle = Draft::llm(2, 1, 1, 99).model("m").counts(21, 18);
    let inner = Draft::llm(3, 2, 2, 98).model("m").counts(21, 18);
    let mut live = OpenTrace::default();
    let portion = [middle.seen(), inner.seen()];
    let verdicts = live.judge(&portion, |_| false);
    assert_eq!(verdicts, [Duplicate(id(3)), Leaf]);
    let stored: Vec<(Seen, Verdict)> = [middle.row, inner.row]
        .into_iter()
        .zip(verdicts)
        .map(|(mut row, verdict)| {
            settle(&mut row, verdict);
            Seen::of_stored(&row).unwrap()
        })
        .collect();
    let mut restored = OpenTrace::default();
    restored.restore(&stored);
    assert_eq!(restored.judge(&[outer.seen()], |_| false), [Duplicate(id(3))]);
}

/// A tree of spans, each inside its parent's time: some plain, some calls.
fn tree() -> impl Strategy<Value = Vec<Draft>> {
    let node = (any::<prop::sample::Index>(), 0..4_u8, 0..2_u8, 0..3_i64);
    (prop::collection::vec(node, 1..24), any::<bool>()).prop_map(|(nodes, counted)| {
        let mut times: Vec<(i64, i64)> = Vec::new();
        let mut drafts = Vec::new();
        for (at, (parent, kind, model, prompt)) in nodes.into_iter().enumerate() {
            let parent = if at == 0 { None } else { Some(parent.index(at)) };
            let (start, end) = parent.map_or((0, 1 << 40), |parent| times[parent]);
            let third = (end - start) / 3;
            // Two children of one parent overlap, or not.
            let (start, end) = (start + (at as i64 % 2) * third, end - third / 2);
            times.push((start, end));
            let (id, parent) = (at as u8 + 1, parent.map_or(0, |parent| parent as u8 + 1));
            let model = ["m", "n"][usize::from(model)];
            drafts.push(match kind {
                0 => Draft::plain(id, parent, start, end),
                kind => {
                    let draft = Draft::llm(id, parent, start, end).model(model);
                    let word = if kind == 3 { "EMBEDDING" } else { "LLM" };
                    let draft = draft.text("openinference_span_kind", word);
                    if counted { draft.counts(prompt, 7) } else { draft }
                }
            });
        }
        drafts
    })
}

/// The ids of the leaves after all portions.
fn leaves(portions: &[Vec<&Draft>]) -> Vec<SpanId> {
    let mut trace = OpenTrace::default();
    let mut leaves = Vec::new();
    for portion in portions {
        let seen: Vec<Seen> = portion.iter().map(|draft| draft.seen()).collect();
        for (seen, verdict) in seen.iter().zip(trace.judge(&seen, |_| false)) {
            if seen.is_candidate() && verdict == Leaf {
                leaves.push(seen.id);
            }
        }
    }
    leaves.sort_unstable();
    leaves
}

fn cut<'a>(spans: Vec<&'a Draft>, cuts: &[prop::sample::Index]) -> Vec<Vec<&'a Draft>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(spans.len() + 1)).collect();
    at.extend([0, spans.len()]);
    at.sort_unstable();
    at.windows(2).map(|window| spans[window[0]..window[1]].to_vec()).collect()
}

proptest! {
    /// Parents have smaller ids than their children, so from the last to the first every child comes before its
    /// parent. Then it does not matter where the trace is cut into portions, nor how a portion is ordered.
    #[test]
    fn children_before_parents_give_the_same_leaves_in_any_portions(
        drafts in tree(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6), turn: bool,
    ) {
        let whole = leaves(&[drafts.iter().collect()]);
        let mut portions = cut(drafts.iter().rev().collect(), &cuts);
        if turn {
            portions.iter_mut().for_each(|portion| portion.reverse());
        }
        prop_assert_eq!(leaves(&portions), whole);
    }

    /// Spans of one call, one inside the other, that name their response: in any order and portions it counts once.
    #[test]
    fn one_call_counts_once_in_any_order(
        order in Just((1..=6_u8).collect::<Vec<_>>()).prop_shuffle(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let chain: Vec<Draft> = (1..=6)
            .map(|n| {
                let at = i64::from(n);
                Draft::llm(n, n - 1, at, 100 - at).model("m").counts(3, 4).text("gen_ai_response_id", "r")
            })
            .collect();
        let spans = order.iter().map(|n| &chain[usize::from(*n) - 1]).collect();
        prop_assert_eq!(leaves(&cut(spans, &cuts)).len(), 1);
    }

    /// Whatever comes, there is a verdict for each span, and a duplicate is never one of itself.
    #[test]
    fn any_spans_are_judged(
        spans in prop::collection::vec((1..9_u8, 0..9_u8, 0..3_i64, 0..3_i64, any::<bool>()), 0..24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let drafts: Vec<Draft> = spans
            .into_iter()
            .map(|(id, parent, start, length, llm)| {
                if llm { Draft::llm(id, parent, start, start + length).model("m") } else { Draft::plain(id, parent, start, start + length) }
            })
            .collect();
        let mut trace = OpenTrace::default();
        for portion in cut(drafts.iter().collect(), &cuts) {
            let seen: Vec<Seen> = portion.iter().map(|draft| draft.seen()).collect();
            let verdicts = trace.judge(&seen, |_| false);
            prop_assert_eq!(verdicts.len(), seen.len());
            for (seen, verdict) in seen.iter().zip(verdicts) {
                prop_assert_ne!(verdict, Duplicate(seen.id));
            }
        }
    }
}
