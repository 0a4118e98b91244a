//! Dots and whiskers as SVG: one line a group, one colour a series, every dot with its interval. It draws what it is given and knows
//! nothing of what it means; the terminal's chart is `chart`.

use std::path::Path;

use plotters::prelude::{
    BLACK, Circle, Color, IntoDrawingArea, IntoFont, PathElement, RGBColor, SVGBackend, Text, TextStyle, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// One colour: a mark (value, low, high) for each line, or none.
pub struct Series {
    /// In the legend.
    pub name: String,
    /// Value and interval by line.
    pub marks: Vec<Option<(f64, f64, f64)>>,
}

/// Wong, "Points of view: Color blindness", Nature Methods 8 (2011).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];
/// Pixels: left of the axis, right of it, above and below, per series within a line.
const LEFT: i32 = 230;
const RIGHT: i32 = 40;
const TOP: i32 = 70;
const BOTTOM: i32 = 50;
const STEP: i32 = 7;
const WIDTH: i32 = 900;

/// Writes the chart; the axis ends at `most` and begins a little below the lowest interval.
///
/// # Errors
/// The file can't be written.
pub fn dots(path: &Path, title: &str, labels: &[String], series: &[Series], most: f64) -> Result<(), String> {
    let line = STEP * (series.len() as i32 + 1);
    let height = TOP + line * labels.len() as i32 + BOTTOM;
    let marks = || series.iter().flat_map(|one| one.marks.iter().flatten());
    let lowest = marks().map(|mark| mark.1).fold(most, f64::min);
    let tick = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 25.0]
        .into_iter()
        .find(|tick| (most - lowest) / tick <= 6.0)
        .unwrap_or(50.0);
    let least = (lowest / tick).floor() * tick;
    let span = if most > least { most - least } else { 1.0 };
    let at = |value: f64| LEFT + ((value - least) / span * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;

    let size = (u32::try_from(WIDTH).unwrap_or(900), u32::try_from(height).unwrap_or(600));
    let area = SVGBackend::new(path, size).into_drawing_area();
    let fail = |error: &dyn std::fmt::Display| error.to_string();
    let style = |size: i32, h: HPos| TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(h, VPos::Center));
    let text = |at: (i32, i32), words: &str, size: i32, h: HPos| {
        area.draw(&Text::new(words.to_owned(), at, style(size, h))).map_err(|error| fail(&error))
    };
    let stroke = |from: (i32, i32), to: (i32, i32), colour: &RGBColor, strength: f64, width: u32| {
        area.draw(&PathElement::new([from, to], colour.mix(strength).stroke_width(width))).map_err(|error| fail(&error))
    };
    area.fill(&WHITE).map_err(|error| fail(&error))?;
    text((LEFT, 18), title, 16, HPos::Left)?;
    let ticks = ((most - least) / tick).round() as i32;
    for number in 0..=ticks {
        let value = least + f64::from(number) * tick;
        stroke((at(value), TOP - 8), (at(value), height - BOTTOM), &BLACK, 0.12, 1)?;
        let digits = if tick < 0.01 { 3 } else { 2 };
        text((at(value), height - BOTTOM + 14), &format!("{value:.digits$}"), 11, HPos::Center)?;
    }
    let mut legend = LEFT;
    for (one, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let dot = Circle::new((legend + 4, 42), 4, colour.filled());
        area.draw(&dot).map_err(|error| fail(&error))?;
        text((legend + 14, 42), &one.name, 12, HPos::Left)?;
        legend += 34 + 8 * i32::try_from(one.name.chars().count()).unwrap_or(10);
    }
    for (row, label) in (0..).zip(labels) {
        let top = TOP + row * line;
        text((LEFT - 12, top + line / 2 - STEP / 2), label, 12, HPos::Right)?;
        let own =
            series.iter().map(|one| usize::try_from(row).ok().and_then(|row| one.marks.get(row).copied().flatten()));
        for ((place, mark), colour) in (0..).zip(own).zip(COLOURS.iter().cycle()) {
            let Some((value, low, high)) = mark else { continue };
            let y = top + place * STEP;
            stroke((at(low), y), (at(high), y), colour, 0.7, 2)?;
            area.draw(&Circle::new((at(value), y), 3, colour.filled())).map_err(|error| fail(&error))?;
        }
    }
    area.present().map_err(|error| fail(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Series, dots};

    #[test]
    fn every_label_and_mark_is_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.svg");
        let series = [
            Series { name: "id0".into(), marks: vec![Some((99.0, 98.0, 99.5)), None] },
            Series { name: "sudare".into(), marks: vec![Some((99.9, 99.8, 100.0)), Some((97.0, 90.0, 99.0))] },
        ];
        dots(&path, "recall <%>", &["twins".into(), "75歳".into()], &series, 100.0).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["<svg", "twins", "75歳", "id0", "sudare", "recall &lt;%&gt;"] {
            assert!(text.contains(word), "{word}");
        }
        // Two in the legend, three marks.
        assert_eq!(text.matches("<circle").count(), 5);
    }
}
