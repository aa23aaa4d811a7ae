import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type Command, idsInPlaceOf } from "./Documentation.ts"
import { eventually, folderWith, program } from "./Service.ts"

/** What a page says is not so; the message says where, and what is. */
export class NotAsWritten extends Data.TaggedError("NotAsWritten")<{ readonly message: string }> {}

/** Somebody who follows a page: a shell in a folder, beside a service that it started. */
export interface Reader {
  readonly folder: string
  /** Does what a page says, and fails when it does not come out as the page says. */
  readonly follow: (command: Command) => Effect.Effect<void, NotAsWritten>
}

/** A port of this machine on which nobody listens. */
export const freePort = Effect.async<number>((resume) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})

const isStart = (text: string) => /^(?:\w+=\S+ )*symbi up\b/.test(text)

const goesOn = (text: string) => /^symbi (?:logs|cron (?:list|status))\b.* (?:-f|--follow|--watch)\b/.test(text)

/** What may be done again until it comes out as shown: deliveries and the like take a moment. */
const onlyLooks = (text: string) =>
  /^(?:cat|symbi (?:why|budgets|logs|(?:approvals|deliveries|cron) (?:list|history|status|session)|audit query)) /.test(
    `${text} `
  )

const preamble = (out: string) => `
exec 2>&1
service=
stop() { if [ -n "$service" ]; then kill "$service" 2>/dev/null; wait "$service" 2>/dev/null; service=; fi; }
trap stop EXIT
up() {
  stop
  bash -c "exec env $1" >"$2" 2>&1 & service=$!
  until grep -q '^Ctrl-C stops' "$2"; do
    kill -0 "$service" 2>/dev/null || { wait "$service"; return; }
    sleep 0.05
  done
}
mkdir -p '${out}'
`

/**
 * Starts a shell in a fresh folder with these files. In it `symbi` is the built program, port 8080 is a free one, and
 * `symbi up` goes on in the background once it is up; a further one takes the place of the one before.
 */
export const reader = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {}
) {
  const folder = yield* folderWith(files)
  const port = yield* freePort
  const tools = yield* folderWith({
    symbi: `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
    // As on a terminal, where it shows no progress.
    ".curlrc": "silent\nshow-error\n",
    "then-ctrl-c": `#!${process.execPath}
const [command, ...words] = process.argv.slice(2)
const child = require("node:child_process").spawn(command, words, { stdio: "inherit" })
setTimeout(() => child.kill("SIGINT"), 3000)
child.on("close", (code) => process.exit(code ?? 130))
`
  })
  for (const tool of ["symbi", "then-ctrl-c"]) chmodSync(join(tools, tool), 0o755)
  const out = join(tools, "said")
  mkdirSync(out)

  const [shell] = yield* Effect.acquireRelease(
    Effect.sync((): readonly [ChildProcessWithoutNullStreams, Promise<unknown>] => {
      const started = spawn("bash", ["--norc", "--noprofile"], {
        cwd: folder,
        // A group of its own, so that what a page leaves running goes with it.
        detached: true,
        env: {
          PATH: `${tools}:${process.env["PATH"]}`,
          HOME: tools,
          TZ: "UTC",
          SYMBI_PORT: String(port),
          SYMBI_SERVER: `http://127.0.0.1:${port}`,
          ...env
        }
      })
      started.stdin.on("error", () => {})
      started.stdin.write(preamble(out))
      started.stdout.resume()
      return [started, once(started, "close")]
    }),
    ([started, closed]) =>
      Effect.promise(async () => {
        if (started.exitCode === null && started.pid !== undefined) process.kill(-started.pid, "SIGKILL")
        await closed
      })
  )

  const known = new Map<string, string>()
  let count = 0

  const attempt = Effect.fnUntraced(function* ({ exit, shown, text, where }: Command) {
    const said = join(out, `${++count}.out`)
    const ended = join(out, `${count}.code`)
    let own = text.replaceAll(/(localhost|127\.0\.0\.1):8080\b/g, `$1:${port}`)
    for (const [id, instead] of known) own = own.replaceAll(id, instead)
    const quoted = `'${own.replaceAll("'", `'\\''`)}'`
    const script =
      isStart(own) && exit === 0
        ? `up ${quoted} "${said}"`
        : `{ ${goesOn(own) ? `then-ctrl-c ${own}` : own}\n} >"${said}" 2>&1 </dev/null`
    shell.stdin.write(`${script}\necho $? >"${ended}.new"; mv "${ended}.new" "${ended}"\n`)
    const seen = Effect.sync(() => (existsSync(ended) ? Number(readFileSync(ended, "utf8")) : undefined))
    const whatItSaid = () => (existsSync(said) ? readFileSync(said, "utf8") : "")
    const code = yield* Effect.mapError(
      eventually("its end", seen, "20 seconds"),
      () => new NotAsWritten({ message: `${where}: \`${text}\` does not end; it said:\n${whatItSaid()}` })
    )
    if (code !== exit) {
      const told = `exits with ${code}, not ${exit}; it said:\n${whatItSaid()}`
      return yield* new NotAsWritten({ message: `${where}: \`${text}\` ${told}` })
    }
    if (shown === "") return
    const places = idsInPlaceOf(shown, whatItSaid())
    if (places === undefined) {
      const told = `shows\n${shown}\nbut it said\n${whatItSaid()}`
      return yield* new NotAsWritten({ message: `${where}: below \`${text}\` the page ${told}` })
    }
    for (const [id, instead] of places) known.set(id, instead)
  })

  const patience = Schedule.intersect(Schedule.spaced("500 millis"), Schedule.recurUpTo("10 seconds"))
  const follow = (command: Command) =>
    onlyLooks(command.text) ? Effect.retry(attempt(command), patience) : attempt(command)

  return { folder, follow } satisfies Reader
})
