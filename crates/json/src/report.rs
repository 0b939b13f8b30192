//! The report of an inspection.

use playgate::{Check, FieldDescription, Outcome, Placement, Refusal, Report, UnixTime};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// A [`Report`] as JSON.
#[derive(Debug)]
pub struct ReportShape<'r>(pub &'r Report);

impl Serialize for ReportShape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let mut json = serializer.serialize_struct("Report", 16)?;
        json.serialize_field("verdict", if report.is_admitted() { "allow" } else { "deny" })?;
        json.serialize_field("reason", &report.refusal.map(Refusal::code))?;
        json.serialize_field("status", &report.refusal.map(Refusal::status))?;
        let field = report.refusal.and_then(Refusal::field);
        json.serialize_field("field", &field.map(playgate::Field::name))?;
        json.serialize_field("detail", &report.detail)?;
        json.serialize_field("placement", &report.placement.map(Placement::name))?;
        json.serialize_field("kid", &report.kid)?;
        json.serialize_field("path", &report.path)?;
        json.serialize_field("scope", &report.scope)?;
        json.serialize_field("signing_input", &report.signing_input)?;
        json.serialize_field("clean_url", &report.clean_url)?;
        json.serialize_field("fields", &report.fields.iter().map(FieldJson).collect::<Vec<_>>())?;
        json.serialize_field("checks", &report.checks.iter().map(CheckJson).collect::<Vec<_>>())?;
        json.serialize_field("hints", &report.hints)?;
        json.serialize_field("not_before", &report.not_before.map(UnixTime::as_secs))?;
        json.serialize_field("expires", &report.expires.map(UnixTime::as_secs))?;
        json.end()
    }
}

struct CheckJson<'r>(&'r Check);

impl Serialize for CheckJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Check { number, name, outcome, detail } = self.0;
        let outcome = match outcome {
            Outcome::Failed => "failed",
            Outcome::Passed => "passed",
            Outcome::Skipped => "skipped",
        };
        let mut json = serializer.serialize_struct("Check", 4)?;
        json.serialize_field("number", number)?;
        json.serialize_field("name", name)?;
        json.serialize_field("outcome", outcome)?;
        json.serialize_field("detail", detail)?;
        json.end()
    }
}

struct FieldJson<'r>(&'r FieldDescription);

impl Serialize for FieldJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FieldDescription { name, value, meaning } = self.0;
        let mut json = serializer.serialize_struct("FieldDescription", 3)?;
        json.serialize_field("name", name)?;
        json.serialize_field("value", value)?;
        json.serialize_field("meaning", meaning)?;
        json.end()
    }
}
