//! Searches that are ranked.

use super::{NEAR, expected, explain, fill, ids, page, walk};
use crate::Role;
use crate::db::Database;
use crate::testing::TestDatabase;

#[tokio::test]
async fn what_a_search_finds_is_ranked_page_by_page_in_both_directions() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    fill(&owner).await;
    let db = Database::new(database.config.clone(), Role::App);
    let words = "websearch_to_tsquery('english', 'couch or smoke')";
    let both = "to_tsquery('english', 'smok:* & (couch:* | sofa)')";
    for (filter, search, condition) in [
        ("q=couch+or+smoke", words, "true"),
        (
            "q=couch+or+smoke&condition=good&price_cents_min=100",
            words,
            "condition = 'good' and price_cents >= 100",
        ),
        ("q=couch+or+smoke&near=37.9,-121.3", words, "true"),
        ("q=couch*+smok*", "to_tsquery('english', 'couch:* & smok:*')", "true"),
        ("q=couch+or+sofa+smok*", both, "true"),
    ] {
        for (sort, direction) in [("relevance", "asc"), ("-relevance", "desc")] {
            let condition = format!("search @@ {search} and {condition}");
            let order = format!("ts_rank(search, {search}) {direction}, id {direction}");
            let expected = expected(&owner, &condition, &order).await;
            assert!(expected.len() > 20, "{filter}");
            let walked = walk(&db, &format!("{filter}&sort={sort}&limit=83")).await;
            assert_eq!(ids(&walked), expected, "{filter}, {sort}");
        }
    }
}

#[tokio::test]
async fn a_title_counts_more_than_a_description_and_more_words_more_than_few() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    let fill = "insert into listings (source, source_id, title, description, url) values
        ('s', '1', 'Chair', 'Fits a walnut desk', 'http://a'),
        ('s', '2', 'Walnut desk', null, 'http://a'),
        ('s', '3', 'Desktop of walnut', 'Walnut all over', 'http://a'),
        ('s', '4', 'Walnut desk', 'A walnut desk, a desk of walnut', 'http://a')";
    owner.batch_execute(fill).await.expect("fills");
    let db = Database::new(database.config.clone(), Role::App);
    assert_eq!(ids(&page(&db, "q=walnut+desk&sort=-relevance").await.0), [4, 2, 1]);
    assert_eq!(ids(&page(&db, "q=walnut+desk&sort=relevance").await.0), [1, 2, 4]);
    assert_eq!(ids(&page(&db, "q=walnut+desk*&sort=created_at").await.0), [1, 2, 3, 4]);
    assert_eq!(ids(&page(&db, "q=desks&sort=created_at").await.0), [1, 2, 4]);
    assert_eq!(ids(&page(&db, "q=deskt*").await.0), [3]);
    assert_eq!(ids(&page(&db, "q=%22desk+walnut%22").await.0), [0; 0]);
}

#[tokio::test]
async fn a_search_reads_what_it_finds_and_nothing_else() {
    let database = TestDatabase::migrated().await;
    let owner = database.owner().await;
    // As many words as a market has: by them the planner guesses how many a beginning finds.
    let fill = "insert into listings (source, source_id, title, url)
                select 's', i::text, 'word' || i % 400 || case when i % 1000 = 0 then ' lamp' else '' end, 'http://a'
                from generate_series(1, 20000) i";
    owner.batch_execute(fill).await.expect("fills");
    owner.batch_execute("vacuum analyze listings").await.expect("analyzes");
    let db = Database::new(database.config.clone(), Role::App);
    for sort in ["-relevance", "relevance", "-created_at"] {
        for q in ["q=lamp", "q=lam*", &format!("q=lam*&{NEAR}")] {
            let plan = explain(&db, &format!("{q}&sort={sort}")).await;
            assert!(plan.contains("listings_search_idx"), "{q}, {sort}:\n{plan}");
        }
    }
}
