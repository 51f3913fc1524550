//! What every archive promises, whatever it is made of. A medium joins by naming how one is made: see the end.

use std::io::Read;

use ccarchive::format::read::{SeriesRead, Visitor};
use ccarchive::model::job::JobKey;
use ccarchive::model::stored::{Files, Form, Sum};
use ccarchive::target::{Draft, Error, Found, Target};

use crate::support::gzip;

/// An archive of two clusters, `alpha` and `beta`, that holds no job.
pub(crate) trait Medium {
    /// Opens it, as another sweep would.
    fn open(&self) -> Box<dyn Target>;
}

pub(crate) fn key(job_id: i64) -> JobKey {
    JobKey {
        cluster: "alpha".into(),
        job_id,
        start_time: 1_700_000_000,
    }
}

/// A job's meta.json and data.json that hold `values`; the try is told by its average.
pub(crate) fn documents(key: &JobKey, values: &[f32]) -> (Vec<u8>, Vec<u8>) {
    let JobKey {
        cluster,
        job_id,
        start_time,
    } = key;
    let n = values.len();
    let meta = format!(
        "{{\"cluster\":\"{cluster}\",\"jobId\":{job_id},\"duration\":600,\"statistics\":{{\"load\":{{\"unit\":{{\"base\":\"\"}},\"avg\":{n},\"min\":0,\"max\":2}}}},\"startTime\":{start_time}}}\n"
    );
    let data = format!(
        "{{\"load\":{{\"node\":{{\"unit\":{{\"base\":\"\"}},\"series\":[{{\"hostname\":\"n1\",\"data\":{values:?}}}],\"timestep\":60}}}}}}\n"
    );
    (meta.into(), data.into())
}

pub(crate) fn stored(form: Form, data: &[u8]) -> Vec<u8> {
    match form {
        Form::Plain => data.to_vec(),
        Form::Gzip => gzip::pack(data),
    }
}

/// Stores documents; everybody sees the archive after that.
pub(crate) fn publish(target: &dyn Target, key: &JobKey, form: Form, values: &[f32]) -> Files {
    let (meta, data) = documents(key, values);
    publish_as_they_are(target, key, form, &meta, &stored(form, &data))
}

fn publish_as_they_are(
    target: &dyn Target,
    key: &JobKey,
    form: Form,
    meta: &[u8],
    data: &[u8],
) -> Files {
    let mut draft = target.begin(key).unwrap();
    for piece in data.chunks(7) {
        draft.write(piece).unwrap();
    }
    let files = draft.complete(form, meta).unwrap();
    draft.publish().unwrap();
    target.flush(&[key]).unwrap();
    let want = Files {
        meta: Sum::of(meta),
        data: Sum::of(data),
        form,
    };
    assert_eq!(files, want);
    files
}

pub(crate) fn found(target: &dyn Target, key: &JobKey) -> Option<Found> {
    target.find(key).unwrap()
}

/// How many values a whole archive of the job holds; none where there is none.
pub(crate) fn values(target: &dyn Target, key: &JobKey) -> Option<u64> {
    let found = found(target, key)?;
    let whole = found.whole?;
    let held = found.values.values().map(|h| h.values).sum();
    assert_eq!(whole.statistics["load"].avg, held as f64, "of two archives");
    assert_eq!(whole.duration, 600);
    assert_eq!(
        whole.stored_bytes,
        found.files.map(|f| f.meta.size + f.data.size).unwrap()
    );
    Some(held)
}

/// Counts what it is told.
struct Seen(Vec<f32>);

impl Visitor for Seen {
    fn series(&mut self, s: &SeriesRead<'_>) {
        assert_eq!(
            (s.metric, s.scope, s.host, s.id),
            ("load", "node", "n1", None)
        );
        self.0.extend_from_slice(s.values);
    }
}

fn a_start_up_learns_what_it_needs(m: &dyn Medium) {
    let target = m.open();
    target.check().unwrap();
    let clusters = target.clusters().unwrap();
    let names: Vec<_> = clusters.files.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!((names, clusters.without), (vec!["alpha", "beta"], vec![]));
    assert!(clusters.files[0].1.starts_with(b"{"));
}

fn nothing_is_found_where_nothing_is(m: &dyn Medium) {
    let target = m.open();
    target.tidy(&key(1)).unwrap();
    assert!(found(&*target, &key(1)).is_none());
    assert!(target.read(&key(1)).unwrap().is_none());
}

fn what_is_published_is_found_and_read_back(m: &dyn Medium) {
    for (id, form) in [(1, Form::Plain), (123_045, Form::Gzip)] {
        let (target, key) = (m.open(), key(id));
        let files = publish(&*target, &key, form, &[1.0, 2.0]);
        target.flush(&[&key]).unwrap();
        for target in [target, m.open()] {
            assert_eq!(found(&*target, &key).unwrap().files, Some(files));
            assert_eq!(values(&*target, &key), Some(2));
            let stored = target.read(&key).unwrap().unwrap();
            assert_eq!(stored.meta().unwrap().job.head.key, key);
            let mut seen = Seen(Vec::new());
            stored.visit(&mut seen).unwrap();
            assert_eq!(seen.0, [1.0, 2.0]);
            target.tidy(&key).unwrap();
        }
    }
    let mut same_number = key(1);
    same_number.start_time += 1;
    assert!(found(&*m.open(), &same_number).is_none());
    same_number.cluster = "beta".into();
    assert!(found(&*m.open(), &same_number).is_none());
}

fn nobody_sees_a_draft(m: &dyn Medium) {
    let (target, key) = (m.open(), key(1));
    let (meta, data) = documents(&key, &[1.0]);
    for complete in [false, true] {
        let mut draft = target.begin(&key).unwrap();
        draft.write(&data).unwrap();
        if complete {
            draft.complete(Form::Plain, &meta).unwrap();
        }
        assert!(m.open().read(&key).unwrap().is_none());
        drop(draft);
        assert!(found(&*target, &key).is_none());
    }
}

fn a_draft_that_comes_to_nothing_leaves_what_was_there(m: &dyn Medium) {
    let (target, key) = (m.open(), key(1));
    let files = publish(&*target, &key, Form::Gzip, &[1.0, 2.0]);
    let (meta, data) = documents(&key, &[1.0]);
    let mut draft = target.begin(&key).unwrap();
    draft.write(&data).unwrap();
    draft.complete(Form::Plain, &meta).unwrap();
    assert_eq!(values(&*m.open(), &key), Some(2));
    drop(draft);
    assert_eq!(found(&*target, &key).unwrap().files, Some(files));
}

fn an_archive_is_replaced_whole_whatever_the_forms(m: &dyn Medium) {
    let (target, key) = (m.open(), key(1));
    let mut n = 0;
    for form in [
        Form::Plain,
        Form::Plain,
        Form::Gzip,
        Form::Gzip,
        Form::Plain,
    ] {
        n += 1;
        publish(&*target, &key, form, &vec![1.0; n]);
        target.flush(&[&key]).unwrap();
        assert_eq!(found(&*target, &key).unwrap().files.unwrap().form, form);
        assert_eq!(values(&*m.open(), &key), Some(n as u64));
    }
}

fn only_a_whole_archive_of_this_very_job_is_whole(m: &dyn Medium) {
    let (target, key, other) = (m.open(), key(1), key(2));
    let (meta, data) = documents(&key, &[1.0, 2.0]);
    let gz = stored(Form::Gzip, &data);
    let cases: [(&[u8], Form, &[u8], u64); 5] = [
        (&documents(&other, &[]).0, Form::Plain, &data, 2),
        (&meta[..meta.len() / 2], Form::Plain, &data, 2),
        (b"", Form::Gzip, &gz, 2),
        (&meta, Form::Plain, &data[..data.len() - 18], 2),
        (&meta, Form::Gzip, &gz[..gz.len() - 4], 2),
    ];
    for (k, (meta, form, data, held)) in cases.into_iter().enumerate() {
        publish_as_they_are(&*target, &key, form, meta, data);
        let found = found(&*target, &key).unwrap();
        assert!(found.whole.is_none(), "case {k}");
        // What is there must not be replaced by less all the same.
        let values: u64 = found.values.values().map(|h| h.values).sum();
        assert_eq!(values, held, "case {k}");
    }
    let mut damaged = m.open().read(&key).unwrap().unwrap();
    assert_eq!(damaged.form, Form::Gzip);
    let mut bytes = Vec::new();
    damaged.data.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, gz[..gz.len() - 4]);
}

fn many_jobs_are_flushed_together_and_found_ones_too(m: &dyn Medium) {
    let target = m.open();
    let keys: Vec<_> = (0..200).map(key).collect();
    for key in &keys {
        let (meta, data) = documents(key, &[1.0]);
        let mut draft = target.begin(key).unwrap();
        draft.write(&data).unwrap();
        draft.complete(Form::Plain, &meta).unwrap();
        draft.publish().unwrap();
    }
    let all: Vec<_> = keys.iter().collect();
    target.flush(&all).unwrap();
    target.flush(&[]).unwrap();
    let later = m.open();
    later.flush(&all).unwrap();
    later.flush(&all[..3]).unwrap();
    assert!(keys.iter().all(|k| values(&*later, k) == Some(1)));
}

/// Writes more than is held in memory, and completes it; how many bytes.
pub(crate) fn write_a_giant(draft: &mut dyn Draft) -> i64 {
    let piece = vec![b' '; 1 << 20];
    for _ in 0..12 {
        draft.write(&piece).unwrap();
    }
    draft.write(b"{}\n").unwrap();
    let (meta, _) = documents(&key(1), &[]);
    draft.complete(Form::Plain, &meta).unwrap();
    (12 << 20) + 3
}

fn a_giant_goes_through_in_pieces(m: &dyn Medium) {
    let target = m.open();
    let mut draft = target.begin(&key(1)).unwrap();
    let size = write_a_giant(&mut *draft);
    draft.publish().unwrap();
    target.flush(&[&key(1)]).unwrap();
    let stored = found(&*m.open(), &key(1)).unwrap().files.unwrap();
    assert_eq!(i64::try_from(stored.data.size).unwrap(), size);
    assert_eq!(values(&*m.open(), &key(1)), Some(0));
}

fn a_cluster_that_is_not_there_is_refused(m: &dyn Medium) {
    let mut key = key(1);
    key.cluster = "gamma".into();
    let target = m.open();
    let refused = |e: Error| assert!(!e.failure().detail.is_empty());
    match target.begin(&key) {
        Err(e) => refused(e),
        // A medium may learn it late, but never publishes.
        Ok(mut draft) => {
            let (meta, data) = documents(&key, &[1.0]);
            draft.write(&data).unwrap();
            let published = draft
                .complete(Form::Plain, &meta)
                .and_then(|_| draft.publish());
            refused(published.unwrap_err());
        }
    }
    assert_eq!(target.clusters().unwrap().files.len(), 2);
}

fn a_probe_leaves_nothing(m: &dyn Medium) {
    let target = m.open();
    let before = target.clusters().unwrap();
    target.probe().unwrap();
    target.probe().unwrap();
    assert_eq!(target.clusters().unwrap(), before);
    target.check().unwrap();
}

/// Runs every fact over a medium, each on an archive of its own.
macro_rules! conformance {
    ($name:ident, $medium:expr) => {
        facts_of! {
            $name, $medium;
            a_start_up_learns_what_it_needs
            nothing_is_found_where_nothing_is
            what_is_published_is_found_and_read_back
            nobody_sees_a_draft
            a_draft_that_comes_to_nothing_leaves_what_was_there
            an_archive_is_replaced_whole_whatever_the_forms
            only_a_whole_archive_of_this_very_job_is_whole
            many_jobs_are_flushed_together_and_found_ones_too
            a_giant_goes_through_in_pieces
            a_cluster_that_is_not_there_is_refused
            a_probe_leaves_nothing
        }
    };
}

conformance!(tree, crate::conformance::tree::Archive::new());
conformance!(sqlite, crate::conformance::sqlite::Archive::new());
#[cfg(feature = "s3")]
conformance!(s3, crate::conformance::s3::Archive::new());
