import { copyFileSync, cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import { eventually, folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const variable = `\${HOOK}`

const files = {
  "agents/jobs.symbi": `agent works { command: ["cat"] }
agent breaks { command: ["false"] }
schedule { name: "works" agent: "works" cron: "0 0 1 1 *" delivery: [] }
schedule { name: "breaks" agent: "breaks" cron: "0 0 1 1 *" delivery: [] max_retries: 1 }
`
}

const secretJob = {
  name: "hook",
  agent_id: "works",
  every: "1h",
  delivery: ["webhook"],
  webhook_url: `https://user:TOPSECRET1@hooks.example.com/TOPSECRET2/${variable}`,
  webhook_headers: { Authorization: "TOPSECRET3" },
  agent_pin_jwt: "TOPSECRET4"
}

/** The files of a data folder as they are, but for what SQLite shares with those who read. */
const stateOf = (folder: string) =>
  readdirSync(folder)
    .filter((name) => statSync(`${folder}/${name}`).isFile())
    .map((name) => (name.endsWith("-shm") ? name : [name, readFileSync(`${folder}/${name}`).toString("base64")]))

const tamper = (folder: string, ...statements: ReadonlyArray<string>) => {
  const database = new Sqlite(`${folder}/symbiont.db`)
  database.exec("DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete")
  for (const statement of statements) database.exec(statement)
  database.close()
}

describe("symbi audit", () => {
  it.scopedLive(
    "shows what was done, and notices what was done to the log",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const data = `${folder}/.symbi`
        const service = yield* startService({ folder })
        const ask = (...words: ReadonlyArray<string>) =>
          symbi(words, { cwd: folder, env: { SYMBI_SERVER: service.url } })
        const audit = (...words: ReadonlyArray<string>) => ask("audit", ...words)
        const rows = (...words: ReadonlyArray<string>) =>
          Effect.map(audit("query", ...words, "--format", "json"), ({ stdout }) => JSON.parse(stdout))
        const types = (...words: ReadonlyArray<string>) =>
          Effect.map(rows(...words), (found: ReadonlyArray<{ readonly type: string }>) => found.map(({ type }) => type))

        // Each action by the command line; what it calls is the API.
        assert.strictEqual((yield* ask("cron", "add", "--json", JSON.stringify(secretJob))).code, 0)
        for (const what of ["pause", "resume"]) assert.strictEqual((yield* ask("cron", what, "works")).code, 0)
        yield* service.client.schedule.update({
          path: { job_id: "works" },
          headers: {},
          payload: { max_concurrent: 2 }
        })
        for (const job of ["works", "breaks"]) yield* ask("cron", "run", job)
        yield* eventually(
          "the ends of the runs",
          Effect.map(types(), (found) =>
            found.includes("CronJobDeadLettered") && found.includes("CronJobExecuted") ? true : undefined
          )
        )
        assert.strictEqual((yield* ask("cron", "reset", "breaks")).code, 0)
        assert.strictEqual((yield* ask("cron", "remove", "breaks", "--force")).code, 0)
        assert.deepStrictEqual(yield* types("--job", "breaks"), [
          ...["CronJobDeleted", "CronJobReset", "CronJobDeadLettered", "CronJobFailed", "CronJobCreated"]
        ])
        assert.deepStrictEqual(yield* types("--actor", "cli", "--job", "works"), [
          ...["CronJobExecuted", "CronJobResumed", "CronJobPaused"]
        ])
        assert.deepStrictEqual(yield* types("--actor", "api"), ["CronJobUpdated"])
        assert.sameMembers(yield* types("--actor", "apply"), ["CronJobCreated", "CronJobCreated"])

        // As the guide has it.
        const failed = yield* audit("query", "--type", "CronJobFailed", "--since", "2026-02-01", "--limit", "50")
        assert.strictEqual(failed.code, 0)
        assert.match(failed.stdout, /^TIME +TYPE +ACTOR +JOB +RUN +WHAT\n\S+Z +CronJobFailed +cli +breaks +run_\w+ +/)
        assert.strictEqual(failed.stdout.trimEnd().split("\n").length, 2)
        const none = yield* audit("query", "--until", "2026-02-01")
        assert.deepStrictEqual(none, { code: 0, stdout: "", stderr: "no entries\n" })
        assert.strictEqual((yield* rows("--limit", "2")).length, 2)
        const [run] = yield* rows("--type", "CronJobExecuted")
        assert.deepStrictEqual(yield* types("--run", run.run_id), ["CronJobExecuted"])
        const csv = yield* audit("query", "--type", "CronJobUpdated", "--format", "csv")
        assert.match(
          csv.stdout,
          /^id,time,type,actor,job_id,job_name,run_id,reason,before,after\r\naud_\w+,\S+Z,CronJobUpdated,api,job_\w+,works,,,"{""max_concurrent"":1}","{""max_concurrent"":2}"\r\n$/
        )
        const wrong = yield* audit("query", "--type", "CronJobFaild")
        assert.deepStrictEqual([wrong.code, wrong.stdout], [2, ""])
        assert.include(wrong.stderr, "--type must be one of: CronJobCreated, CronJobUpdated, ")
        const vague = yield* audit("query", "--since", "yesterday")
        assert.deepStrictEqual([vague.code, vague.stdout], [2, ""])
        assert.include(vague.stderr, "--since must be a day such as 2026-02-01")

        const everything = JSON.stringify(yield* rows("--limit", "1000"))
        assert.notMatch(everything, /TOPSECRET/)
        assert.include(everything, `https://[redacted]@hooks.example.com/[redacted]${variable}`)
        const [configured] = yield* rows("--type", "ConfigChanged")
        assert.strictEqual(configured.after["scheduler.max_concurrent_jobs"], 10)

        // Whole: by the service, and past it on its files, of which nothing changes.
        const whole = yield* audit("verify")
        assert.match(whole.stdout, /^ok: \d+ entries; the last is \d+, with the hash [0-9a-f]{64}\n$/)
        const kept = yield* audit("checkpoint")
        writeFileSync(`${folder}/kept`, kept.stdout)
        assert.strictEqual((yield* audit("verify", "--checkpoint", "kept")).stdout, whole.stdout)
        // The service itself writes from time to time; what is left behind would be a file.
        const before = readdirSync(data)
        assert.deepStrictEqual(yield* symbi(["audit", "verify", "--db", ".symbi/symbiont.db"], { cwd: folder }), whole)
        assert.deepStrictEqual(readdirSync(data), before)

        yield* service.signal("SIGTERM")
        assert.strictEqual(yield* service.exitCode, 0)
        const offline = (...words: ReadonlyArray<string>) => symbi(["audit", "verify", ...words], { cwd: folder })
        const closed = stateOf(data)
        assert.deepStrictEqual(yield* offline("--data", ".symbi", "--checkpoint", "kept"), whole)
        assert.deepStrictEqual(stateOf(data), closed)

        // A service that starts again on other settings says so, and goes on.
        const again = yield* startService({ folder, env: { SYMBI_SCHEDULER_MAX_CONCURRENT: "7" } })
        const [changed, ...others] = yield* again.client.audit.query({ urlParams: { type: "ConfigChanged" } })
        assert.strictEqual(others.length, 1)
        assert.deepStrictEqual(changed?.before, { "scheduler.max_concurrent_jobs": 10 })
        assert.deepStrictEqual(changed?.after, { "scheduler.max_concurrent_jobs": 7 })
        yield* again.signal("SIGKILL")
        yield* again.exitCode

        // What was killed left its -wal behind; that is read too, and left as it is.
        const left = stateOf(data)
        assert.isTrue((yield* offline("--data", ".symbi")).code === 0)
        assert.deepStrictEqual(stateOf(data), left)

        cpSync(data, `${folder}/copy`, { recursive: true })
        tamper(`${folder}/copy`, "UPDATE audit SET actor = 'nobody' WHERE seq = 3")
        const broken = yield* offline("--data", "copy")
        assert.strictEqual(broken.code, 1)
        assert.match(broken.stdout, /^broken at entry 3 \(aud_\w+\): changed: /)
        assert.strictEqual(broken.stderr, "error: the audit log is not as it was written\n")
        const told = yield* offline("--db", "copy/symbiont.db", "--format", "json")
        assert.deepInclude(JSON.parse(told.stdout).broken, { seq: 3, kind: "changed" })

        cpSync(data, `${folder}/cut`, { recursive: true })
        tamper(
          `${folder}/cut`,
          "DELETE FROM audit WHERE seq > 4",
          "UPDATE audit_head SET (seq, hash, count) = (SELECT seq, hash, 4 FROM audit WHERE seq = 4)",
          "UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'"
        )
        assert.strictEqual((yield* offline("--db", "cut/symbiont.db")).code, 1, "by the checkpoints beside it")
        copyFileSync(`${folder}/cut/symbiont.db`, `${folder}/alone.db`)
        assert.strictEqual((yield* offline("--db", "alone.db")).code, 0, "nothing in the file tells")
        assert.match((yield* offline("--data", "cut")).stdout, /^broken at entry 5: tail_cut: /)
        assert.match(
          (yield* offline("--db", "cut/symbiont.db", "--checkpoint", "kept")).stdout,
          /^broken at entry 5: tail_cut: /
        )

        writeFileSync(`${folder}/text`, "no database ".repeat(999))
        const text = yield* offline("--db", "text")
        assert.deepStrictEqual([text.code, text.stdout], [1, "broken: unreadable: file is not a database\n"])
        assert.deepStrictEqual((yield* offline("--db", "nothing")).code, 3)
        assert.strictEqual((yield* offline("--db", "a", "--data", "b")).code, 2)
        assert.strictEqual((yield* offline("--db", "text", "--checkpoint", "text")).code, 2)
        assert.strictEqual((yield* offline("--db", "text", "--checkpoint", "nothing")).code, 3)
      }),
    90_000
  )
})
