//! A frame as a Parquet file, column by column as suits it. Not the reading of one, which is polars'.
//!
//! polars' own writer counts the values of every column to choose its encoding, compresses whatever there is, and makes a new
//! context for every page. What columns hold is known here: numbers and keys come in runs, for which plain values and zstd do
//! as well as a dictionary, and tokens are random bytes, from which nothing can be gained. The rest is encoded as polars would.

use std::io;

use polars::prelude::{CompatLevel, DataFrame, DataType, ParquetWriter, PolarsResult};
use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::compression::Compression;
use polars_parquet::parquet::page::{CompressedDictPage, Page};
use polars_parquet::write::{
    CompressedDataPage, CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FileWriter,
    StatisticsOptions, Version, WriteOptions, array_to_columns, fallible_streaming_iterator, get_dtype_encoding,
};

/// zstd's level: most of what a higher one would gain, dictionaries of columns have gained already.
const ZSTD: i32 = 1;
/// Rows of a group, as polars has them.
const GROUP: usize = 512 * 512;

/// Makes files, one after the other.
pub(super) struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Encoder {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(ZSTD)? })
    }

    /// Appends the file to `to`.
    pub(super) fn write(&mut self, frame: &DataFrame, to: &mut Vec<u8>) -> PolarsResult<()> {
        let mut frame = frame.clone();
        frame.rechunk_mut();
        let first = frame.slice(0, 1).iter_chunks(CompatLevel::newest(), false).next();
        let Some(schema) = first.filter(|first| !first.is_empty()).map(|first| first.schema().clone()) else {
            return ParquetWriter::new(to).finish(&mut frame).map(drop);
        };
        // Nobody looks for rows within a package, so statistics would be work for nothing. How pages are compressed is said by themselves.
        let (statistics, compression) = (StatisticsOptions::empty(), CompressionOptions::Uncompressed);
        let options = WriteOptions { statistics, version: Version::V1, compression, data_page_size: None };
        let mut writer = FileWriter::try_new(to, schema, options)?;
        for at in (0..frame.height()).step_by(GROUP) {
            let part = frame.slice(i64::try_from(at).unwrap_or(i64::MAX), GROUP);
            for batch in part.iter_chunks(CompatLevel::newest(), false) {
                let fields = writer.parquet_schema().fields().to_vec();
                let mut columns: Vec<Vec<CompressedPage>> = Vec::with_capacity(batch.width());
                for ((array, field), column) in batch.columns().iter().zip(fields).zip(frame.columns()) {
                    let (encodings, random) = match column.dtype() {
                        DataType::UInt32 | DataType::UInt64 => (vec![Encoding::Plain], false),
                        DataType::Binary => (vec![Encoding::Plain], true),
                        _ => (get_dtype_encoding(array.dtype()), false),
                    };
                    for pages in array_to_columns(array, field, options, &encodings)? {
                        let pages =
                            pages.map(|page| if random { Ok(plain(page?)) } else { Ok(self.compressed(page?)?) });
                        columns.push(pages.collect::<PolarsResult<_>>()?);
                    }
                }
                let columns = columns.iter().map(|pages| {
                    let pages = fallible_streaming_iterator::convert(pages.iter().map(PolarsResult::Ok));
                    Ok(DynStreamingIterator::new(pages))
                });
                writer.write(batch.len() as u64, DynIter::new(columns))?;
            }
        }
        writer.end(None).map(drop)
    }

    fn compressed(&mut self, page: Page) -> io::Result<CompressedPage> {
        let bytes = self.zstd.compress(bytes(&page))?;
        Ok(packed(page, bytes, Compression::Zstd))
    }
}

fn bytes(page: &Page) -> &[u8] {
    match page {
        Page::Data(page) => page.buffer(),
        Page::Dict(page) => &page.buffer,
    }
}

fn plain(page: Page) -> CompressedPage {
    let bytes = bytes(&page).to_vec();
    packed(page, bytes, Compression::Uncompressed)
}

fn packed(page: Page, packed: Vec<u8>, by: Compression) -> CompressedPage {
    let (size, packed) = (bytes(&page).len(), CowBuffer::Owned(packed));
    match page {
        Page::Data(page) => {
            let (header, rows) = (page.header().clone(), page.num_rows.unwrap_or_default());
            CompressedPage::Data(CompressedDataPage::new(header, packed, by, size, page.descriptor, rows))
        }
        Page::Dict(page) => {
            CompressedPage::Dict(CompressedDictPage::new(packed, by, size, page.num_values, page.is_sorted))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Cursor;

    use polars::prelude::{IntoColumn, NamedFrom, ParquetReader, SerReader, Series};
    use proptest::prelude::*;

    use super::*;

    type Row = (u32, Option<u64>, Option<String>, Option<[u8; 16]>, Option<i64>, Option<bool>);

    proptest! {
        /// Law: polars reads back what was written, whatever its type and however many chunks it has.
        #[test]
        fn comes_back(rows in prop::collection::vec((any::<u32>(), prop::option::of(0_u64..9), prop::option::of("[a-z]{0,14}"), prop::option::of(any::<[u8; 16]>()), prop::option::of(-9_i64..9), prop::option::of(any::<bool>())), 0..400)) {
            let frame = |rows: &[Row]| {
                let tokens: Vec<Option<&[u8]>> = rows.iter().map(|row| row.3.as_ref().map(|token| token.as_slice())).collect();
                let days: Vec<Option<i32>> = rows.iter().map(|row| row.4.map(|day| day as i32)).collect();
                let columns = vec![
                    Series::new("ident".into(), rows.iter().map(|row| row.0).collect::<Vec<_>>()).into_column(),
                    Series::new("key".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>()).into_column(),
                    Series::new("code".into(), rows.iter().map(|row| row.2.clone()).collect::<Vec<_>>()).into_column(),
                    Series::new("token".into(), tokens).into_column(),
                    Series::new("number".into(), rows.iter().map(|row| row.4).collect::<Vec<_>>()).into_column(),
                    Series::new("flag".into(), rows.iter().map(|row| row.5).collect::<Vec<_>>()).into_column(),
                    Series::new("day".into(), days).cast(&DataType::Date).unwrap().into_column(),
                ];
                DataFrame::new(rows.len(), columns).unwrap()
            };
            let mut encoder = Encoder::new().unwrap();
            let (first, rest) = rows.split_at(rows.len() / 3);
            let written = frame(first).vstack(&frame(rest)).unwrap();
            for _ in 0..2 {
                let mut file = Vec::new();
                encoder.write(&written, &mut file).unwrap();
                let read = ParquetReader::new(Cursor::new(file)).finish().unwrap();
                prop_assert!(read.equals_missing(&written));
                prop_assert_eq!(read.schema(), written.schema());
            }
        }
    }

    #[test]
    fn tokens_are_not_compressed_and_keys_are() {
        let tokens: Vec<&[u8]> = vec![&[7; 16]; 1_000];
        let columns = vec![
            Series::new("t_id1".into(), tokens).into_column(),
            Series::new("receipt".into(), vec![u64::MAX / 3; 1_000]).into_column(),
        ];
        let mut file = Vec::new();
        Encoder::new().unwrap().write(&DataFrame::new(1_000, columns).unwrap(), &mut file).unwrap();
        let about = ParquetReader::new(Cursor::new(file)).get_metadata().unwrap().clone();
        let sizes: Vec<(i64, i64)> = about
            .row_groups
            .iter()
            .flat_map(|group| group.parquet_columns())
            .map(|c| (c.compressed_size(), c.uncompressed_size()))
            .collect();
        assert!(matches!(sizes.as_slice(), [(a, b), (c, d)] if a == b && c * 10 < *d), "{sizes:?}");
    }
}
