import type * as Context from "effect/Context"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Sampler } from "./Sampler.ts"

/** Spans of the program that are worth a span of a trace, and their names there. */
const published: ReadonlyMap<string, string> = new Map([
  ["Model.answer", "symbiont.model"],
  ["Tools.use", "symbiont.tool"],
  ["WakeGate.ask", "symbiont.gate"]
])

const nowhere = { traceId: "0".repeat(32), spanId: "0".repeat(16), sampled: false }

/** A span that is not exported: what is below it hangs under what is above it. */
const passing = (
  name: string,
  parent: Option.Option<Tracer.AnySpan>,
  context: Context.Context<never>,
  startTime: bigint,
  kind: Tracer.SpanKind
): Tracer.Span => {
  const { sampled, spanId, traceId } = Option.getOrElse(parent, () => nowhere)
  return {
    _tag: "Span",
    name,
    spanId,
    traceId,
    sampled,
    parent,
    context,
    status: { _tag: "Started", startTime },
    attributes: new Map(),
    links: [],
    kind,
    end: () => undefined,
    attribute: () => undefined,
    event: () => undefined,
    addLinks: () => undefined
  }
}

const isHeader = (key: string): boolean =>
  key.startsWith("http.request.header.") || key.startsWith("http.response.header.")

/** Requests: those that come with a trace of their own, and those that change something; the rest are polls. */
const isWorthy = (name: string, parent: Option.Option<Tracer.AnySpan>): boolean =>
  Option.isSome(parent) || !/ (GET|HEAD|OPTIONS)$/.test(name)

/**
 * A tracer that exports by another what belongs to a run or a request, and of that what people want to see: the loops
 * and queries of the service are left out, and so is what the sampler does not take.
 */
export const selecting = (exporter: Tracer.Tracer, sampler: Sampler): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind, options) => {
      const pass = () => passing(name, parent, context, startTime, kind)
      const up = Option.getOrUndefined(parent)
      const isRequest = kind === "server" && name.startsWith("http.server ")
      const known = name.startsWith("symbiont.") ? name : published.get(name)
      if (isRequest ? !isWorthy(name, parent) : known === undefined || up === undefined) return pass()
      const isOurs = up !== undefined && (!isRequest || up._tag === "Span")
      if (isOurs && !up.sampled) return pass()
      const span = exporter.span(known ?? name, parent, context, links, startTime, kind, options)
      if (isOurs) return span
      if (!sampler(span.traceId, up?.sampled)) {
        return Object.assign(pass(), { traceId: span.traceId, spanId: span.spanId, sampled: false })
      }
      // Whole requests with all their headers say more than anybody wants to store.
      const attribute = span.attribute.bind(span)
      return Object.assign(span, {
        attribute: (key: string, value: unknown) => (isHeader(key) ? undefined : attribute(key, value))
      })
    },
    context: (f) => f()
  })
