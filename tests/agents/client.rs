//! A client: the programs that it is tried with, what each has to do, and what has to come of it.

use tests::jobs::{Answer, Job, run};

use crate::program::Program;
use crate::world::World;

/// One client of the figure.
#[derive(Clone)]
pub(crate) struct Client {
    /// What a reader calls it.
    pub(crate) name: &'static str,
    /// What it is tried with; each does all tasks.
    pub(crate) programs: Vec<Program>,
    /// What there is to do.
    pub(crate) tasks: Vec<Task>,
}

/// A connection, what is listed on it and what comes of a call.
#[derive(Clone)]
pub(crate) struct Task {
    /// Lists and calls. Its name stands for it where several programs do it.
    pub(crate) job: Job,
    /// Exactly the tools that the list has.
    pub(crate) tools: Vec<String>,
    /// What comes of the call.
    pub(crate) outcome: Outcome,
}

/// What comes of a call.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// A result of this text.
    Says(&'static str),
    /// The same, from Zapier_Gmail, which was sent this in `Authorization`.
    SaysTo(&'static str, &'static str),
    /// That there is no such tool, as for a tool that there never was.
    NotFound,
}

impl Client {
    /// Runs each program and looks at each answer; the first thing that is wrong.
    pub(crate) fn try_out(&self, world: &World) -> Result<(), String> {
        for program in &self.programs {
            let jobs: Vec<Job> = self.tasks.iter().map(|task| task.job_of(*program)).collect();
            let answers = run(program, &mut world.prepared(program.command()), &jobs);
            for ((task, job), answer) in self.tasks.iter().zip(&jobs).zip(answers) {
                task.judge(job, &answer, world).map_err(|fault| format!("{}: {fault}; {answer:?}", job.name))?;
            }
        }
        Ok(())
    }

    /// How many of its calls Zapier_Gmail sees.
    pub(crate) fn calls_that_arrive(&self) -> usize {
        let arrive = self.tasks.iter().filter(|task| matches!(task.outcome, Outcome::SaysTo(..)));
        arrive.count() * self.programs.len()
    }
}

impl Task {
    /// The job with the program in its name and in the text that it sends, by which the server's side finds the call.
    fn job_of(&self, program: Program) -> Job {
        let mut job = self.job.clone();
        job.name = format!("{} by {program}", job.name);
        if let (Outcome::SaysTo(..), Some(call)) = (self.outcome, &mut job.call) {
            call.arguments["to"] = job.name.clone().into();
        }
        job
    }

    fn judge(&self, job: &Job, answer: &Answer, world: &World) -> Result<(), String> {
        if answer.tools.as_ref() != Some(&self.tools) {
            return Err(format!("the list is not {:?}", self.tools));
        }
        match self.outcome {
            Outcome::Says(text) => says(answer, text),
            Outcome::SaysTo(text, credential) => {
                says(answer, text)?;
                let seen = world.credential_of_call(&job.name);
                if seen.as_deref() == Some(credential) { Ok(()) } else { Err(format!("the server was sent {seen:?}")) }
            }
            Outcome::NotFound => not_found(answer, &job.call.as_ref().unwrap().name),
        }
    }
}

fn says(answer: &Answer, text: &str) -> Result<(), String> {
    let right = answer.call.as_ref().is_some_and(|call| !call.is_error && call.text == text) && answer.error.is_none();
    if right { Ok(()) } else { Err(format!("the call does not say {text:?}")) }
}

/// A protocol error to clients of 2026-07-28, a tool's to others.
fn not_found(answer: &Answer, tool: &str) -> Result<(), String> {
    let words = format!("Tool '{tool}' not found");
    let right = match (&answer.call, &answer.error) {
        (Some(call), None) => call.is_error && call.text == format!("Error: {words}"),
        (None, Some(error)) => error.ends_with(&words),
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("{tool} was not refused")) }
}
