import { createHash } from "node:crypto"
import type { Gate } from "../Domain/Gate.ts"
import type { GateFinding } from "../WakeGate.ts"

/** How much of what a gate gives an agent is to read, in bytes. */
const maxGiven = 65_536

const givenOf = (output: string): string => {
  if (Buffer.byteLength(output) <= maxGiven) return output
  // A character that the cut goes through is left out.
  const kept = new TextDecoder().decode(Buffer.from(output).subarray(0, maxGiven), { stream: true })
  return `${kept}\n[what the gate gave is cut at ${maxGiven} bytes]`
}

const wakeIn = (line: string): boolean | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null && "wake" in value && typeof value.wake === "boolean"
      ? value.wake
      : undefined
  } catch {
    return undefined
  }
}

/** What a gate says itself: `{"wake": false}` or `{"wake": true}` as the whole of its output, or as the last line. */
const saidIn = (output: string): boolean | undefined => {
  const text = output.trim()
  return wakeIn(text) ?? wakeIn(text.slice(text.lastIndexOf("\n") + 1))
}

/** What the output of a gate means, after the one of the last successful run was `before` (null for none). */
export const findingOf = (gate: Gate, output: string, before: string | null): GateFinding => {
  const seen = createHash("sha256").update(output).digest("hex")
  const said = saidIn(output)
  const given = givenOf(output.trim())
  const finding = (wakes: boolean, text: string): GateFinding => ({ wakes, text, output: given, seen })
  if (said !== undefined) return finding(said, `the gate said ${JSON.stringify({ wake: said })}`)
  const subject = gate.command === undefined ? "the gate's URL answered" : "the gate printed"
  if (output.trim() === "") return finding(false, `${subject} nothing`)
  const wakeOn = gate.wake_on ?? (gate.command === undefined ? "change" : "output")
  if (wakeOn === "output" || seen !== before) return finding(true, `${subject} something`)
  return finding(false, `${subject} the same as for the last successful run`)
}
