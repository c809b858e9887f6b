//! The steps that make a cluster and take it down: which there are, what each needs, and that their shell is shell.

mod broken;
mod fixture;
mod hosts;
mod leftovers;
mod made_up_host;
mod order;
mod reset;
mod settings;
