//! A statement whose conditions come and go with a request's filter. Text is ours, values are parameters.

use super::Parameter;

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
