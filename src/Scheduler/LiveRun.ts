import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Actor } from "../Domain/Audit.ts"
import type { Reason } from "../Domain/Run.ts"

/** Why a run's fiber was stopped from outside. */
export type Stopped =
  | { readonly kind: "cancelled"; readonly reason: Reason; readonly actor: Actor }
  | { readonly kind: "interrupted"; readonly reason: Reason }
  | { readonly kind: "timed_out"; readonly max_runtime: string }

/** A run that executes: its clock, and the scope that closes with its attempt; for those who may stop it. */
export class LiveRun {
  readonly clock: Clock.Clock
  readonly scope: Scope.CloseableScope
  /** Ends the time that it may take; null while none is measured. */
  endTime: (() => void) | null = null
  private why: Stopped | null = null
  private fiber: Fiber.RuntimeFiber<void> | null = null

  constructor(clock: Clock.Clock, scope: Scope.CloseableScope) {
    this.clock = clock
    this.scope = scope
  }

  /** Hands over the fiber that carries the run out, before it takes its first step. */
  carriedBy(fiber: Fiber.RuntimeFiber<void>): void {
    this.fiber = fiber
  }

  /** Why it was stopped; null while nobody did. */
  get stopped(): Stopped | null {
    return this.why
  }

  /** Interrupts what can be interrupted of it; does not wait. The first reason stands. */
  interrupt(why: Stopped): void {
    this.why ??= why
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  /** {@link interrupt} that returns when the run's end is recorded. */
  stop(why: Stopped): Effect.Effect<void> {
    this.interrupt(why)
    return this.fiber === null ? Effect.void : Effect.asVoid(Fiber.await(this.fiber))
  }
}
