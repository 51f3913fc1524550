//! Files as the store writes them, for tests: its columns, encodings and statistics.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// The schema that the store's files have.
const SCHEMA: &str = "message ParquetMetricRow {
    REQUIRED BYTE_ARRAY cluster (STRING);
    REQUIRED BYTE_ARRAY hostname (STRING);
    REQUIRED BYTE_ARRAY metric (STRING);
    REQUIRED BYTE_ARRAY scope (STRING);
    REQUIRED BYTE_ARRAY scope_id (STRING);
    REQUIRED INT64 timestamp;
    REQUIRED INT64 frequency;
    REQUIRED FLOAT value;
}";

/// A row, of the cluster whose folder the file is in.
#[derive(Clone, Debug)]
pub(crate) struct TestRow {
    pub(crate) host: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) id: &'static str,
    pub(crate) time: i64,
    pub(crate) step: i64,
    pub(crate) value: f32,
}

/// `n` values of metric `m` of a host, the first at `start`, a minute apart: value k is `first + k`.
pub(crate) fn minutes(host: &'static str, start: i64, n: i64, first: f32) -> Vec<TestRow> {
    let row = |k: i64| TestRow {
        host,
        metric: "m",
        scope: "node",
        id: "",
        time: start + 60 * k,
        step: 60,
        value: first + k as f32,
    };
    (0..n).map(row).collect()
}

/// Three hosts that report from different seconds on, through two snapshots that begin at `begin` and 601 s later: what the store
/// makes of them in one file. Sample k of a host is taken at its first time + 60·k and has the value k.
pub(crate) fn two_snapshots(begin: i64) -> Vec<Vec<TestRow>> {
    let host = |name: &'static str, first: i64| {
        let second = begin + 601;
        let mut rows = minutes(name, first, (second - first + 59) / 60, 0.0);
        // The grid of the second snapshot begins where it does; it holds the sample whose slot contains its time.
        let k = (second - (first - 30)).div_euclid(60);
        rows.extend(minutes(name, second, 5, k as f32));
        rows
    };
    vec![
        host("g", begin + 7),
        host("h", begin + 18),
        host("i", begin + 41),
    ]
}

/// Writes a file with these groups of rows.
pub(crate) fn write(path: &Path, groups: &[Vec<TestRow>]) {
    write_with(path, groups, EnabledStatistics::Chunk);
}

/// Writes a file with or without statistics.
pub(crate) fn write_with(path: &Path, groups: &[Vec<TestRow>], statistics: EnabledStatistics) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(statistics)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()));
    for text in ["cluster", "hostname", "metric", "scope", "scope_id"] {
        properties = properties
            .set_column_encoding(ColumnPath::from(text), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    for number in ["timestamp", "frequency", "value"] {
        properties = properties.set_column_encoding(ColumnPath::from(number), Encoding::PLAIN);
    }
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let cluster = path.parent().unwrap().file_name().unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        texts(&mut group, rows, |_| cluster.to_str().unwrap());
        texts(&mut group, rows, |r| r.host);
        texts(&mut group, rows, |r| r.metric);
        texts(&mut group, rows, |r| r.scope);
        texts(&mut group, rows, |r| r.id);
        for number in [|r: &TestRow| r.time, |r: &TestRow| r.step] {
            let values: Vec<i64> = rows.iter().map(number).collect();
            let mut column = group.next_column().unwrap().unwrap();
            let typed = column.typed::<Int64Type>();
            typed.write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        let values: Vec<f32> = rows.iter().map(|r| r.value).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<FloatType>();
        typed.write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[TestRow],
    text: impl Fn(&TestRow) -> &'a str,
) {
    let values: Vec<ByteArray> = rows.iter().map(|r| ByteArray::from(text(r))).collect();
    let mut column = group.next_column().unwrap().unwrap();
    let typed = column.typed::<ByteArrayType>();
    typed.write_batch(&values, None, None).unwrap();
    column.close().unwrap();
}
