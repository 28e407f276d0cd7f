"""toolkit.py - bench_toolkit beside Python's multiprocessing, in one run.

    python3 bench/process/toolkit.py build/release/bench/process/bench_toolkit

Prints a table: ours, Python's, the ratio, the ratio that was promised.
"""
import multiprocessing as mp
import os
import statistics
import subprocess
import sys
import time

RUNS = 3


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


ROWS = [
    ("map, tasks one by one", map_one, 50),
    ("map, default chunks", map_default, 5),
    ("submit and get, one after another", submit, 5),
    ("stream in order", imap, None),
    ("queue, 64 B", lambda: queue_with(64, 1, 50000), 50),
    ("queue, 64 B, any size", lambda: queue_with(64, 1, 50000), 50),
    ("queue, 64 B, 2 producers 2 consumers", lambda: queue_with(64, 2, 50000), 20),
    ("queue, 1 MiB", lambda: queue_with(1 << 20, 1, 1000), 4),
    ("pipe round trip", pipe, 3),
    ("locked counter, 2 processes", counter, 10),
    ("lock and unlock, alone", lock_alone, None),
    ("manager: set a key", manager, 3),
    ("process start and join, fork", lambda: start_with("fork", 100), 1.5),
    ("process start and join, server", lambda: start_with("forkserver", 50), 1.5),
]


def main():
    ours = {}
    output = subprocess.run([sys.argv[1]], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        name, median, least, greatest = line.split("\t")
        ours[name] = (float(median), float(least), float(greatest))
    print(f"Python {sys.version.split()[0]}, {len(os.sched_getaffinity(0))} processors; operations per second")
    print(f"{'':40} {'sheaf':>14} {'(least - greatest)':>28} {'Python':>12} {'ratio':>8} {'promised':>9}")
    for name, python, promised in ROWS:
        theirs = statistics.median(python() for _ in range(RUNS))
        median, least, greatest = ours.pop(name)
        wanted = f"{promised}" if promised else "-"
        print(f"{name:40} {median:14,.0f} ({least:12,.0f} - {greatest:11,.0f}) {theirs:12,.0f} "
              f"{median / theirs:8.1f} {wanted:>9}", flush=True)
    for name, (median, least, greatest) in ours.items():
        print(f"{name:40} {median:14,.0f} ({least:12,.0f} - {greatest:11,.0f})")


if __name__ == "__main__":
    main()
