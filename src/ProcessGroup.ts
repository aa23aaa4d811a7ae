import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { PassThrough } from "node:stream"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** How the first process of the group ended: its exit code, or the signal that killed it. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: string | null
}

/** A running process that leads a group of its own. */
export interface ProcessGroup {
  readonly pid: number
  readonly stdin: ChildProcessWithoutNullStreams["stdin"]
  readonly stdout: ChildProcessWithoutNullStreams["stdout"]
  /** Holds a bounded part of stderr; a slow reader slows the process, never the service. */
  readonly stderr: PassThrough
  readonly exited: Deferred.Deferred<ProcessExit>
  /** Done when the process has ended and nobody holds its stdout and stderr open. */
  readonly closed: Deferred.Deferred<void>
}

/** What to start. */
export interface ProcessSpec {
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly env: Readonly<Record<string, string>>
  readonly directory: string
}

/** A process that did not start; `transient` when the system lacked something just then. */
export class ProcessNotStarted extends Data.TaggedError("ProcessNotStarted")<{
  readonly message: string
  readonly transient: boolean
}> {}

const errorCode = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : "no code"

const starved: ReadonlySet<string> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"])

// The message of a Node error may quote environment values, so only its code is shown.
const spawnFailure = (spec: ProcessSpec, cause: unknown): ProcessNotStarted => {
  const code = errorCode(cause)
  const program = JSON.stringify(spec.command[0])
  const why =
    code === "ENOENT"
      ? `no such program; install it, or correct the command (searched from ${spec.directory} and in PATH)`
      : code === "EACCES"
        ? "it is not executable, or not readable by the service"
        : code === "E2BIG"
          ? "its arguments and environment are too long"
          : code === "ERR_INVALID_ARG_VALUE"
            ? "an argument or an env value holds a NUL character"
            : "the operating system refused"
  return new ProcessNotStarted({
    transient: starved.has(code),
    message: `cannot start ${program}: ${why} (${code})`
  })
}

/** Starts a process as the leader of a new group, its output flowing. The caller must see that the group ends. */
export const start = (spec: ProcessSpec): Effect.Effect<ProcessGroup, ProcessNotStarted> =>
  Effect.gen(function* () {
    const exited = yield* Deferred.make<ProcessExit>()
    const closed = yield* Deferred.make<void>()
    const [program, ...args] = spec.command
    const child = yield* Effect.try({
      try: () => spawn(program, args, { cwd: spec.directory, env: spec.env, detached: true, stdio: "pipe" }),
      catch: (cause) => spawnFailure(spec, cause)
    })
    const stderr = new PassThrough()
    // Listeners are added before anything is awaited: a short-lived process may be gone by then.
    child.on("exit", (code, signal) => Deferred.unsafeDone(exited, Effect.succeed({ code, signal })))
    child.on("close", () => Deferred.unsafeDone(closed, Effect.void))
    child.stdin.on("error", () => {})
    child.stdout.on("error", () => {})
    child.stderr.on("error", () => stderr.end())
    child.stderr.pipe(stderr)
    const pid = yield* Effect.async<number, ProcessNotStarted>((resume) => {
      child.on("error", (cause) => resume(Effect.fail(spawnFailure(spec, cause))))
      child.on("spawn", () => {
        if (child.pid !== undefined) resume(Effect.succeed(child.pid))
      })
    })
    return { pid, stdin: child.stdin, stdout: child.stdout, stderr, exited, closed }
  })

/** Whether the group had a member to signal; one of another user counts. */
const signalGroup = (pid: number, signal: NodeJS.Signals | 0): boolean =>
  Either.getOrElse(Either.try({ try: () => process.kill(-pid, signal), catch: errorCode }), (code) => code === "EPERM")

// Dead members stay in the table until their parent reaps them, which a container's first process may never do.
const hasLivingMember = async (group: number): Promise<boolean> => {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(ids.map((id) => readFile(`/proc/${id}/stat`, "latin1").catch(() => "")))
  // proc_pid_stat(5): pid (comm) state ppid pgrp ...; comm may hold spaces and parentheses.
  return stats.some((stat) => {
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return Number(pgrp) === group && state !== "Z" && state !== "X"
  })
}

const isAlive = (pid: number): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const hasMember = signalGroup(pid, 0)
    return hasMember && process.platform === "linux"
      ? Effect.orElseSucceed(
          Effect.tryPromise(() => hasLivingMember(pid)),
          () => true
        )
      : Effect.succeed(hasMember)
  })

// What /proc shows of a process is as it was started, and of processes of other users nothing.
const startedWith = async (isMeant: (variable: string) => boolean, after: number): Promise<ReadonlyArray<number>> => {
  const ids = (await readdir("/proc")).map(Number).filter((id) => id > after && id !== process.pid)
  const found = await Promise.all(
    ids.map(async (id) => {
      const environment = await readFile(`/proc/${id}/environ`, "latin1").catch(() => "")
      return environment.split("\0").some(isMeant) ? [id] : []
    })
  )
  return found.flat()
}

/**
 * Processes that were started with a variable that begins so (`NAME=`, and of its value as much as is to be compared, in
 * UTF-8). Linux only; elsewhere none are found.
 */
export const processesWith = (beginning: string): Effect.Effect<ReadonlyArray<number>> => {
  const bytes = Buffer.from(beginning).toString("latin1")
  return process.platform !== "linux"
    ? Effect.succeed([])
    : Effect.orElseSucceed(
        Effect.tryPromise(() => startedWith((variable) => variable.startsWith(bytes), 0)),
        () => []
      )
}

/** Passes over the processes, should those that are found start others meanwhile. */
const maxPasses = 5

/**
 * Kills what left the group of `leader` for a session of its own: it still has the variable (`NAME=value`, in latin1) that
 * it was started with. Linux only, where `/proc` tells.
 */
export const endEscaped = (leader: number, variable: string): Effect.Effect<void> =>
  process.platform !== "linux"
    ? Effect.void
    : Effect.tryPromise(() => startedWith((one) => one === variable, leader)).pipe(
        Effect.orElseSucceed((): ReadonlyArray<number> => []),
        Effect.tap((pids) =>
          Effect.forEach(pids, (pid) => Effect.ignore(Effect.try(() => process.kill(pid, "SIGKILL"))), {
            discard: true
          })
        ),
        Effect.repeat({ while: (pids) => pids.length > 0, times: maxPasses - 1 }),
        Effect.asVoid
      )

/**
 * The groups that run now, by the pid of their leader. Groups are detached from the service, so a service that exits
 * without closing its scopes (a second Ctrl-C) would leave them running: they get SIGKILL as it exits.
 */
export const makeLiveGroups: Effect.Effect<Set<number>, never, Scope.Scope> = Effect.gen(function* () {
  const live = new Set<number>()
  const killAll = () => {
    for (const pid of live) signalGroup(pid, "SIGKILL")
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("exit", killAll)),
    () => Effect.sync(() => process.off("exit", killAll))
  )
  return live
})

/** How long a group may take to end after SIGTERM before it gets SIGKILL. */
export const killGrace = "5 seconds"

/** Ends whatever is left of a group: SIGTERM, 5 s, SIGKILL. Returns when it is gone. */
export const terminate = (pid: number): Effect.Effect<void> => {
  // The kernel keeps real time, whatever clock the program runs on.
  const gone = isAlive(pid).pipe(
    Effect.repeat({ until: (alive) => !alive, schedule: Schedule.spaced("20 millis") }),
    Effect.withClock(Clock.make())
  )
  return Effect.gen(function* () {
    if (!signalGroup(pid, "SIGTERM")) return
    yield* gone.pipe(Effect.interruptible, Effect.timeoutOption(killGrace))
    if (!(yield* isAlive(pid)) || !signalGroup(pid, "SIGKILL")) return
    // A process stuck in the kernel cannot be waited for.
    yield* gone.pipe(Effect.interruptible, Effect.timeoutOption("1 second"), Effect.withClock(Clock.make()))
  })
}
