//! A dot-and-whisker chart for the terminal: one line a group, the released value as a dot, its interval as a whisker.
//! It draws only what was released; the axis comes from the released intervals.

/// One line of the chart.
pub struct Mark {
    /// The group's label.
    pub label: String,
    /// Lower end of the interval.
    pub low: f64,
    /// The released value.
    pub value: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Columns between the two ends of the axis.
const WIDTH: usize = 48;

/// The chart's lines, without a title. Empty if nothing was released.
pub fn draw(marks: &[Mark], show: &dyn Fn(f64) -> String) -> Vec<String> {
    let low = marks.iter().map(|m| m.low).fold(f64::INFINITY, f64::min);
    let high = marks.iter().map(|m| m.high).fold(f64::NEG_INFINITY, f64::max);
    if !low.is_finite() || !high.is_finite() {
        return Vec::new();
    }
    let span = if high > low { high - low } else { 1.0 };
    let at = |v: f64| (((v - low) / span) * (WIDTH - 1) as f64).round().clamp(0.0, (WIDTH - 1) as f64) as usize;
    let label_width = marks.iter().map(|m| width(&m.label)).max().unwrap_or(0);
    let mut lines: Vec<String> = marks
        .iter()
        .map(|m| {
            let pad = " ".repeat(label_width - width(&m.label));
            let (l, dot, h) = (at(m.low), at(m.value), at(m.high));
            let line: String = (0..WIDTH)
                .map(|i| match i {
                    _ if i == dot => '●',
                    _ if i == l && l < dot => '├',
                    _ if i == h && h > dot => '┤',
                    _ if i > l && i < h => '─',
                    _ => ' ',
                })
                .collect();
            let body = format!("{line}  {}", show(m.value));
            format!("{}{pad} │{body}", m.label).trim_end().to_owned()
        })
        .collect();
    let (left, right) = (show(low), show(high));
    let gap = WIDTH.saturating_sub(width(&left) + width(&right));
    lines.push(format!("{} └{}", " ".repeat(label_width), "─".repeat(WIDTH)));
    lines.push(format!("{}  {left}{}{right}", " ".repeat(label_width), " ".repeat(gap)));
    lines
}

/// Columns that a text takes on a terminal: East Asian wide characters take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| if ('\u{1100}'..='\u{115f}').contains(&c) || ('\u{2e80}'..='\u{ffdc}').contains(&c) { 2 } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Mark, draw};

    #[test]
    fn the_dot_lies_inside_its_whisker_and_wide_labels_line_up() {
        let marks = [
            Mark { label: "a".into(), low: 0.0, value: 5.0, high: 10.0 },
            Mark { label: "男性".into(), low: 9.0, value: 9.5, high: 10.0 },
        ];
        let lines = draw(&marks, &|v| format!("{v:.1}"));
        assert_eq!(lines.len(), 4);
        let at = |line: usize, c: char| lines.get(line).and_then(|l| l.chars().position(|x| x == c));
        assert!(at(0, '├') < at(0, '●') && at(0, '●') < at(0, '┤'));
        assert_eq!(at(0, '│'), at(1, '│').map(|p| p + 2), "two wide characters take four columns");
        assert!(draw(&[], &|v| v.to_string()).is_empty());
    }
}
