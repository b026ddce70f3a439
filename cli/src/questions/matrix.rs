//! `switchboard access matrix`: everybody, and what they may use of each server.

use crds::snapshot::{Effective, ItemKind, Rule};
use serde_json::json;

use super::World;
use crate::args::{AccessMatrixArgs, MatrixOutput};
use crate::output;
use crate::source::Source;

/// The heads of the columns.
const HEADS: [&str; 5] = ["CALLER", "SERVER", "TOOLS", "PROMPTS", "RESOURCES"];

/// What a caller may use of a server, kind by kind; of callers with nothing there is no server.
struct Row {
    caller: String,
    server: Option<String>,
    rules: [Option<Rule>; 3],
}

/// Prints a line for each caller and server of which they may use anything; callers with nothing have one too.
pub(crate) fn matrix(args: &AccessMatrixArgs) -> Result<bool, String> {
    let world = World::new(Source::read(&args.source)?, args.source.cluster.now())?;
    let rows = rows(&world);
    match args.output {
        MatrixOutput::Table => {
            let cells: Vec<[String; 5]> = rows.iter().map(|row| row.cells("-")).collect();
            let heads = HEADS.map(str::to_owned);
            let lines = || std::iter::once(&heads).chain(&cells);
            let widths: Vec<usize> =
                (0..HEADS.len()).map(|at| lines().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
            for line in lines() {
                let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
                output::line(cells.collect::<Vec<_>>().join("  ").trim_end());
            }
        }
        MatrixOutput::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            let write = |error: csv::Error| error.to_string();
            csv.write_record(HEADS.map(str::to_lowercase)).map_err(write)?;
            for row in &rows {
                csv.write_record(row.cells("").each_ref().map(|cell| text(cell))).map_err(write)?;
            }
            let text = csv.into_inner().map_err(|error| error.to_string())?;
            output::line(String::from_utf8_lossy(&text).trim_end());
        }
        MatrixOutput::Json => {
            let rows = rows.iter().map(|Row { caller, server, rules: [tools, prompts, resources] }| {
                json!({ "caller": caller, "server": server, "tools": tools, "prompts": prompts, "resources": resources })
            });
            let rows: Vec<_> = rows.collect();
            output::line(&serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
        }
    }
    Ok(true)
}

impl Row {
    fn cells(&self, nothing: &str) -> [String; 5] {
        let rules = self.rules.each_ref().map(|rule| rule.as_ref().map_or_else(|| nothing.to_owned(), Rule::to_string));
        let [tools, prompts, resources] = rules;
        let server = self.server.clone().unwrap_or_else(|| nothing.to_owned());
        [self.caller.clone(), server, tools, prompts, resources]
    }
}

fn rows(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for (binding, caller) in world.callers() {
        let before = rows.len();
        for server in world.snapshot.servers_of(caller, world.now) {
            let access = caller.access_at(world.now);
            let rules = access.map(|access| world.snapshot.effective(access, server)).unwrap_or_default();
            let rules = ItemKind::ALL.map(|kind| rules.of_kind(kind).as_ref().map(Effective::rule));
            if rules.iter().any(Option::is_some) {
                let server = world.snapshot.servers[server as usize].id.clone();
                rows.push(Row { caller: binding.to_string(), server: Some(server), rules });
            }
        }
        if rows.len() == before {
            rows.push(Row { caller: binding.to_string(), server: None, rules: [None, None, None] });
        }
    }
    rows
}

/// A cell of which no spreadsheet makes a formula.
fn text(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        assert_eq!(text("`get_*`"), "`get_*`");
        assert_eq!(text("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
