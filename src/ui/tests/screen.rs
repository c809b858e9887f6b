//! A terminal in memory: just enough of one to see what indicatif leaves on it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use indicatif::TermLike;

/// Lines and a cursor, shared by its clones.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    width: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    row: usize,
    column: usize,
}

impl Screen {
    pub(super) fn new(width: u16) -> Self {
        Self { width, state: Arc::default() }
    }

    /// What stands on it, without the spaces that only wipe what was there before.
    pub(super) fn text(&self) -> String {
        let text: Vec<String> = self.state().lines.iter().map(|line| line.trim_end().to_owned()).collect();
        format!("{}\n", text.join("\n").trim_end())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while drawing")
    }
}

impl State {
    /// Writes text. A full line wraps only when one more letter comes, as terminals do; indicatif relies on it.
    fn write(&mut self, text: &str, width: usize) {
        for letter in text.chars() {
            if letter == '\n' || letter == '\r' {
                self.column = 0;
                self.row += usize::from(letter == '\n');
                continue;
            }
            if self.column >= width {
                (self.row, self.column) = (self.row + 1, 0);
            }
            let needed = self.row + 1;
            self.lines.resize(self.lines.len().max(needed), String::new());
            let mut line: Vec<char> = self.lines[self.row].chars().collect();
            line.resize(line.len().max(self.column + 1), ' ');
            line[self.column] = letter;
            self.lines[self.row] = line.into_iter().collect();
            self.column += 1;
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        let mut state = self.state();
        state.row = state.row.saturating_sub(n);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.state().row += n;
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.state().column += n;
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        let mut state = self.state();
        state.column = state.column.saturating_sub(n);
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.state().write(&format!("{text}\n"), self.width.into());
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.state().write(text, self.width.into());
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut state = self.state();
        state.column = 0;
        let row = state.row;
        if let Some(line) = state.lines.get_mut(row) {
            line.clear();
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
