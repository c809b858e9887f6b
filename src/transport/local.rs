//! The machine that slipway runs on.

use super::{Exit, Line};
use crate::{
    error::{Error, Kind, Result},
    lower::Program,
};

pub struct Local;

impl Local {
    pub fn new() -> Result<Self> {
        Ok(Self)
    }
    pub async fn run(&self, _program: &Program, _on_line: &mut (dyn FnMut(Line) + Send)) -> Result<Exit> {
        Err(Error::new(Kind::Lost, "not connected"))
    }
    pub fn execs(&self) -> usize {
        0
    }
}
