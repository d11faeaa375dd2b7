//! Deals that may be one and the same item as others.

use crate::Result;
use crate::db::Database;
use crate::db::columns::Columns;
use crate::valuation::{Posting, Title};

/// Of each of these products in its square of the map as many; the newest.
const MOST: i64 = 100;

/// A deal, with the product and the square of the map that it was found by.
#[derive(Debug)]
pub struct PostedDeal {
    pub product: String,
    pub cell: i32,
    pub cluster_id: Option<i64>,
    pub posting: Posting,
}

/// Deals of these products.
pub async fn postings(db: &Database, products: &[(&str, i32)]) -> Result<Vec<PostedDeal>> {
    let sql = "select product, cell, found.* from unnest($1::text[], $2::int4[]) wanted (product, cell)
               cross join lateral (
                   select cluster_id, listings.id, source, title, price_cents, condition::text, lat, lng
                   from deals join listings on listings.id = deals.listing_id
                   where deals.product = wanted.product and deals.cell = wanted.cell
                       and available and price_cents is not null and lat is not null
                   order by deals.listing_id desc
                   limit $3) found";
    let (names, cells): (Vec<&str>, Vec<i32>) = products.iter().copied().unzip();
    let rows = db.read(sql, &[&names, &cells, &MOST]).await?;
    let read = |row: &tokio_postgres::Row| {
        let mut columns = Columns::of(row);
        let product = columns.take::<&str>().to_owned();
        let cell = columns.take();
        let cluster_id = columns.take();
        let listing_id = columns.take();
        let source = columns.take::<&str>().to_owned();
        let title = Title::read(columns.take());
        let price_cents = columns.take();
        let condition: Option<&str> = columns.take();
        let place = (columns.take(), columns.take());
        let condition = condition.map(|name| name.parse().expect("the enum has no other"));
        let posting = Posting { listing_id, source, title, price_cents, condition, place };
        PostedDeal { product, cell, cluster_id, posting }
    };
    Ok(rows.iter().map(read).collect())
}
