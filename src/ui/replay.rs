//! Shows a run again, from its journal, as the terminal saw it: the same events through the same faces.

use std::{
    io::{self, IsTerminal},
    slice,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::{
    Ui,
    bars::Bars,
    face::{Face, Out},
    json, leftovers,
    lines::Lines,
    paint::Paint,
    print_error, summary,
};
use crate::{
    error::Result,
    journal::{Ending, Entry, Recorded},
    report::Report,
};

/// Shows a run: as bars left it on a terminal, or as lines. With `verbose`, also each line that a step printed.
///
/// # Errors
/// `NoFile` when it can not be written.
pub fn replay(recorded: &Recorded, verbose: bool) -> Result<()> {
    let stage = Stage {
        on_terminal: io::stdout().is_terminal(),
        paint: Paint::for_stdout(),
        out: Out::stdout(),
        verbose: verbose || recorded.header.verbose,
    };
    stage.replay(recorded, &mut |text| print_error(text), Paint::for_stderr());
    if let Some(remark) = remark(recorded) {
        print_error(&format!("{remark}\n"));
    }
    stage.out.whole()
}

/// What the terminal did not say, because slipway was gone by then.
fn remark(recorded: &Recorded) -> Option<String> {
    let at = recorded.report().wall().as_secs_f64();
    match (recorded.ending(), recorded.exit_code()) {
        (Ending::Running, _) => Some(format!("(the run goes on; this is what happened in its first {at:.1} s)")),
        (Ending::Killed | Ending::Interrupted, None) => {
            Some(format!("(slipway was ended from outside: nothing is known after {at:.1} s)"))
        }
        _ => None,
    }
}

/// Where a run is shown again.
pub(super) struct Stage {
    pub(super) on_terminal: bool,
    pub(super) paint: Paint,
    pub(super) out: Out,
    pub(super) verbose: bool,
}

impl Stage {
    pub(super) fn replay(&self, recorded: &Recorded, errors: &mut dyn FnMut(&str), paint_errors: Paint) {
        let mut seen: Option<(Ui, Report)> = None;
        for record in &recorded.records {
            match &record.entry {
                Entry::Event(event) => {
                    if let Some((ui, report)) = &mut seen {
                        report.observe(event, record.at);
                        ui.observe_at(slice::from_ref(event), record.at);
                    }
                }
                Entry::Other(value) => match value["event"].as_str().unwrap_or_default() {
                    "begin" => seen = Some((self.ui(recorded, value), Report::new())),
                    "leftovers" => self.reset_plan(value, &mut seen),
                    "question" => {
                        if let Some(text) = json::read_question(value) {
                            errors(&text);
                        }
                    }
                    "report" => {
                        if let Some((ui, report)) = seen.take() {
                            ui.finish(&report);
                        }
                    }
                    "error" => {
                        if let Some((ui, _)) = seen.take() {
                            ui.abandon();
                        }
                        let (message, hints) = json::read_error(value);
                        errors(&summary::error(&message, &hints, paint_errors));
                    }
                    _ => {}
                },
            }
        }
        if let Some((ui, _)) = seen {
            ui.abandon();
        }
    }

    /// The user interface that began here.
    fn ui(&self, recorded: &Recorded, begin: &Value) -> Ui {
        let face = if self.on_terminal {
            Face::Bars(Bars::on_stdout(self.paint))
        } else {
            // Nobody needs to look for what takes long: the next event tells.
            Face::Lines(Arc::new(Mutex::new(Lines::new(self.verbose))), None)
        };
        let command = begin["command"].as_str().unwrap_or_default();
        let mut ui = Ui::with(face, self.verbose, self.paint, self.out.clone()).with_command(command);
        ui.run = Some(recorded.kept.id.clone());
        ui
    }

    fn reset_plan(&self, value: &Value, seen: &mut Option<(Ui, Report)>) {
        let Some(plan) = leftovers::Read::of(value) else { return };
        if let Some((ui, _)) = seen {
            ui.reset_plan(&plan.plan());
        }
    }
}
