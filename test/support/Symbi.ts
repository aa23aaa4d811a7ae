import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"

const program = fileURLToPath(new URL("../../bin/symbi.js", import.meta.url))

/** How a command ended and what it printed. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built `symbi` as a process of its own, without a terminal. */
export const symbi = (
  words: ReadonlyArray<string>,
  options: {
    readonly env?: Record<string, string>
    readonly cwd?: string
    readonly input?: string
    /** Ms until it is killed; 25,000 unless told. */
    readonly patience?: number
  } = {}
): Effect.Effect<Ended> =>
  Effect.async((resume, signal) => {
    const child = execFile(
      process.execPath,
      [program, ...words],
      {
        env: { PATH: process.env["PATH"], ...options.env },
        cwd: options.cwd,
        signal,
        timeout: options.patience ?? 25_000
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resume(Effect.succeed({ code, stdout, stderr }))
      }
    )
    if (options.input !== undefined) child.stdin?.end(options.input)
  })
