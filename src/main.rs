//! Parses the command line, runs it, prints what went wrong, exits with its code.

use std::process::ExitCode;

use slipway::{app, cli, error::Kind, ui};

fn main() -> ExitCode {
    let cli = cli::parse();
    let json = cli.global.output == cli::Output::Json;
    let ran = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let ran = runtime.block_on(app::run(cli));
            // A prompt that nobody answered still blocks a thread; the process ends all the same.
            runtime.shutdown_background();
            ui::ask::leave_terminal();
            ran
        }
        Err(error) => Err(slipway::error::Error::new(Kind::Internal, "no threads to run on").because(error)),
    };
    match ran {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            ui::error(&error, json);
            error.also.iter().for_each(|also| ui::error(also, json));
            ExitCode::from(error.kind.exit_code())
        }
    }
}
