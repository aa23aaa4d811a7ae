import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { copiesOf } from "../support/Once.ts"
import { eventually, folderWith, program, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const files = {
  "agents/jobs.symbi": `agent echoes { command: ["sh", "-c", "echo said >&2; cat"] }
schedule { name: "ticks" agent: "echoes" every: "1s" input: "tick" session_mode: "shared_persistent" }
schedule { name: "rare" agent: "echoes" cron: "0 0 1 1 *" }
`
}

const countOf = (folder: string, what: string): number => {
  const database = new Sqlite(`${folder}/symbiont.db`, { readonly: true })
  try {
    return Number(database.prepare(what).pluck().get())
  } finally {
    database.close()
  }
}

const ended = "SELECT count(*) FROM runs WHERE status = 'succeeded'"

/** A stopped data folder with a job and some audit entries, and a backup of it as a plain archive. */
const backedUp = copiesOf(
  Effect.gen(function* () {
    const folder = yield* folderWith(files)
    const service = yield* startService({ folder })
    assert.strictEqual(
      (yield* symbi(["cron", "run", "rare", "--wait"], { env: { SYMBI_SERVER: service.url } })).code,
      0
    )
    yield* service.signal("SIGTERM")
    yield* service.exitCode
    const made = yield* symbi(["backup", "-o", "b.tar", "--with-logs"], { cwd: folder })
    assert.strictEqual(made.code, 0, made.stderr)
    return folder
  })
)

const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

describe("backup and restore", () => {
  it.scopedLive(
    "under load: whole, verified, and a service runs on what was restored",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const service = yield* startService({ folder })
        const env = { SYMBI_SERVER: service.url }
        const load = yield* Effect.fork(
          Effect.forever(
            service.client.schedule.run({
              path: { job_id: "rare" },
              urlParams: { queue: true },
              headers: {},
              payload: {}
            })
          )
        )
        yield* eventually(
          "some runs",
          Effect.sync(() => (countOf(`${folder}/.symbi`, ended) > 5 ? true : undefined))
        )
        const made = yield* symbi(["backup", "--with-logs"], { cwd: folder })
        yield* Fiber.interrupt(load)
        assert.strictEqual(made.code, 0, made.stderr)
        assert.match(made.stdout, /^symbi-backup-\d{8}T\d{6}Z\.tar\.gz\n$/)
        assert.match(made.stderr, /schema \d+\): \d+ files, \d+ audit entries, with logs; read back and verified\n$/)
        const file = made.stdout.trim()
        assert.strictEqual(statSync(`${folder}/${file}`).mode & 0o777, 0o600)
        assert.deepStrictEqual(
          readdirSync(folder).filter((name) => name.startsWith(".symbi-backup")),
          []
        )
        const inUse = yield* symbi(["restore", file, "--force"], { cwd: folder, env })
        assert.deepStrictEqual([inUse.code, inUse.stdout], [1, ""])
        assert.include(inUse.stderr, "another symbi service is using the data folder")

        const restored = yield* symbi(["restore", file, "--data", "other"], { cwd: folder })
        assert.strictEqual(restored.code, 0, restored.stderr)
        assert.strictEqual(restored.stdout, `restored into ${folder}/other\n`)
        assert.isAbove(countOf(`${folder}/other`, ended), 5)
        assert.match((yield* symbi(["audit", "verify", "--data", "other"], { cwd: folder })).stdout, /^ok: /)

        const second = yield* startService({ folder, words: ["--data", "other"] })
        const before = countOf(`${folder}/other`, ended)
        yield* eventually(
          "runs of the restored service",
          Effect.sync(() => (countOf(`${folder}/other`, ended) > before ? true : undefined))
        )
        const verdict = yield* symbi(["audit", "verify"], { env: { SYMBI_SERVER: second.url } })
        assert.match(verdict.stdout, /^ok: /, verdict.stderr)
        // The ledger: of each job no slot has two rows.
        assert.strictEqual(
          countOf(
            `${folder}/other`,
            "SELECT count(*) FROM (SELECT 1 FROM runs WHERE trigger = 'schedule' GROUP BY job_id, scheduled_for HAVING count(*) > 1)"
          ),
          0
        )
      }),
    90_000
  )

  it.scopedLive(
    "sets aside what was there, and only when asked to",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        const run = (...words: ReadonlyArray<string>) => symbi(words, { cwd: folder })
        writeFileSync(`${folder}/.symbi/mine`, "kept")
        const unforced = yield* run("restore", "b.tar")
        assert.strictEqual(unforced.code, 5)
        assert.include(unforced.stderr, "with --force it is set aside as")
        const dry = yield* run("restore", "b.tar", "--dry-run")
        assert.match(
          dry.stdout,
          /^would restore into \S+\.symbi; what is there would be set aside as \S+before-restore-\S+\n$/
        )
        assert.strictEqual(readFileSync(`${folder}/.symbi/mine`, "utf8"), "kept")
        const done = yield* run("restore", "b.tar", "--force")
        assert.strictEqual(done.code, 0, done.stderr)
        const [aside] = readdirSync(folder).filter((name) => name.startsWith(".symbi.before-restore-"))
        assert.strictEqual(readFileSync(`${folder}/${aside}/mine`, "utf8"), "kept")
        assert.notInclude(readdirSync(`${folder}/.symbi`), "mine")
        assert.include(readdirSync(`${folder}/.symbi`), "audit-key.pem")
        assert.match((yield* run("audit", "verify", "--data", ".symbi")).stdout, /^ok: /)
        const again = yield* run("backup", "-o", "b.tar")
        assert.strictEqual(again.code, 5)
        assert.include(again.stderr, "b.tar exists")
        assert.strictEqual((yield* run("backup", "-o", "b.tar", "--force")).code, 0)
      }),
    90_000
  )

  it.scopedLive(
    "takes the place of a data folder only, writes nothing in a rehearsal, and follows a link",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        const run = (...words: ReadonlyArray<string>) => symbi(words, { cwd: folder })
        mkdirSync(`${folder}/project`)
        writeFileSync(`${folder}/project/mine`, "kept")
        for (const more of [["--force"], ["--dry-run"]]) {
          const foreign = yield* run("restore", "b.tar", "--data", "project", ...more)
          assert.deepStrictEqual([foreign.code, foreign.stdout], [5, ""])
          assert.include(foreign.stderr, "project holds files but no symbiont.db")
        }
        const before = readdirSync(folder)
        const rehearsed = yield* run("restore", "b.tar", "--data", "a/b/c", "--dry-run")
        assert.deepStrictEqual([rehearsed.code, rehearsed.stdout], [0, `would restore into ${folder}/a/b/c\n`])
        rmSync(`${folder}/.symbi/service.lock`)
        // An empty folder is none: the one that is configured is meant.
        assert.include((yield* run("restore", "b.tar", "--data", "", "--dry-run")).stdout, `${folder}/.symbi; what is`)
        assert.deepStrictEqual(readdirSync(folder), before)
        assert.notInclude(readdirSync(`${folder}/.symbi`), "service.lock")

        renameSync(`${folder}/.symbi`, `${folder}/real`)
        symlinkSync("real", `${folder}/.symbi`)
        const linked = yield* run("restore", "b.tar", "--force")
        assert.strictEqual(linked.code, 0, linked.stderr)
        assert.isTrue(lstatSync(`${folder}/.symbi`).isSymbolicLink())
        assert.strictEqual(readdirSync(folder).filter((name) => name.startsWith("real.before-restore-")).length, 1)
        assert.include(readdirSync(`${folder}/real`), "symbiont.db")

        const copy = `${folder}/old-symbiont.db`
        copyFileSync(`${folder}/real/symbiont.db`, copy)
        writeFileSync(`${folder}/audit-key.pem`, "of something else")
        assert.strictEqual((yield* run("backup", "--db", copy, "-o", "alone.tar")).code, 0)
        assert.notInclude(readFileSync(`${folder}/alone.tar`, "latin1"), "of something else")
      }),
    90_000
  )

  it.scopedLive.runIf(canMount)(
    "leaves a mount point in its place, and sets aside in it what was there",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        for (const mount of ["-t tmpfs none mnt", "--bind other mnt"]) {
          const script = `mkdir -p mnt other && mount ${mount} && cp -r .symbi/. mnt && echo kept > mnt/mine &&
            '${process.execPath}' '${program}' restore b.tar --data mnt --force && ls mnt && cat mnt/before-restore-*/mine`
          const { status, stderr, stdout } = spawnSync("unshare", ["-rm", "sh", "-c", script], {
            cwd: folder,
            encoding: "utf8"
          })
          assert.strictEqual(status, 0, stderr)
          const [restored, ...names] = stdout.trim().split("\n")
          assert.strictEqual(restored, `restored into ${folder}/mnt`)
          assert.strictEqual(names.pop(), "kept")
          assert.include(names, "symbiont.db")
          assert.notInclude(names, "mine")
          assert.strictEqual(names.filter((name) => name.startsWith("before-restore-")).length, 1)
        }
      }),
    90_000
  )

  it.scopedLive(
    "refuses what is damaged, cut, foreign or newer, naming the part, and touches nothing",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        const whole = readFileSync(`${folder}/b.tar`)
        const refused = Effect.fnUntraced(function* (bytes: Buffer, text: string) {
          writeFileSync(`${folder}/bad.tar`, bytes)
          const ended = yield* symbi(["restore", "bad.tar", "--data", "new"], { cwd: folder })
          assert.deepStrictEqual([ended.code === 0, ended.stdout], [false, ""])
          assert.include(ended.stderr, text)
          assert.lengthOf(ended.stderr.trim().split("\n"), 1)
          assert.deepStrictEqual(
            readdirSync(folder).filter((name) => name === "new" || name.startsWith(".symbi-restore")),
            []
          )
        })
        const flipped = (at: number) => {
          const bytes = Buffer.from(whole)
          bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
          return bytes
        }
        const database = whole.lastIndexOf("SQLite format 3")
        yield* refused(flipped(database + 5_000), "symbiont.db in it is damaged")
        yield* refused(flipped(whole.indexOf("BEGIN PRIVATE KEY")), "audit-key.pem in it is damaged")
        yield* refused(flipped(whole.indexOf('"format"')), "manifest.json is damaged")
        yield* refused(whole.subarray(0, database + 10_000), "it ends in the middle of symbiont.db")
        yield* refused(Buffer.from("nothing of the kind".repeat(60)), "it is no archive")
        yield* refused(
          Buffer.from(whole.toString("latin1").replace('"format": 1', '"format": 2'), "latin1"),
          "newer version"
        )
        yield* refused(
          Buffer.from(whole.toString("latin1").replace(/"schema": \d\d/, '"schema": 99'), "latin1"),
          "schema 99"
        )
        yield* refused(
          Buffer.from(whole.toString("latin1").replace('"name": "symbiont.db"', '"name": "../bad.db.."'), "latin1"),
          "manifest.json is damaged"
        )
      }),
    90_000
  )

  it.scopedLive(
    "says what is missing, and does not take a damaged database",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        const run = (...words: ReadonlyArray<string>) => symbi(words, { cwd: folder })
        const gone = yield* run("restore", "nope", "--data", "new")
        assert.deepStrictEqual(gone, { code: 3, stdout: "", stderr: "error: no backup at nope\n" })
        const unread = yield* run("restore", "agents", "--data", "new")
        assert.deepStrictEqual(unread, {
          code: 1,
          stdout: "",
          stderr: "error: cannot use the backup agents: it is a folder\n"
        })
        assert.isFalse(readdirSync(folder).some((name) => name.startsWith(".symbi-restore") || name === "new"))
        const none = yield* run("backup", "--data", "nowhere")
        assert.deepStrictEqual([none.code, none.stderr], [3, "error: no database at nowhere/symbiont.db\n"])
        mkdirSync(`${folder}/broken`)
        writeFileSync(
          `${folder}/broken/symbiont.db`,
          "no database at all, but long enough to be read as one".repeat(40)
        )
        const broken = yield* run("backup", "--data", "broken", "-o", "x.tar")
        assert.strictEqual(broken.code, 1)
        assert.include(broken.stderr, "it is no database")
        truncateSync(`${folder}/.symbi/symbiont.db`, 20_000)
        const cut = yield* run("backup", "-o", "x.tar")
        assert.strictEqual(cut.code, 1)
        assert.notInclude(readdirSync(folder), "x.tar")
        assert.isFalse(readdirSync(folder).some((name) => name.startsWith(".symbi-backup")))
      }),
    90_000
  )

  it.scopedLive.runIf(canMount)(
    "leaves nothing half on a disk that is full",
    () =>
      Effect.gen(function* () {
        const folder = yield* backedUp
        for (const size of ["100k", "450k"]) {
          const script = `mount -t tmpfs -o size=${size} none /mnt && '${process.execPath}' '${program}' backup -o /mnt/b.tar; ls -A /mnt`
          const { stderr, stdout } = spawnSync("unshare", ["-rm", "sh", "-c", script], {
            cwd: folder,
            encoding: "utf8"
          })
          assert.include(stderr, "the disk is full")
          assert.strictEqual(stdout, "")
        }
      }),
    90_000
  )
})
