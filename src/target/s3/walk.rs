//! Every job of the bucket, with what is not as it should be about it, and what can be mended of that without a source.
//! Nothing is read for the former but lists of names and sizes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::S3;
use super::listing::{Listing, Object};
use super::look::read_form;
use super::object;
use super::place::{CLUSTER, Note, There, folder, other};
use crate::model::job::JobKey;
use crate::model::stored::Form;
use crate::target::names::{self, GZIP, META, PLAIN, VERSION, data_name, number};
use crate::target::{Error, Flaw, Odd, Part, Stored, Target, Unmended, Walk, Walked};

/// What cc-backend keeps beside the clusters.
const OWN: [&str; 2] = [VERSION, "compress.txt"];

impl Walk for S3 {
    fn parts(&self) -> io::Result<(Vec<Part>, Vec<Walked>)> {
        let (mut parts, mut strange) = (Vec::new(), Vec::new());
        let root = self.list("", true)?;
        for object in root.objects {
            if !OWN.contains(&object.name.as_str()) {
                strange.push(self.odd(&object.name, Odd::Stranger));
            }
        }
        for folder in root.folders {
            let cluster = folder.trim_end_matches('/');
            let list = self.list(&folder, true)?;
            let config = format!("{folder}{CLUSTER}");
            if !list.objects.iter().any(|o| o.name == config) {
                strange.push(self.odd(cluster, Odd::NoClusterJson));
            }
            for part in list.folders {
                let name = part.strip_prefix(&folder).map(|n| n.trim_end_matches('/'));
                match name.and_then(number).filter(|n| Part::is_of_jobs(*n)) {
                    Some(thousands) => parts.push(Part {
                        cluster: cluster.to_owned(),
                        thousands,
                        path: self.path(&part),
                    }),
                    None => strange.push(self.odd(&part, Odd::Stranger)),
                }
            }
        }
        Ok((parts, strange))
    }

    fn walk(&self, part: &Part) -> io::Result<Vec<Walked>> {
        let prefix = format!("{}/{}/", part.cluster, part.thousands);
        let list = self.list(&prefix, false)?;
        let mut jobs: BTreeMap<(i64, i64), Vec<(String, u64)>> = BTreeMap::new();
        let mut out = Vec::new();
        for object in list.objects {
            match place(&object, &prefix) {
                Some((rest, start, name)) => {
                    let files = jobs.entry((rest, start)).or_default();
                    files.push((name, object.size));
                }
                None => out.push(self.odd(&object.name, Odd::Stranger)),
            }
        }
        for ((rest, start_time), files) in jobs {
            out.push(Walked {
                key: Some(JobKey {
                    cluster: part.cluster.clone(),
                    job_id: part.thousands * 1000 + rest,
                    start_time,
                }),
                path: self.path(&format!("{prefix}{rest:03}/{start_time}")),
                odd: look(&files),
            });
        }
        Ok(out)
    }

    fn look_again(&self, key: &JobKey) -> Walked {
        let prefix = folder(key);
        let odd = match self.list(&prefix, false) {
            // Nothing is odd about a place that is gone.
            Ok(list) if list.objects.is_empty() => Vec::new(),
            Ok(list) => {
                let file = |o: Object| {
                    let name = o.name.strip_prefix(&prefix)?.to_owned();
                    (!name.is_empty()).then_some((name, o.size))
                };
                look(
                    &list
                        .objects
                        .into_iter()
                        .filter_map(file)
                        .collect::<Vec<_>>(),
                )
            }
            Err(e) => vec![Odd::Unreadable(e.to_string())],
        };
        Walked {
            key: Some(key.clone()),
            path: self.path(&prefix),
            odd,
        }
    }

    fn mend(&self, flaw: Flaw, place: &Walked) -> Result<(), Unmended> {
        let (Flaw::Leftovers, Some(key)) = (flaw, &place.key) else {
            let why = "there is nothing of this kind in a bucket";
            return Err(Unmended::NoSuchFlaw(why));
        };
        self.tidy(key)?;
        let there = There::of(&self.client, key).map_err(Error::from)?;
        match there.notes().next() {
            None => Ok(()),
            Some(_) => Err(Unmended::SweepAtWork),
        }
    }

    fn both_forms(&self, key: &JobKey) -> io::Result<Vec<Stored>> {
        let read = || -> Result<Vec<Stored>, Error> {
            let there = There::of(&self.client, key)?;
            let all = [META, GZIP, PLAIN].iter().all(|name| there.has(name));
            let mut both = Vec::new();
            if !all || there.notes().next().is_some() {
                return Ok(both);
            }
            for form in [Form::Gzip, Form::Plain] {
                both.extend(read_form(&self.client, key, form)?);
            }
            Ok(both)
        };
        read().map_err(io::Error::other)
    }

    fn keep_form(&self, key: &JobKey, form: Form) -> Result<(), Unmended> {
        let remove = || -> Result<bool, Error> {
            let there = There::of(&self.client, key)?;
            let is_so = [META, data_name(form)].iter().all(|name| there.has(name))
                && there.notes().next().is_none();
            if is_so {
                let name = format!("{}{}", folder(key), data_name(other(form)));
                object::remove(&self.client, &name, true)?;
            }
            Ok(is_so)
        };
        match remove() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unmended::Busy),
            Err(e) => Err(e.into()),
        }
    }
}

impl S3 {
    fn list(&self, prefix: &str, level: bool) -> io::Result<Listing> {
        Listing::of(&self.client, prefix, level).map_err(|e| io::Error::other(Error::from(e)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.client.place(name.trim_end_matches('/')).into()
    }

    fn odd(&self, name: &str, what: Odd) -> Walked {
        Walked {
            key: None,
            path: self.path(name),
            odd: vec![what],
        }
    }
}

/// Rest of the job's number, start, and name of an object below a part.
fn place(object: &Object, prefix: &str) -> Option<(i64, i64, String)> {
    let mut parts = object.name.strip_prefix(prefix)?.split('/');
    let (rest, start) = (names::rest(parts.next()?)?, number(parts.next()?)?);
    let name = parts.next()?.to_owned();
    (parts.next().is_none() && !name.is_empty()).then_some((rest, start, name))
}

fn look(files: &[(String, u64)]) -> Vec<Odd> {
    let has = |name: &str| files.iter().any(|(n, _)| n == name);
    let mut odd = Vec::new();
    if !has(META) {
        odd.push(Odd::NoMeta);
    }
    match (has(PLAIN), has(GZIP)) {
        (true, true) => odd.push(Odd::BothForms),
        (false, false) => odd.push(Odd::NoData),
        _ => {}
    }
    for (name, size) in files {
        if Note::named(name).is_some() {
            odd.push(Odd::Leftover(name.clone()));
        } else if ![META, PLAIN, GZIP].contains(&name.as_str()) {
            odd.push(Odd::OtherFile(name.clone()));
        } else if *size == 0 {
            odd.push(Odd::EmptyFile(name.clone()));
        }
    }
    odd
}
