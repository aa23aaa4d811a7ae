import { readFileSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService, writeFiles } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const own = `agent reporter { command: ["sh", "-c", "cat"] }
schedule { name: "own"  agent: "reporter"  cron: "0 9 * * *" }
`

const daily = (cron: string) => `schedule {
  name: "daily"
  agent: "reporter"
  cron: "${cron}"
}
`

const canary = "c4n4ry-v4lue"

const secret = `schedule {
  name: "hook"
  agent: "reporter"
  cron: "0 9 1 1 *"
  input: "\${CANARY}"
  webhook_url: "\${CANARY}"
  webhook_headers { Authorization: "Bearer \${CANARY}" }
}
`

describe("symbi apply and export", () => {
  it.live(
    "follow a folder: new, unchanged, edited, broken, removed, pruned, under the same ids over restarts",
    () =>
      Effect.gen(function* () {
        const home = yield* folderWith({ "agents/own.symbi": own })
        const work = yield* folderWith({ "jobs/a.symbi": daily("0 9 * * *"), "jobs/b.symbi": secret })
        const env = { CANARY: canary }
        const first = yield* startService({ folder: home, env })
        const says: Array<string> = []
        const at = (url: string) => (words: ReadonlyArray<string>) =>
          Effect.tap(symbi(words, { cwd: work, env: { SYMBI_SERVER: url, ...env } }), ({ stderr, stdout }) =>
            Effect.sync(() => says.push(stdout, stderr))
          )
        const ask = at(first.url)
        const jobs = Effect.map(first.client.schedule.list({ urlParams: {} }), (found) =>
          found.map((job) => `${job.name} ${job.status}`)
        )

        const dry = yield* ask(["apply", "-f", "jobs", "--dry-run"])
        assert.strictEqual(dry.code, 0)
        assert.include(dry.stderr, "dry run: 2 created, 0 unchanged; nothing was stored\n")
        assert.deepStrictEqual(yield* jobs, ["own active"])

        const created = yield* ask(["apply", "-f", "jobs"])
        assert.match(created.stdout, /^\+ daily {2}cron "0 9 \* \* \*" {2}next (\S+T09:00:00Z,? ?){3}\n\+ hook {2}cron/)
        const ids = Effect.map(first.client.schedule.list({ urlParams: {} }), (found) => found.map(({ id }) => id))
        const before = yield* ids
        assert.deepStrictEqual(yield* ask(["apply", "jobs/"]), { code: 0, stdout: "", stderr: "2 unchanged\n" })

        yield* writeFiles(work, { "jobs/a.symbi": daily("30 9 * * *") })
        const edited = yield* ask(["apply", "-f", "jobs"])
        assert.match(
          edited.stdout,
          /^~ daily\n {4}cron: "0 9 \* \* \*" -> "30 9 \* \* \*"\n {4}next: was \S+T09:00:00Z, .* -> \S+T09:30:00Z, .*\n$/
        )
        assert.strictEqual(edited.stderr, "1 updated, 1 unchanged\n")
        assert.deepStrictEqual(yield* ids, before)

        yield* writeFiles(work, { "jobs/a.symbi": daily("61 9 * * *"), "jobs/c.symbi": "schedule {\n" })
        const broken = yield* ask(["apply", "-f", "jobs"])
        assert.deepStrictEqual([broken.code, broken.stdout], [1, ""])
        assert.include(
          broken.stderr,
          `jobs/a.symbi:4:9: error: 'cron': minute: 61 is out of range 0-59\n  cron: "61 9 * * *"\n        ^^^^^^^^^^^^\n`
        )
        assert.include(broken.stderr, "jobs/c.symbi:1:")
        assert.match(broken.stderr, /error: [2-9] errors; nothing was applied\n$/)
        rmSync(join(work, "jobs/c.symbi"))

        rmSync(join(work, "jobs/b.symbi"))
        yield* writeFiles(work, { "jobs/a.symbi": daily("30 9 * * *") })
        const removed = yield* ask(["apply", "-f", "jobs"])
        assert.match(removed.stdout, /^- hook {2}paused: its block is gone; next was \S+-01-01T09:00:00Z, /)
        assert.deepStrictEqual(yield* jobs, ["own active", "daily active", "hook paused"])

        const exported = yield* ask(["export", "-o", "all.symbi"])
        assert.deepStrictEqual([exported.code, exported.stdout], [0, ""])
        const text = readFileSync(join(work, "all.symbi"), "utf8")
        assert.include(text, `Authorization: "Bearer \${CANARY}"`)
        assert.strictEqual(`${(yield* ask(["export"])).stdout}`, text)
        const definitions: ReadonlyArray<{ name: string }> = JSON.parse(
          (yield* ask(["export", "--format", "json"])).stdout
        )
        assert.deepStrictEqual(definitions.map(({ name }) => name).toSorted(), ["daily", "hook", "own"])

        const pruned = yield* ask(["apply", "-f", "jobs", "--prune"])
        assert.deepStrictEqual(
          [pruned.stdout, pruned.stderr],
          ["- hook  deleted: its block is gone; its history stays\n", "1 deleted, 1 unchanged\n"]
        )
        const json = yield* ask(["apply", "-f", "jobs", "--format", "json"])
        assert.deepInclude(JSON.parse(json.stdout), { dry_run: false, unchanged: ["daily"], deleted: [] })

        yield* first.signal("SIGHUP")
        yield* eventually(
          "the files applied again",
          Effect.sync(() => (first.stderr().includes("files applied again") ? true : undefined))
        )
        yield* first.signal("SIGTERM")
        assert.strictEqual(yield* first.exitCode, 0)
        const second = yield* startService({ folder: home, env })
        const found = yield* second.client.schedule.list({ urlParams: {} })
        assert.deepStrictEqual(
          found.map((job) => `${job.id} ${job.name} ${job.status}`),
          [`${before[0]} own active`, `${before[1]} daily active`]
        )
        const again = yield* at(second.url)(["apply", "-f", "all.symbi"])
        assert.match(again.stderr, /1 created, 2 unchanged\n$/)
        yield* second.signal("SIGTERM")
        yield* second.exitCode

        const told = [...says, first.stderr(), first.stdout(), second.stderr(), second.stdout()].join("\n")
        for (const file of ["symbiont.db", "symbiont.db-wal"]) {
          assert.notInclude(readOrEmpty(join(home, ".symbi", file)), canary)
        }
        assert.notInclude(told, canary)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("know a folder by its path or by the name it is given, and refuse what cannot be meant", () =>
    Effect.gen(function* () {
      const home = yield* folderWith({ "agents/own.symbi": own, "agents/more.symbi": daily("0 9 * * *") })
      const work = yield* folderWith({ "one/a.symbi": daily("0 8 * * *"), "empty/readme.md": "none" })
      const service = yield* startService({ folder: home })
      const ask = (words: ReadonlyArray<string>, cwd = work) =>
        symbi(words, { cwd, env: { SYMBI_SERVER: service.url } })

      const named = yield* ask(["apply", "-f", "one", "--source", "team"])
      assert.include(named.stderr, "1 job until now of agents/more.symbi, from now on of these files: daily\n")
      renameSync(join(work, "one"), join(work, "two"))
      assert.deepStrictEqual(yield* ask(["apply", "-f", "two", "--source", "team"]), {
        code: 0,
        stdout: "",
        stderr: "1 unchanged\n"
      })
      const job = yield* service.client.schedule.get({ path: { job_id: "daily" } })
      assert.strictEqual(job.source_file, "team/a.symbi")

      // The folder that the service reads itself: as good as a SIGHUP.
      yield* writeFiles(home, { "agents/more.symbi": "# gone\n" })
      rmSync(join(home, "agents/more.symbi"))
      assert.deepStrictEqual(yield* ask(["apply", "-f", "agents"], home), {
        code: 0,
        stdout: "",
        stderr: "1 unchanged\n"
      })

      const code = (words: ReadonlyArray<string>) => Effect.map(ask(words), (ended) => ended.code)
      assert.strictEqual(yield* code(["apply"]), 2)
      assert.strictEqual(yield* code(["apply", "-f", "nowhere"]), 3)
      assert.strictEqual(yield* code(["apply", "-f", "empty"]), 2)
      assert.strictEqual(yield* code(["apply", "-f", "two", "empty"]), 2)
      assert.strictEqual(yield* code(["apply", "-f", "two", "--source", "agents"]), 1)
      assert.strictEqual(yield* code(["apply", "-f", "two", "--server", "http://127.0.0.1:1"]), 6)
      assert.strictEqual(yield* code(["export", "--server", "http://127.0.0.1:1"]), 6)
    }).pipe(Effect.scoped)
  )
})

const readOrEmpty = (file: string): string => {
  try {
    return readFileSync(file, "latin1")
  } catch {
    return ""
  }
}
