//! What every command that touches hosts has: events that flow to the user interface, and a person who may press Ctrl-C.

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    event::Event,
    execute::{Events, Stop},
    report::Report,
    transport::Ask,
    ui::Ui,
};

pub(super) struct Session {
    pub(super) events: Events,
    pub(super) stop: Stop,
    pub(super) ask: Ask,
    printer: JoinHandle<(Ui, Report)>,
    listener: JoinHandle<()>,
}

impl Session {
    pub(super) fn start(ui: Ui) -> Self {
        Self::go_on(ui, Report::new())
    }

    /// Goes on where [`Session::end`] left off.
    pub(super) fn go_on(mut ui: Ui, mut report: Report) -> Self {
        let ask = ui.ask();
        let (events, mut received) = mpsc::unbounded_channel::<Event>();
        let printer = tokio::spawn(async move {
            while let Some(event) = received.recv().await {
                let event = event.in_millis();
                let at = ui.observe(&event);
                report.observe(&event, at);
            }
            (ui, report)
        });
        let (asked, stop) = watch::channel(0);
        let listener = tokio::spawn(listen(asked, events.clone()));
        Self { events, stop, ask, printer, listener }
    }

    pub(super) fn note(&self, text: impl Into<String>) {
        let _ = self.events.send(Event::Note { text: text.into() });
    }

    /// Waits until everything that happened has been shown.
    pub(super) async fn end(self) -> Option<(Ui, Report)> {
        self.listener.abort();
        let _ = self.listener.await;
        drop(self.events);
        self.printer.await.ok()
    }
}

/// Counts how often a person asked to stop: once ends the run cleanly, twice leaves what is under way, three times ends slipway here and now.
async fn listen(asked: watch::Sender<u8>, events: Events) {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    loop {
        tokio::select! {
            Ok(()) = tokio::signal::ctrl_c() => {}
            Some(()) = terminate.recv() => {}
            else => return,
        }
        asked.send_modify(|count| *count = count.saturating_add(1));
        match *asked.borrow() {
            1 => {
                let _ = events.send(Event::Stopping);
            }
            2 => {
                let text = "leaving what is under way: package and kubeadm steps go on by themselves on their hosts; run the same command again to pick them up";
                let _ = events.send(Event::Note { text: text.to_owned() });
            }
            _ => std::process::exit(i32::from(crate::error::Kind::Interrupted.exit_code())),
        }
    }
}
