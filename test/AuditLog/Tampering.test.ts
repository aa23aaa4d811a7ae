import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "fast-check"
import type { AuditBreak, AuditCheckpoint, AuditHead, AuditVerdict } from "../../src/Domain/Audit.ts"
import { once } from "../support/Once.ts"
import { databases, hashesByHand, logOf, type Row, rowsOf, tampered, verdictOf } from "./fixtures.ts"
import { makeKeyPair } from "./keys.ts"

const count = 300

/** One log for all of these tests, which change copies of it. */
const made = once(
  Effect.gen(function* () {
    const folder = yield* databases
    const file = `${folder}/whole.db`
    const head = yield* logOf(file, count)
    return { copy: `${folder}/copy.db`, file, head, rows: rowsOf(file) }
  })
)

type Made = Effect.Effect.Success<typeof made>

const test = (name: string, body: (log: Made) => Effect.Effect<void, unknown>, timeout?: number) =>
  it.live(name, () => Effect.flatMap(made, body), timeout)

const found = (verdict: AuditVerdict): Partial<AuditBreak> => (verdict.ok ? {} : verdict.broken)

/** What is found after these statements, with these checkpoints. */
const foundAfter = (
  { copy, file }: Made,
  statements: ReadonlyArray<string>,
  checkpoints?: ReadonlyArray<AuditCheckpoint>
) => Effect.map(verdictOf(tampered(file, copy, ...statements), checkpoints), found)

const text = (value: string | number | null): string =>
  value === null ? "NULL" : typeof value === "number" ? `${value}` : `'${value.replaceAll("'", "''")}'`

/** Samples that do not change from one run of the tests to the next. */
const some = <A>(arbitrary: FastCheck.Arbitrary<A>, many: number) =>
  FastCheck.sample(arbitrary, { numRuns: many, seed: 61 })

const anySeq = FastCheck.integer({ min: 1, max: count })
const columns = "id time type actor job_id job_name run_id reason before after hash".split(" ")

/** A value that is like another, but is not it. */
const other = (value: string | number | null, at: number): string => {
  if (value === null) return "''"
  if (typeof value === "number") return `${value + 1}`
  if (value === "") return "NULL"
  const index = at % value.length
  const code = value.charCodeAt(index)
  return text(value.slice(0, index) + String.fromCharCode(code === 126 ? 33 : code + 1) + value.slice(index + 1))
}

/** Statements that write the rest of the log anew, from an entry on, so that the chain is whole again. */
const rewritten = (
  rows: ReadonlyArray<Row>
): { readonly head: AuditHead; readonly statements: ReadonlyArray<string> } => {
  const hashes = hashesByHand(rows)
  const last = rows.at(-1)
  const head = { seq: Number(last?.["seq"] ?? 0), hash: hashes.at(-1) ?? "0".repeat(64), count: rows.length }
  return {
    head,
    statements: [
      ...rows.map((row, n) => `UPDATE audit SET hash = '${hashes[n]}' WHERE seq = ${row["seq"]}`),
      `UPDATE audit_head SET seq = ${head.seq}, hash = '${head.hash}', count = ${head.count}`,
      `UPDATE sqlite_sequence SET seq = ${head.seq} WHERE name = 'audit'`
    ]
  }
}

describe("a log that was tampered with", () => {
  test("is whole before", (log) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* verdictOf(log.file), { ok: true, entries: count, head: log.head })
      assert.deepStrictEqual(yield* foundAfter(log, []), {})
    }))

  for (const column of columns) {
    test(`is broken at the entry whose ${column} was changed`, (log) =>
      Effect.gen(function* () {
        for (const [seq, at] of some(FastCheck.tuple(anySeq, FastCheck.nat(200)), 12)) {
          const value = log.rows[seq - 1]?.[column] ?? null
          const broken = yield* foundAfter(log, [`UPDATE audit SET ${column} = ${other(value, at)} WHERE seq = ${seq}`])
          assert.deepInclude(broken, { seq, kind: "changed" }, `${column} of ${seq}, character ${at}`)
        }
      }))
  }

  test("is broken at the entry whose value was stored as another kind of value", (log) =>
    Effect.gen(function* () {
      for (const change of [
        "reason = CAST(reason AS BLOB)",
        "hash = CAST(hash AS BLOB)",
        "hash = upper(hash)",
        "time = time + 0.5"
      ]) {
        const broken = yield* foundAfter(log, [`UPDATE audit SET ${change} WHERE seq = 18`])
        assert.deepInclude(broken, { seq: 18, kind: "changed" }, change)
      }
    }))

  test(
    "is broken where an entry was deleted, wherever it was",
    (log) =>
      Effect.gen(function* () {
        for (let seq = 1; seq <= count; seq++) {
          const broken = yield* foundAfter(log, [`DELETE FROM audit WHERE seq = ${seq}`])
          assert.deepInclude(broken, { seq, id: null, kind: seq === count ? "tail_cut" : "missing" })
        }
      }),
    120_000
  )

  test("is broken where entries were deleted and the rest moved up", (log) =>
    Effect.gen(function* () {
      const broken = yield* foundAfter(log, [
        "DELETE FROM audit WHERE seq BETWEEN 40 AND 44",
        "UPDATE audit SET seq = seq - 5 WHERE seq > 44"
      ])
      assert.deepInclude(broken, { seq: 40, kind: "changed" })
    }))

  test("is broken where its tail was cut, whatever else was brought in line with it", (log) =>
    Effect.gen(function* () {
      const key = makeKeyPair()
      const checkpoint = key.sign(log.head, 0)
      for (const cut of [1, 2, 3, 10, 100, 299, 300]) {
        const last = count - cut
        const { head, statements } = rewritten(log.rows.slice(0, last))
        const [toHead = "", toSequence = ""] = statements.slice(-2)
        const gone = `DELETE FROM audit WHERE seq > ${last}`
        const broken = { seq: last + 1, id: null, kind: "tail_cut" as const }
        assert.deepInclude(yield* foundAfter(log, [gone]), broken, "nothing else")
        assert.deepInclude(yield* foundAfter(log, [gone, toHead]), broken, "the head")
        assert.deepInclude(yield* foundAfter(log, [gone, toSequence]), broken, "the sequence")
        const silent = [gone, toHead, toSequence]
        assert.deepStrictEqual(yield* foundAfter(log, silent), {}, "both: nothing in the database tells")
        assert.deepInclude(yield* foundAfter(log, silent, [checkpoint]), broken, "both, but for a checkpoint elsewhere")
        assert.deepStrictEqual(
          yield* foundAfter(log, silent, [key.sign(head, 0)]),
          {},
          "an older checkpoint does not tell"
        )
      }
    }))

  test("is broken where entries change places", (log) =>
    Effect.gen(function* () {
      const pairs = some(FastCheck.tuple(anySeq, anySeq), 12).concat([
        [1, 2],
        [count - 1, count],
        [1, count]
      ])
      for (const [a, b] of pairs.filter(([one, two]) => one !== two)) {
        const [first, second] = a < b ? [a, b] : [b, a]
        const broken = yield* foundAfter(log, [
          `UPDATE audit SET seq = -1 WHERE seq = ${first}`,
          `UPDATE audit SET seq = ${first} WHERE seq = ${second}`,
          `UPDATE audit SET seq = ${second} WHERE seq = -1`
        ])
        assert.deepInclude(
          broken,
          { seq: first, id: String(log.rows[first - 1]?.["id"]), kind: "reordered" },
          `${a}, ${b}`
        )
        const moved = yield* foundAfter(log, [`UPDATE audit SET seq = ${count + 9} WHERE seq = ${first}`])
        assert.deepInclude(moved, { seq: first, kind: "reordered" }, `${first} to the end`)
      }
    }))

  test("is broken where an entry was put in, or its head says something else", (log) =>
    Effect.gen(function* () {
      const more = `INSERT INTO audit (id, time, type, actor, hash) VALUES ('aud_x', 0, 'ClockJumped', 'x', 'none')`
      assert.deepInclude(yield* foundAfter(log, [more]), { seq: count + 1, id: "aud_x", kind: "changed" })
      const [row] = rowsOf(tampered(log.file, log.copy, more)).slice(-1)
      const hash = hashesByHand([...log.rows, row ?? {}]).at(-1)
      const chained = yield* foundAfter(log, [more, `UPDATE audit SET hash = '${hash}' WHERE seq = ${count + 1}`])
      assert.deepInclude(chained, { seq: count + 1, kind: "changed" })
      for (const change of ["count = 5", `hash = '${"a".repeat(64)}'`]) {
        assert.deepInclude(
          yield* foundAfter(log, [`UPDATE audit_head SET ${change}`]),
          { seq: count, kind: "changed" },
          change
        )
      }
      for (const change of ["UPDATE audit_head SET hash = 'x'", "DELETE FROM audit_head", "DROP TABLE audit_head"]) {
        assert.deepInclude(yield* foundAfter(log, [change]), { kind: "unreadable" }, change)
      }
      assert.deepInclude(yield* foundAfter(log, ["DROP TABLE audit"]), { kind: "unreadable" })
      // What queries by time would not find.
      const hidden = yield* foundAfter(log, ["UPDATE audit_hours SET last_seq = last_seq - 1"])
      assert.deepInclude(hidden, { kind: "changed", detail: "the table audit_hours hides it from queries by time" })
    }))

  test("but written anew as a whole is found by a checkpoint that was kept elsewhere", (log) =>
    Effect.gen(function* () {
      const key = makeKeyPair()
      const hashes = hashesByHand(log.rows)
      const at = (seq: number) => key.sign({ seq, hash: hashes[seq - 1] ?? "", count: seq }, 0)
      const changed = log.rows.map((row) => (row["seq"] === 100 ? { ...row, actor: "nobody" } : row))
      const statements = ["UPDATE audit SET actor = 'nobody' WHERE seq = 100", ...rewritten(changed).statements]
      assert.deepStrictEqual(yield* foundAfter(log, statements), {}, "nothing in the database tells")
      assert.deepStrictEqual(yield* foundAfter(log, statements, [at(50), at(99)]), {}, "these are of what was before")
      const broken = yield* foundAfter(log, statements, [at(250), at(120), at(99)])
      assert.deepInclude(broken, { seq: 120, kind: "checkpoint_mismatch" })
      const forged = { ...at(99), count: 98 }
      assert.deepInclude(yield* foundAfter(log, [], [forged]), { seq: 99, kind: "checkpoint_mismatch" })
      assert.deepInclude(yield* foundAfter(log, [], [{ ...at(99), public_key: "" }]), { kind: "checkpoint_mismatch" })
      assert.deepInclude(yield* foundAfter(log, [], [key.sign({ ...log.head, count: 1 }, 0)]), {
        kind: "checkpoint_mismatch"
      })
    }))
})

describe("a file of which a byte was flipped", () => {
  test(
    "is found broken, or its log is as it was; reading it never fails",
    (log) =>
      Effect.gen(function* () {
        const whole = readFileSync(tampered(log.file, log.copy))
        const kept = rowsOf(log.copy)
        const places = some(
          FastCheck.tuple(FastCheck.nat(whole.length - 1), FastCheck.integer({ min: 0, max: 7 })),
          170
        )
        // The header, and the first page's schema, where every byte means something.
        const special = Array.from({ length: 30 }, (_, n): [number, number] => [n < 20 ? n * 5 : 3_000 + n * 97, n % 8])
        const outcomes = { broken: 0, whole: 0 }
        for (const [at, bit] of [...places, ...special]) {
          const flipped = Buffer.from(whole)
          flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
          writeFileSync(log.copy, flipped)
          const verdict = yield* verdictOf(log.copy)
          outcomes[verdict.ok ? "whole" : "broken"]++
          if (verdict.ok) assert.deepStrictEqual(rowsOf(log.copy), kept, `byte ${at}, bit ${bit}`)
        }
        assert.isAbove(outcomes.broken, 60)
        assert.isAbove(outcomes.whole, 10, "some lie in indexes or in free space")
      }),
    120_000
  )

  test("and one that is short, empty, or no database is broken too", (log) =>
    Effect.gen(function* () {
      const whole = readFileSync(log.file)
      for (const length of [0, 1, 99, 4_096, Math.floor(whole.length / 2), whole.length - 4_096]) {
        writeFileSync(log.copy, whole.subarray(0, length))
        assert.isFalse((yield* verdictOf(log.copy)).ok, `${length} bytes`)
      }
      writeFileSync(log.copy, "this is no database at all, but it is long enough to be looked at".repeat(100))
      assert.deepInclude(found(yield* verdictOf(log.copy)), { seq: 0, kind: "unreadable" })
      copyFileSync(log.file, log.copy)
      const missing = yield* Effect.flip(verdictOf(`${log.copy}-none`))
      assert.include(missing.message, "no such file")
      assert.include((yield* Effect.flip(verdictOf("/"))).message, "it is no file")
    }))
})
