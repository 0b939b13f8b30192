//! `playgate-glue IN.wasm OUT_DIR NAME` writes NAME.js and NAME_bg.wasm: the module that browsers
//! and workerd load. It is the library behind the wasm-bindgen command, which takes longer to
//! compile.

use std::env;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [input, out_dir, name] = args.as_slice() else {
        eprintln!("usage: playgate-glue IN.wasm OUT_DIR NAME");
        return ExitCode::from(2);
    };
    let written = Bindgen::new().input_path(input).out_name(name).web(true).and_then(|bindgen| {
        // The reset function lets the Worker's entry start over with a fresh instance after a trap.
        let bindgen = bindgen.typescript(false).reset_state_function(true);
        // Names of functions are a third of the file, and nothing reads them there.
        bindgen.remove_name_section(true).remove_producers_section(true).generate(out_dir)
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("playgate-glue: {error:#}");
            ExitCode::FAILURE
        }
    }
}
