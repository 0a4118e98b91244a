//! Kaplan–Meier curves and the log-rank test from a noisy table of persons by (time bucket, censored or event): post-processing of one
//! release, in which every person is in exactly one place.
//!
//! Within a bucket events come before censorings (Kaplan and Meier 1958); noise enters by the delta method, and is added to Greenwood's
//! variance where the persons are taken as a sample.

use super::Estimate;
use crate::mechanism::normal_tail;

/// One group's table. Bin 2k: censored in bucket k; bin 2k + 1: events in it; the last: those who reached the horizon.
pub(crate) struct Table {
    events: Vec<f64>,
    censored: Vec<f64>,
    at_risk: Vec<f64>,
    /// Standard deviation of the noise of one place.
    sd: f64,
}

impl Table {
    pub(crate) fn new(slots: &[f64], sd: f64) -> Option<Self> {
        let (reached, pairs) = slots.split_last()?;
        let (mut events, mut censored) = (Vec::new(), Vec::new());
        for pair in pairs.chunks_exact(2) {
            censored.push(*pair.first()?);
            events.push(*pair.last()?);
        }
        let mut left = *reached;
        let mut at_risk: Vec<f64> = events
            .iter()
            .zip(&censored)
            .rev()
            .map(|(d, c)| {
                left += d + c;
                left
            })
            .collect();
        at_risk.reverse();
        Some(Self { events, censored, at_risk, sd })
    }

    /// S at the end of a bucket.
    pub(crate) fn estimate(&self, bucket: usize, z: f64) -> Option<Estimate> {
        let curve = self.curve();
        let (value, log) = (*self.monotone(&curve).get(bucket)?, *curve.get(bucket)?);
        let steps: Vec<(f64, f64)> =
            self.events.iter().zip(&self.at_risk).map(|(d, n)| (*d, *n)).take(bucket + 1).collect();
        // Where fewer are at risk than the noise of their number reaches, nothing can be said but that the curve falls.
        let places = (2 * (self.events.len() - bucket) + 1) as f64;
        let blind =
            steps.last().is_none_or(|(d, n)| n - d.max(0.0) < 2.0 * z * self.sd * places.sqrt() + 1.0 && self.sd > 0.0);
        if blind {
            let before = bucket.checked_sub(1).and_then(|before| self.estimate(before, z));
            let high = before.map_or(1.0, |before| before.interval.1);
            let high_population = before.map_or(1.0, |before| before.population.1);
            let value = value.min(high);
            let (interval, population) = ((0.0, high), (0.0, high_population));
            return Some(Estimate { value, sd: high / (2.0 * z), interval, population });
        }
        let greenwood: f64 = steps.iter().map(|(d, n)| d.max(0.0) / (n * (n - d))).filter(|v| v.is_finite()).sum();
        let noise = self.variance(bucket);
        // The noise of a Laplace mechanism has heavier tails than the normal law; ln 20 / √2 / 1.96.
        // And half a step of the lattice: with little noise the law has few values, and its 95% lie at one of them.
        let step = steps.last().map_or(0.0, |(d, n)| if self.sd > 0.0 { 0.5 / (n - d.max(0.0)) } else { 0.0 });
        let reach = 1.09 * z * noise.sqrt() + step;
        let raw = log.exp();
        let interval =
            ((raw * (-reach).exp()).clamp(0.0, 1.0).min(value), (raw * reach.exp()).clamp(0.0, 1.0).max(value));
        let both = (noise * 1.09 * 1.09 + greenwood).sqrt();
        // log(−log S) keeps the interval within 0 and 1 (Kalbfleisch and Prentice 1980).
        let population = if (0.0005..0.9995).contains(&raw) {
            let spread = (z * both / log.abs()).exp();
            (raw.powf(spread), raw.powf(1.0 / spread))
        } else {
            ((raw * (-z * both).exp()).clamp(0.0, 1.0), (raw * (z * both).exp()).clamp(0.0, 1.0))
        };
        let population = (population.0.min(interval.0), population.1.max(interval.1));
        Some(Estimate { value, sd: value * noise.sqrt(), interval, population })
    }

    /// log S at the end of every bucket, as the noisy counts have it.
    fn curve(&self) -> Vec<f64> {
        let mut log = 0.0;
        let steps = self.events.iter().zip(&self.at_risk);
        steps
            .map(|(d, n)| {
                let part = if *n > 1e-9 { (1.0 - d / n).max(1e-9) } else { 1.0 };
                log += part.ln();
                log
            })
            .collect()
    }

    /// The nearest curve that never rises (pool adjacent violators), within 0 and 1.
    fn monotone(&self, log: &[f64]) -> Vec<f64> {
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        for value in log {
            blocks.push((value.exp(), 1));
            while let [.., (a, m), (b, n)] = blocks.as_slice() {
                if a >= b {
                    break;
                }
                let pooled = ((a * *m as f64 + b * *n as f64) / (m + n) as f64, m + n);
                blocks.truncate(blocks.len() - 2);
                blocks.push(pooled);
            }
        }
        blocks.into_iter().flat_map(|(value, many)| std::iter::repeat_n(value.clamp(0.0, 1.0), many)).collect()
    }

    /// Variance of log S from the noise. With g = 1/(n − d) − 1/n, a person more who is censored in bucket j adds Σ g up to min(j, k);
    /// an event in bucket j ≤ k Σ g below j, and −1/n.
    fn variance(&self, bucket: usize) -> f64 {
        let mut sum = 0.0;
        let mut variance = 0.0;
        for ((d, n), at) in self.events.iter().zip(&self.at_risk).zip(0..) {
            if at <= bucket && *n > 1e-9 {
                variance += (sum - 1.0 / n).powi(2);
                sum += 1.0 / (n - d).max(1e-9) - 1.0 / n;
            } else {
                variance += sum * sum;
            }
            variance += sum * sum;
        }
        (variance + sum * sum) * self.sd * self.sd
    }

    fn places(&self) -> usize {
        self.events.len()
    }
}

/// The log-rank test of several groups (Mantel 1966): (χ², degrees of freedom, p), the noise's variance added to that of sampling, so that
/// p is no smaller than it may be. None for fewer than two groups, or if the noise leaves no statement.
pub(crate) fn log_rank(groups: &[Table]) -> Option<(f64, u32, f64)> {
    let (z, mut variance) = scores(groups)?;
    let free = z.len();
    // Noise of each place moves the scores by their derivatives.
    for group in 0..groups.len() {
        let Some(sd) = groups.get(group).map(|g| g.sd).filter(|sd| *sd > 0.0) else { continue };
        for place in 0..groups.get(group)?.places() {
            for event in [false, true] {
                let moved = scores(&shifted(groups, group, place, event)?)?.0;
                let by: Vec<f64> = moved.iter().zip(&z).map(|(a, b)| (a - b) * sd).collect();
                for (row, a) in variance.iter_mut().zip(&by) {
                    row.iter_mut().zip(&by).for_each(|(cell, b)| *cell += a * b);
                }
            }
        }
    }
    let solved = solve(variance, z.clone())?;
    let statistic: f64 = z.iter().zip(&solved).map(|(a, b)| a * b).sum();
    let free = u32::try_from(free).ok()?;
    (statistic.is_finite() && statistic >= 0.0).then(|| (statistic, free, chi_square_tail(statistic, free)))
}

/// The groups with one person more in one place.
fn shifted(groups: &[Table], group: usize, place: usize, event: bool) -> Option<Vec<Table>> {
    let mut out = Vec::with_capacity(groups.len());
    for (number, table) in groups.iter().enumerate() {
        let mut slots = Vec::new();
        for (c, d) in table.censored.iter().zip(&table.events) {
            slots.extend([*c, *d]);
        }
        let last = table.places().checked_sub(1)?;
        slots.push(table.at_risk.get(last)? - table.events.get(last)? - table.censored.get(last)?);
        if number == group {
            *slots.get_mut(2 * place + usize::from(event))? += 1.0;
        }
        out.push(Table::new(&slots, table.sd)?);
    }
    Some(out)
}

/// Observed minus expected events of all groups but the last, and their hypergeometric covariance.
fn scores(groups: &[Table]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    let free = groups.len().checked_sub(1).filter(|free| *free > 0)?;
    let mut z = vec![0.0; free];
    let mut variance = vec![vec![0.0; free]; free];
    for bucket in 0..groups.first()?.places() {
        let of = |table: &Table| Some((*table.events.get(bucket)?, *table.at_risk.get(bucket)?));
        let rows: Vec<(f64, f64)> = groups.iter().map(of).collect::<Option<_>>()?;
        let (d, n) = rows.iter().fold((0.0, 0.0), |(d, n), row| (d + row.0, n + row.1));
        if n < 2.0 {
            continue;
        }
        let spread = d.max(0.0) * (n - d).max(0.0) / (n - 1.0);
        for (g, (own, risk)) in rows.iter().take(free).enumerate() {
            if let Some(z) = z.get_mut(g) {
                *z += own - d * risk / n;
            }
            for (h, (_, other)) in rows.iter().take(free).enumerate() {
                let same = if g == h { 1.0 } else { 0.0 };
                if let Some(cell) = variance.get_mut(g).and_then(|row| row.get_mut(h)) {
                    *cell += spread * risk / n * (same - other / n);
                }
            }
        }
    }
    Some((z, variance))
}

/// Gauss elimination with pivots; None if singular.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for at in 0..n {
        let pivot = (at..n).max_by(|x, y| {
            let of = |row: &usize| a.get(*row).and_then(|row| row.get(at)).map_or(0.0, |v| v.abs());
            of(x).total_cmp(&of(y))
        })?;
        a.swap(at, pivot);
        b.swap(at, pivot);
        let row = a.get(at)?.clone();
        let lead = *row.get(at)?;
        if lead.abs() < 1e-12 {
            return None;
        }
        let right = *b.get(at)?;
        for other in (0..n).filter(|other| *other != at) {
            let factor = a.get(other)?.get(at)? / lead;
            a.get_mut(other)?.iter_mut().zip(&row).for_each(|(cell, by)| *cell -= factor * by);
            *b.get_mut(other)? -= factor * right;
        }
    }
    (0..n).map(|at| Some(b.get(at)? / a.get(at)?.get(at)?)).collect()
}

/// P(χ² > x): closed sums, by the parity of the degrees of freedom (Abramowitz and Stegun 26.4.4, 26.4.5).
fn chi_square_tail(x: f64, free: u32) -> f64 {
    let root = x.sqrt();
    if free.is_multiple_of(2) {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..free / 2 {
            term *= x / f64::from(2 * k);
            sum += term;
        }
        return ((-x / 2.0).exp() * sum).clamp(0.0, 1.0);
    }
    let density = (-x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (mut term, mut sum) = (root, 0.0);
    for k in 0..free / 2 {
        sum += term;
        term *= x / f64::from(2 * k + 3);
    }
    (2.0 * normal_tail(root) + 2.0 * density * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// Freireich et al. 1963, weeks in remission of 21 + 21 children (Gehan 1965; Kalbfleisch and Prentice 1980): (week, relapse).
    const MERCAPTOPURINE: [(usize, bool); 21] = [
        (6, true),
        (6, true),
        (6, true),
        (6, false),
        (7, true),
        (9, false),
        (10, true),
        (10, false),
        (11, false),
        (13, true),
        (16, true),
        (17, false),
        (19, false),
        (20, false),
        (22, true),
        (23, true),
        (25, false),
        (32, false),
        (32, false),
        (34, false),
        (35, false),
    ];
    const PLACEBO: [usize; 21] = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];

    fn table(rows: &[(usize, bool)], sd: f64) -> Table {
        let mut slots = vec![0.0; 2 * 36 + 1];
        rows.iter().for_each(|(week, event)| slots[2 * week + usize::from(*event)] += 1.0);
        Table::new(&slots, sd).unwrap()
    }

    #[test]
    fn the_published_curve_and_bands() {
        let table = table(&MERCAPTOPURINE, 0.0);
        // S and its log(−log) band, as Stata's `sts list` and R's `survfit(conf.type = "log-log")` print them.
        for (week, s, low, high) in [
            (6, 0.8571, 0.6197, 0.9516),
            (7, 0.8067, 0.5631, 0.9228),
            (10, 0.7529, 0.5032, 0.8894),
            (13, 0.6902, 0.4316, 0.8491),
            (16, 0.6275, 0.3675, 0.8049),
            (22, 0.5378, 0.2678, 0.7468),
            (23, 0.4482, 0.1881, 0.6801),
            (35, 0.4482, 0.1881, 0.6801),
        ] {
            let found = table.estimate(week, 1.959_964).unwrap();
            assert!((found.value - s).abs() < 5e-5, "{week}: {found:?}");
            assert!(
                (found.population.0 - low).abs() < 1e-4 && (found.population.1 - high).abs() < 1e-4,
                "{week}: {found:?}"
            );
            assert_eq!(found.sd, 0.0);
        }
    }

    #[test]
    fn the_published_log_rank_test() {
        let placebo: Vec<(usize, bool)> = PLACEBO.iter().map(|week| (*week, true)).collect();
        let groups = [table(&MERCAPTOPURINE, 0.0), table(&placebo, 0.0)];
        let (statistic, free, p) = log_rank(&groups).unwrap();
        // χ² = 16.79 with one degree of freedom, p = 0.00004 (Kleinbaum and Klein, Survival Analysis, chapter 2).
        assert!((statistic - 16.79).abs() < 0.005, "{statistic}");
        assert!(free == 1 && (p - 4.17e-5).abs() < 1e-6, "{p}");
        let noisy = [table(&MERCAPTOPURINE, 2.0), table(&placebo, 2.0)];
        assert!(log_rank(&noisy).unwrap().0 < statistic);
    }

    #[test]
    fn tails_of_chi_square() {
        // Abramowitz and Stegun, Table 26.8.
        for (x, free, p) in [
            (3.841_459, 1, 0.05),
            (5.991_465, 2, 0.05),
            (7.814_728, 3, 0.05),
            (18.307_038, 10, 0.05),
            (24.995_79, 15, 0.05),
            (10.827_566, 1, 0.001),
        ] {
            assert!((chi_square_tail(x, free) - p).abs() < 1e-7, "{x} {free}");
        }
    }
}
