#!/usr/bin/env python3
"""Sweeps golden sites through a real cc-metric-store and has compare.py judge what comes of it.

    metric_store.py loaded SITE...     the store has loaded the site's checkpoint files, as after a restart
    metric_store.py fed SITE...        the store was fed the site's samples through its API, one after the other
    metric_store.py serve SITE         starts a store that has loaded the site, prints its address, and waits
    metric_store.py record SITE        as `fed`; writes what the store was asked and answered to --replies, for the tests that
                                       play it (tests/it/http): a line each, gzipped

SITE is a golden site: job.db, job-archive and checkpoints before, expected/ after. It is copied, never changed.

The store is cc-metric-store v1.5.4, installed by the Go client from its module proxy into a temporary folder; it needs Go
1.25 or later. CC_METRIC_STORE names a binary that is there already. CCARCHIVE names the program (default:
target/debug/ccarchive, else target/release/ccarchive). Options: --files SOURCE adds a source before the store, as in
`--files checkpoints`; --keep leaves the swept copies, and says where.

The store listens on 127.0.0.1 only and ends with this script.
"""
import argparse, gzip, http.server, json, os, shutil, signal, subprocess, sys, tempfile, threading, time
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
    subprocess.run(["go", "install", PACKAGE], check=True, env={**os.environ, "GOBIN": folder})
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

    def __init__(self, binary, folder, port, metrics, checkpoints, key=None):
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        main = {"addr": f"127.0.0.1:{port}"}
        if key:
            main["jwt-public-key"] = key
        config = {
            "main": main,
            "metrics": metrics,
            "metric-store": {
                # Wide enough for samples of any year: the store forgets what is older.
                "retention-in-memory": "1000000h",
                "memory-cap": 100,
                "checkpoint-interval": "1000h",
                "checkpoints": {"file-format": "wal", "directory": checkpoints},
            },
        }
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


def sweep(site, copy, sources, jobs):
    for part in ("job.db", "job-archive"):
        source, target = os.path.join(site, part), os.path.join(copy, part)
        (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, target)
    subprocess.run(["chmod", "-R", "u+w", copy], check=True)
    begun = time.monotonic()
    flags = [f for s in sources for f in ("--source", s)]
    flags += ["--job-id", jobs] if jobs else []
    done = subprocess.run([program(), "run", "--db", os.path.join(copy, "job.db"), *flags], capture_output=True, text=True)
    print(f"  {time.monotonic() - begun:.1f} s, exit {done.returncode}")
    print("  " + done.stdout.strip().replace("\n", "\n  "))
    judge = [sys.executable, "-B", os.path.join(ROOT, "tests", "golden", "compare.py"), site, copy, "-v"]
    judged = subprocess.run(judge, capture_output=True, text=True)
    print("  " + judged.stdout.strip().replace("\n", "\n  ")[-3000:])


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("how", choices=["loaded", "fed", "serve", "record"])
    asked.add_argument("site", nargs="+")
    asked.add_argument("--files")
    asked.add_argument("--port", type=int, default=18082)
    asked.add_argument("--key", help="public key (base64) whose tokens the store wants")
    asked.add_argument("--jobs", help="only these jobs, as for --job-id")
    asked.add_argument("--replies", help="the file that `record` writes")
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
            store = Store(binary, folder, args.port, metrics, checkpoints, args.key)
            try:
                print(f"{args.how} {os.path.basename(site.rstrip('/'))}: {store.url}", flush=True)
                if args.how == "serve":
                    store.process.wait()
                    continue
                if args.how in ("fed", "record"):
                    print(f"  {feed(store, site, metrics)} samples fed")
                copy = os.path.join(folder, "swept")
                os.mkdir(copy)
                files = [os.path.join(site, args.files)] if args.files else []
                recorder = Recorder(store, args.port + 1) if args.how == "record" else None
                sweep(site, copy, [*files, (recorder or store).url], args.jobs)
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
