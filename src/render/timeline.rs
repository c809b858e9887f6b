//! A run as a drawing (SVG): a lane a host, each step as long as it took, and the critical path through them.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use super::page::escaped;
use crate::{
    event::Outcome,
    report::{Bar, Lane, Report},
};

/// Pixels: the drawing, the names of hosts to its left, the axis above it, a row of bars with the gap below it, the gap between lanes.
const WIDTH: f64 = 1160.0;
const NAMES: f64 = 130.0;
const AXIS: f64 = 22.0;
const ROW: f64 = 19.0;
const BAR: f64 = 15.0;
const GAP: f64 = 7.0;

/// How wide a letter is: the font is monospaced, 11 pixels high.
const LETTER: f64 = 6.65;

/// Steps shorter than this part of the run have no name in the drawing, unless they failed: it would be all names.
const NAMED: u32 = 150;

/// A bar in its place.
struct Placed<'a> {
    bar: Shown<'a>,
    from: f64,
    to: f64,
    row: usize,
    label: Option<Label>,
}

struct Label {
    x: f64,
    text: String,
}

/// What a bar shows: a step, or the way to its host being opened.
enum Shown<'a> {
    Connect { took: Duration, critical: bool },
    Step(Bar<'a>),
}

impl Shown<'_> {
    fn class(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Step(bar) => state(bar.outcome),
        }
    }

    fn is_critical(&self) -> bool {
        match self {
            Self::Connect { critical, .. } => *critical,
            Self::Step(bar) => bar.is_critical,
        }
    }

    /// What the critical path calls it.
    fn link(&self, host: &str) -> String {
        match self {
            Self::Connect { .. } => format!("{host} connect"),
            Self::Step(bar) => bar.id.to_string(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Connect { took, .. } => format!("connect {}", seconds(*took)),
            Self::Step(bar) => format!("{}/{} {}", bar.id.phase, bar.id.name, seconds(bar.took())),
        }
    }

    /// What stands in the small window below the mouse.
    fn title(&self) -> String {
        match self {
            Self::Connect { took, .. } => format!("connecting, facts and checks: {}", seconds(*took)),
            Self::Step(bar) => {
                let tries = if bar.attempts > 1 { format!(", try {}", bar.attempts) } else { String::new() };
                let span = format!("{} to {}", seconds(bar.began), seconds(bar.ended));
                format!("{}: {}\n{}, {span}{tries}", bar.id, bar.title, state(bar.outcome))
            }
        }
    }
}

/// The name of what became of a step that began.
pub(super) fn state(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Unchanged) => "unchanged",
        Some(Outcome::Changed) => "changed",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Blocked { .. }) => "blocked",
        Some(Outcome::Cancelled) => "cancelled",
        None => "unfinished",
    }
}

/// `3.2s`, as everywhere else; below a second with two digits.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{seconds:.2}s") } else { format!("{seconds:.1}s") }
}

/// The drawing of a run.
pub(super) fn timeline(report: &Report) -> String {
    let wall = report.wall().max(Duration::from_millis(1));
    let scale = |time: Duration| NAMES + (WIDTH - NAMES) * time.as_secs_f64() / wall.as_secs_f64();
    let mut body = String::new();
    let mut links = BTreeMap::new();
    let mut top = AXIS;
    for lane in report.lanes() {
        let placed = place(&lane, wall, &scale);
        let rows = placed.iter().map(|placed| placed.row + 1).max().unwrap_or(1);
        draw(&lane, &placed, top, &mut body, &mut links);
        top += rows as f64 * ROW + GAP;
    }
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {top:.0}\" width=\"{WIDTH}\" role=\"img\" aria-label=\"timeline\">\n");
    axis(wall, &scale, top, &mut svg);
    svg += &body;
    critical_path(report, &links, &mut svg);
    svg + "</svg>\n"
}

/// Gives each bar a row where neither it nor its name is in the way of another.
fn place<'a>(lane: &Lane<'a>, wall: Duration, scale: &impl Fn(Duration) -> f64) -> Vec<Placed<'a>> {
    let took = lane.host.connect;
    let connect =
        (!took.is_zero()).then_some((Shown::Connect { took, critical: lane.connect_is_critical }, Duration::ZERO, took));
    let steps = lane.bars.iter().map(|bar| (Shown::Step(*bar), bar.began, bar.ended));
    // Where each row is free again.
    let mut free: Vec<f64> = Vec::new();
    let mut placed = Vec::new();
    for (bar, began, ended) in connect.into_iter().chain(steps) {
        let from = scale(began).min(WIDTH - 2.0);
        let to = scale(ended).max(from + 2.0);
        let speaks = matches!(bar.class(), "failed" | "unfinished" | "cancelled");
        let label = (speaks || ended.saturating_sub(began) >= wall / NAMED).then(|| label(&bar, from, to));
        let taken = label
            .as_ref()
            .map_or((from, to), |label| (from.min(label.x), to.max(label.x + label.text.chars().count() as f64 * LETTER)));
        let row = free.iter().position(|free| *free <= taken.0).unwrap_or_else(|| {
            free.push(0.0);
            free.len() - 1
        });
        free[row] = taken.1 + 3.0;
        placed.push(Placed { bar, from, to, row, label });
    }
    placed
}

/// The name of a bar: in it where there is room, else to its right, or to its left at the end of the drawing.
fn label(bar: &Shown<'_>, from: f64, to: f64) -> Label {
    let text = shortened(&bar.name(), 60);
    let width = text.chars().count() as f64 * LETTER;
    let x = if to - from >= width + 8.0 {
        from + 4.0
    } else if to + 4.0 + width <= WIDTH {
        to + 4.0
    } else {
        (from - 4.0 - width).max(NAMES)
    };
    Label { x, text }
}

fn draw(lane: &Lane<'_>, placed: &[Placed<'_>], top: f64, svg: &mut String, links: &mut BTreeMap<String, [f64; 3]>) {
    let host = &lane.host.host;
    let (name, full) = (escaped(&shortened(host, 16)), escaped(host));
    let baseline = top + GAP / 2.0 + 11.0;
    // A String takes all that is written to it.
    let _ = writeln!(svg, "<g class=\"lane\"><line x1=\"0\" y1=\"{top:.1}\" x2=\"{WIDTH}\" y2=\"{top:.1}\"/>");
    let _ = writeln!(svg, "<text class=\"host\" x=\"2\" y=\"{baseline:.1}\">{name}<title>{full}</title></text></g>");
    if lane.host.unreachable {
        let _ = writeln!(svg, "<text class=\"lost\" x=\"{NAMES}\" y=\"{baseline:.1}\">can not be reached</text>");
    }
    for Placed { bar, from, to, row, label } in placed {
        let y = top + GAP / 2.0 + *row as f64 * ROW;
        let critical = if bar.is_critical() { " critical" } else { "" };
        let (class, title) = (bar.class(), escaped(&bar.title()));
        let _ = write!(svg, "<g class=\"bar {class}{critical}\"><title>{title}</title>");
        let width = to - from;
        let _ = write!(svg, "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>");
        if let Some(Label { x, text }) = label {
            let place = if *x >= *from && *x < *to { "in" } else { "by" };
            let _ = write!(svg, "<text class=\"{place}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>", y + 11.0, escaped(text));
        }
        svg.push_str("</g>\n");
        links.insert(bar.link(host), [*from, *to, y + BAR / 2.0]);
    }
}

/// Lines from the end of each link of the critical path to the beginning of the next.
fn critical_path(report: &Report, links: &BTreeMap<String, [f64; 3]>, svg: &mut String) {
    let path = report.critical_path();
    let places: Vec<&[f64; 3]> = path.iter().filter_map(|link| links.get(&link.what)).collect();
    for pair in places.windows(2) {
        let ([_, x1, y1], [x2, _, y2]) = (pair[0], pair[1]);
        // One that began before its turn came (it waited on its host) is not gone back to.
        let x2 = x2.max(*x1);
        let _ = writeln!(svg, "<path class=\"path\" d=\"M{x1:.1} {y1:.1}V{y2:.1}H{x2:.1}\"/>");
    }
}

/// Lines at round times, at most a dozen.
fn axis(wall: Duration, scale: &impl Fn(Duration) -> f64, bottom: f64, svg: &mut String) {
    let wall = wall.as_secs_f64();
    let rough = wall / 12.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(power);
    let mut number = 0;
    while f64::from(number) * step <= wall {
        let time = f64::from(number) * step;
        let x = scale(Duration::from_secs_f64(time));
        // One that begins at the right edge would be cut.
        let text = if x + 40.0 <= WIDTH {
            format!("<text x=\"{:.1}\" y=\"13\">{}s</text>", x + 3.0, round(time))
        } else {
            String::new()
        };
        let _ = writeln!(svg, "<g class=\"axis\"><line x1=\"{x:.1}\" y1=\"2\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>{text}</g>");
        number += 1;
    }
}

/// A round number without digits that say nothing.
fn round(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).collect::<String>() + "…" }
}
