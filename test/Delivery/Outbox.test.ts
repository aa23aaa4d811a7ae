import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { deliveryTexts } from "../../src/Delivery/Texts.ts"
import { CurrentDelivery, DeliveryRouter, Outbox, OutboxSignal } from "../../src/Delivery.ts"
import type { AuditDraft } from "../../src/Domain/Audit.ts"
import { type Delivery, DeliveryFailure } from "../../src/Domain/Delivery.ts"
import { JobStore } from "../../src/JobStore.ts"
import { testSettings } from "../../src/testing.ts"
import { endedAt, finishedRun, jobNamed, pendingDelivery } from "./fixtures.ts"

const job = jobNamed("nightly")

const settings = testSettings({ scheduler: { shutdown_timeout_seconds: 30 } }).pipe(Layer.provide(NodeContext.layer))

/** A store that holds deliveries and nothing else. */
const makeStore = () => {
  const rows = new Map<string, Delivery>()
  const audit: Array<AuditDraft> = []
  const alerts: Array<readonly [about: string, channel: string]> = []
  let broken = 0
  let unsettled = 0
  const waiting = () => [...rows.values()].filter((row) => row.state === "pending")
  const layer = Layer.mock(JobStore, {
    dueDeliveries: (destination, now, limit, except) =>
      Effect.suspend(() => {
        if (broken > 0) {
          broken--
          return Effect.die("database is locked")
        }
        const due = waiting().filter(
          (row) => row.destination === destination && (row.next_attempt_at ?? 0) <= now && !except.includes(row.id)
        )
        return Effect.succeed(
          due
            .slice(0, limit)
            .map((delivery) => ({ delivery, job, run: finishedRun(), approval: null, about: null, notice: null }))
        )
      }),
    waitingDestinations: (now) =>
      Effect.sync(() => {
        const instants = waiting().map((row) => row.next_attempt_at ?? 0)
        const later = instants.filter((at) => at > now)
        const due = waiting().filter((row) => (row.next_attempt_at ?? 0) <= now)
        return {
          due: [...new Set(due.map((row) => row.destination))],
          next: later.length === 0 ? null : Math.min(...later)
        }
      }),
    settleDelivery: ({ attempts, id, next_attempt_at }, change, events, alert) =>
      Effect.suspend(() => {
        if (unsettled > 0) {
          unsettled--
          return Effect.die("database or disk is full")
        }
        const row = rows.get(id)
        if (row?.attempts !== attempts || row.next_attempt_at !== next_attempt_at) return Effect.succeed(false)
        rows.set(id, { ...row, ...change, attempts: row.attempts + 1 })
        audit.push(...events)
        if (alert !== undefined) alerts.push([id, alert.channel])
        return Effect.succeed(true)
      })
  })
  return {
    layer,
    audit,
    alerts,
    add: (...deliveries: ReadonlyArray<Delivery>) => {
      for (const delivery of deliveries) rows.set(delivery.id, delivery)
    },
    get: (delivery: Delivery) => rows.get(delivery.id),
    breakOnce: () => void broken++,
    breakSettling: (times: number) => {
      unsettled = times
    }
  }
}

type Route = (typeof DeliveryRouter.Service)["route"]

/** An outbox over the store and the channel, in the test's scope; gives what wakes it. */
const startOutbox = (store: ReturnType<typeof makeStore>, route: Route, limits = settings) =>
  Effect.map(
    Layer.build(
      Outbox.layer.pipe(
        Layer.provide([store.layer, Layer.succeed(DeliveryRouter, { route }), limits]),
        Layer.provideMerge(OutboxSignal.Default)
      )
    ),
    (context) => Context.get(context, OutboxSignal)
  )

const refusing =
  (permanent: boolean): Route =>
  (channel) =>
    Effect.fail(new DeliveryFailure({ channel, message: "no room", permanent }))

describe("Outbox", () => {
  it.scoped("delivers what is due at its start", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const sent: Array<string> = []
      const rows = Array.from({ length: 100 }, (_, n) => pendingDelivery(n, "stdout"))
      store.add(...rows)
      yield* startOutbox(store, (channel, job, run, output) =>
        Effect.sync(() => void sent.push(`${channel} ${job.name} ${run.id} ${output}`))
      )
      yield* TestClock.adjust(0)
      assert.lengthOf(sent, 100)
      assert.strictEqual(sent[0], "stdout nightly run_01jq0000000000000000000000 fine")
      assert.isTrue(rows.every((row) => store.get(row)?.state === "delivered"))
      assert.strictEqual(store.get(pendingDelivery(0, "stdout"))?.delivered_at, 0)
    })
  )

  it.scoped("sends at most sixteen at a time", () =>
    Effect.gen(function* () {
      const store = makeStore()
      let now = 0
      let most = 0
      store.add(...Array.from({ length: 30 }, (_, n) => pendingDelivery(n, "stdout")))
      yield* startOutbox(store, () =>
        Effect.sync(() => {
          most = Math.max(most, ++now)
        }).pipe(Effect.zipRight(Effect.sleep(1_000)), Effect.ensuring(Effect.sync(() => void now--)))
      )
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(most, 16)
    })
  )

  it.scoped("lets no destination wait for another, whatever the number of its deliveries", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const dead = Array.from({ length: 1_000 }, (_, n) => ({
        ...pendingDelivery(n, "webhook"),
        destination: "webhook dead.example"
      }))
      const alive = { ...pendingDelivery(5_000, "webhook"), destination: "webhook alive.example" }
      const other = pendingDelivery(5_001, "stdout")
      store.add(...dead, alive, other)
      const ended = yield* Deferred.make<void>()
      yield* startOutbox(store, (channel) =>
        Effect.flatMap(CurrentDelivery, (notes) =>
          channel === "webhook" && notes?.id !== alive.id ? Deferred.await(ended) : Effect.void
        )
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([store.get(alive)?.delivered_at, store.get(other)?.delivered_at], [0, 0])
      assert.isTrue(dead.every((row) => store.get(row)?.state === "pending"))
      yield* Deferred.succeed(ended, undefined)
    })
  )

  it.scoped("lets receivers that hang take no place from one that answers, however many they are", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const to = (n: number, host: string) => ({ ...pendingDelivery(n, "webhook"), destination: `webhook ${host}` })
      // More destinations than are served at once, each with more than it can take before its time is over.
      const dead = Array.from({ length: 400 }, (_, n) => to(n, `dead-${n % 200}.example`))
      store.add(...dead)
      const alive = to(5_000, "alive.example")
      const over = yield* Deferred.make<void>()
      const hangs = Effect.race(Effect.sleep("40 seconds"), Deferred.await(over)).pipe(
        Effect.zipRight(refusing(false)("webhook", job, finishedRun(), ""))
      )
      const one = testSettings({ scheduler: { delivery: { concurrency: 1, retry_attempts: 100, retry_delay: "10m" } } })
      yield* startOutbox(
        store,
        (channel) =>
          Effect.flatMap(CurrentDelivery, (notes) =>
            notes?.id === alive.id || channel === "log_file" ? Effect.void : hangs
          ),
        one.pipe(Layer.provide(NodeContext.layer))
      )
      yield* TestClock.adjust("2 minutes")
      const local = { ...pendingDelivery(5_001, "log_file"), next_attempt_at: 120_000 }
      store.add({ ...alive, next_attempt_at: 120_000 }, local)
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(store.get(alive)?.delivered_at ?? Number.POSITIVE_INFINITY, 180_000)
      assert.strictEqual(store.get(local)?.state, "delivered")
      // And all of them have their turn.
      yield* TestClock.adjust("6 minutes")
      assert.deepStrictEqual(
        dead.filter((row) => (store.get(row)?.attempts ?? 0) === 0),
        []
      )
      yield* Deferred.succeed(over, undefined)
    })
  )

  it.scoped("asks a receiver that fails with one at a time until it answers", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const starts: Array<number> = []
      store.add(...Array.from({ length: 40 }, (_, n) => pendingDelivery(n, "webhook")))
      yield* startOutbox(store, (channel) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          starts.push(now)
          yield* Effect.sleep("1 second")
          if (now < 4_000) return yield* refusing(false)(channel, job, finishedRun(), "")
        })
      )
      yield* TestClock.adjust("3 minutes")
      const at = (second: number) => starts.filter((time) => time === second * 1_000).length
      assert.deepStrictEqual([0, 1, 2, 3, 4, 5].map(at), [16, 4, 1, 1, 1, 16])
    })
  )

  it.scoped("keeps to a channel's own limits", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const starts: Array<number> = []
      store.add(...Array.from({ length: 6 }, (_, n) => pendingDelivery(n, "custom:slow")))
      const limited = testSettings({
        scheduler: { delivery: { concurrency: 9, channels: { "custom:slow": { concurrency: 2, rate_limit: 1 } } } }
      }).pipe(Layer.provide(NodeContext.layer))
      yield* startOutbox(
        store,
        () =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            starts.push(now)
            return Effect.sleep("3 seconds")
          }),
        limited
      )
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(starts, [0, 1_000, 3_000, 4_000, 6_000, 7_000])
    })
  )

  it.scoped("leaves a destination alone for as long as it asks, and only that one", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const starts: Array<string> = []
      const rows = Array.from({ length: 20 }, (_, n) => pendingDelivery(n, "slack"))
      store.add(...rows)
      yield* startOutbox(store, (channel) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          starts.push(`${channel} ${now}`)
          return now < 30_000 && channel === "slack"
            ? Effect.fail(new DeliveryFailure({ channel, message: "busy", permanent: false, retry_after_ms: 30_000 }))
            : Effect.void
        })
      )
      yield* TestClock.adjust("10 seconds")
      store.add(pendingDelivery(99, "stdout"))
      yield* TestClock.adjust("50 seconds")
      // Sixteen were under way when the first one was told to wait; nothing else was tried before the time was over.
      assert.lengthOf(
        starts.filter((start) => start === "slack 0"),
        16
      )
      assert.isTrue(starts.every((start) => start === "slack 0" || start === "stdout 60000" || start >= "slack 30000"))
      assert.isTrue(rows.every((row) => store.get(row)?.state === "delivered"))
    })
  )

  it.scoped("raises an alert on the fallback channel, and on the log file about that channel and about alerts", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const lost = pendingDelivery(1, "webhook")
      const own = pendingDelivery(2, "slack")
      const alert = { ...pendingDelivery(3, "slack"), kind: "undelivered" as const }
      const local = pendingDelivery(4, "log_file")
      store.add(lost, own, alert, local)
      const toSlack = testSettings({ scheduler: { delivery: { fallback: "slack" } } })
      yield* startOutbox(store, refusing(true), toSlack.pipe(Layer.provide(NodeContext.layer)))
      yield* TestClock.adjust(0)
      assert.sameDeepMembers(store.alerts, [
        [lost.id, "slack"],
        [own.id, "log_file"],
        [alert.id, "log_file"],
        [local.id, "slack"]
      ])
    })
  )

  it.scoped("raises none where the operator wants none", () =>
    Effect.gen(function* () {
      const store = makeStore()
      store.add(pendingDelivery(1, "webhook"))
      const none = testSettings({ scheduler: { delivery: { fallback: "none" } } })
      yield* startOutbox(store, refusing(true), none.pipe(Layer.provide(NodeContext.layer)))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(store.alerts, [])
    })
  )

  it.scoped("tells the channel the delivery's id, kind and subject", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      const told: Array<unknown> = []
      store.add(row)
      yield* startOutbox(store, () => Effect.map(CurrentDelivery, (notes) => void told.push(notes)))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(told, [{ id: row.id, kind: "output", subject: "[symbi] nightly succeeded" }])
    })
  )

  it.scoped("sends what comes while another is under way to the same destination", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const slow = pendingDelivery(1, "webhook")
      const later = { ...pendingDelivery(2, "webhook"), next_attempt_at: 5_000 }
      const woken = { ...pendingDelivery(3, "webhook"), next_attempt_at: 7_000 }
      store.add(slow, later)
      const outbox = yield* startOutbox(store, () =>
        Effect.flatMap(CurrentDelivery, (notes) => (notes?.id === slow.id ? Effect.sleep("30 seconds") : Effect.void))
      )
      yield* TestClock.adjust("7 seconds")
      store.add(woken)
      yield* outbox.wake
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        [store.get(later)?.delivered_at, store.get(woken)?.delivered_at, store.get(slow)?.state],
        [5_000, 7_000, "pending"]
      )
      yield* TestClock.adjust("30 seconds")
    })
  )

  it.scoped("keeps a delivery due that was asked for anew while an attempt was under way", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "webhook")
      const tries: Array<number> = []
      store.add({ ...row, attempts: 3 })
      const outbox = yield* startOutbox(store, (channel) =>
        Effect.gen(function* () {
          tries.push(yield* Clock.currentTimeMillis)
          yield* Effect.sleep("4 seconds")
          return yield* refusing(false)(channel, job, finishedRun(), "")
        })
      )
      yield* TestClock.adjust("2 seconds")
      store.add({ ...row, attempts: 0, next_attempt_at: 2_000 })
      yield* outbox.wake
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(tries, [0, 4_000])
      assert.deepStrictEqual([store.get(row)?.state, store.alerts], ["pending", []])
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(store.get(row)?.attempts, 1)
    })
  )

  it.scoped("reads a delivery and its job just before it sends, however long it waited for its turn", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const limited = testSettings({ scheduler: { delivery: { rate_limit: 1 } } })
      const rows = Array.from({ length: 4 }, (_, n) => pendingDelivery(n, "webhook"))
      store.add(...rows)
      const sent: Array<string> = []
      yield* startOutbox(
        store,
        () => Effect.flatMap(CurrentDelivery, (notes) => Effect.sync(() => void sent.push(notes?.kind ?? ""))),
        limited.pipe(Layer.provide(NodeContext.layer))
      )
      yield* TestClock.adjust("1 second")
      store.add(...rows.slice(2).map((row) => ({ ...row, kind: "dead_letter" as const })))
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(sent, ["output", "output", "dead_letter", "dead_letter"])
    })
  )

  it.scoped("lets a person's wish end a destination's rest", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const tries: Array<number> = []
      const [first, second] = [pendingDelivery(1, "slack"), pendingDelivery(2, "slack")]
      store.add(first)
      yield* TestClock.adjust("1 day")
      const outbox = yield* startOutbox(store, (channel) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          tries.push(now)
          return tries.length === 1
            ? Effect.fail(
                new DeliveryFailure({ channel, message: "busy", permanent: false, retry_after_ms: 3_600_000 })
              )
            : Effect.void
        })
      )
      yield* TestClock.adjust("1 second")
      store.add(second)
      yield* outbox.wake
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(tries, 1)
      yield* outbox.wakeNow
      yield* TestClock.adjust("1 second")
      assert.lengthOf(tries, 2)
      assert.strictEqual(store.get(second)?.state, "delivered")
    })
  )

  it.scoped("looks when it is woken", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const sent = yield* Deferred.make<number>()
      const outbox = yield* startOutbox(store, () =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => Deferred.succeed(sent, now))
      )
      yield* TestClock.adjust("20 seconds")
      store.add(pendingDelivery(1, "stdout"))
      yield* outbox.wake
      assert.strictEqual(yield* Deferred.await(sent), 20_000)
    })
  )

  it.scoped("looks each minute without being woken", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      yield* startOutbox(store, () => Effect.void)
      yield* TestClock.adjust("1 second")
      store.add(row)
      yield* TestClock.adjust("58 seconds")
      assert.strictEqual(store.get(row)?.state, "pending")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(store.get(row)?.state, "delivered")
    })
  )

  it.scoped("tries four times with growing waits, then gives up and says so in the audit log", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "log_file")
      const tries: Array<number> = []
      store.add(row)
      yield* startOutbox(store, (channel) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          tries.push(now)
          return refusing(false)(channel, job, finishedRun(), "")
        })
      )
      yield* TestClock.adjust("10 minutes")
      const waits = tries.slice(1).map((time, index) => time - (tries[index] ?? 0))
      assert.lengthOf(tries, 4)
      for (const [index, wait] of waits.entries()) {
        assert.isAtLeast(wait, 4_000 * 6 ** index)
        assert.isAtMost(wait, 6_000 * 6 ** index + 1)
      }
      const settled = store.get(row)
      assert.deepStrictEqual(
        [settled?.state, settled?.attempts, settled?.next_attempt_at, settled?.error],
        ["dead", 4, null, "no room"]
      )
      assert.deepStrictEqual(
        store.audit.map(({ job_name, reason, type }) => [type, job_name, reason]),
        [["DeliveryDeadLettered", "nightly", "log_file failed 4 times: no room"]]
      )
    })
  )

  it.scoped("waits as long as the receiver asked", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      store.add(row)
      yield* startOutbox(store, (channel) =>
        Effect.fail(new DeliveryFailure({ channel, message: "busy", permanent: false, retry_after_ms: 45_000 }))
      )
      yield* TestClock.adjust(0)
      assert.strictEqual(store.get(row)?.next_attempt_at, 45_000)
    })
  )

  it.scoped("does not repeat what was refused for good", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "slack")
      store.add(row)
      yield* startOutbox(store, refusing(true))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual([store.get(row)?.state, store.get(row)?.attempts], ["failed", 1])
      assert.deepStrictEqual(
        store.audit.map(({ reason, type }) => [type, reason]),
        [["DeliveryDeadLettered", "slack refused it: no room"]]
      )
    })
  )

  it.scoped("counts a channel that breaks, interrupts itself or hangs as a failed attempt, and works on", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const broken = pendingDelivery(1, "custom:broken")
      const gone = pendingDelivery(2, "custom:gone")
      const hung = pendingDelivery(3, "custom:hung")
      const fine = pendingDelivery(4, "stdout")
      store.add(broken, gone, hung, fine)
      yield* startOutbox(store, (channel) => {
        if (channel === "custom:broken") throw new Error("boom")
        return channel === "custom:gone" ? Effect.interrupt : channel === "custom:hung" ? Effect.never : Effect.void
      })
      yield* TestClock.adjust("60 seconds")
      const errors = [broken, gone, hung].map((row) => store.get(row)?.error)
      assert.strictEqual(errors[0], "the channel broke: boom")
      assert.match(errors[1] ?? "", /^the channel broke: /)
      assert.strictEqual(errors[2], "no answer within 60 seconds")
      assert.strictEqual(store.get(fine)?.state, "delivered")
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(
        [broken, gone, hung].map((row) => store.get(row)?.state),
        ["dead", "dead", "dead"]
      )
    })
  )

  it.scoped("does not spin over a delivery that the store never hands out", () =>
    Effect.gen(function* () {
      let looks = 0
      const store = Layer.mock(JobStore, {
        dueDeliveries: () =>
          Effect.as(
            Effect.sync(() => looks++),
            []
          ),
        waitingDestinations: () => Effect.succeed({ due: ["stdout"], next: null })
      })
      yield* startOutbox({ ...makeStore(), layer: store }, () => Effect.void)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(looks, 11)
    })
  )

  it.scoped("goes on after the store failed", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      store.add(row)
      store.breakOnce()
      yield* startOutbox(store, () => Effect.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(store.get(row)?.state, "delivered")
    })
  )

  it.scoped("sends nothing again at once whose end could not be stored", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      const tries: Array<number> = []
      store.add(row)
      store.breakSettling(2)
      yield* startOutbox(store, () => Effect.map(Clock.currentTimeMillis, (now) => void tries.push(now)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(tries, [0, 10_000, 20_000])
      assert.strictEqual(store.get(row)?.state, "delivered")
    })
  )

  it.effect("finishes what is in flight when it closes", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      store.add(row)
      const scope = yield* Scope.make()
      yield* startOutbox(store, () => Effect.sleep("5 seconds")).pipe(Scope.extend(scope))
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.poll(closing))._tag, "None")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.strictEqual(store.get(row)?.state, "delivered")
    })
  )

  it.effect("waits for a channel as long as the shutdown time-out says when it closes, and keeps the delivery", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const row = pendingDelivery(1, "stdout")
      store.add(row)
      const scope = yield* Scope.make()
      yield* startOutbox(store, () => Effect.never).pipe(Scope.extend(scope))
      yield* TestClock.adjust(0)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* Fiber.poll(closing))._tag, "None")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.deepStrictEqual([store.get(row)?.state, store.get(row)?.attempts], ["pending", 0])
    })
  )
})

describe("deliveryTexts", () => {
  const due = (
    run: ReturnType<typeof finishedRun>,
    kind: Delivery["kind"] = "output",
    name = "nightly",
    status: "active" | "dead_letter" = "dead_letter"
  ) =>
    deliveryTexts(
      {
        delivery: { ...pendingDelivery(1, "stdout"), kind },
        job: { ...jobNamed(name), status },
        run,
        approval: null,
        about: null,
        notice: null
      },
      null
    ).text

  it("is the output, or what went wrong", () => {
    assert.strictEqual(due(finishedRun()), "fine")
    assert.strictEqual(due(finishedRun({ status: "failed", error_message: "disk full", output: "half" })), "disk full")
    assert.strictEqual(due(finishedRun({ output: null })), "")
  })

  it("tells why a slot had no run", () => {
    const reason = { code: "overlap", text: "the previous run is still running" }
    assert.strictEqual(
      due(finishedRun({ status: "skipped", reason })),
      "Slot 2026-02-15T14:29:00Z was skipped: the previous run is still running"
    )
    const missed = { missed_count: 3, missed_from: endedAt, missed_to: endedAt + 120_000 }
    assert.strictEqual(
      due(finishedRun({ status: "missed", reason: { code: "down", text: "the service was down" }, ...missed })),
      "3 slots from 2026-02-15T14:30:00Z on were missed: the service was down"
    )
  })

  it("is a notice with the next step for a dead-lettered job", () => {
    const failed = finishedRun({ status: "failed", error_message: "disk full" })
    assert.strictEqual(
      due(failed, "dead_letter"),
      `Job "nightly" was dead-lettered: it will not run again until it is reset.
Failures in a row: 3
Last error: disk full
When the cause is fixed: symbi cron reset nightly`
    )
    assert.match(due(failed, "dead_letter", "my job"), /symbi cron reset 'my job'$/)
    // What is pasted into a shell must not run what a name says.
    assert.match(due(failed, "dead_letter", "$(touch it's)"), /symbi cron reset '\$\(touch it'\\''s\)'$/)
    assert.match(due(failed, "dead_letter", "nightly", "active"), /it is active meanwhile\.\nError then: disk full$/)
  })
})
