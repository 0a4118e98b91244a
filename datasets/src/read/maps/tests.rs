#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn every_map_that_ships_is_valid_and_knows_its_own_headers() {
    let maps = Maps::load(&[], &Catalogue::builtin().unwrap()).unwrap();
    assert_eq!(maps.all.len(), BUILTIN.len());
    for (at, map) in maps.all.iter().enumerate() {
        let titles: Vec<String> = map.recognize.iter().map(|any| any[0].clone()).collect();
        let (found, _) = maps.find(&titles).unwrap().unwrap();
        assert_eq!(found, at, "{}", map.name);
        assert!(map.recognize.iter().flatten().all(|header| *header == crate::read::text::narrow(header)));
    }
}
