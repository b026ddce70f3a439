//! `switchboard access matrix`: everybody, and what they may use of each server.

use crds::snapshot::{ByKind, Effective, ItemKind};
use serde_json::json;

use super::World;
use crate::args::{AccessMatrixArgs, MatrixOutput};
use crate::output;
use crate::source::Source;

/// The heads of the columns.
const HEADS: [&str; 5] = ["CALLER", "SERVER", "TOOLS", "PROMPTS", "RESOURCES"];

/// Prints a line for each caller and server of which they may use anything; callers with nothing have one too.
pub(crate) fn matrix(args: &AccessMatrixArgs) -> Result<bool, String> {
    let world = World::new(Source::read(&args.source)?, args.source.cluster.now())?;
    let rows = rows(&world);
    match args.output {
        MatrixOutput::Table => {
            let widths: Vec<usize> = (0..HEADS.len())
                .map(|at| rows.iter().map(|row| row[at].chars().count()).chain([HEADS[at].len()]).max().unwrap_or(0))
                .collect();
            for row in std::iter::once(&HEADS.map(str::to_owned)).chain(&rows) {
                let cells: Vec<String> =
                    row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
                output::line(cells.join("  ").trim_end());
            }
        }
        MatrixOutput::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            let write = |error: csv::Error| error.to_string();
            csv.write_record(HEADS.map(str::to_lowercase)).map_err(write)?;
            for row in &rows {
                csv.write_record(row.each_ref().map(|cell| text(cell))).map_err(write)?;
            }
            let text = csv.into_inner().map_err(|error| error.to_string())?;
            output::line(String::from_utf8_lossy(&text).trim_end());
        }
        MatrixOutput::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|[caller, server, tools, prompts, resources]| {
                    let rule = |cell: &String| (cell != "-").then(|| cell.clone());
                    json!({
                        "caller": caller,
                        "server": rule(server),
                        "tools": rule(tools),
                        "prompts": rule(prompts),
                        "resources": rule(resources),
                    })
                })
                .collect();
            output::line(&serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
        }
    }
    Ok(true)
}

fn rows(world: &World) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for (binding, caller) in world.callers() {
        let before = rows.len();
        for server in world.snapshot.servers_of(caller, world.now) {
            let access = caller.access_at(world.now);
            let rules = access.map(|access| world.snapshot.effective(access, server)).unwrap_or_default();
            if rules.iter().any(Option::is_some) {
                let [tools, prompts, resources] = ItemKind::ALL.map(|kind| words(&rules, kind));
                let server = world.snapshot.servers[server as usize].id.clone();
                rows.push([binding.to_string(), server, tools, prompts, resources]);
            }
        }
        if rows.len() == before {
            rows.push([binding.to_string(), "-".into(), "-".into(), "-".into(), "-".into()]);
        }
    }
    rows
}

fn words(rules: &ByKind<Option<Effective>>, kind: ItemKind) -> String {
    rules.of_kind(kind).as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// A cell of which no spreadsheet makes a formula; of what there is not it is empty.
fn text(cell: &str) -> String {
    match cell {
        "-" => String::new(),
        formula if formula.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{formula}"),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        assert_eq!((text("get_*"), text("-")), ("get_*".to_owned(), String::new()));
        assert_eq!(text("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
