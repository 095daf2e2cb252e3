/**
 * When to wait, join, resume, restart ICE or start over: a state machine without I/O.
 * Events and the time (milliseconds, monotonic) go in, commands come out; randomness is an argument.
 */
import { type EndCode, type FailureCode, isPassing } from "./errors";
import { type Command, DEFAULT_TIMES, type RecoveryEvent, type RecoveryTimes, type SessionState } from "./recovery_events";

type Request = "wait" | "join" | "resume" | "restart_ice";

/** Refusals of a `resume` that a new join would meet as well. */
const ENDING: ReadonlySet<FailureCode> = new Set([
  "unknown_room",
  "token_invalid",
  "unsupported_protocol",
  "revoked",
  "removed",
]);

export class Recovery {
  state: SessionState = "idle";
  /** Nothing of the media arrives or leaves at present. */
  mediaLost = false;
  socketOpen = false;

  readonly #times: RecoveryTimes;
  readonly #random: () => number;
  /** A host has not let us in yet, or has to do it again. */
  #mustWait = false;
  /** There is a participation that a `resume` can pick up. */
  #joined = false;
  #everJoined = false;
  /** The peer connection is of no use any more. */
  #needsJoin = true;
  /** The server knows the present socket as ours. */
  #bound = false;
  /** Since the last join no media has come through yet. */
  #awaitingMedia = false;
  #lastFailure: FailureCode | null = null;
  #useResumeToken = true;
  #restartWanted = false;
  #pending: Request | null = null;
  /** The server asked for a new join while one was on its way: that answer is stale. */
  #joinStale = false;
  #attempts = 0;
  #retryAt: number | null = null;
  #disconnectedAt: number | null = null;
  #mediaBy: number | null = null;
  #startedAt = 0;

  constructor(times: RecoveryTimes = DEFAULT_TIMES, random: () => number = Math.random) {
    this.#times = times;
    this.#random = random;
  }

  /** When `timeout` wants to be called next, or null. */
  nextTimeout(): number | null {
    const times = [
      this.#retryAt,
      this.#disconnectedAt === null ? null : this.#disconnectedAt + this.#times.disconnectedMs,
      this.#mediaBy,
      this.state === "joining" ? this.#startedAt + this.#times.firstJoinMs : null,
    ].filter((time) => time !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }

  handle(event: RecoveryEvent, now: number): Command[] {
    if (this.state === "closed") return [];
    switch (event.type) {
      case "start":
        if (this.state !== "idle") return [];
        this.state = "joining";
        this.#startedAt = now;
        this.#mustWait = event.mustWait ?? false;
        return [{ do: "open_socket" }];
      case "leave":
        return this.#end("left");
      case "server_closed":
        return this.#end(event.code);
      case "browser_failed":
        return this.#end("browser_failed");
      case "socket_opened":
        this.socketOpen = true;
        this.#retryAt = null;
        return this.#advance();
      case "socket_lost":
        return this.#socketLost(now);
      // An answer to a request that was given up meanwhile says nothing.
      case "wait_ok":
        return this.#pending === "wait" ? this.#waitOk() : [];
      case "wait_failed":
        return this.#pending === "wait" ? this.#joinFailed(event.code, now) : [];
      case "admitted":
        return this.#admitted(now);
      case "join_ok":
        return this.#pending === "join" ? this.#joinOk(now) : [];
      case "join_failed":
        return this.#pending === "join" ? this.#joinFailed(event.code, now) : [];
      case "resume_ok":
        return this.#pending === "resume" ? this.#requestOk() : [];
      case "resume_failed":
        return this.#pending === "resume" ? this.#requestFailed("resume", event.code, now) : [];
      case "restart_ok":
        if (this.#pending !== "restart_ice") return [];
        this.#mediaBy = this.mediaLost ? now + this.#times.mediaMs : null;
        return this.#requestOk();
      case "restart_failed":
        return this.#pending === "restart_ice" ? this.#requestFailed("restart_ice", event.code, now) : [];
      case "ice":
        return this.#ice(event.state, now);
      case "network_changed":
        if (!this.#joined) return this.#retryNow();
        this.#restartWanted = true;
        this.#mediaBy ??= now + this.#times.mediaMs;
        return this.#retryNow();
      case "server_reconnect":
      case "transport_failed":
        return this.#startOver();
    }
  }

  /** Call when `nextTimeout` has passed. */
  timeout(now: number): Command[] {
    if (this.state === "closed") return [];
    if (this.state === "joining" && now >= this.#startedAt + this.#times.firstJoinMs) {
      return this.#end(this.#lastFailure ?? "unreachable");
    }
    const commands: Command[] = [];
    if (this.#retryAt !== null && now >= this.#retryAt) commands.push(...this.#retryNow());
    if (this.#disconnectedAt !== null && now >= this.#disconnectedAt + this.#times.disconnectedMs) {
      this.#disconnectedAt = null;
      this.#restartWanted = true;
      this.#mediaBy ??= now + this.#times.mediaMs;
      commands.push(...this.#advance());
    }
    if (this.#mediaBy !== null && now >= this.#mediaBy) {
      this.#mediaBy = null;
      // Without a socket the media may be fine again the moment the network is: wait for it.
      if ((this.mediaLost || this.#awaitingMedia) && this.socketOpen) {
        this.mediaLost = true;
        commands.push(...this.#startOver());
      }
    }
    return commands;
  }

  /** Issue the next request, one at a time: join before resume before ICE restart. */
  #advance(): Command[] {
    this.#settle();
    if (!this.socketOpen || this.#pending !== null || this.#retryAt !== null) return [];
    if (this.#mustWait) return this.#bound ? [] : this.#request("wait", { do: "wait" });
    if (this.#needsJoin) return this.#request("join", { do: "join", withResumeToken: this.#useResumeToken });
    if (!this.#bound) return this.#request("resume", { do: "resume" });
    if (this.#restartWanted) {
      this.#restartWanted = false;
      return this.#request("restart_ice", { do: "restart_ice" });
    }
    return [];
  }

  #request(kind: Request, command: Command): Command[] {
    this.#pending = kind;
    if (kind !== "restart_ice") this.#bound = true;
    return [command];
  }

  #settle(): void {
    if (this.state === "idle" || this.state === "closed" || this.#mustWait) return;
    const ready = this.socketOpen && this.#bound && !this.#needsJoin && !this.mediaLost;
    if (ready && (this.#pending === null || this.#pending === "restart_ice")) this.state = "connected";
    else if (this.#everJoined) this.state = "reconnecting";
  }

  #waitOk(): Command[] {
    this.#pending = null;
    this.#attempts = 0;
    this.#lastFailure = null;
    this.state = "waiting";
    return [];
  }

  /** From here on it is a first join, with the time that one gets. */
  #admitted(now: number): Command[] {
    if (!this.#mustWait) return [];
    this.#mustWait = this.#bound = false;
    this.#pending = null;
    this.#needsJoin = true;
    this.state = "joining";
    this.#startedAt = now;
    return this.#advance();
  }

  #joinOk(now: number): Command[] {
    this.#pending = null;
    if (this.#joinStale) {
      this.#joinStale = false;
      this.#bound = false;
      return this.#advance();
    }
    this.#joined = this.#everJoined = true;
    this.#needsJoin = false;
    this.#useResumeToken = true;
    this.#restartWanted = false;
    this.#disconnectedAt = null;
    this.#attempts = 0;
    // A person counts as being in the room from now on; the media must follow soon.
    this.#mediaBy = now + this.#times.mediaMs;
    this.#awaitingMedia = true;
    return this.#advance();
  }

  #requestOk(): Command[] {
    this.#pending = null;
    this.#attempts = 0;
    return this.#advance();
  }

  #joinFailed(code: FailureCode, now: number): Command[] {
    this.#pending = null;
    this.#bound = this.#joinStale = false;
    if (code !== "request_timeout") this.#lastFailure = code;
    if (code === "resume_refused" && this.#useResumeToken) {
      this.#useResumeToken = false;
      return this.#advance();
    }
    if (code === "not_admitted" && !this.#mustWait) {
      this.#mustWait = true;
      return this.#retryLater(now);
    }
    if (code === "already_joined") return this.#reopen(now);
    if (!isPassing(code) && code !== "not_joined") return this.#end(code);
    return code === "request_timeout" ? this.#reopen(now) : this.#retryLater(now);
  }

  /** A resume or restart failed: a passing fault is retried, anything else needs a new peer connection. */
  #requestFailed(request: "resume" | "restart_ice", code: FailureCode, now: number): Command[] {
    this.#pending = null;
    if (request === "resume") this.#bound = false;
    else this.#restartWanted = true;
    if (code === "request_timeout") return this.#reopen(now);
    if (isPassing(code)) return this.#retryLater(now);
    if (ENDING.has(code)) return this.#end(code);
    return this.#startOver();
  }

  #socketLost(now: number): Command[] {
    this.socketOpen = false;
    this.#bound = this.#joinStale = false;
    if (this.#pending === "restart_ice" || this.mediaLost) this.#restartWanted = true;
    this.#pending = null;
    return this.#retryLater(now);
  }

  /** The socket looks open but does not answer as it should: take a new one. */
  #reopen(now: number): Command[] {
    return [{ do: "close_socket" }, ...this.#socketLost(now)];
  }

  #startOver(): Command[] {
    this.#needsJoin = true;
    this.#restartWanted = false;
    this.#disconnectedAt = this.#mediaBy = null;
    this.#awaitingMedia = false;
    if (this.#pending === "join") {
      this.#joinStale = true;
      return [];
    }
    this.#pending = null;
    // The waiting room went with its worker: ask again.
    if (this.#mustWait) this.#bound = false;
    if (this.socketOpen) this.#retryAt = null;
    return this.#advance();
  }

  #ice(state: "connected" | "disconnected" | "failed", now: number): Command[] {
    if (!this.#joined || this.#needsJoin) return [];
    if (state === "connected") {
      this.mediaLost = this.#awaitingMedia = false;
      this.#disconnectedAt = this.#mediaBy = null;
      return this.#advance();
    }
    this.mediaLost = true;
    if (state === "disconnected") {
      this.#disconnectedAt ??= now;
    } else {
      this.#disconnectedAt = null;
      this.#restartWanted = true;
      this.#mediaBy ??= now + this.#times.mediaMs;
    }
    return this.#advance();
  }

  #retryLater(now: number): Command[] {
    const pause = Math.min(this.#times.retryMaxMs, this.#times.retryMinMs * 2 ** this.#attempts);
    this.#attempts += 1;
    // Half of the pause is random, so that a restarted server is not met by everybody at once.
    this.#retryAt = now + pause * (0.5 + this.#random() / 2);
    this.#settle();
    return [];
  }

  #retryNow(): Command[] {
    const waiting = this.#retryAt !== null;
    this.#retryAt = null;
    if (!this.socketOpen) {
      this.#settle();
      return waiting ? [{ do: "open_socket" }] : [];
    }
    return this.#advance();
  }

  #end(code: EndCode): Command[] {
    this.state = "closed";
    this.#retryAt = this.#disconnectedAt = this.#mediaBy = null;
    return [{ do: "end", code }];
  }
}
