import { spawn, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { eventually, folderWith, program, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const files = {
  "agents/jobs.symbi": `agent works { command: ["sh", "-c", "echo step >&2; cat"] }
agent breaks { command: ["false"] }
agent waits { command: ["sleep", "60"] }
schedule { name: "one" agent: "works" cron: "0 0 1 1 *" labels: ["prod", "eu"] input: "done" }
schedule { name: "two" agent: "works" cron: "0 0 1 1 *" labels: ["prod"] }
schedule { name: "dead" agent: "breaks" cron: "0 0 1 1 *" labels: ["prod"] max_retries: 1 }
schedule { name: "slow" agent: "waits" cron: "0 0 1 1 *" }
`
}

describe("several jobs at once", () => {
  it.scopedLive(
    "by name and by what they have in common",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startService({ folder: yield* folderWith(files) })
        const cron = (...words: ReadonlyArray<string>) => symbi(["cron", ...words], { env: { SYMBI_SERVER: url } })
        const statuses = Effect.map(cron("list", "--format", "json"), ({ stdout }) =>
          Object.fromEntries(
            JSON.parse(stdout).map(({ name, status }: { name: string; status: string }) => [name, status])
          )
        )
        assert.strictEqual((yield* cron("run", "dead", "--wait")).code, 1)

        const unasked = yield* cron("pause", "--label", "prod")
        assert.deepStrictEqual([unasked.code, unasked.stdout], [2, ""])
        assert.strictEqual(
          unasked.stderr,
          `left out: 1 dead_letter (only active jobs can be paused)\nerror: not unasked: this would pause 2 jobs ("one", "two"); see all with --dry-run, and repeat with --yes\n`
        )
        const dry = yield* cron("pause", "--label", "prod", "--dry-run")
        assert.deepStrictEqual([dry.code, dry.stdout], [0, 'would pause "one"\nwould pause "two"\n'])
        assert.deepStrictEqual(yield* statuses, { one: "active", two: "active", dead: "dead_letter", slow: "active" })

        // One job needs no question; labels narrow each other down.
        const narrow = yield* cron("pause", "--label", "prod", "--label", "eu")
        assert.deepStrictEqual(narrow, { code: 0, stdout: 'paused "one"\n', stderr: "" })
        const again = yield* cron("pause", "one", "two", "one")
        assert.deepStrictEqual(again, { code: 0, stdout: '"one" is paused already\npaused "two"\n', stderr: "" })

        const rehearsed = yield* cron("resume", "two", "nobody", "dead", "one", "--dry-run")
        assert.deepStrictEqual([rehearsed.code, rehearsed.stdout], [5, 'would resume "two"\nwould resume "one"\n'])
        assert.match(
          rehearsed.stderr,
          /\nerror: cannot resume job "dead": .*\nerror: 2 of 4 jobs would not be resumed\n$/
        )
        const mixed = yield* cron("resume", "two", "nobody", "dead", "one")
        assert.strictEqual(mixed.code, 5)
        assert.match(mixed.stdout, /^resumed "two"; next run \S+\nresumed "one"; next run \S+\n$/)
        assert.match(
          mixed.stderr,
          /^error: no job with the id or name "nobody"\nerror: cannot resume job "dead": .*\nerror: 2 of 4 jobs not resumed\n$/
        )
        const told = yield* cron("pause", "dead")
        assert.deepStrictEqual([told.code, told.stdout], [5, ""])
        assert.deepStrictEqual(yield* cron("pause", "dead", "--dry-run"), told)
        const reset = yield* cron("reset", "--status", "dead_letter")
        assert.deepStrictEqual([reset.code, reset.stderr], [0, ""])
        assert.match(reset.stdout, /^reset "dead"; next run /)
        const all = yield* cron("pause", "--all", "--yes")
        assert.deepStrictEqual(all.stdout.trim().split("\n").sort(), [
          'paused "dead"',
          'paused "one"',
          'paused "slow"',
          'paused "two"'
        ])
        assert.strictEqual((yield* cron("pause", "--all")).stderr.trim().split("\n").at(-1), "no jobs to pause")
        const removed = yield* cron("remove", "one", "two", "--force")
        assert.match(removed.stdout, /^removed "one" \(job_\w+\)\nremoved "two" \(job_\w+\)\n$/)
        const meant = yield* cron("status", "daed")
        assert.deepStrictEqual(
          [meant.code, meant.stderr],
          [3, 'error: no job with the id or name "daed"; did you mean "dead"?\n']
        )
      }),
    90_000
  )

  it.scopedLive(
    "a run is waited for with its log; Ctrl-C leaves it going and says how to cancel it",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startService({ folder: yield* folderWith(files) })
        const env = { SYMBI_SERVER: url }
        const followed = yield* symbi(["cron", "run", "one", "--wait", "--follow"], { env })
        assert.deepStrictEqual([followed.code, followed.stdout], [0, "done\n"])
        assert.match(followed.stderr, /^run_\w+ \w+; waiting for its end\nstep\n$/)

        const child = spawn(process.execPath, [program, "cron", "run", "slow", "--wait", "--follow"], {
          env: { PATH: process.env["PATH"], ...env }
        })
        let told = ""
        child.stderr.on("data", (text) => {
          told += text
        })
        const closed = new Promise<number | null>((resolve) => child.on("close", resolve))
        yield* eventually(
          "the wait",
          Effect.sync(() => (told.includes("waiting for its end") ? true : undefined))
        )
        child.kill("SIGINT")
        assert.strictEqual(yield* Effect.promise(() => closed), 130)
        const [, id = ""] = /run (run_\w+) goes on; .*stop it with `symbi cron cancel \1`/.exec(told) ?? []
        const cancelled = yield* symbi(["cron", "cancel", id], { env })
        assert.match(cancelled.stdout, new RegExp(`^${id} of "slow" is cancelled\n$`), cancelled.stderr)
      }),
    90_000
  )
})

const python = spawnSync("python3", ["-c", "import pty"]).status === 0

/** Gives a command a terminal of 24 lines and 60 columns, sends it Ctrl-C when a text was seen so often, and prints what it wrote. */
const onTerminal = `
import fcntl, json, os, pty, struct, sys, termios
text, times, command = sys.argv[1].encode(), int(sys.argv[2]), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.execvp(command[0], command)
seen, sent, drawn = b"", False, False
while True:
    try: more = os.read(fd, 65536)
    except OSError: break
    if not more: break
    seen += more
    if not drawn and b"Ctrl-C ends" in seen:
        drawn = True
        print("drawn", file=sys.stderr, flush=True)
    if not sent and seen.count(text) >= times:
        sent = True
        os.write(fd, b"\\x03")
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "seen": seen.decode()}))
`

describe.runIf(python)("--watch on a terminal", () => {
  it.scopedLive(
    "draws on a screen of its own, survives a service that is gone, and leaves the terminal as it was",
    () =>
      Effect.gen(function* () {
        const service = yield* startService({ folder: yield* folderWith(files) })
        const watched = (text: string, times: number, words: ReadonlyArray<string>, drawn?: Deferred.Deferred<void>) =>
          Effect.async<{ readonly code: number; readonly seen: string }>((resume) => {
            const child = spawn(
              "python3",
              ["-c", onTerminal, text, String(times), process.execPath, program, ...words],
              { env: { PATH: process.env["PATH"], SYMBI_SERVER: service.url, TERM: "xterm" } }
            )
            let out = ""
            child.stdout.on("data", (data) => {
              out += data
            })
            child.stderr.once("data", () => {
              if (drawn !== undefined) Deferred.unsafeDone(drawn, Effect.void)
            })
            child.on("close", () => resume(Effect.succeed(JSON.parse(out))))
          })
        const list = yield* watched("Ctrl-C ends", 2, ["cron", "list", "--watch"])
        assert.strictEqual(list.code, 0)
        assert.isTrue(list.seen.startsWith("\u001b[?1049h\u001b[?25l"))
        assert.isTrue(list.seen.endsWith("\u001b[?25h\u001b[?1049l"))
        // 60 columns are too few for a table with whole ids.
        assert.match(list.seen, /NAME {6}one/)

        const drawn = yield* Deferred.make<void>()
        const [gone] = yield* Effect.all(
          [
            watched("no service since", 1, ["cron", "status", "one", "--watch"], drawn),
            Effect.zipRight(Deferred.await(drawn), service.signal("SIGKILL"))
          ],
          { concurrency: 2 }
        )
        assert.strictEqual(gone.code, 0)
        assert.match(gone.seen, /no service since \S+Z, trying again/)
        assert.match(gone.seen, /Job {7}one/)
      }),
    90_000
  )
})
