mod fitted;

use super::estimate::{location, quantile};
use super::*;
use crate::testing::random::Random;

const TODAY: f64 = 20_000.0;
const CONDITIONS: [Option<Condition>; 6] = [
    None,
    Some(Condition::Poor),
    Some(Condition::Fair),
    Some(Condition::Good),
    Some(Condition::Great),
    Some(Condition::Excellent),
];
const TITLES: [&str; 6] = [
    "Norvik Tallo T40 lamp 40 cm",
    "norvik tallo t-40 lamp, like new",
    "Norvik Hemna H7 sofa",
    "Acme Rocket R5 64GB",
    "ACME rocket r5 64 gb (black)",
    "Acme Rocket R5 256GB",
];

/// Random markets.
fn each_market(mut check: impl FnMut(&mut Random, Vec<Comp<'static>>)) {
    let mut random = Random::with_a_new_seed();
    for _ in 0..200 {
        let count = between(&mut random, 1, 60);
        let comps = (1..=count).map(|id| comp(&mut random, id)).collect();
        check(&mut random, comps);
    }
}

fn between(random: &mut Random, first: i64, end: i64) -> i64 {
    first + random.below((end - first) as usize) as i64
}

/// 0 to 1.
fn share(random: &mut Random) -> f64 {
    (random.below(1_000_000) + 1) as f64 / 1e6
}

fn comp(random: &mut Random, id: i64) -> Comp<'static> {
    Comp {
        id,
        price_cents: between(random, 500, 200_000),
        condition: random.one_of(&CONDITIONS),
        kind: if random.below(10) < 3 { CompKind::Asking } else { CompKind::Sold },
        day: TODAY - 400.0 * share(random),
        place: (random.below(2) == 0).then_some((37.0, -122.0)),
        ..of_title(random.one_of(&TITLES), "things")
    }
}

/// Sold ten days ago.
fn of_title(title: &str, category: &str) -> Comp<'static> {
    Comp {
        id: 0,
        title: title.to_owned().into(),
        reading: Title::read(title),
        category: category.to_owned().into(),
        price_cents: 20_000,
        currency: "USD".into(),
        condition: None,
        kind: CompKind::Sold,
        day: TODAY - 10.0,
        place: None,
    }
}

fn subject(random: &mut Random) -> Subject {
    Subject {
        title: random.one_of(&TITLES).into(),
        category: None,
        condition: random.one_of(&CONDITIONS),
        currency: "USD".into(),
        place: (random.below(2) == 0).then_some((40.0, -100.0)),
    }
}

fn value(comps: &[Comp<'_>], subject: &Subject, model: &Model) -> Result<Estimate, Unvalued> {
    let catalog = Catalog::new(comps);
    estimate(subject, &catalog.candidates(subject, model, TODAY), model, TODAY)
}

fn judge(price_cents: i64, estimate: &Estimate, model: &Model) -> Score {
    let ask = Ask { price_cents: Some(price_cents), ..Ask::default() };
    score(&ask, estimate, model).expect("there is a price")
}

#[test]
fn a_lower_ask_never_lowers_the_score_until_it_is_too_good_to_be_true() {
    each_market(|random, comps| {
        let model = fit(&comps, TODAY);
        let Ok(estimate) = value(&comps, &subject(random), &model) else { return };
        let mut asks: Vec<i64> = (0..100).map(|_| between(random, 2, 400_000)).collect();
        asks.sort_unstable();
        let scores = asks.iter().map(|&ask| judge(ask, &estimate, &model));
        let judged: Vec<f64> =
            scores.filter(|score| score.band != Band::Verify).map(|score| score.value).collect();
        assert!(judged.windows(2).all(|pair| pair[0] >= pair[1]), "{judged:?}");
        assert!(judged.iter().all(|score| (0.0..=100.0).contains(score)));
    });
}

#[test]
fn a_better_condition_never_lowers_the_fair_price() {
    each_market(|random, comps| {
        let model = fit(&comps, TODAY);
        let subject = subject(random);
        let fair = CONDITIONS[1..].iter().map(|&condition| {
            let subject = Subject { condition, ..subject.clone() };
            value(&comps, &subject, &model).map(|estimate| estimate.ln_fair_price)
        });
        let fair: Vec<f64> = fair.flatten().collect();
        assert!(fair.windows(2).all(|pair| pair[0] <= pair[1]), "{fair:?}");
    });
}

#[test]
fn a_market_of_other_prices_judges_alike() {
    each_market(|random, comps| {
        let (subject, times) = (subject(random), between(random, 2, 50));
        let mut dearer = comps.clone();
        dearer.iter_mut().for_each(|comp| comp.price_cents *= times);
        let (model, other) = (fit(&comps, TODAY), fit(&dearer, TODAY));
        let (Ok(one), Ok(other_value)) = (value(&comps, &subject, &model), value(&dearer, &subject, &other))
        else {
            return;
        };
        let ask = between(random, 2_001, 60_000);
        let (one, other) = (judge(ask, &one, &model), judge(ask * times, &other_value, &other));
        if one.band != Band::Verify && other.band != Band::Verify {
            assert!((one.value - other.value).abs() < 1e-6, "{one:?} {other:?}");
        }
    });
}

/// The comp at a weighted quantile, or its neighbour; none beyond the first and the last.
fn comp_at(sorted: &[(f64, f64)], probability: f64, neighbour: isize) -> Option<f64> {
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let mut before = 0.0;
    let at = sorted.iter().position(|(_, weight)| {
        before += weight;
        before >= probability * total
    });
    let at = at.unwrap_or(sorted.len() - 1).checked_add_signed(neighbour)?;
    sorted.get(at).map(|(price, _)| *price)
}

/// Between two comps the median is interpolated, and so it may lie up to the next comp beyond those quantiles.
#[test]
fn one_more_comp_leaves_the_median_next_to_the_quantiles_that_are_its_weight_apart() {
    each_market(|random, comps| {
        let sort = |prices: &mut Vec<(f64, f64)>| prices.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut prices: Vec<(f64, f64)> =
            comps.iter().map(|comp| (comp.price_cents as f64, share(random))).collect();
        let mut more = prices.clone();
        let weight = share(random);
        more.push((1e6 * share(random), weight));
        sort(&mut prices);
        sort(&mut more);
        let apart = weight / prices.iter().map(|(_, weight)| weight).sum::<f64>();
        if apart < 0.5 {
            let moved = quantile(&more, 0.5);
            let low = comp_at(&prices, 0.5 - apart, -1).unwrap_or(f64::NEG_INFINITY);
            let high = comp_at(&prices, 0.5 + apart, 1).unwrap_or(f64::INFINITY);
            assert!(low <= moved && moved <= high, "{low} {moved} {high}");
        }
    });
}

#[test]
fn a_wrong_comp_moves_the_price_by_its_weight_and_not_by_how_wrong_it_is() {
    let mut random = Random::with_a_new_seed();
    for _ in 0..1_000 {
        let count = between(&mut random, 1, 30);
        let mut comps: Vec<(f64, f64)> =
            (0..count).map(|_| (9.0 + 0.1 * share(&mut random), 0.1 + share(&mut random))).collect();
        let others: f64 = comps.iter().map(|(_, weight)| weight).sum();
        let right = location(&mut comps, 0.25);
        let weight = 0.5 * others * share(&mut random);
        let wrong = if random.below(2) == 0 { 9.0 - 30.0 } else { 9.0 + 30.0 };
        comps.push((wrong, weight));
        let moved = (location(&mut comps, 0.25) - right).abs();
        assert!((moved - 0.25 * weight / others).abs() < 1e-5, "{moved}: {comps:?}");
    }
}

#[test]
fn the_evidence_makes_the_price_and_the_same_evidence_the_same_price_to_the_bit() {
    each_market(|random, mut comps| {
        let (model, subject) = (fit(&comps, TODAY), subject(random));
        let Ok(first) = value(&comps, &subject, &model) else { return };
        let mut prices: Vec<_> = first.evidence.iter().map(|of| (of.ln_adjusted, of.weight)).collect();
        let price = location(&mut prices, first.pull_limit);
        assert_eq!(price.to_bits(), first.ln_fair_price.to_bits());
        comps.reverse();
        assert_eq!(value(&comps, &subject, &model).as_ref(), Ok(&first), "in any order");
        let named = |evidence: &Evidence| comps.iter().find(|comp| comp.id == evidence.comp_id);
        let named: Vec<&Comp<'_>> = first.evidence.iter().filter_map(named).collect();
        let usual = first.usual.clone();
        let again = reproduce(&subject, &named, &usual, &model, TODAY);
        assert_eq!(again, Ok(first), "from the evidence alone");
        let stored = serde_json::to_string(&model.parameters).expect("is JSON");
        let read = Model {
            version: 0,
            parameters: serde_json::from_str(&stored).expect("reads"),
            term_weights: TermWeights::from_bytes(&model.term_weights.to_bytes()),
        };
        assert_eq!(read, model, "what is stored is what was fitted");
    });
}

#[test]
fn another_product_is_no_comp_and_another_variant_only_where_there_is_no_other() {
    let model = Model::unfitted();
    let comp = |id, title: &str, price_cents| Comp { id, price_cents, ..of_title(title, "phones") };
    let comps = [
        comp(1, "Acme Rocket R5 64GB", 20_000),
        comp(2, "Acme Rocket R5 256GB", 40_000),
        comp(3, "Case for Acme Rocket R5 64GB", 1_000),
        comp(4, "Acme Rocket R6 64GB", 90_000),
        comp(5, "Acme Rocket R5 64GB for parts", 3_000),
        Comp { currency: "EUR".into(), ..comp(6, "Acme Rocket R5 64GB", 1) },
        Comp { day: TODAY - 731.0, ..comp(7, "Acme Rocket R5 64GB", 1) },
        Comp { day: TODAY - 366.0, ..comp(8, "Acme Anvil A7", 5_000) },
    ];
    let of = |title: &str| {
        let subject = Subject { title: title.into(), currency: "USD".into(), ..Subject::default() };
        value(&comps, &subject, &model)
            .map(|estimate| (estimate.evidence.iter().map(|e| e.comp_id).collect(), estimate.grounds))
    };
    assert_eq!(of("acme rocket R5 64 gb"), Ok((vec![1], Grounds::TheThingItself)));
    assert_eq!(of("acme rocket R5 128 gb"), Ok((vec![2, 1], Grounds::SiblingsAlone)));
    assert_eq!(of("Acme Rocket R5 case"), Ok((vec![3], Grounds::PerhapsSiblings)));
    assert_eq!(of("Acme Rocket R7 64GB"), Err(Unvalued::NoComparableSales));
    assert_eq!(of("Acme Anvil A7"), Err(Unvalued::NoComparableSales), "none within a year");
    assert_eq!(of("Looking for Acme Rocket R5"), Err(Unvalued::NothingNamed));
}

#[test]
fn a_comp_of_another_category_is_of_the_same_thing_where_more_than_a_short_name_of_a_model_is_told() {
    let model = Model::unfitted();
    let comp = |id, title: &str, category: &str| Comp { id, ..of_title(title, category) };
    let comps = [
        comp(1, "Ostby Fjord 8", "vacuums"),
        comp(2, "Fjord 8", "vacuums"),
        comp(3, "Ostby Fjord 8", "synthesizers"),
        comp(4, "Fjord 8", "synthesizers"),
        comp(5, "Fairphone 5", "phones"),
    ];
    let of = |title: &str, category: Option<&str>| {
        let subject = Subject { category: category.map(str::to_owned), ..in_good_condition(title) };
        let estimate = value(&comps, &subject, &model).expect("has comps");
        let mut ids: Vec<i64> = estimate.evidence.iter().map(|evidence| evidence.comp_id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(of("Ostby Fjord 8", Some("vacuums")), [1, 2, 3], "3 may be in the wrong one");
    assert_eq!(of("Fjord 8", Some("vacuums")), [1, 2]);
    assert_eq!(of("Ostby Fjord 8", None), [1, 2, 3, 4]);
    assert_eq!(
        of("Fairphone 5", Some("electronics>phones")),
        [5],
        "marketplaces name categories differently"
    );
}

#[test]
fn what_is_too_good_to_be_true_is_to_be_verified_and_free_is_worth_what_it_saves() {
    let model = Model::unfitted();
    let comps: Vec<Comp<'static>> = (1..=9)
        .map(|id| Comp {
            id,
            price_cents: 50_000 + id,
            condition: Some(Condition::Good),
            day: TODAY - id as f64,
            ..of_title(TITLES[2], "sofas")
        })
        .collect();
    let value = value(&comps, &in_good_condition(TITLES[2]), &model).expect("is valued");
    for ask in [0, 1, 100, 123, 12_300, 1_234, 123_400, 999_900, 111_100, 5_000, 15_000] {
        let judged = judge(ask, &value, &model);
        assert_eq!((judged.band, judged.value), (Band::Verify, 0.0), "{ask}");
    }
    let bands = [20_000, 30_000, 48_000, 65_000, 150_000].map(|ask| judge(ask, &value, &model).band);
    assert_eq!(bands, [Band::Great, Band::Good, Band::Fair, Band::High, Band::Overpriced]);
    let free = Ask { price_cents: Some(0), said_to_be_free: true, ..Ask::default() };
    let free = score(&free, &value, &model).expect("has a price");
    assert!(free.band == Band::Great && free.value < 100.0, "{free:?}");
    assert_eq!(score(&Ask::default(), &value, &model), None);
    let broken = Ask { price_cents: Some(20_000), said_to_be_broken: true, ..Ask::default() };
    let broken = score(&broken, &value, &model).expect("has a price");
    assert_eq!((broken.band, broken.value), (Band::Verify, 0.0));
}

fn in_good_condition(title: &str) -> Subject {
    Subject {
        title: title.into(),
        condition: Some(Condition::Good),
        currency: "USD".into(),
        ..Subject::default()
    }
}

/// A recent sale, for the price or up to a tenth more or less.
fn sold(random: &mut Random, title: &str, category: &str, price_cents: f64) -> Comp<'static> {
    Comp {
        price_cents: (price_cents * (0.9 + 0.2 * share(random))) as i64,
        condition: Some(Condition::Good),
        day: TODAY - 100.0 * share(random),
        ..of_title(title, category)
    }
}

#[test]
fn a_size_that_was_misread_moves_a_price_by_a_factor_of_seven_at_the_most() {
    let mut random = Random::with_a_new_seed();
    let mut model = Model::unfitted();
    model.parameters.market.slopes.insert("length".into(), 1.2);
    let comps = [sold(&mut random, "Acme DCD-38 3600 inch", "monitors", 20_000.0)];
    let estimate = value(&comps, &in_good_condition("Acme DCD-38 32 inch"), &model).expect("is valued");
    let times = comps[0].price_cents as f64 / estimate.fair_price_cents as f64;
    assert!((times - 2_f64.exp()).abs() < 0.1, "{times}");
}

#[test]
fn where_comps_disagree_a_bargain_is_less_sure_and_the_reasons_say_so() {
    let model = Model::unfitted();
    let mut random = Random::with_a_new_seed();
    let mut of = |prices: [f64; 4]| {
        let comps: Vec<Comp<'static>> = (1..)
            .zip(prices)
            .map(|(id, price)| Comp { id, ..sold(&mut random, "Acme R12", "phones", price) })
            .collect();
        let estimate = value(&comps, &in_good_condition("Acme R12"), &model).expect("is valued");
        let score = judge(estimate.fair_price_cents * 6 / 10, &estimate, &model);
        ((estimate.high_cents as f64 / estimate.low_cents as f64).ln(), score)
    };
    let (sure, bargain) = of([20_000.0; 4]);
    let (unsure, perhaps) = of([10_000.0, 10_000.0, 40_000.0, 40_000.0]);
    assert!(unsure > 1.1 * sure && perhaps.value < bargain.value, "{sure} {unsure} {bargain:?} {perhaps:?}");
    assert_eq!(bargain.reasons.last().map(String::as_str), Some("4 comparable sales"));
    assert_eq!(perhaps.reasons.last().map(String::as_str), Some("4 comparable sales that disagree"));
}

#[test]
fn a_model_of_a_release_before_still_values() {
    let mut stored = serde_json::to_value(Model::unfitted().parameters).expect("is JSON");
    let parameters = stored.as_object_mut().expect("is an object");
    parameters.remove("noise");
    parameters["market"].as_object_mut().expect("is an object").remove("slopes");
    parameters["residuals"].as_array_mut().expect("is an array").truncate(12);
    let read: Parameters = serde_json::from_value(stored).expect("is readable");
    assert_eq!(read.completed(), Model::unfitted().parameters);
}
