//! Archives of checkups: the documents that lie in a folder DATA, and the number that the index beside it gives.

use std::collections::HashMap;

use super::report::{Kind, Tally};

#[derive(Default)]
pub(super) struct Archives {
    documents: HashMap<String, u64>,
    indexes: Vec<(String, u64)>,
}

impl Archives {
    pub(super) fn file(&mut self, shown: &str) {
        let folder = shown.rsplit_once('/').and_then(|(folder, _)| folder.strip_suffix("/DATA"));
        if let Some(folder) = folder {
            match self.documents.get_mut(folder) {
                Some(count) => *count += 1,
                None => drop(self.documents.insert(folder.to_owned(), 1)),
            }
        }
    }

    pub(super) fn index(&mut self, shown: &str, head: &[u8]) {
        let text = String::from_utf8_lossy(head);
        let after = text.split_once("totalRecordCount").and_then(|(_, after)| after.split_once('>'));
        let value =
            after.and_then(|(tag, _)| tag.split_once("value")).and_then(|(_, value)| value.split(['"', '\'']).nth(1));
        // The number may be left out.
        if let Some(count) = value.and_then(|value| value.trim().parse().ok()) {
            self.indexes.push((shown.to_owned(), count));
        }
    }

    pub(super) fn compare(&self, tally: &mut Tally) {
        for (shown, count) in &self.indexes {
            let folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
            if self.documents.get(folder).copied().unwrap_or(0) != *count {
                tally.value_lost(Kind::Files, "index-count-differs", shown, 0);
            }
        }
    }
}
