import { createHash } from "node:crypto"
import type { Gate } from "../Domain/Gate.ts"
import type { GateFinding } from "../WakeGate.ts"

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
  const finding = (wakes: boolean, text: string): GateFinding => ({ wakes, text, output: output.trim(), seen })
  if (said !== undefined) return finding(said, `the gate said ${JSON.stringify({ wake: said })}`)
  const subject = gate.command === undefined ? "the gate's URL answered" : "the gate printed"
  if (output.trim() === "") return finding(false, `${subject} nothing`)
  const wakeOn = gate.wake_on ?? (gate.command === undefined ? "change" : "output")
  if (wakeOn === "output" || seen !== before) return finding(true, `${subject} something`)
  return finding(false, `${subject} the same as for the last successful run`)
}
