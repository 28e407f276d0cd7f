"""setting.py - what is compared, and on what: data, tools, the machine."""
import os
import platform
import shutil
import subprocess
import sys

from jobs import SCHEMAS, sheaf_flags

PEERS = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(PEERS))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                     "sheaf-bench")


def say(text):
    print(text, file=sys.stderr, flush=True)


def add_options(parser, jobs=""):
    parser.add_argument("--build", default=os.path.join(REPOSITORY, "build", "release"),
                        help="build folder with bin/sheaf and bin/bench_bound (%(default)s)")
    parser.add_argument("--cache", default=CACHE,
                        help="folder for data and peers, on a disk (%(default)s)")
    parser.add_argument("--size", type=float, default=1.0,
                        help="1 is 0.5 to 1 GB a file (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="of each tool (%(default)s)")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)),
                        help="every tool is held to these (%(default)s)")
    parser.add_argument("--jobs", default=jobs, help="only jobs with these names, by commas")


def cores(number):
    return set(sorted(os.sched_getaffinity(0))[:number])


def binary(options, name):
    path = os.path.join(options.build, "bin", name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there\n"
                 "  cmake --preset release && cmake --build build/release")
    return path


# -- data ----------------------------------------------------------------------------------------


def data_file(options, name, share=1.0):
    """Path and rows; made where it is not there yet, and read once into the page cache."""
    rows = max(1, round(SCHEMAS[name].rows * options.size * share))
    path = os.path.join(options.cache, f"{name}-{rows}.csv")
    os.makedirs(options.cache, exist_ok=True)
    if not os.path.exists(path):
        say(f"making {path}")
        subprocess.run([binary(options, "sheaf"), "gen", name, "-n", str(rows), "-o",
                        path + ".part"], check=True)
        os.rename(path + ".part", path)
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass
    return path, rows


# -- tools ---------------------------------------------------------------------------------------


class Tool:
    """command(job, path) gives a list of words, or None where the tool can not do the job."""

    def __init__(self, name, version, threads, command, environment=None):
        self.name, self.version, self.threads = name, version, threads
        self.command, self.environment = command, environment or {}


def _output(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None


def _python(options):
    """The Python of the private environment; None if there can be none."""
    python = os.path.join(options.cache, "python", "bin", "python")
    if not os.path.exists(python) and not options.no_install:
        say("making a private Python environment")
        subprocess.run([sys.executable, "-m", "venv", os.path.join(options.cache, "python")],
                       check=False, stdout=subprocess.DEVNULL)
    return python if os.path.exists(python) else None


def _package(options, python, name):
    """Its version; installed where it is missing and may be."""
    ask = [python, "-c", f"import {name}; print({name}.__version__)"]
    version = _output(ask)
    if version is None and not options.no_install:
        say(f"installing {name}")
        subprocess.run([python, "-m", "pip", "install", "-q", name], check=False)
        version = _output(ask)
    return version


def _install_from_debian(options):
    missing = [package for package, program in (("miller", "mlr"), ("mawk", "mawk"))
               if not shutil.which(program)]
    if missing and options.apt:
        subprocess.run(["apt-get", "install", "-y", "-q", *missing], check=False,
                       stdout=subprocess.DEVNULL)


def sheaf(options, processes):
    program = binary(options, "sheaf")
    return Tool("sheaf", _output([program, "--version"]) or "?", processes,
                lambda job, path: [program, *job.sheaf, path, *sheaf_flags(job.data),
                                   "-j", str(processes)])


def bound(options, processes):
    """Nothing but reading the bytes: what every answer is measured against."""
    program = binary(options, "bench_bound")
    return Tool("bound", "", processes,
                lambda job, path: [program, "-j", str(processes), path])


def _awk(program):
    version = _output([program, "-W", "version"]) or _output([program, "--version"]) or "?"
    return Tool(program, version.splitlines()[0].split(",")[0], 1,
                lambda job, path: job.awk and [program, "-F", job.awk[0], job.awk[1], path],
                {"LC_ALL": "C"})


def _miller(options):
    return Tool("miller", _output(["mlr", "--version"]) or "?", options.cores,
                lambda job, path: job.miller and ["mlr", *job.miller[0], *job.miller[1], path],
                {"GOMAXPROCS": str(options.cores)})


def _asked(options, python, name, version):
    return Tool(name, f"{name} {version}", options.cores,
                lambda job, path: [python, os.path.join(PEERS, "ask.py"), name, job.name, path,
                                   str(options.cores)],
                {"PYTHONDONTWRITEBYTECODE": "1"})


def find_tools(options):
    """Sheaf and the bound first; of the others, what there is and what was asked for."""
    _install_from_debian(options)
    tools = [sheaf(options, options.cores), bound(options, options.cores)]
    tools += [_awk(program) for program in ("mawk", "gawk") if shutil.which(program)][:1]
    if shutil.which("mlr"):
        tools.append(_miller(options))
    python = _python(options)
    for name in ("duckdb", "polars") if python else ():
        version = _package(options, python, name)
        if version:
            tools.append(_asked(options, python, name, version))
        else:
            say(f"{name} can not be had; left out")
    wanted = options.tools.split(",") if options.tools else None
    return [tool for tool in tools
            if not wanted or tool.name in wanted or tool.name in ("sheaf", "bound")]


# -- the machine ---------------------------------------------------------------------------------


def _field(path, name):
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(name):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "?"


def machine():
    memory = _field("/proc/meminfo", "MemTotal").split()[0]
    gigabytes = f"{int(memory) / 1048576:.0f} GiB" if memory.isdigit() else "? GiB"
    return (f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs, {gigabytes}, "
            f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}")
