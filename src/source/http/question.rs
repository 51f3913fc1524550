//! What a store is asked, as JSON, and how a question of any size is cut into requests that do a store no harm.
//!
//! Four rules make the answers exact. Values are scaled by 2^30, since the store prints three decimals. Padding is off,
//! since it is wrong by one where request and series have different phases. Each query names one id, since the store does
//! not say which of several it left out. And only series that are measured are asked for, never an aggregate: the store cuts
//! those short whose parts begin at different times.

use serde::Serialize;

use crate::model::series::Scope;
use crate::rules::timeline::Interval;

/// What values are multiplied by: a power of two only shifts the exponent, so dividing gives the same number back.
pub(super) const SCALE: f64 = 1_073_741_824.0;
/// Values of one request at most: the store holds all of them in memory until it has answered.
pub(super) const MOST_VALUES: u64 = 1_000_000;

/// One series of a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) metric: &'a str,
    /// Seconds between samples.
    pub(super) frequency: i64,
    /// The scope at which it is measured and the unit's id; none for the host itself.
    pub(super) unit: Option<(Scope, &'a str)>,
}

impl Wish<'_> {
    /// Values that the store sets aside for the series within a window.
    fn values(&self, window: Interval) -> u64 {
        let length = window.to.saturating_sub(window.from).max(0);
        (length / self.frequency.max(1)).unsigned_abs() + 1
    }
}

/// Some series within one window: one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a, 'b> {
    pub(super) wishes: &'b [Wish<'a>],
    pub(super) window: Interval,
}

impl Batch<'_, '_> {
    /// Values that the answer has at most.
    pub(super) fn values(&self) -> u64 {
        let of_all = self.wishes.iter().map(|w| w.values(self.window));
        of_all.fold(0, u64::saturating_add)
    }

    /// Both halves of it, by series.
    pub(super) fn halves(&self) -> [Self; 2] {
        let (a, b) = self.wishes.split_at(self.wishes.len() / 2);
        [a, b].map(|wishes| Self {
            wishes,
            window: self.window,
        })
    }
}

/// Cuts a question into requests of at most `most` values: by series, and a series that is longer by time. Every window
/// begins a whole number of steps after the one asked for, so that its values stand on the same grid.
pub(super) fn batches<'a, 'b>(
    wishes: &'b [Wish<'a>],
    window: Interval,
    most: u64,
) -> Vec<Batch<'a, 'b>> {
    let (mut out, mut from, mut sum) = (Vec::new(), 0, 0_u64);
    for (k, wish) in wishes.iter().enumerate() {
        let values = wish.values(window);
        if k > from && sum.saturating_add(values) > most {
            cut(&wishes[from..k], window, most, &mut out);
            (from, sum) = (k, 0);
        }
        sum = sum.saturating_add(values);
    }
    if from < wishes.len() {
        cut(&wishes[from..], window, most, &mut out);
    }
    out
}

/// Adds some series as one request, or a series that is too long for one as several.
fn cut<'a, 'b>(wishes: &'b [Wish<'a>], window: Interval, most: u64, out: &mut Vec<Batch<'a, 'b>>) {
    let whole = Batch { wishes, window };
    let [wish] = wishes else {
        return out.push(whole);
    };
    let most = i64::try_from(most).unwrap_or(i64::MAX).max(2) - 1;
    let length = most.saturating_mul(wish.frequency.max(1));
    let mut from = window.from;
    while window.to.saturating_sub(from) > length {
        let to = from.saturating_add(length);
        let window = Interval { from, to };
        out.push(Batch { wishes, window });
        from = to;
    }
    let window = Interval { from, ..window };
    out.push(Batch { wishes, window });
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Body<'a> {
    cluster: &'a str,
    queries: Vec<Query<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_all_nodes: Option<&'a [&'a str]>,
    from: i64,
    to: i64,
    with_stats: bool,
    with_data: bool,
    with_padding: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Query<'a> {
    metric: &'a str,
    host: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    type_ids: Option<[&'a str; 1]>,
    resolution: i64,
    scale_by: f64,
    aggreg: bool,
}

fn query<'a>(host: &'a str, wish: &Wish<'a>) -> Query<'a> {
    Query {
        metric: wish.metric,
        host,
        r#type: wish.unit.map(|u| u.0.name()),
        type_ids: wish.unit.map(|u| [u.1]),
        resolution: 0,
        scale_by: SCALE,
        aggreg: false,
    }
}

fn text(body: &Body<'_>) -> String {
    // A structure of texts and numbers can always be written.
    serde_json::to_string(body).unwrap_or_default()
}

/// The values of some series of a host.
pub(super) fn of_host(cluster: &str, host: &str, batch: &Batch<'_, '_>) -> String {
    text(&Body {
        cluster,
        queries: batch.wishes.iter().map(|w| query(host, w)).collect(),
        for_all_nodes: None,
        from: batch.window.from,
        to: batch.window.to,
        with_stats: false,
        with_data: true,
        with_padding: false,
    })
}

/// Where the data of some metrics begins and ends, of every host.
pub(super) fn of_all_hosts(cluster: &str, metrics: &[&str], window: Interval) -> String {
    text(&Body {
        cluster,
        queries: Vec::new(),
        for_all_nodes: Some(metrics),
        from: window.from,
        to: window.to,
        with_stats: false,
        with_data: false,
        with_padding: false,
    })
}

/// Where the data of a metric begins and ends, of some hosts.
pub(super) fn of_hosts(cluster: &str, hosts: &[String], metric: &str, window: Interval) -> String {
    let wish = Wish {
        metric,
        frequency: 1,
        unit: None,
    };
    text(&Body {
        cluster,
        queries: hosts.iter().map(|h| query(h, &wish)).collect(),
        for_all_nodes: None,
        from: window.from,
        to: window.to,
        with_stats: false,
        with_data: false,
        with_padding: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn wish(metric: &str, frequency: i64) -> Wish<'_> {
        Wish {
            metric,
            frequency,
            unit: None,
        }
    }

    #[test]
    fn a_query_is_scaled_unpadded_of_one_id_and_never_an_aggregate() {
        let wishes = [
            Wish {
                unit: Some((Scope::HwThread, "3")),
                ..wish("flops", 60)
            },
            wish("load", 60),
        ];
        let window = Interval {
            from: 1000,
            to: 4600,
        };
        let batch = Batch {
            wishes: &wishes,
            window,
        };
        assert_eq!(
            of_host("c", "h\"1", &batch),
            r#"{"cluster":"c","queries":[{"metric":"flops","host":"h\"1","type":"hwthread","type-ids":["3"],"resolution":0,"scale-by":1073741824.0,"aggreg":false},{"metric":"load","host":"h\"1","resolution":0,"scale-by":1073741824.0,"aggreg":false}],"from":1000,"to":4600,"with-stats":false,"with-data":true,"with-padding":false}"#
        );
    }

    #[test]
    fn no_request_has_more_values_than_allowed_and_together_they_ask_for_all() {
        let wishes: Vec<Wish<'_>> = [60, 10, 60, 1, 30, 60].map(|f| wish("m", f)).to_vec();
        let window = Interval { from: 7, to: 3607 };
        for most in [50, 100, 1000, 10_000] {
            let all = batches(&wishes, window, most);
            let mut seconds = 0;
            for b in &all {
                assert!(b.values() <= most, "{} of {most}", b.values());
                for w in b.wishes {
                    assert_eq!((b.window.from - window.from) % w.frequency, 0);
                    seconds += b.window.to - b.window.from;
                }
            }
            assert_eq!(seconds, 6 * 3600, "{most}");
        }
        assert_eq!(batches(&wishes, window, 10_000).len(), 1);
        assert!(batches(&[], window, 10).is_empty());
    }
}
