//! The earlier system's score, kept so that both can be compared on any data.

use crate::values::Condition;

/// What the earlier score looks at; no comparable sale is among it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Earlier<'a> {
    pub title: &'a str,
    /// In whole units; 0 is free.
    pub price: f64,
    pub condition: Option<Condition>,
    pub age_hours: f64,
    /// From the earlier system's one place; `None` counted as there.
    pub miles: Option<f64>,
    pub has_photo: bool,
}

/// Where the earlier system stood: San José, latitude and longitude.
pub const EARLIER_PLACE: (f64, f64) = (37.3382, -121.8863);

const KEYWORDS: [&str; 4] = ["couch", "sofa", "sectional", "kitchen island"];

/// 0 to 100, of two decimals.
pub fn deal_score_v1(earlier: &Earlier<'_>) -> f64 {
    let price = if earlier.price <= 0.0 { 1.0 } else { (1.0 - earlier.price / 300.0).max(0.0) };
    let condition = match earlier.condition {
        Some(Condition::Poor) => 0.1,
        Some(Condition::Fair) => 0.3,
        None => 0.5,
        Some(Condition::Good) => 0.6,
        Some(Condition::Great) => 0.8,
        Some(Condition::Excellent) => 1.0,
    };
    // What lies in the future counted as more than fresh.
    let recency = (1.0 - earlier.age_hours.max(0.0) / 72.0).max(0.0);
    let distance = (1.0 - earlier.miles.unwrap_or(0.0) / 50.0).max(0.0);
    let photo = if earlier.has_photo { 1.0 } else { 0.5 };
    let title = earlier.title.to_lowercase();
    let keyword = if KEYWORDS.iter().any(|keyword| title.contains(keyword)) { 0.1 } else { 0.0 };
    let sum = 3.0 * price + 2.0 * condition + 2.0 * recency + distance + photo + keyword;
    ((sum / 9.0 * 100.0).min(100.0) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_earlier_system_said() {
        let fresh = Earlier {
            title: "Couch",
            price: 0.0,
            condition: Some(Condition::Good),
            age_hours: 0.0,
            miles: Some(0.0),
            has_photo: true,
        };
        for (price, score) in
            [(0.0, 92.22), (25.0, 89.44), (50.0, 86.67), (75.0, 83.89), (100.0, 81.11), (150.0, 75.56)]
        {
            assert_eq!(deal_score_v1(&Earlier { price, ..fresh }), score, "good, {price}");
        }
        let excellent = Earlier { condition: Some(Condition::Excellent), ..fresh };
        for (price, score) in [(0.0, 100.0), (50.0, 95.56), (100.0, 90.0), (150.0, 84.44)] {
            assert_eq!(deal_score_v1(&Earlier { price, ..excellent }), score, "excellent, {price}");
        }
        let without_photo = Earlier { age_hours: 1.0, miles: Some(5.0), has_photo: false, ..fresh };
        assert_eq!(deal_score_v1(&without_photo), 85.25);
        // Noted as without a keyword; by the formula that figure has the keyword's tenth.
        let far = Earlier { price: 150.0, age_hours: 12.0, miles: Some(25.0), ..fresh };
        assert_eq!(deal_score_v1(&far), 66.3);
        assert_eq!(deal_score_v1(&Earlier { title: "Desk", ..far }), 65.19);
    }
}
