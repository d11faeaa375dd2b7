//! The map in cells, so that what is near is a few ranges of an index, each in the order of rank.

use crate::values::{Miles, Place};

/// Rows of cells from the south pole to the north pole, a quarter of a degree each: 17 miles.
const ROWS: i32 = 720;
/// Cells of a row along the equator. Towards the poles there are fewer, so that all are about as wide as high.
const MOST_COLUMNS: i32 = 1440;
/// From a cell's centre to its farthest corner, at the most.
const LARGEST_HALF_DIAGONAL_MI: f64 = 15.0;
const MILES_A_DEGREE: f64 = 69.0;

/// What a mile costs, in points of the score.
const POINTS_A_MILE: f64 = 0.2;
/// What is farther, or who knows where, costs no more than this.
pub const LARGEST_PENALTY: f64 = 10.0;
/// So nothing beyond this is worth a range of its own.
const NEAR_MI: f64 = LARGEST_PENALTY / POINTS_A_MILE;
/// Penalties are whole multiples of a fraction of a point: see `rank`.
const PARTS_OF_A_POINT: f64 = 64.0;

/// A circle up to this radius is read cell by cell, so that it costs the same in the desert. In a larger one there is
/// enough to be found among the best of all.
const WIDEST_CIRCLE_MI: f64 = 250.0;

/// The square of the map that a place is in.
pub fn cell(lat: f64, lng: f64) -> i32 {
    let row = row(lat);
    let columns = columns(row);
    // 180 degrees east is 180 degrees west.
    row * MOST_COLUMNS + column(lng, columns).rem_euclid(columns)
}

/// The cells around a place, the nearest first, each with what it costs to be there.
#[derive(Debug, Default, PartialEq)]
pub struct Neighbourhood {
    pub cells: Vec<i32>,
    pub penalties: Vec<f64>,
    /// So many of the first are, by about half or more, of what was asked for.
    pub inside: usize,
    /// Whether what was asked for may be in other cells as well.
    pub goes_on: bool,
}

impl Neighbourhood {
    /// The penalty is the same all over a cell: then the index has the cell's final order.
    pub fn of(place: Place, radius: Option<Miles>) -> Neighbourhood {
        let circle = radius.map(Miles::number).filter(|miles| *miles <= WIDEST_CIRCLE_MI);
        let (lat, lng) = place.degrees();
        let reach = (circle.unwrap_or(NEAR_MI) + LARGEST_HALF_DIAGONAL_MI) / MILES_A_DEGREE;
        let mut cells: Vec<(f64, i32)> = Vec::new();
        for row in row(lat - reach)..=row(lat + reach) {
            let columns = columns(row);
            let farthest = circle.map_or(NEAR_MI, |radius| radius + half_diagonal(row, columns));
            let start = column(lng, columns);
            // East and west, to where both ways end or meet.
            for step in 0..=columns / 2 {
                let (east, west) = (start + step, start - step);
                let both = if (east - west) % columns == 0 { &[east][..] } else { &[east, west] };
                let before = cells.len();
                for column in both {
                    let column = column.rem_euclid(columns);
                    let miles = place.miles_to(center(row, column, columns));
                    if miles < farthest {
                        cells.push((miles, row * MOST_COLUMNS + column));
                    }
                }
                if cells.len() == before {
                    break;
                }
            }
        }
        cells.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let inside = cells.iter().filter(|(miles, _)| *miles <= circle.unwrap_or(NEAR_MI)).count();
        Neighbourhood {
            cells: cells.iter().map(|(_, cell)| *cell).collect(),
            penalties: cells.iter().map(|(miles, _)| penalty(*miles)).collect(),
            // That of the place itself is what there is of a small circle.
            inside: inside.max(1),
            goes_on: circle.is_none(),
        }
    }
}

fn penalty(miles: f64) -> f64 {
    ((miles * POINTS_A_MILE).min(LARGEST_PENALTY) * PARTS_OF_A_POINT).round() / PARTS_OF_A_POINT
}

fn row(lat: f64) -> i32 {
    (((lat + 90.0) / 180.0 * f64::from(ROWS)).floor() as i32).clamp(0, ROWS - 1)
}

fn column(lng: f64, columns: i32) -> i32 {
    ((lng + 180.0) / 360.0 * f64::from(columns)).floor() as i32
}

fn columns(row: i32) -> i32 {
    let across = f64::from(MOST_COLUMNS) * latitude(f64::from(row) + 0.5).to_radians().cos();
    (across.round() as i32).max(1)
}

fn latitude(row: f64) -> f64 {
    row * 180.0 / f64::from(ROWS) - 90.0
}

fn center(row: i32, column: i32, columns: i32) -> Place {
    let lng = (f64::from(column) + 0.5) * 360.0 / f64::from(columns) - 180.0;
    Place::at(latitude(f64::from(row) + 0.5), lng)
}

fn half_diagonal(row: i32, columns: i32) -> f64 {
    let center = Place::at(latitude(f64::from(row) + 0.5), 0.0);
    let corner = |row: i32| Place::at(latitude(f64::from(row)), 180.0 / f64::from(columns));
    center.miles_to(corner(row)).max(center.miles_to(corner(row + 1))) + 0.01
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places over all the earth, the same at each run.
    fn places(count: u64) -> impl Iterator<Item = (f64, f64)> {
        let mut state = 42_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let edges =
            [(90.0, 0.0), (-90.0, 77.0), (0.0, 180.0), (0.0, -180.0), (89.9, 179.99), (-89.99, -180.0)];
        edges.into_iter().chain(
            (0..count).map(move |_| ((next() * 2.0 - 1.0).asin().to_degrees(), next() * 360.0 - 180.0)),
        )
    }

    #[test]
    fn a_cell_is_nowhere_larger_than_was_thought() {
        for row in 0..ROWS {
            assert!(half_diagonal(row, columns(row)) < LARGEST_HALF_DIAGONAL_MI, "row {row}");
        }
        assert_eq!(cell(37.34, 180.0), cell(37.34, -180.0));
        assert_ne!(cell(37.34, -121.89), cell(37.34, -121.5));
    }

    #[test]
    fn all_that_is_in_a_circle_is_in_its_cells() {
        for miles in [1.0, 50.0, 249.0] {
            for (lat, lng) in places(60) {
                let place = Place::at(lat, lng);
                let around = Neighbourhood::of(place, Miles::new(miles));
                assert!(!around.goes_on);
                let mut cells = around.cells.clone();
                cells.sort_unstable();
                cells.dedup();
                assert_eq!(cells.len(), around.cells.len(), "{lat},{lng}: a cell twice");
                assert!(cells.len() < 900, "{lat},{lng}: {}", cells.len());
                for (north, east) in places(200) {
                    // Somewhere in the circle, or a little outside of it.
                    let (north, east) = (
                        lat + north / 90.0 * miles / 60.0,
                        lng + east / 180.0 * miles / 60.0 / lat.to_radians().cos().max(1e-3),
                    );
                    let (north, east) = (north.clamp(-90.0, 90.0), (east + 180.0).rem_euclid(360.0) - 180.0);
                    if place.miles_to(Place::at(north, east)) <= miles {
                        assert!(
                            cells.binary_search(&cell(north, east)).is_ok(),
                            "{lat},{lng} {miles}: {north},{east}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_place_costs_by_the_miles_to_its_cell_and_no_more_than_what_is_far() {
        for (lat, lng) in places(300) {
            let place = Place::at(lat, lng);
            let around = Neighbourhood::of(place, None);
            assert!(
                around.goes_on && (15..60).contains(&around.cells.len()),
                "{lat},{lng}: {}",
                around.cells.len()
            );
            for (north, east) in places(300).chain([(lat, lng), ((lat + 0.3).min(90.0), lng)]) {
                let here = around.cells.iter().position(|near| *near == cell(north, east));
                let penalty = here.map_or(LARGEST_PENALTY, |here| around.penalties[here]);
                let miles = place.miles_to(Place::at(north, east));
                let exact = (miles * POINTS_A_MILE).min(LARGEST_PENALTY);
                assert!(
                    (penalty - exact).abs() < LARGEST_HALF_DIAGONAL_MI * POINTS_A_MILE,
                    "{lat},{lng} {north},{east}: {penalty} {exact}"
                );
                // What is taken off and added again leaves nothing behind.
                let rank = crate::db::deals::rank(91.234_567_8, 20_781.345_6);
                assert_eq!(rank - penalty + penalty, rank);
            }
        }
    }
}
