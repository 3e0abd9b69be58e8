//! The floor that ingest is measured against: a bare vectorised zero-copy read of CSV files that
//! checks every record's field count and adds one column exactly.
//!
//! ```console
//! cargo bench --bench floor -- deliveries/*/azure_usage*.csv
//! ```

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use capscore::money::Money;
use simd_csv::ZeroCopyReaderBuilder;

/// The last column of the documented layout.
const AMOUNT: &[u8] = b"ACR_USD";

fn main() -> std::io::Result<()> {
    // Cargo adds `--bench`.
    let files: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sums: Vec<(u64, Money)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut sum = (0, Money::ZERO);
                    while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let (records, amount) = read(file);
                        sum.0 += records;
                        sum.1 += amount;
                    }
                    sum
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let records: u64 = sums.iter().map(|(records, _)| records).sum();
    let amount: Money = sums.iter().map(|(_, amount)| *amount).sum();
    writeln!(
        std::io::stdout(),
        "{} files, {records} records, {amount} USD, {:.3} s",
        files.len(),
        started.elapsed().as_secs_f64()
    )
}

/// Records and amount of one file; a record of another width ends the read.
fn read(file: &str) -> (u64, Money) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the floor uses nothing of the product's reading"
    )]
    let Ok(opened) = File::open(file) else { return (0, Money::ZERO) };
    let mut reader =
        ZeroCopyReaderBuilder::with_capacity(1 << 20).flexible(true).from_reader(opened);
    let Ok(header) = reader.byte_headers() else { return (0, Money::ZERO) };
    let width = header.len();
    let column = header.iter().position(|name| name == AMOUNT).unwrap_or(width - 1);
    let (mut records, mut sum) = (0, Money::ZERO);
    while let Ok(Some(record)) = reader.read_byte_record() {
        if record.len() != width {
            break;
        }
        records += 1;
        let amount = record.unquote(column).unwrap_or_default();
        sum += Money::parse(amount).map_or(Money::ZERO, |(amount, _)| amount);
    }
    (records, sum)
}
