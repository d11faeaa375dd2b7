//! The feed's one statement.
//!
//! Deals come by their final rank: `rank` less what it costs to be far. Without a place that is one index. Around a place
//! it is the merge of a stream for each cell nearby, in which the index has the final order, and of one for all that is
//! elsewhere, so that a page costs the same whatever the market's size.

use crate::db::listings;
use crate::db::query::Query;
use crate::http::PageRequest;
use crate::valuation::Band;
use crate::values::{Cents, Place, Text};
use crate::{Error, Result};

use super::Filter;
use super::map::{LARGEST_PENALTY, Neighbourhood};
use super::preferences::Preferences;

/// As many listings as have one of the wanted keywords are looked at one by one. When there are more, there are enough
/// to be met in the order of rank.
const MOST_BY_KEYWORD: usize = 2000;

/// Enough to know what is good around here, as long as twice a page's rows are read of them together.
const CELLS_SAMPLED: usize = 24;
/// In a smaller circle, at least.
const FEW_CELLS_SAMPLED: usize = 6;

/// What a score's snapshot holds that a deal does not tell.
const UNTOLD: &str = "'{comps,usual,ask_cents,currency,band,model,as_of}'::text[]";

/// Values that a request and its caller's preferences imply, kept for as long as the statement refers to them.
pub struct Feed<'r> {
    category: Option<&'r Text<1, 120>>,
    band: Option<Band>,
    min_score: Option<f64>,
    max_price_cents: Option<Cents>,
    place: Option<Vec<f64>>,
    chord: Option<f64>,
    neighbourhood: Neighbourhood,
    preferences: Preferences<'r>,
}

impl<'r> Feed<'r> {
    /// # Errors
    /// 400 for a radius around nowhere.
    pub fn of(filter: &'r Filter, preferences: Preferences<'r>) -> Result<Feed<'r>> {
        // A radius of the preferences is one around home.
        let (place, radius) = match filter.near {
            Some(near) => (Some(near), filter.radius_mi),
            None => (preferences.home, filter.radius_mi.or(preferences.radius)),
        };
        if place.is_none() && radius.is_some() {
            return Err(Error::parameter("radius_mi", "needs near, or a home in the preferences"));
        }
        Ok(Feed {
            category: filter.category.as_ref(),
            band: filter.band,
            min_score: filter.min_score,
            max_price_cents: filter.max_price_cents,
            place: place.map(|place: Place| place.vector().to_vec()),
            chord: radius.map(|radius| radius.chord()),
            neighbourhood: place.map(|place| Neighbourhood::of(place, radius)).unwrap_or_default(),
            preferences,
        })
    }

    pub fn query<'a>(&'a self, page: &'a PageRequest<f64>) -> Query<'a> {
        let limit = page.limit.rows_to_fetch();
        let mut query = Query::default();
        query.push("with ");
        if self.place.is_some() {
            let cells = query.bind(&self.neighbourhood.cells);
            let penalties = query.bind(&self.neighbourhood.penalties);
            query.push(&format!(
                "near as materialized (
                     select * from unnest({cells}::int4[], {penalties}::float8[])
                         with ordinality near (cell, penalty, nearness)), "
            ));
        }
        if let Some(keywords) = &self.preferences.keywords_include {
            // Words that mean nothing, such as "the", restrict nothing.
            let keywords = query.bind(keywords);
            query.push(&format!(
                "keywords as materialized (select websearch_to_tsquery('english', {keywords}) as query),
                 wanted as materialized (
                     select id as wanted_id from listings where search @@ (select query from keywords)
                     limit {MOST_BY_KEYWORD} + 1),
                 way as materialized (
                     select count(*) <= {MOST_BY_KEYWORD} and (select numnode(query) > 0 from keywords) as is_by_keyword
                     from wanted), "
            ));
        }
        let (deals, listings) = self.conditions(&mut query);
        let streams = Streams {
            limit,
            is_around: self.place.is_some(),
            has_keywords: self.preferences.keywords_include.is_some(),
            deals,
            listings,
            after: page.position.as_ref().map(|after| (query.bind(&after.key), query.bind(&after.id))),
        };
        match (&self.place, self.neighbourhood.goes_on) {
            (None, _) => query.push(&format!("candidates as (({})", streams.everywhere())),
            (Some(_), false) => query.push(&streams.around("", self.neighbourhood.inside)),
            (Some(_), true) => {
                query.push(&format!("elsewhere as materialized ({}), ", streams.elsewhere()));
                query.push(&streams.around("elsewhere", self.neighbourhood.inside));
            }
        }
        if streams.has_keywords {
            query.push(&format!(" union all ({})", streams.by_keyword()));
        }
        let chord = match &self.place {
            Some(place) => format!("place <-> cube({}::float8[])", query.bind(place)),
            None => "null::float8".into(),
        };
        query.push(&format!(
            ") select {columns}, {chord} as chord, deal_score, deal_band, deal_snapshot, final
             from (select * from candidates order by final desc, deal_id desc limit {limit}) page
             join listings on id = deal_id
             left join (select listing_id as scored_id, (snapshot - {UNTOLD})::text as deal_snapshot
                        from listing_scores
                        where metric = 'deal_score') scored on scored_id = deal_id
             order by final desc, deal_id desc",
            columns = listings::COLUMNS,
        ));
        query
    }

    /// What a row of `deals` must be like, and its row of `listings`.
    fn conditions<'a>(&'a self, query: &mut Query<'a>) -> (String, String) {
        // Written out, so that the band's own index can be used.
        let mut deals = vec![match self.band {
            Some(band) => format!("deals.band = '{}'", band.as_str()),
            None => format!("deals.band <> '{}'", Band::Verify.as_str()),
        }];
        let mut listings = vec!["listings.available".to_owned()];
        if let Some(category) = &self.category {
            deals.push(format!("deals.category = {}", query.bind(category)));
        }
        if let Some(score) = &self.min_score {
            deals.push(format!("deals.score >= {}", query.bind(score)));
        }
        if let Some(most) = &self.max_price_cents {
            listings.push(format!("listings.price_cents <= {}", query.bind(most)));
        } else if let Some(prices) = &self.preferences.max_price_cents {
            let most = format!("({}::jsonb ->> listings.category)::int8", query.bind(prices));
            listings.push(format!("({most} is null or listings.price_cents <= {most})"));
        }
        if let Some(least) = &self.preferences.min_condition {
            // What nobody knows is not good enough.
            listings.push(format!("listings.condition >= {}::text::item_condition", query.bind(least)));
        }
        if let (Some(place), Some(chord)) = (&self.place, &self.chord) {
            let (place, chord) = (query.bind(place), query.bind(chord));
            listings.push(format!("listings.place <-> cube({place}::float8[]) <= {chord}"));
        }
        if self.preferences.keywords_include.is_some() {
            // As a case, of which the planner guesses nothing: it is asked where many match.
            let query = "(select query from keywords)";
            listings
                .push(format!("case numnode({query}) when 0 then true else listings.search @@ {query} end"));
        }
        if let Some(keywords) = &self.preferences.keywords_exclude {
            let query = format!("(select websearch_to_tsquery('english', {}))", query.bind(keywords));
            listings.push(format!("not listings.search @@ {query}"));
        }
        (deals.join(" and "), listings.join(" and "))
    }
}

/// Rows in the order of rank, and how they become candidates for the page.
struct Streams {
    limit: usize,
    is_around: bool,
    has_keywords: bool,
    /// What the rows of `deals` and of `listings` must be like.
    deals: String,
    listings: String,
    /// Placeholders of the final rank and the id that the page before ended with.
    after: Option<(String, String)>,
}

impl Streams {
    /// One index, from the top.
    fn everywhere(&self) -> String {
        self.by_rank("", "0", "0", self.limit)
    }

    /// The first of all by rank. What is elsewhere and not among them comes after each of them, since nothing costs more
    /// than to be elsewhere; those nearby are met in their cells.
    fn elsewhere(&self) -> String {
        let penalty = self.penalty();
        let not_before = self.after(&final_rank(&penalty), "0");
        let ranked = self.by_rank(&not_before, &penalty, &LARGEST_PENALTY.to_string(), self.limit);
        format!("select * from ({ranked}) ranked where not exists (select from near where cell = deal_cell)")
    }

    /// The first of each cell nearby. A few from the middle tell, well enough, from where on nothing can be on the page
    /// any more: so that of a full cell only little is read, and little in vain at the edge of a circle.
    fn around(&self, elsewhere: &str, inside: usize) -> String {
        // By few steps: each makes another statement, which is to be prepared and planned.
        let (sampled, of_each) = match inside {
            CELLS_SAMPLED.. => (CELLS_SAMPLED, (2 * self.limit).div_ceil(CELLS_SAMPLED)),
            FEW_CELLS_SAMPLED.. => (FEW_CELLS_SAMPLED, (2 * self.limit).div_ceil(FEW_CELLS_SAMPLED)),
            _ => (1, self.limit),
        };
        let in_cell = "and deals.cell = near.cell";
        let in_bound = format!("{in_cell} and deals.rank >= bound.least + near.penalty");
        let first = self.by_rank(in_cell, "near.penalty", "near.penalty", of_each);
        let nearby = self.by_rank(&in_bound, "near.penalty", "near.penalty", self.limit);
        let (best, all) = match elsewhere {
            "" => (String::new(), String::new()),
            _ => (
                format!("select final from {elsewhere} union all "),
                format!("select * from {elsewhere} union all "),
            ),
        };
        let last = self.limit - 1;
        format!(
            "bound as materialized (
                 select coalesce((
                     select final from (
                         {best}select first.final from near cross join lateral ({first}) first
                         where near.nearness <= {sampled}) sample
                     order by final desc offset {last} limit 1), '-infinity') as least),
             candidates as ({all}
                 select nearby.* from bound cross join near cross join lateral ({nearby}) nearby"
        )
    }

    /// When few listings have one of the wanted keywords: all of those.
    fn by_keyword(&self) -> String {
        let Streams { limit, deals, listings, .. } = self;
        let penalty = self.penalty();
        let final_rank = final_rank(&penalty);
        format!(
            "select {candidate} from wanted
             cross join lateral (select * from deals where listing_id = wanted_id limit 1) deals
             {its_listing}
             where (select is_by_keyword from way) and {deals} and {listings} and {once} {after}
             order by {final_rank} desc, deals.listing_id desc limit {limit}",
            candidate = candidate(&penalty),
            its_listing = ITS_LISTING,
            once = self.once(&penalty),
            after = self.after(&final_rank, "0"),
        )
    }

    /// The first by rank. `shift` is what all of the stream may lose of it at the most: nothing that comes after the
    /// page before has a higher rank than that page's end, plus this.
    fn by_rank(&self, condition: &str, penalty: &str, shift: &str, limit: usize) -> String {
        let Streams { deals, listings, .. } = self;
        let way = if self.has_keywords { "and not (select is_by_keyword from way)" } else { "" };
        format!(
            "select {candidate} from deals {its_listing}
             where {deals} and {listings} and {once} {condition} {after} {way}
             order by deals.rank desc, deals.listing_id desc limit {limit}",
            candidate = candidate(penalty),
            its_listing = ITS_LISTING,
            after = self.after("deals.rank", shift),
            once = self.once(penalty),
        )
    }

    fn after(&self, rank: &str, shift: &str) -> String {
        self.after.as_ref().map_or_else(String::new, |(key, id)| {
            format!("and ({rank}, deals.listing_id) < ({key}::float8 + {shift}, {id}::int8)")
        })
    }

    /// Of a cluster, the one that comes first of those that match.
    fn once(&self, penalty: &str) -> String {
        let of_other = |text: &str| text.replace("deals.", "other.").replace("listings.", "others.");
        format!(
            "(deals.cluster_id is null or not exists (
                 select from deals other join listings others on others.id = other.listing_id
                 where other.cluster_id = deals.cluster_id and {deals} and {listings}
                     and ({final_rank}, other.listing_id) > ({own_rank}, deals.listing_id)))",
            deals = of_other(&self.deals),
            listings = of_other(&self.listings),
            final_rank = of_other(&final_rank(&self.penalty())),
            own_rank = final_rank(penalty),
        )
    }

    /// What it costs to be where a row of `deals` is.
    fn penalty(&self) -> String {
        if !self.is_around {
            return "0".into();
        }
        format!(
            "coalesce((select there.penalty from near there where there.cell = deals.cell), {LARGEST_PENALTY})"
        )
    }
}

fn candidate(penalty: &str) -> String {
    let final_rank = final_rank(penalty);
    format!(
        "deals.listing_id as deal_id, deals.cell as deal_cell, deals.score as deal_score,
         deals.band::text as deal_band, {final_rank} as final"
    )
}

fn final_rank(penalty: &str) -> String {
    format!("deals.rank - {penalty}")
}

/// One by one, from each row of `deals`: the planner cannot know how soon a page is full, and would rather read and sort
/// the whole market.
const ITS_LISTING: &str =
    "cross join lateral (select * from listings where listings.id = deals.listing_id limit 1) listings";

#[cfg(test)]
mod tests;
