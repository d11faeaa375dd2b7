//! A statement whose conditions come and go with a request's filter. Text is ours, values are parameters.

use super::Parameter;
use crate::values::SearchText;

#[derive(Default)]
pub struct Query<'a> {
    pub sql: String,
    pub parameters: Vec<Parameter<'a>>,
}

impl<'a> Query<'a> {
    /// The placeholder of a value.
    pub fn bind(&mut self, value: Parameter<'a>) -> String {
        self.parameters.push(value);
        format!("${}", self.parameters.len())
    }

    /// The text search (`tsquery`) that a caller asked for.
    pub fn search(&mut self, text: &'a SearchText) -> String {
        let mut search = format!("(websearch_to_tsquery('english', {})", self.bind(&text.words));
        for beginning in &text.beginnings {
            // As it is written, and by its stem: "desk*" finds "desktop", and "tables*" finds "table".
            let beginning = self.bind(beginning);
            search.push_str(&format!(
                " && (to_tsquery('simple', {beginning}) || to_tsquery('english', {beginning}))"
            ));
        }
        search.push(')');
        search
    }

    pub fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Adds ` and ` and a condition, in which `?` stands for the value.
    pub fn and(&mut self, condition: &str, value: Parameter<'a>) {
        let placeholder = self.bind(value);
        self.push(" and ");
        self.push(&condition.replace('?', &placeholder));
    }
}
