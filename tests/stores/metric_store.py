#!/usr/bin/env python3
"""Sweeps golden sites through a real cc-metric-store and has compare.py judge what comes of it.

    metric_store.py loaded SITE...     the store has loaded the site's checkpoint files, as after a restart
    metric_store.py fed SITE...        the store was fed the site's samples through its API, one after the other
    metric_store.py killed SITE...     the store is killed in the middle of a sweep, started again, and asked by the next sweep;
                                       what comes of it is held to an undisturbed sweep, at several points
    metric_store.py serve SITE         starts a store that has loaded the site, prints its address, and waits
    metric_store.py record SITE        as `fed`; writes what the store was asked and answered to --replies, for the tests that
                                       play it (tests/it/http): a line each, gzipped
    metric_store.py speed SITE...      sweeps the site from its checkpoints, from a store that has loaded them, and from Parquet files
                                       that the store made of them (with the logs), in turn; prints times and their ratios
    metric_store.py parquet SITE       the store turns the site's snapshots into Parquet files in --out, as it cleans up;
                                       --hosts names some hosts alone

SITE is a golden site: job.db, job-archive and checkpoints before, expected/ after. It is copied, never changed.

The store is cc-metric-store v1.5.4, installed by the Go client from its module proxy into a temporary folder; it needs Go
1.25 or later. Where the proxy does not have it, CC_METRIC_STORE names the program, built from a checkout of the release with
`go build ./cmd/cc-metric-store`. CCARCHIVE names the program (default:
target/debug/ccarchive, else target/release/ccarchive). Options: --files SOURCE adds a source before the store, as in
`--files checkpoints`; --keep leaves the swept copies, and says where.

The store listens on 127.0.0.1 only and ends with this script.
"""
import argparse, gzip, http.server, json, os, shutil, signal, sqlite3, subprocess, sys, tempfile, threading, time
import urllib.error, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))
sys.dont_write_bytecode = True
import timeline  # noqa: E402

PACKAGE = "github.com/ClusterCockpit/cc-metric-store/cmd/cc-metric-store@v1.5.4"
SCOPES = ["hwthread", "core", "memoryDomain", "socket", "accelerator"]
LINES = 20_000


def store_binary(folder):
    """The store's program: the one that is named, or installed by its package's name."""
    named = os.environ.get("CC_METRIC_STORE")
    if named:
        return os.path.abspath(named)
    installed = subprocess.run(["go", "install", PACKAGE], env={**os.environ, "GOBIN": folder})
    if installed.returncode != 0:
        sys.exit("the store cannot be installed: build it from a checkout of its release and name it in CC_METRIC_STORE")
    return os.path.join(folder, "cc-metric-store")


def program():
    named = os.environ.get("CCARCHIVE")
    built = [os.path.join(ROOT, "target", kind, "ccarchive") for kind in ("debug", "release")]
    return next(p for p in ([named] if named else built) if os.path.exists(p))


def metrics_of(site):
    """Metrics as cc-backend configures its store: the largest timestep of any cluster, the first aggregation."""
    found = {}
    archive = os.path.join(site, "job-archive")
    for cluster in sorted(os.listdir(archive)):
        path = os.path.join(archive, cluster, "cluster.json")
        if not os.path.exists(path):
            continue
        described = json.load(open(path))
        listed = list(described["metricConfig"])
        for sub in described["subClusters"]:
            listed += sub.get("metricConfig") or []
        for m in listed:
            known = found.setdefault(m["name"], {"frequency": 0, "aggregation": m.get("aggregation") or None})
            known["frequency"] = max(known["frequency"], m["timestep"])
    return found


class Store:
    """A running store; `checkpoints` is loaded at its start and written to while it runs."""

    def __init__(self, binary, folder, port, metrics, checkpoints, key=None, cleanup=None):
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        main = {"addr": f"127.0.0.1:{port}"}
        if key:
            main["jwt-public-key"] = key
        config = {
            "main": main,
            "metrics": metrics,
            "metric-store": {
                # Wide enough for samples of any year: the store forgets what is older, and cleans up so often.
                "retention-in-memory": "5s" if cleanup else "1000000h",
                "memory-cap": 100,
                "checkpoint-interval": "1000h",
                "checkpoints": {"file-format": "wal", "directory": checkpoints},
            },
        }
        if cleanup:
            config["metric-store"]["cleanup"] = {"mode": "archive", "directory": cleanup}
        path = os.path.join(folder, "config.json")
        json.dump(config, open(path, "w"))
        self.log = open(os.path.join(folder, "store.log"), "ab")
        self.process = subprocess.Popen([binary, "-config", path], cwd=folder, stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        for _ in range(600):
            try:
                self.query({"cluster": "", "queries": [], "from": 0, "to": 1})
                return
            except urllib.error.HTTPError as e:
                if e.code == 401:
                    return
                raise
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"the store ended: see {self.log.name}")
                time.sleep(0.1)
        sys.exit(f"the store does not answer: see {self.log.name}")

    def query(self, body):
        request = urllib.request.Request(self.url + "/api/query", json.dumps(body).encode(), method="GET")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def feed(self, lines):
        body = "\n".join(lines).encode() + b"\n"
        request = urllib.request.Request(self.url + "/api/write", body, method="POST")
        urllib.request.urlopen(request, timeout=60).read()

    def end(self):
        # It would write a checkpoint of everything on the way out.
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Recorder:
    """Stands before a store and notes what it is asked and what it answers."""

    def __init__(self, store, port):
        self.url, self.noted, lock = f"http://127.0.0.1:{port}", {}, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
                request = urllib.request.Request(store.url + self.path, asked.encode(), method="GET")
                with urllib.request.urlopen(request, timeout=60) as answer:
                    body = answer.read()
                with lock:
                    outer.noted[asked] = body.decode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def write(self, path):
        self.server.shutdown()
        with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as out:
            for asked, answered in sorted(self.noted.items()):
                out.write(json.dumps({"asked": asked, "answered": answered}).encode() + b"\n")
        print(f"  {len(self.noted)} replies in {path}")


def escaped(text):
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def feed(store, site, metrics):
    """Feeds what the files tell: each value in the middle of its slot, in the order of time."""
    frequencies = {name: m["frequency"] for name, m in metrics.items()}
    fed = 0
    for cluster in sorted(os.listdir(os.path.join(site, "checkpoints"))):
        hosts = os.path.join(site, "checkpoints", cluster)
        for host in sorted(os.listdir(hosts)):
            samples = []
            for (path, metric), series in timeline.load(os.path.join(hosts, host), frequencies).items():
                if metric not in metrics or len(path) > 1:
                    continue
                tags = f"{escaped(metric)},cluster={escaped(cluster)},hostname={escaped(host)}"
                for level in path:
                    scope = next(s for s in SCOPES if level.startswith(s))
                    tags += f",type={scope},type-id={escaped(level[len(scope):])}"
                for phase, _, slots in series.runs:
                    for slot, value in slots.items():
                        if value == value and abs(value) != float("inf"):
                            samples.append((phase + slot * series.f + series.h, f"{tags} value={value!r}"))
            samples.sort(key=lambda s: s[0])
            for k in range(0, len(samples), LINES):
                store.feed([f"{line} {t}" for t, line in samples[k:k + LINES]])
            fed += len(samples)
    return fed


def copied(site, copy):
    """The parts of a site that a sweep changes, in a folder of their own."""
    os.mkdir(copy)
    for part in ("job.db", "job-archive"):
        source, target = os.path.join(site, part), os.path.join(copy, part)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
    subprocess.run(["chmod", "-R", "u+w", copy], check=True)


def command(copy, sources, jobs):
    flags = [f for s in sources for f in ("--source", s)]
    flags += ["--job-id", jobs] if jobs else []
    return [program(), "run", "--db", os.path.join(copy, "job.db"), *flags]


def sweep(site, copy, sources, jobs):
    copied(site, copy)
    begun = time.monotonic()
    done = subprocess.run(command(copy, sources, jobs), capture_output=True, text=True)
    print(f"  {time.monotonic() - begun:.1f} s, exit {done.returncode}")
    print("  " + done.stdout.strip().replace("\n", "\n  "))
    judge = [sys.executable, "-B", os.path.join(ROOT, "tests", "golden", "compare.py"), site, copy, "-v"]
    judged = subprocess.run(judge, capture_output=True, text=True)
    print("  " + judged.stdout.strip().replace("\n", "\n  ")[-3000:])


def documents(copy):
    """Every archived document of a swept copy, by its path."""
    found = {}
    for folder, _, names in os.walk(os.path.join(copy, "job-archive")):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, copy)] = open(path, "rb").read()
    return found


def statuses(copy):
    with sqlite3.connect(os.path.join(copy, "job.db")) as db:
        return dict(db.execute("SELECT id, monitoring_status FROM job"))


def killed(start, site, folder, sources, jobs):
    """Kills the store after some job lines of a sweep, at several points; `start` starts it."""
    whole = os.path.join(folder, "whole")
    copied(site, whole)
    store = start()
    subprocess.run(command(whole, [*sources, store.url], jobs), capture_output=True)
    store.end()
    want, want_rows, before = documents(whole), statuses(whole), statuses(site)
    for after in (1, 2, 5, 10, 20):
        store, copy = start(), os.path.join(folder, f"after-{after}")
        copied(site, copy)
        running = subprocess.Popen([*command(copy, [*sources, store.url], jobs), "--json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        lines, seen = [], 0
        for line in running.stdout:
            lines.append(json.loads(line))
            seen += lines[-1]["type"] == "job"
            if seen == after and store.process.poll() is None:
                store.end()
        code = running.wait()
        if store.process.poll() is None:
            store.end()
            print(f"  after {after} jobs: the sweep was over")
            continue
        rows, there = statuses(copy), documents(copy)
        archived = [i for i, s in rows.items() if s == 3 and before[i] != 3]
        changed = [i for i, s in rows.items() if s != before[i] and s != want_rows[i]]
        other = [p for p, b in there.items() if want.get(p) != b]
        print(f"  after {after} jobs: exit {code}, {len(archived)} archived, {len(changed)} rows otherwise changed, "
              f"{len(other)} documents poorer or other than undisturbed")
        store = start()
        again = subprocess.run(command(copy, [*sources, store.url], jobs), capture_output=True, text=True)
        store.end()
        same = documents(copy) == want and statuses(copy) == want_rows
        print(f"    the next sweep: exit {again.returncode}, documents and rows {'as' if same else 'NOT AS'} undisturbed")
        if changed or other or not same:
            sys.exit(f"the sweep after a kill differs: {copy}")


def measured(site, copy, sources):
    """Seconds, processor seconds and largest memory (MiB) of a sweep of a fresh copy."""
    copied(site, copy)
    begun = time.monotonic()
    running = subprocess.Popen(command(copy, sources, None), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    seconds = time.monotonic() - begun
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"the sweep from {sources} failed")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def speed(start, cleaned, site, folder, rounds):
    """Sweeps from each source in turn; `cleaned` makes Parquet files of the snapshots in a folder."""
    archive, logs = os.path.join(folder, "parquet"), os.path.join(folder, "logs")
    shutil.copytree(os.path.join(site, "checkpoints"), logs)
    subprocess.run(["chmod", "-R", "u+w", logs], check=True)
    cleaned(logs, archive)
    store = start()
    sources = {
        "checkpoints": [os.path.join(site, "checkpoints")],
        "store over HTTP": [store.url],
        "Parquet, then the log": [logs, f"parquet:{archive}"],
    }
    times = {name: [] for name in sources}
    for n in range(rounds):
        for name, of in sources.items():
            copy = os.path.join(folder, f"swept-{n}-{len(of)}-{name.split()[0]}")
            times[name].append(measured(site, copy, of))
            shutil.rmtree(copy)
    store.end()
    middle = lambda rows, k: sorted(r[k] for r in rows)[len(rows) // 2]  # noqa: E731
    files = times["checkpoints"]
    print(f"  median of {rounds} rounds in turn: seconds, processor seconds, both divided by those of the checkpoints, memory")
    for name, rows in times.items():
        wall, cpu, memory = (middle(rows, k) for k in range(3))
        print(f"  {name:24} {wall:6.2f} {cpu:6.2f}   {wall / middle(files, 0):5.2f} {cpu / middle(files, 1):5.2f}   {memory:4.0f} MiB")


def keep_hosts(checkpoints, hosts):
    """Leaves the folders of some hosts alone."""
    for cluster in os.listdir(checkpoints) if hosts else []:
        for host in set(os.listdir(os.path.join(checkpoints, cluster))) - set(hosts.split(",")):
            shutil.rmtree(os.path.join(checkpoints, cluster, host))


def parquet(start, checkpoints, out):
    """Waits until the store has cleaned up: all snapshots are in Parquet files, which end with their mark."""
    def snapshots():
        names = [n for _, _, names in os.walk(checkpoints) for n in names]
        return [n for n in names if n.endswith((".bin", ".json"))]

    count, store = len(snapshots()), start()
    begun = time.monotonic()
    while snapshots() and time.monotonic() - begun < 300:
        time.sleep(0.2)
    store.end()
    if snapshots():
        sys.exit("the store did not clean up in five minutes")
    for folder, _, names in os.walk(out):
        for name in names:
            path = os.path.join(folder, name)
            whole = open(path, "rb").read()[-4:] == b"PAR1"
            print(f"  {count} snapshots in {path}: {os.path.getsize(path)} bytes, {'whole' if whole else 'NOT WHOLE'}")


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("how", choices=["loaded", "fed", "killed", "serve", "record", "speed", "parquet"])
    asked.add_argument("site", nargs="+")
    asked.add_argument("--files")
    asked.add_argument("--port", type=int, default=18082)
    asked.add_argument("--key", help="public key (base64) whose tokens the store wants")
    asked.add_argument("--jobs", help="only these jobs, as for --job-id")
    asked.add_argument("--replies", help="the file that `record` writes")
    asked.add_argument("--out", help="the folder that `parquet` fills")
    asked.add_argument("--rounds", type=int, default=5, help="of `speed` (default 5)")
    asked.add_argument("--hosts", help="only these hosts, for `parquet`")
    asked.add_argument("--keep", action="store_true")
    args = asked.parse_args()
    scratch = tempfile.mkdtemp(prefix="metric-store-")
    try:
        binary = store_binary(scratch)
        for site in args.site:
            folder = tempfile.mkdtemp(dir=scratch)
            checkpoints, metrics = os.path.join(folder, "checkpoints"), metrics_of(site)
            if args.how in ("fed", "record"):
                os.mkdir(checkpoints)
            else:
                shutil.copytree(os.path.join(site, "checkpoints"), checkpoints)
                subprocess.run(["chmod", "-R", "u+w", checkpoints], check=True)
            print(f"{args.how} {os.path.basename(site.rstrip('/'))}", flush=True)
            files = [os.path.join(site, args.files)] if args.files else []
            cleanup = os.path.abspath(args.out) if args.how == "parquet" else None

            def start():
                return Store(binary, folder, args.port, metrics, checkpoints, args.key, cleanup)

            if args.how == "parquet":
                keep_hosts(checkpoints, args.hosts)
                parquet(start, checkpoints, cleanup)
                continue
            if args.how == "speed":
                def cleaned(logs, archive):
                    at = args.port + 1
                    parquet(lambda: Store(binary, folder, at, metrics, logs, args.key, archive), logs, archive)

                speed(start, cleaned, site, folder, args.rounds)
                continue
            if args.how == "killed":
                killed(start, site, folder, files, args.jobs)
                continue
            store = start()
            try:
                print(f"  {store.url}", flush=True)
                if args.how == "serve":
                    store.process.wait()
                    continue
                if args.how in ("fed", "record"):
                    print(f"  {feed(store, site, metrics)} samples fed")
                recorder = Recorder(store, args.port + 1) if args.how == "record" else None
                sweep(site, os.path.join(folder, "swept"), [*files, (recorder or store).url], args.jobs)
                if recorder:
                    recorder.write(args.replies)
            finally:
                store.end()
    except KeyboardInterrupt:
        pass
    finally:
        if args.keep:
            print(f"kept: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
