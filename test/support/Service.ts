import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Client, makeClient } from "../../src/Client.ts"
import { eventually as eventuallySeen } from "../../src/Selftest/Child.ts"
import { NotSeen } from "../../src/Selftest/Report.ts"

/** The built program; the tests' global set-up builds it. */
export const program = fileURLToPath(new URL("../../bin/symbi.js", import.meta.url))

/** A service that runs as a process of its own. */
export interface Service {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string
  readonly client: Client
  readonly pid: number
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the end; null when a signal ended it. */
  readonly exitCode: Effect.Effect<number | null, NotSeen>
  readonly stdout: () => string
  readonly stderr: () => string
}

/** A service process that may not answer yet, or never. */
export type Starting = Omit<Service, "url" | "client"> & {
  /** Waits until it answers; fails when it ends before. */
  readonly answers: Effect.Effect<Service, NotSeen>
}

/** How and where to start: files are read from `folder`, and data go to `<folder>/.symbi`. */
export interface StartOptions {
  readonly folder: string
  /** Words after `symbi up`. */
  readonly words?: ReadonlyArray<string>
  /** A program to run in its place, with its words. */
  readonly instead?: readonly [program: string, ...words: ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
}

const patience = "25 seconds"

/** Writes files, by path relative to the folder. */
export const writeFiles = (folder: string, files: Readonly<Record<string, string>>) =>
  Effect.sync(() => {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  })

/** A fresh folder with these files, which goes with the scope. */
export const folderWith = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "symbi-service-"))),
    // A killed service's last agent may still write while its folder goes.
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  ).pipe(Effect.tap((folder) => writeFiles(folder, files)))

/** {@link eventuallySeen} with the patience of tests. */
export const eventually = <A, E, R>(
  what: string,
  look: Effect.Effect<A | undefined, E, R>,
  patient: Duration.DurationInput = patience
): Effect.Effect<A, E | NotSeen, R> => eventuallySeen(what, look, patient)

const collect = (stream: ChildProcess["stdout"]) => {
  let text = ""
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
  })
  return () => text
}

/** Starts a service on a free port; it is killed with the scope, if it still runs. */
export const spawnService = ({ env = {}, folder, instead, words = [] }: StartOptions) =>
  Effect.gen(function* () {
    const exited = yield* Deferred.make<number | null>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const started = spawn(process.execPath, [...(instead ?? [program, "up", ...words])], {
          cwd: folder,
          env: { PATH: process.env["PATH"], SYMBI_PORT: "0", ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
        started.on("close", (code) => Deferred.unsafeDone(exited, Effect.succeed(code)))
        return started
      }),
      (started) =>
        Effect.zipRight(
          Effect.sync(() => started.kill("SIGKILL")),
          Deferred.await(exited)
        )
    )
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    const told = () => `it said:\n${stderr().slice(-2_000)}`
    const missing = (what: string) => new NotSeen({ message: `${what}; ${told()}` })

    const exitCode = Effect.timeoutFail(Deferred.await(exited), {
      duration: patience,
      onTimeout: () => missing(`the service did not end within ${patience}`)
    })
    const announced = Effect.gen(function* () {
      const url = /is up: (http:\/\/\S+?)\/api\/v1/.exec(stderr())?.[1]
      if (url !== undefined) return url
      if (yield* Deferred.isDone(exited)) return yield* missing("the service ended before it was up")
      return undefined
    })
    const started = {
      pid: child.pid ?? 0,
      signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
      exitCode,
      stdout,
      stderr
    }
    const answers = Effect.gen(function* () {
      const url = yield* Effect.catchTag(eventually("the service's announcement", announced), "NotSeen", (error) =>
        Effect.fail(error.message.includes("it said") ? error : missing(error.message))
      )
      const client = yield* makeClient({ baseUrl: url }).pipe(Effect.provide(FetchHttpClient.layer))
      return { ...started, url, client } satisfies Service
    })
    return { ...started, answers } satisfies Starting
  })

/** Starts a service and waits until it answers. */
export const startService = (options: StartOptions) => Effect.flatMap(spawnService(options), ({ answers }) => answers)
