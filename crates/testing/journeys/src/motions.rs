//! Motions of a trial, of whose administrators any two authorise them.

use crate::trial::{Trial, text};
use serde_json::Value;
use std::thread::sleep;
use std::time::Duration;

impl Trial {
    /// Files a motion, and returns its id.
    pub fn filed(&self, arguments: &[&str]) -> String {
        text(self.run(arguments).ok(), "motion")
    }

    /// Files a motion as ada, has ben sign it where one is not enough, and returns its id.
    pub fn authorised(&self, arguments: &[&str]) -> String {
        let filed = self.run(&[arguments, &["--as", "ada"]].concat()).ok().clone();
        let motion = text(&filed, "motion");
        if text(&filed, "state") == "collecting" {
            self.run(&["charter", "sign", &motion, "--as", "ben"]).ok();
        }
        motion
    }

    /// Files a motion as ada, has ben sign it, and waits until it is in force.
    pub fn enact(&self, arguments: &[&str]) -> Value {
        let enacted = self.until_motion(&self.authorised(arguments), &["enacted"]);
        // Whoever joined is known to this directory once it has the charter in which they did.
        self.run(&["charter", "status"]).ok();
        enacted
    }

    /// Asks for a motion until it is in one of these states.
    ///
    /// # Panics
    /// It never will be.
    pub fn until_motion(&self, motion: &str, states: &[&str]) -> Value {
        loop {
            let view = self.run(&["charter", "show", motion]).ok().clone();
            let state = text(&view, "state");
            if states.contains(&state.as_str()) {
                return view;
            }
            assert!(!["superseded", "expired"].contains(&state.as_str()), "{view}");
            sleep(Duration::from_millis(100));
        }
    }
}
