use crate::balance::Report;
use http::HeaderMap;

/// What an endpoint reports of its load in the headers of an answer: Envoy's and gRPC's `endpoint-load-metrics`, in
/// its text form.
///
/// `cpu_utilization`, `application_utilization`, `rps_fractional` and `eps` are read, the rest is passed over.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use seawall::balance::Report;
/// use seawall::http::load_report;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("endpoint-load-metrics", "TEXT cpu_utilization=0.3,rps_fractional=120".parse().unwrap());
/// assert_eq!(load_report(&headers), Some(Report::new(120.0).cpu(0.3)));
/// ```
#[must_use]
#[doc(alias = "ORCA")]
pub fn load_report(headers: &HeaderMap) -> Option<Report> {
    let text = headers.get("endpoint-load-metrics")?.to_str().ok()?.strip_prefix("TEXT ")?;
    let value = |name: &str| {
        let mut pairs = text.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|&(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(0.0)
    };
    let report = Report::new(value("rps_fractional")).errors(value("eps"));
    Some(report.application(value("application_utilization")).cpu(value("cpu_utilization")))
}
