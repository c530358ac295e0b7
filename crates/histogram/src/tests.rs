use proptest::collection::vec;
use proptest::prelude::*;

use crate::{DecodeError, Histogram, MAX_BUCKETS};

fn of(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::new();
    values.iter().for_each(|value| histogram.observe(*value));
    histogram
}

fn merged(parts: &[&Histogram]) -> Histogram {
    let mut all = Histogram::new();
    parts.iter().for_each(|part| all.merge(part));
    all
}

/// Everything but the sum, whose last bits depend on the order of additions.
fn counts(histogram: &Histogram) -> Histogram {
    Histogram { sum: 0.0, ..histogram.clone() }
}

#[test]
fn nothing_counted_has_no_quantile() {
    let empty = Histogram::new();
    assert_eq!((empty.quantile(0.5), empty.min(), empty.max()), (None, None, None));
    assert_eq!((empty.count(), empty.sum()), (0, 0.0));
    assert_eq!(of(&[f64::NAN, -1.0, f64::INFINITY]), empty, "these are no measurements");
}

#[test]
fn a_power_of_two_closes_its_bucket() {
    // Hand-computed at scale 6: (2^(i/64), 2^((i+1)/64)].
    assert_eq!(of(&[1.0]).buckets, [(-1, 1)]);
    assert_eq!(of(&[2.0]).buckets, [(63, 1)]);
    assert_eq!(of(&[1.000_001]).buckets, [(0, 1)]);
    assert_eq!(of(&[0.5]).buckets, [(-65, 1)]);
    assert_eq!(of(&[3.0]).buckets, [(101, 1)], "log2(3) * 64 = 101.4…");
    assert_eq!(of(&[2.0_f64.sqrt() * 1.000_001]).buckets, [(32, 1)]);
}

#[test]
fn quantiles_follow_the_nearest_rank() {
    let histogram = of(&[0.0, 0.1, 0.2, 0.3, 10.0]);
    let near = |q: f64, exact: f64| {
        let found = histogram.quantile(q).expect("not empty");
        assert!((found - exact).abs() <= exact * 0.0055, "q {q}: {found} is not {exact}");
    };
    [(0.0, 0.0), (0.2, 0.0), (0.21, 0.1), (0.5, 0.2), (0.8, 0.3), (0.81, 10.0), (1.0, 10.0)]
        .iter()
        .for_each(|(q, exact)| near(*q, *exact));
    assert!((histogram.sum() - 10.6).abs() < 1e-12);
    assert_eq!(of(&[0.25]).quantile(0.99), Some(0.25), "one measurement is told exactly");
}

#[test]
fn durations_from_a_microsecond_to_an_hour_keep_their_accuracy() {
    let mut histogram = Histogram::new();
    let mut value = 1e-6;
    while value < 3_600.0 {
        histogram.observe(value);
        value *= 1.005;
    }
    assert!(histogram.relative_error() < 0.0055);
}

#[test]
fn occupied_buckets_are_bounded_over_all_floats() {
    let mut histogram = Histogram::new();
    let mut value = f64::MIN_POSITIVE;
    while value.is_finite() {
        histogram.observe(value);
        value *= 1.01;
    }
    histogram.observe(f64::MAX);
    assert!(histogram.buckets.len() <= MAX_BUCKETS);
    assert_eq!(histogram.buckets.iter().map(|bucket| bucket.1).sum::<u64>(), histogram.count());
    assert!(histogram.quantile(0.5).expect("not empty").is_finite());
    assert_eq!(Histogram::decode(&histogram.encode()), Ok(histogram));
}

#[test]
fn foreign_bytes_are_refused() {
    assert_eq!(Histogram::decode(&[]), Err(DecodeError::Damaged { at: 0 }));
    assert_eq!(Histogram::decode(&[9, 6, 0, 0]), Err(DecodeError::Version(9)));
    let good = of(&[1.0, 2.0]).encode();
    for cut in 0..good.len() {
        assert!(Histogram::decode(&good[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Histogram::decode(&[good.as_slice(), &[0]].concat()).is_err());
    let vast = [&[1, 6, 0, 1, 0][..], &[0xff; 9], &[1], &[0; 24]].concat();
    let vast = Histogram::decode(&vast).expect("a count of 2^64 - 1 is a count");
    assert_eq!(merged(&[&vast, &vast]).count(), u64::MAX, "counts saturate");
}

fn measurement() -> impl Strategy<Value = f64> {
    prop_oneof![1e-6..1e4_f64, Just(0.0), (-1_000..1_000_i32).prop_map(|e| 2_f64.powi(e))]
}

proptest! {
    #[test]
    fn merging_is_associative_and_commutative(a in vec(measurement(), 0..80), b in vec(measurement(), 0..80), c in vec(measurement(), 0..80)) {
        let whole = of(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (of(&a), of(&b), of(&c));
        let left = merged(&[&merged(&[&a, &b]), &c]);
        let right = merged(&[&a, &merged(&[&b, &c])]);
        let turned = merged(&[&c, &b, &a]);
        for other in [&left, &right, &turned] {
            prop_assert_eq!(counts(&whole), counts(other));
        }
    }

    #[test]
    fn merging_over_scales_keeps_every_count(seed in 0..1_000_u32, b in vec(measurement(), 0..50)) {
        let wide: Vec<f64> = (0..3_000).map(|i| 1e-200 * 1.3_f64.powi(i)).filter(|v| v.is_finite()).collect();
        let near: Vec<f64> = (0..3_000_u32).map(|i| 1e-9 * 1.0113_f64.powi(i32::try_from(i + seed).expect("small"))).collect();
        let whole = of(&[wide.clone(), near.clone(), b.clone()].concat());
        let (wide, near, b) = (of(&wide), of(&near), of(&b));
        prop_assert!(near.scale < 6, "the bound was reached");
        let left = merged(&[&merged(&[&b, &wide]), &near]);
        let right = merged(&[&near, &merged(&[&wide, &b])]);
        prop_assert_eq!(counts(&whole), counts(&left));
        prop_assert_eq!(counts(&whole), counts(&right));
    }

    #[test]
    fn quantiles_are_within_one_percent_of_an_exact_sort(mut values in vec(1e-6..1e4_f64, 1..300), q in 0.0..=1.0_f64) {
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let exact = values[rank - 1];
        let found = histogram.quantile(q).expect("not empty");
        prop_assert!((found - exact).abs() <= exact * 0.0055, "{found} is not {exact}");
    }

    #[test]
    fn bytes_bring_back_the_same_histogram(values in vec(measurement(), 0..200)) {
        let histogram = of(&values);
        prop_assert_eq!(Histogram::decode(&histogram.encode()), Ok(histogram));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in vec(any::<u8>(), 0..200), versioned: bool) {
        if versioned && bytes.len() > 1 {
            bytes[0] = 1;
            bytes[1] %= 7;
        }
        if let Ok(mut histogram) = Histogram::decode(&bytes) {
            let copy = histogram.clone();
            histogram.merge(&copy);
            histogram.observe(1.0);
            let _ = histogram.quantile(0.5);
        }
    }
}
