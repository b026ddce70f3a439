//! Figures: what a test measured, for the claims in the docs to be checked
//! against (R81). `target/figures/PART.json` is flat, name → number; the raw
//! samples and the number of attempts stand beside it in `PART.samples.json`.

use std::fs::{File, create_dir_all, read, rename};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value, json};

/// Writes the figures of one part.
pub struct Figures {
    directory: PathBuf,
    part: String,
}

impl Figures {
    /// The figures of `part`, in the target folder of this build.
    pub fn of(part: &str) -> Self {
        Self::within(&crate::process::target_directory().join("figures"), part)
    }

    /// The figures of `part` in another folder.
    pub fn within(directory: &Path, part: &str) -> Self {
        create_dir_all(directory).unwrap();
        Self { directory: directory.to_owned(), part: part.to_owned() }
    }

    /// Writes one figure with the samples that it stands for. Others of the part stay as they are.
    pub fn write(&self, name: &str, value: f64, samples: &[f64]) {
        assert!(value.is_finite(), "{name} was not measured: {value}");
        let lock = File::create(self.directory.join(format!(".{}.lock", self.part))).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        self.merge("json", name, json!(value));
        self.merge("samples.json", name, json!({"attempts": samples.len(), "samples": samples}));
    }

    /// Writes the median of the samples, and gives it.
    pub fn write_median(&self, name: &str, samples: &[f64]) -> f64 {
        let value = median(samples);
        self.write(name, value, samples);
        value
    }

    fn merge(&self, suffix: &str, name: &str, value: Value) {
        let path = self.directory.join(format!("{}.{suffix}", self.part));
        let mut all: Map<String, Value> = match read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => Map::new(),
        };
        all.insert(name.to_owned(), value);
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh).unwrap();
        writeln!(file, "{}", serde_json::to_string_pretty(&all).unwrap()).unwrap();
        rename(fresh, path).unwrap();
    }
}

/// The median; of an even number of samples the mean of the middle two.
pub fn median(samples: &[f64]) -> f64 {
    assert!(!samples.is_empty(), "a median of nothing");
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_one_part_stand_in_one_flat_object_with_their_samples_beside() {
        let folder = tempfile::tempdir().unwrap();
        let figures = Figures::within(folder.path(), "part");
        figures.write("b", 2.0, &[2.0]);
        assert!((figures.write_median("a", &[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        let flat: Value = serde_json::from_slice(&read(folder.path().join("part.json")).unwrap()).unwrap();
        assert_eq!(flat, json!({"a": 2.0, "b": 2.0}));
        let samples: Value = serde_json::from_slice(&read(folder.path().join("part.samples.json")).unwrap()).unwrap();
        assert_eq!(samples["a"], json!({"attempts": 3, "samples": [3.0, 1.0, 2.0]}));
    }

    #[test]
    fn median_of_even_and_odd() {
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median(&[5.0]) - 5.0).abs() < f64::EPSILON);
    }
}
