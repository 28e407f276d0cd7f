"""toolkit.py - bench_toolkit beside Python's multiprocessing, in one run.

    python3 bench/process/toolkit.py build/release/bench/process/bench_toolkit

Prints a table: ours and Python's, each the median of five runs with the least and the
greatest, the ratio of the medians, the ratio that was promised, and how near ours
comes to what this machine allows (the last lines; measured in the same run).
"""
import multiprocessing as mp
import os
import statistics
import subprocess
import sys
import time

RUNS = 5


def nothing(value):
    return value


def rate(count, work):
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def map_one():
    with mp.Pool(2) as pool:
        pool.map(nothing, range(10), chunksize=1)
        return rate(20000, lambda: pool.map(nothing, range(20000), chunksize=1))


def map_default():
    with mp.Pool(2) as pool:
        pool.map(nothing, range(10))
        return rate(500000, lambda: pool.map(nothing, range(500000)))


def imap():
    with mp.Pool(2) as pool:
        return rate(20000, lambda: sum(1 for _ in pool.imap(nothing, range(20000))))


def submit():
    with mp.Pool(2) as pool:
        pool.apply(nothing, (1,))
        return rate(5000, lambda: [pool.apply_async(nothing, (1,)).get() for _ in range(5000)])


def produce(queue, message, count):
    for _ in range(count):
        queue.put(message)


def consume(queue, count):
    for _ in range(count):
        queue.get()


def queue_with(size, pairs, count):
    queue = mp.Queue()
    message = bytes(size)
    children = [mp.Process(target=produce, args=(queue, message, count // pairs))
                for _ in range(pairs)]
    if pairs > 1:
        children += [mp.Process(target=consume, args=(queue, count // pairs)) for _ in range(pairs)]
    start = time.perf_counter()
    for child in children:
        child.start()
    if pairs == 1:
        consume(queue, count)
    for child in children:
        child.join()
    return count / (time.perf_counter() - start)


def echo(end):
    try:
        while True:
            end.send_bytes(end.recv_bytes())
    except EOFError:
        pass


def pipe():
    ours, theirs = mp.Pipe()
    child = mp.Process(target=echo, args=(theirs,))
    child.start()
    theirs.close()
    message = bytes(64)

    def work():
        for _ in range(10000):
            ours.send_bytes(message)
            ours.recv_bytes()

    result = rate(10000, work)
    ours.close()
    child.kill()
    child.join()
    return result


def add(value, count):
    for _ in range(count):
        with value.get_lock():
            value.value += 1


def counter():
    value = mp.Value("q", 0)
    children = [mp.Process(target=add, args=(value, 100000)) for _ in range(2)]
    start = time.perf_counter()
    for child in children:
        child.start()
    for child in children:
        child.join()
    return 200000 / (time.perf_counter() - start)


def lock_alone():
    lock = mp.Lock()

    def work():
        for _ in range(500000):
            lock.acquire()
            lock.release()

    return rate(500000, work)


def manager():
    with mp.Manager() as server:
        shared = server.dict()

        def work():
            for i in range(5000):
                shared["key"] = i

        return rate(5000, work)


def start_with(method, count):
    context = mp.get_context(method)

    def work():
        for _ in range(count):
            child = context.Process(target=nothing, args=(1,))
            child.start()
            child.join()

    return rate(count, work)


# Name, Python's function, the promised ratio, the bound that ours is set beside.
FORK, WAKE, FUTEX = "bound: fork, exit, wait", "bound: eventfd round trip", "bound: futex round trip"
RING, COPY = "bound: ring of one writer and one reader, 64 B", "bound: copy of 1 MiB"
ROWS = [
    ("map, tasks one by one", map_one, 50, RING),
    ("map, default chunks", map_default, 5, RING),
    ("submit and get, one after another", submit, 5, FUTEX),
    ("stream in order", imap, None, RING),
    ("queue, 64 B", lambda: queue_with(64, 1, 50000), 50, RING),
    ("queue, 64 B, any size", lambda: queue_with(64, 1, 50000), 50, RING),
    ("queue, 64 B, 2 producers 2 consumers", lambda: queue_with(64, 2, 50000), 20, RING),
    ("queue, 1 MiB", lambda: queue_with(1 << 20, 1, 1000), 4, COPY),
    ("pipe round trip", pipe, 3, WAKE),
    ("locked counter, 2 processes", counter, 10, RING),
    ("lock and unlock, alone", lock_alone, None, None),
    ("manager: set a key", manager, 3, WAKE),
    ("process start and join, fork", lambda: start_with("fork", 100), 1.5, FORK),
    ("process start and join, server", lambda: start_with("forkserver", 50), 1.5, FORK),
]


def main():
    ours = {}
    output = subprocess.run([sys.argv[1]], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        name, median, least, greatest = line.split("\t")
        ours[name] = (float(median), float(least), float(greatest))
    print(f"Python {sys.version.split()[0]}, {len(os.sched_getaffinity(0))} processors; operations per second")
    print(f"{'':37} {'sheaf':>11} {'(least - greatest)':>25} {'Python':>10} {'(least - greatest)':>21} "
          f"{'ratio':>6} {'promised':>8} {'of bound':>9}")
    for name, python, promised, bound in ROWS:
        theirs = sorted(python() for _ in range(RUNS))
        middle = statistics.median(theirs)
        median, least, greatest = ours[name]
        share = f"{median / ours[bound][0]:.0%}" if bound else "-"
        print(f"{name:37} {median:11,.0f} ({least:10,.0f} - {greatest:10,.0f}) {middle:10,.0f} "
              f"({theirs[0]:8,.0f} - {theirs[-1]:8,.0f}) {median / middle:6.1f} "
              f"{promised if promised else '-':>8} {share:>9}", flush=True)
    for name, (median, least, greatest) in ours.items():
        if name.startswith("bound:"):
            print(f"{name:37} {median:11,.0f} ({least:10,.0f} - {greatest:10,.0f})")


if __name__ == "__main__":
    main()
