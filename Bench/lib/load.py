#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts a load of new DHCP leases on a server, with perfdhcp (Kea's) or dora (ours, cheaper), on core 1.

load.py search NAMESPACE SERVER-PID [START]     the highest rate held: < 1 % lost, and really offered
load.py run NAMESPACE SERVER-PID RATE SECONDS [FIRST-MAC CLIENTS [FIRST-RELAY RELAYS]]
    both print one JSON object; what they try on the way goes to standard error
environment: TOOL=perfdhcp|dora   DORA=the program   SERVER_ADDRESS   LOCAL_ADDRESS
"""

import json
import os
import random
import re
import subprocess
import sys

TOOL = os.environ.get("TOOL", "perfdhcp")
SERVER = os.environ["SERVER_ADDRESS"]
LOCAL = os.environ["LOCAL_ADDRESS"]
LOST_MAX = 0.01
SEARCH_SECONDS = 6
RATE_MIN = 50  # of leases a second; what is not held there is not looked for below
RATE_STEP = 10


def cpu_ns(process):
    """CPU time of all threads, also of those that have ended; in steps of 10 ms."""
    fields = open(f"/proc/{process}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


def fresh_mac():
    return f"00:0c:{random.randrange(256):02x}:{random.randrange(256):02x}:00:00"


def at(namespace, *command):
    """On core 1 and above other work. dora sleeps between packets, so it may have a realtime priority; perfdhcp's
    sender spins, so it gets the best of the ordinary ones, in a scheduling group of its own."""
    first = "exec chrt -f 5" if TOOL == "dora" else "echo -20 >/proc/self/autogroup 2>/dev/null; exec nice -n -20"
    return ["ip", "netns", "exec", namespace, "taskset", "-c", "1", "setsid", "sh", "-c", first + ' "$@"', "sh", *command]


def percentile(delays, part):
    return round(delays[min(len(delays) - 1, int(len(delays) * part))], 3) if delays else None


def by_perfdhcp(namespace, rate, seconds, mac, clients):
    """perfdhcp counts an answer as lost after a second."""
    command = at(
        namespace, "perfdhcp", "-4", "-l", LOCAL, "-r", str(int(rate)), "-R", str(clients), "-b", f"mac={mac}",
        "-p", str(int(seconds)), "-W", "1000000", "-d", "1", "-g", "single", "-x", "t", SERVER)
    said = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60).stdout
    head, _, stamps = said.partition("***Timestamps")
    part = {"offer": head.partition("DISCOVER-OFFER***")[2].partition("***Stat")[0],
            "ack": head.partition("REQUEST-ACK***")[2]}
    number = lambda text, what: int(re.search(what + r" packets: (\d+)", text)[1])
    result = {"sent": number(part["offer"], "sent"), "offers": number(part["offer"], "received"),
              "acks": number(part["ack"], "received")}
    for name, text in zip(("offer", "ack"), stamps.split("***Timestamps")):
        delays = sorted(
            (float(b) - float(a)) * 1e3 for a, b in re.findall(r"received: (\d+\.\d+) / (\d+\.\d+)", text))
        result[f"{name}_p50_ms"], result[f"{name}_p99_ms"] = percentile(delays, 0.5), percentile(delays, 0.99)
    return result


def by_dora(namespace, rate, seconds, mac, clients, relay, relays):
    command = at(namespace, os.environ["DORA"], SERVER, str(rate), str(seconds), mac, str(clients), relay, str(relays))
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True).stdout)


def run(namespace, process, rate, seconds, mac=None, clients=1 << 20, relay=LOCAL, relays=1):
    before = cpu_ns(process)
    if TOOL == "dora":
        result = by_dora(namespace, rate, seconds, mac or fresh_mac(), clients, relay, relays)
    else:
        result = by_perfdhcp(namespace, rate, seconds, mac or fresh_mac(), clients)
    used = cpu_ns(process) - before
    result["lost"] = round(1 - result["acks"] / max(1, result["sent"]), 4)
    result["offered_rate"] = round(result["sent"] / seconds)
    result["cpu_us_per_dora"] = round(used / 1000 / max(1, result["acks"]), 2)
    result["cpu_percent"] = round(used / seconds / 1e7, 1)
    return result


def next_rate(held, too_much):
    """Between the highest rate that was held and the lowest that was not, in whole tens; None: near enough."""
    if too_much is None:
        return round(max(held * 1.6, held + RATE_STEP), -1)
    if too_much - held < 0.05 * too_much or too_much < RATE_MIN:
        return None
    rate = round((held + too_much) / 2 if held else too_much / 3, -1)
    return rate if held < rate < too_much else None


def search(namespace, process, start):
    held, too_much, rate, best = 0, None, start, None
    while rate is not None:
        seen = run(namespace, process, rate, SEARCH_SECONDS)
        good = seen["lost"] < LOST_MAX and seen["sent"] >= 0.97 * rate * SEARCH_SECONDS
        print(f"    {rate:6.0f}/s: offered {seen['offered_rate']}/s, lost {seen['lost'] * 100:.2f} %, "
              f"CPU {seen['cpu_percent']} % {'held' if good else 'not held'}", file=sys.stderr, flush=True)
        if good:
            held, best = rate, seen
        else:
            too_much = rate
        rate = next_rate(held, too_much)
    return {"held": round(held), **(best or {})}


def main():
    action, namespace, process, rest = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    if action == "search":
        result = search(namespace, process, float(rest[0]) if rest else 4000)
    else:
        more = {name: kind(value) for (name, kind), value in zip(
            (("mac", str), ("clients", int), ("relay", str), ("relays", int)), rest[2:])}
        result = run(namespace, process, float(rest[0]), float(rest[1]), **more)
    print(json.dumps(result))


main()
