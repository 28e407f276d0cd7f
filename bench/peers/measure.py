"""measure.py - one run of a command: how long, how much processor, how much memory; and its answer.

Time is of the whole process: from before it is started to after it has ended.  Memory is taken in
a run of its own, for looking slows a process down: every few milliseconds Pss_Anon and Pss_Shmem
of /proc/PID/smaps_rollup are summed over all processes that descend from the command.  That is
every private and every shared page that is no page of a file, a shared one counted once.  Pages of
a mapped file are left out (they are the page cache's), so data must not lie on a tmpfs.
"""
import ctypes
import os
import re
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_S = 0.004
_PSS = re.compile(rb"^Pss_(?:Anon|Shmem):\s+(\d+) kB", re.MULTILINE)


class Failed(Exception):
    """A command that did not end with exit code 0, or not in time."""


class Run:
    """What a run took: seconds, cpu_s of all its processes, inside_s by its own clock or None."""

    def __init__(self, seconds, cpu_s, inside_s, answer):
        self.seconds = seconds
        self.cpu_s = cpu_s
        self.inside_s = inside_s
        self.answer = answer


def _start(command, environment, cores, answer, remarks):
    """Our own affinity is what the command inherits: nothing has to run between fork and exec, so
    that starting costs as little as it can."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answer, stderr=remarks,
                                env={**os.environ, **environment}, close_fds=False)
    finally:
        os.sched_setaffinity(0, before)


def _check(command, status, remarks_path):
    if status != 0:
        with open(remarks_path, errors="replace") as file:
            last = file.read().strip().splitlines()[-1:]
        raise Failed(f"{command[0]} ended with {status}: {''.join(last)}")


def run(command, environment, cores, folder):
    """Run `command` on these cores; its standard output is the answer, in bytes."""
    answer_path, remarks_path = os.path.join(folder, "answer"), os.path.join(folder, "remarks")
    with open(answer_path, "wb") as answer, open(remarks_path, "wb") as remarks:
        begin = time.perf_counter()
        process = _start(command, environment, cores, answer, remarks)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    _check(command, process.returncode, remarks_path)
    with open(remarks_path, errors="replace") as file:
        inside = re.search(r"^inside (\S+)$", file.read(), re.MULTILINE)
    with open(answer_path, "rb") as file:
        return Run(seconds, usage.ru_utime + usage.ru_stime,
                   float(inside.group(1)) if inside else None, file.read())


def _children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass  # it has ended
    return found


def _tree(pid):
    found, todo = [], _children(pid)
    while todo:
        one = todo.pop()
        found.append(one)
        todo += _children(one)
    return found


def _memory_now():
    total_kb = 0
    for pid in _tree(os.getpid()):
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                total_kb += sum(int(kb) for kb in _PSS.findall(file.read()))
        except OSError:
            pass  # it has ended
    return total_kb * 1024


def peak_memory(command, environment, cores, folder):
    """Bytes, the most that was seen.  Orphans of the command become ours, and are counted too."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    remarks_path = os.path.join(folder, "remarks")
    peak = 0
    with open(os.devnull, "wb") as answer, open(remarks_path, "wb") as remarks:
        process = _start(command, environment, cores, answer, remarks)
        while process.poll() is None:
            peak = max(peak, _memory_now())
            time.sleep(SAMPLE_S)
    _check(command, process.returncode, remarks_path)
    return peak
