import { describe, expect, it } from "vitest";
import { Recovery } from "../src/recovery";
import { type Command, DEFAULT_TIMES, type RecoveryEvent } from "../src/recovery_events";

/** Drives the machine on a virtual clock and collects what it wants done. */
class Bench {
  now = 1_000;
  machine = new Recovery(DEFAULT_TIMES, () => 1);

  tell(...events: RecoveryEvent[]): string[] {
    return events.flatMap((event) => names(this.machine.handle(event, this.now)));
  }

  /** Let virtual time pass, timeouts included. */
  pass(ms: number): string[] {
    const end = this.now + ms;
    const done: string[] = [];
    for (let next = this.machine.nextTimeout(); next !== null && next <= end; next = this.machine.nextTimeout()) {
      this.now = Math.max(this.now, next);
      done.push(...names(this.machine.timeout(this.now)));
    }
    this.now = end;
    return done;
  }

  connected(): this {
    this.tell({ type: "start" }, { type: "socket_opened" }, { type: "join_ok" }, { type: "ice", state: "connected" });
    expect(this.machine.state).toBe("connected");
    return this;
  }
}

function names(commands: Command[]): string[] {
  return commands.map((command) => {
    if (command.do === "end") return `end ${command.code}`;
    return command.do === "join" && !command.withResumeToken ? "join afresh" : command.do;
  });
}

describe("first join", () => {
  it("opens a socket, joins and is connected", () => {
    const bench = new Bench();
    expect(bench.tell({ type: "start" })).toEqual(["open_socket"]);
    expect(bench.machine.state).toBe("joining");
    expect(bench.tell({ type: "socket_opened" })).toEqual(["join"]);
    expect(bench.tell({ type: "join_ok" })).toEqual([]);
    expect(bench.machine.state).toBe("connected");
  });

  it("ends with the server's reason when that will not pass", () => {
    for (const code of ["token_expired", "room_full", "identity_in_use", "offer_too_large", "unknown_room"] as const) {
      const bench = new Bench();
      bench.tell({ type: "start" }, { type: "socket_opened" });
      expect(bench.tell({ type: "join_failed", code })).toEqual([`end ${code}`]);
      expect(bench.machine.state).toBe("closed");
    }
  });

  it("retries a fault that passes, on the same socket, with growing pauses", () => {
    const bench = new Bench();
    bench.tell({ type: "start" }, { type: "socket_opened" });
    bench.tell({ type: "join_failed", code: "no_worker" });
    expect(bench.pass(249)).toEqual([]);
    expect(bench.pass(1)).toEqual(["join"]);
    bench.tell({ type: "join_failed", code: "no_worker" });
    expect(bench.pass(499)).toEqual([]);
    expect(bench.pass(1)).toEqual(["join"]);
  });

  it("gives up after a while when nothing answers, and says what the last answer was", () => {
    const silent = new Bench();
    silent.tell({ type: "start" });
    expect(silent.pass(DEFAULT_TIMES.firstJoinMs)).toEqual(["end unreachable"]);
    const busy = new Bench();
    busy.tell({ type: "start" }, { type: "socket_opened" }, { type: "join_failed", code: "no_worker" });
    busy.machine.timeout(busy.now + DEFAULT_TIMES.firstJoinMs);
    expect(busy.pass(DEFAULT_TIMES.firstJoinMs).at(-1) ?? "ended").toBe("ended");
    expect(busy.machine.state).toBe("closed");
  });

  it("joins without the resume token when the remembered one is refused", () => {
    const bench = new Bench();
    bench.tell({ type: "start" }, { type: "socket_opened" });
    expect(bench.tell({ type: "join_failed", code: "resume_refused" })).toEqual(["join afresh"]);
    expect(bench.tell({ type: "join_ok" })).toEqual([]);
    expect(bench.machine.state).toBe("connected");
  });
});

describe("lost socket", () => {
  it("resumes on a new socket and leaves the media alone", () => {
    const bench = new Bench().connected();
    expect(bench.tell({ type: "socket_lost" })).toEqual([]);
    expect(bench.machine.state).toBe("reconnecting");
    expect(bench.pass(250)).toEqual(["open_socket"]);
    expect(bench.tell({ type: "socket_opened" })).toEqual(["resume"]);
    expect(bench.machine.state).toBe("reconnecting");
    expect(bench.tell({ type: "resume_ok" })).toEqual([]);
    expect(bench.machine.state).toBe("connected");
  });

  it("keeps trying for as long as it takes, never more often than every few seconds", () => {
    const bench = new Bench().connected();
    const opened: number[] = [];
    bench.tell({ type: "socket_lost" });
    while (bench.now < 120_000) {
      bench.now = bench.machine.nextTimeout()!;
      if (bench.machine.timeout(bench.now).length > 0) {
        opened.push(bench.now);
        bench.tell({ type: "socket_lost" });
      }
    }
    expect(opened.length).toBeGreaterThan(15);
    expect(opened.at(-1)! - opened.at(-2)!).toBe(DEFAULT_TIMES.retryMaxMs);
    expect(bench.machine.state).toBe("reconnecting");
  });

  it("tries at once when the network is back", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "socket_lost" });
    expect(bench.tell({ type: "network_changed" })).toEqual(["open_socket"]);
    expect(bench.tell({ type: "socket_opened" })).toEqual(["resume"]);
    expect(bench.tell({ type: "resume_ok" })).toEqual(["restart_ice"]);
  });

  it("joins anew on the same socket when the place is gone", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "socket_lost" });
    bench.pass(250);
    bench.tell({ type: "socket_opened" });
    expect(bench.tell({ type: "resume_failed", code: "resume_refused" })).toEqual(["join"]);
    expect(bench.tell({ type: "join_failed", code: "already_joined" })).toEqual(["close_socket"]);
    expect(bench.pass(1_000)).toEqual(["open_socket"]);
    expect(bench.tell({ type: "socket_opened" })).toEqual(["join"]);
  });

  it("takes a new socket when a request is not answered", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "network_changed" });
    expect(bench.tell({ type: "restart_failed", code: "request_timeout" })).toEqual(["close_socket"]);
    expect(bench.pass(250)).toEqual(["open_socket"]);
    expect(bench.tell({ type: "socket_opened" }, { type: "resume_ok" })).toEqual(["resume", "restart_ice"]);
  });

  it("ignores answers to requests of the lost socket", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "network_changed" }, { type: "socket_lost" });
    expect(bench.tell({ type: "restart_failed", code: "request_timeout" }, { type: "join_ok" })).toEqual([]);
    expect(bench.machine.state).toBe("reconnecting");
  });
});

describe("lost media", () => {
  it("waits a moment before restarting ICE, as short gaps heal", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "ice", state: "disconnected" });
    expect(bench.machine.state).toBe("reconnecting");
    expect(bench.pass(1_000)).toEqual([]);
    bench.tell({ type: "ice", state: "connected" });
    expect(bench.machine.state).toBe("connected");
    expect(bench.pass(60_000)).toEqual([]);
  });

  it("restarts ICE when the gap lasts, at once when ICE failed", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "ice", state: "disconnected" });
    expect(bench.pass(DEFAULT_TIMES.disconnectedMs)).toEqual(["restart_ice"]);
    const failed = new Bench().connected();
    expect(failed.tell({ type: "ice", state: "failed" })).toEqual(["restart_ice"]);
    failed.tell({ type: "restart_ok" }, { type: "ice", state: "connected" });
    expect(failed.machine.state).toBe("connected");
    expect(failed.pass(60_000)).toEqual([]);
  });

  it("makes a new peer connection when the restart brings nothing", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "ice", state: "failed" }, { type: "restart_ok" });
    expect(bench.pass(DEFAULT_TIMES.mediaMs)).toEqual(["join"]);
  });

  it("has one restart on its way at a time and repeats it when the network changed again", () => {
    const bench = new Bench().connected();
    expect(bench.tell({ type: "network_changed" }, { type: "network_changed" })).toEqual(["restart_ice"]);
    expect(bench.tell({ type: "restart_ok" })).toEqual(["restart_ice"]);
    expect(bench.tell({ type: "restart_ok" })).toEqual([]);
  });

  it("restarts ICE after a resume when media was lost meanwhile", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "socket_lost" }, { type: "ice", state: "failed" });
    bench.pass(20_000);
    expect(bench.tell({ type: "socket_opened" }, { type: "resume_ok" })).toEqual(["resume", "restart_ice"]);
  });

  it("starts over when no media comes after a join, and shows it", () => {
    const bench = new Bench();
    bench.tell({ type: "start" }, { type: "socket_opened" }, { type: "join_ok" });
    expect(bench.pass(DEFAULT_TIMES.mediaMs)).toEqual(["join"]);
    bench.tell({ type: "join_ok" });
    expect(bench.machine.state).toBe("reconnecting");
    bench.tell({ type: "ice", state: "connected" });
    expect(bench.machine.state).toBe("connected");
  });

  it("joins anew when DTLS failed", () => {
    expect(new Bench().connected().tell({ type: "transport_failed" })).toEqual(["join"]);
  });
});

describe("the server's word", () => {
  it("joins anew at once when asked to, even between retries", () => {
    const bench = new Bench().connected();
    expect(bench.tell({ type: "server_reconnect" })).toEqual(["join"]);
    bench.tell({ type: "join_failed", code: "no_worker" });
    expect(bench.tell({ type: "server_reconnect" })).toEqual(["join"]);
  });

  it("joins once more when asked to while a join is on its way", () => {
    const bench = new Bench().connected();
    bench.tell({ type: "server_reconnect" });
    expect(bench.tell({ type: "server_reconnect" })).toEqual([]);
    expect(bench.tell({ type: "join_ok" })).toEqual(["join"]);
  });

  it("stops for good when closed or left", () => {
    const closed = new Bench().connected();
    expect(closed.tell({ type: "server_closed", code: "removed" })).toEqual(["end removed"]);
    expect(closed.tell({ type: "socket_lost" }, { type: "network_changed" }, { type: "start" })).toEqual([]);
    expect(closed.machine.nextTimeout()).toBeNull();
    expect(new Bench().connected().tell({ type: "leave" })).toEqual(["end left"]);
  });

  it("spreads the retries of many clients", () => {
    const pauses = [0, 0.5, 1].map((random) => {
      const machine = new Recovery(DEFAULT_TIMES, () => random);
      machine.handle({ type: "start" }, 0);
      machine.handle({ type: "socket_lost" }, 0);
      return machine.nextTimeout();
    });
    expect(pauses).toEqual([125, 187.5, 250]);
  });
});

describe("the waiting room", () => {
  const start = { type: "start", mustWait: true } as const;
  const waiting = (): Bench => {
    const bench = new Bench();
    expect(bench.tell(start, { type: "socket_opened" })).toEqual(["open_socket", "wait"]);
    bench.tell({ type: "wait_ok" });
    expect(bench.machine.state).toBe("waiting");
    return bench;
  };

  it("is waited in for as long as it takes, and joined from once admitted", () => {
    const bench = waiting();
    expect(bench.pass(3_600_000)).toEqual([]);
    expect(bench.tell({ type: "admitted" })).toEqual(["join"]);
    expect(bench.machine.state).toBe("joining");
    bench.tell({ type: "join_ok" });
    expect(bench.machine.state).toBe("connected");
  });

  it("gives the join after it the time of a first join", () => {
    const bench = waiting();
    bench.pass(3_600_000);
    bench.tell({ type: "admitted" });
    expect(bench.pass(DEFAULT_TIMES.firstJoinMs - 1)).toEqual([]);
    expect(bench.pass(1)).toEqual(["end unreachable"]);
  });

  it("is waited in again on a new socket, and when its worker is gone", () => {
    const bench = waiting();
    bench.tell({ type: "socket_lost" });
    expect(bench.machine.state).toBe("waiting");
    expect(bench.pass(250)).toEqual(["open_socket"]);
    expect(bench.tell({ type: "socket_opened" })).toEqual(["wait"]);
    bench.tell({ type: "wait_ok" });
    expect(bench.tell({ type: "server_reconnect" })).toEqual(["wait"]);
  });

  it("is where a join leads that finds oneself not admitted", () => {
    const bench = new Bench();
    bench.tell({ type: "start" }, { type: "socket_opened" }, { type: "join_failed", code: "not_admitted" });
    expect(bench.pass(250)).toEqual(["wait"]);
    bench.tell({ type: "wait_ok" });
    expect(bench.machine.state).toBe("waiting");
  });

  it("is left by a host's word, or one's own", () => {
    expect(waiting().tell({ type: "server_closed", code: "denied" })).toEqual(["end denied"]);
    expect(waiting().tell({ type: "leave" })).toEqual(["end left"]);
    const refused = new Bench();
    refused.tell(start, { type: "socket_opened" });
    expect(refused.tell({ type: "wait_failed", code: "removed" })).toEqual(["end removed"]);
  });

  it("admits once: what comes in the meeting changes nothing", () => {
    expect(new Bench().connected().tell({ type: "admitted" })).toEqual([]);
  });
});

describe("a withdrawn right", () => {
  it("ends a resume instead of trying a join", () => {
    for (const code of ["revoked", "removed"] as const) {
      const bench = new Bench().connected();
      bench.tell({ type: "socket_lost" });
      bench.pass(250);
      bench.tell({ type: "socket_opened" });
      expect(bench.tell({ type: "resume_failed", code })).toEqual([`end ${code}`]);
    }
  });
});
